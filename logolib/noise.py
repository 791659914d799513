"""The noise schedule and samplers: pure functions over a denoiser that predicts x0.

With a(t) = sqrt(alpha_bar(t)) and s(t) = sqrt(1 - alpha_bar(t)), a noisy sample is x = a x0 + s eps, and
lambda(t) = log(a / s). All samplers have one signature and work on any subset of the training schedule:

x: standard normal noise of any shape; alphas_bar: (T,) the schedule's cumulative products; steps: network
evaluations; fresh(): further standard normal noise of x's shape, for the samplers that need it;
callback(i, t, x0) is called after each step. They return x0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor

Denoiser = Callable[[Tensor, int], Tensor]  # (x, t) -> x0, for one integer timestep t of the training schedule
Fresh = Callable[[], Tensor]
Callback = Callable[[int, int, Tensor], None]  # (number of the step from 0, its timestep, x0 as predicted there)


class Sampler(Protocol):
    """The one signature."""

    def __call__(
        self,
        denoiser: Denoiser,
        x: Tensor,
        alphas_bar: Tensor,
        steps: int,
        fresh: Fresh | None = None,
        callback: Callback | None = None,
    ) -> Tensor:
        """Noise => x0."""
        ...


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
    fresh: Fresh | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Deterministic DDIM (Song et al. 2021, equation 12 with sigma = 0)."""
    x0 = x
    for i, t, now, later in _grid(alphas_bar, steps):
        x0 = denoiser(x, t)
        if later is not None:
            noise = (x - now[0] * x0) / now[1]
            x = later[0] * x0 + later[1] * noise
        if callback is not None:
            callback(i, t, x0)
    return x0


def sample_ddpm(
    denoiser: Denoiser,
    x: Tensor,
    alphas_bar: Tensor,
    steps: int,
    fresh: Fresh | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Ancestral sampling (Ho et al. 2020, algorithm 2) on a part of the schedule: DDIM's equation 12 with eta = 1."""
    if fresh is None:
        raise ValueError("DDPM draws fresh noise at each step; give it a source")
    x0 = x
    for i, t, (a, s), later in _grid(alphas_bar, steps):
        x0 = denoiser(x, t)
        if later is not None:
            a_, s_ = later
            sigma = s_ / s * math.sqrt(max(0.0, 1 - (a / a_) ** 2))
            kept = math.sqrt(max(0.0, s_**2 - sigma**2))
            x = a_ * x0 + kept * (x - a * x0) / s + sigma * fresh()
        if callback is not None:
            callback(i, t, x0)
    return x0


def sample_dpm2m(
    denoiser: Denoiser,
    x: Tensor,
    alphas_bar: Tensor,
    steps: int,
    fresh: Fresh | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """DPM-Solver++(2M) (Lu et al. 2022, "DPM-Solver++", algorithm 2): x0 is led on through its last two values.

    By half their difference at most, which is what even steps have: the last steps of a cosine schedule widen.
    """
    x0, before, last = x, x, math.inf  # last: the width of the step before, in lambda
    for i, t, now, later in _grid(alphas_bar, steps):
        before, x0 = x0, denoiser(x, t)
        if later is not None:
            h = _log_ratio(later) - _log_ratio(now)
            ahead = min(h / (2 * last), 0.5) if i else 0.0
            x = _exponential_step(x, x0 + ahead * (x0 - before), now, later)
            last = h
        if callback is not None:
            callback(i, t, x0)
    return x0


def sample_heun(
    denoiser: Denoiser,
    x: Tensor,
    alphas_bar: Tensor,
    steps: int,
    fresh: Fresh | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Heun's method (Karras et al. 2022, algorithm 1): each step is taken again with the mean of x0 at its two ends.

    In lambda and in the exponential form of DPM-Solver++(2S) with r = 1, which bears the wide first step of
    a cosine schedule. `steps` evaluations make (steps + 1) // 2 points of the schedule.
    """
    x0 = x
    times = timesteps(len(alphas_bar), (steps + 1) // 2)
    for i, t, now, later in _grid(alphas_bar, (steps + 1) // 2):
        x0 = denoiser(x, t)
        if later is not None:
            guess = _exponential_step(x, x0, now, later)
            x = _exponential_step(x, (x0 + denoiser(guess, times[i + 1])) / 2, now, later)
        if callback is not None:
            callback(i, t, x0)
    return x0


SAMPLERS: dict[str, Sampler] = {
    "ddpm": sample_ddpm,
    "ddim": sample_ddim,
    "dpm++": sample_dpm2m,
    "heun": sample_heun,
}


def guided(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """Classifier-free guidance (Ho and Salimans 2022): unconditional + scale (conditional - unconditional)."""
    return unconditional + scale * (conditional - unconditional)


def thresholded(x0: Tensor, share: float | None) -> Tensor:
    """x0 (B, ...) within [-1, 1]: clamped, or by dynamic thresholding (Saharia et al. 2022, section 2.3).

    That divides each sample by the `share` quantile of its absolute values where this is above 1.
    """
    if share is None:
        return x0.clamp(-1, 1)
    bound = x0.flatten(1).abs().float().quantile(share, dim=1).clamp(min=1)
    bound = bound.view(-1, *[1] * (x0.ndim - 1))
    return x0.clamp(-bound, bound) / bound


def within(t: int, total: int, interval: tuple[float, float]) -> bool:
    """Whether guidance acts at t: limited to a part of the schedule, 1 the noisiest (Kynkaanniemi et al. 2024)."""
    return interval[0] <= t / max(1, total - 1) <= interval[1]


def _grid(alphas_bar: Tensor, steps: int) -> Iterator[tuple[int, int, tuple[float, float], tuple[float, float] | None]]:
    """(number, timestep, (a, s) there, (a, s) at the next, or None at the last)."""
    times = timesteps(len(alphas_bar), steps)
    points = [(math.sqrt(bar), math.sqrt(1 - bar)) for bar in alphas_bar[times].double().tolist()]
    for i, t in enumerate(times):
        yield i, t, points[i], points[i + 1] if i + 1 < len(times) else None


def _log_ratio(point: tuple[float, float]) -> float:
    a, s = point
    return math.inf if s == 0 else -math.inf if a == 0 else math.log(a / s)


def _exponential_step(x: Tensor, x0: Tensor, now: tuple[float, float], later: tuple[float, float]) -> Tensor:
    """(s' / s) x - a' (e^-h - 1) x0: exact where x0 is constant (Lu et al. 2022, "DPM-Solver++", equation 9)."""
    shrink = now[0] / now[1] * later[1] / later[0]  # e^-h
    return later[1] / now[1] * x + later[0] * (1 - shrink) * x0
