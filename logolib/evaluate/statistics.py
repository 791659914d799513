"""Intervals: how sure a measured share or mean is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

Z95 = 1.959963984540054  # the normal quantile of a two-sided 95 % interval


class Interval(NamedTuple):
    """A measured value and the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


def bootstrap_mean(values: Sequence[float] | np.ndarray, resamples: int = 2000, seed: int = 0) -> Interval:
    """Mean with a 95 % percentile bootstrap over `values` (Efron 1979). ValueError for no values."""
    sample = np.asarray(values, float)
    if sample.size == 0:
        raise ValueError("no values to average")
    draws = np.random.default_rng(seed).integers(0, sample.size, (resamples, sample.size))
    low, high = np.quantile(sample[draws].mean(1), (0.025, 0.975))
    return Interval(float(sample.mean()), float(low), float(high))


def paired_difference(
    a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray, resamples: int = 2000, seed: int = 0
) -> Interval:
    """Mean of a - b with a bootstrap over pairs. ValueError where the lengths differ."""
    first, second = np.asarray(a, float), np.asarray(b, float)
    if first.shape != second.shape:
        raise ValueError(f"{first.shape} and {second.shape} values are no pairs")
    return bootstrap_mean(first - second, resamples, seed)


def wilson(k: float, n: int) -> Interval:
    """Share k / n with Wilson's 95 % score interval (1927); k may be a sum of shares, within 0..n."""
    if n < 1 or not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no share")
    share, spread = k / n, Z95**2 / n
    centre = (share + spread / 2) / (1 + spread)
    half = math.sqrt(share * (1 - share) * spread + spread**2 / 4) / (1 + spread)
    return Interval(share, max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share)))
