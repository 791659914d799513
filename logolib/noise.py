"""The noise schedule and samplers: pure functions over a denoiser that predicts x0.

With a(t) = sqrt(alpha_bar(t)) and s(t) = sqrt(1 - alpha_bar(t)), a noisy sample is x = a x0 + s eps.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Denoiser = Callable[[Tensor, int], Tensor]  # (x, t) -> x0, for one integer timestep t of the training schedule


def timesteps(total: int, steps: int) -> list[int]:
    """`steps` training timesteps from total - 1 down to 0, evenly spaced and without repeats."""
    if not 1 <= steps <= total:
        raise ValueError(f"{steps} sampling steps do not fit a schedule of {total}")
    return torch.linspace(total - 1, 0, steps).round().long().unique().flip(0).tolist()


def x0_from_v(x: Tensor, v: Tensor, alpha_bar: Tensor) -> Tensor:
    """x0 = a x - s v (Salimans and Ho 2022, appendix D)."""
    return alpha_bar.sqrt() * x - (1 - alpha_bar).sqrt() * v


def x0_from_noise(x: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """x0 = (x - s eps) / a (Ho et al. 2020, equation 15)."""
    return (x - (1 - alpha_bar).sqrt() * noise) / alpha_bar.sqrt()


def sample_ddim(
    denoiser: Denoiser,
    x: Tensor,
    alphas_bar: Tensor,
    steps: int,
    callback: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Deterministic DDIM (Song et al. 2021, equation 12 with sigma = 0).

    x: standard normal noise of any shape; alphas_bar: (T,) the schedule's cumulative products, on x's
    device; callback(i, steps) is called after each step. Returns x0 of the same shape.
    """
    times = timesteps(len(alphas_bar), steps)
    x0 = x
    for i, t in enumerate(times):
        now = alphas_bar[t]
        x0 = denoiser(x, t)
        if i + 1 < len(times):
            later = alphas_bar[times[i + 1]]
            noise = (x - now.sqrt() * x0) / (1 - now).sqrt()
            x = later.sqrt() * x0 + (1 - later).sqrt() * noise
        if callback is not None:
            callback(i + 1, len(times))
    return x0


def guided(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """Classifier-free guidance (Ho and Salimans 2022): unconditional + scale (conditional - unconditional)."""
    return unconditional + scale * (conditional - unconditional)
