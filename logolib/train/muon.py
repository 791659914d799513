"""Muon: AdamW for vectors, and steps of equal strength in all directions for matrices."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from logolib.models.precision import native_bf16
from logolib.train import processes

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ROUNDS = 5
MOMENTUM = 0.95


class Muon(torch.optim.AdamW):
    """Momentum whose matrices are made orthogonal before they are applied (Jordan et al. 2024).

    What few pictures share gets as large a step as what all share.
    A convolution is a matrix of its output channels by the rest. A step has the size that AdamW's usually has, so that
    rates carry over (Liu et al. 2025, section 2.2). torch's own class takes no convolutions, hence this one.
    Of several processes each makes its share of the matrices orthogonal; every one of them takes the same step.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step; what is no matrix, or has a single row, is AdamW's."""
        if closure is not None:
            raise ValueError("closures are not supported")
        matrices = [
            (parameter, group)
            for group in self.param_groups
            for parameter in group["params"]
            if parameter.grad is not None and _is_matrix(parameter)
        ]
        momenta = [self._momentum(parameter) for parameter, _ in matrices]
        updates = processes.each_its_share(orthogonal, momenta, torch.bfloat16)
        for (parameter, group), update in zip(matrices, updates, strict=True):
            size = 0.2 * max(update.shape) ** 0.5
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
            parameter.add_(update.to(parameter.dtype).reshape(parameter.shape), alpha=-group["lr"] * size)
            parameter.grad = None
        return super().step()

    def _momentum(self, parameter: Tensor) -> Tensor:
        """Nesterov's momentum as a matrix."""
        state, gradient = self.state[parameter], parameter.grad
        assert gradient is not None
        if "momentum_buffer" not in state:
            state |= {"momentum_buffer": torch.zeros_like(parameter), "step": torch.zeros(())}  # AdamW looks for a step
        momentum = state["momentum_buffer"].lerp_(gradient, 1 - MOMENTUM)
        return torch.lerp(gradient, momentum, MOMENTUM).flatten(1)


OPTIMIZERS: dict[str, type[torch.optim.AdamW]] = {"adamw": torch.optim.AdamW, "muon": Muon}


def _is_matrix(parameter: Tensor) -> bool:
    return parameter.ndim >= 2 and 1 < parameter.shape[0] < parameter.numel()


def orthogonal(matrix: Tensor) -> Tensor:
    """A matrix (M, N) with its singular values brought near 1 (0.7 to 1.2) by rounds of Newton and Schulz.

    In bf16 where the device multiplies it in hardware, in float32 elsewhere.
    """
    a, b, c = COEFFICIENTS
    x = matrix.to(torch.bfloat16 if native_bf16(matrix.device) else torch.float32)
    wide = x if x.shape[0] <= x.shape[1] else x.T
    wide = wide / wide.norm().clamp(min=1e-7)
    for _ in range(ROUNDS):
        square = wide @ wide.T
        wide = torch.addmm(wide, torch.addmm(square, square, square, beta=b, alpha=c), wide, beta=a)
    return wide if x.shape[0] <= x.shape[1] else wide.T
