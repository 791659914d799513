"""One random generator per sample, so that batch size and resuming change nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch


def derive(seed: int, *names: object) -> int:
    """A 63-bit seed that depends on `seed` and on every name, equal on every machine."""
    digest = hashlib.sha256(repr((seed, *map(str, names))).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


class SampleGenerators:
    """Draws noise in which sample i depends on its own seed alone (edm2's StackedRandomGenerator)."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self._generators = [torch.Generator().manual_seed(seed % 2**63) for seed in seeds]

    def randn(self, shape: Sequence[int], device: torch.device | str = "cpu") -> torch.Tensor:
        """Standard normal noise, float32; `shape[0]` must be the number of seeds."""
        if shape[0] != len(self._generators):
            raise ValueError(f"{len(self._generators)} seeds cannot fill a batch of {shape[0]}")
        return torch.stack([torch.randn(tuple(shape[1:]), generator=g) for g in self._generators]).to(device)
