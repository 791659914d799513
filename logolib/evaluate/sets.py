"""How a set of pictures stands to a set of true ones: kernel distance, precision and recall, variety.

Features are a CLIP's, scaled to length sqrt(dimension) so that the kernel of KID has its usual range. Intervals come
from half samples (Shao and Wu 1989, the delete-d jackknife): a bootstrap would draw pictures twice, and a picture is
no distance from itself. At the floor, where two sets are alike, they are wider than they need be.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from logolib.evaluate.statistics import Z95, Interval

HALVES = 200
NEIGHBOURS = 3  # Kynkäänniemi et al. 2019, and torch-fidelity's default
LEAST = 2 * (NEIGHBOURS + 1)  # pictures of which each half has a third neighbour


@dataclass(frozen=True)
class Halved:
    """A measure of a whole set and of its halves, the same prompts in each half for every arm."""

    value: float
    halves: np.ndarray  # (HALVES,)
    n: int

    def error(self) -> float:
        """Standard error of the value, from the scatter of the halves."""
        kept = self.n // 2
        return math.sqrt(kept / (self.n - kept)) * float(self.halves.std())

    def interval(self, low: float = -math.inf, high: float = math.inf) -> Interval:
        """95 % interval, within what the measure can be."""
        reach = Z95 * self.error()
        return Interval(self.value, max(low, self.value - reach), min(high, self.value + reach))

    def __sub__(self, other: Halved) -> Halved:
        return Halved(self.value - other.value, self.halves - other.halves, self.n)


def half_samples(n: int, seed: int) -> np.ndarray:
    """HALVES random halves of n rows, int (HALVES, n // 2)."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(n)[: n // 2] for _ in range(HALVES)])


def features(embeddings: np.ndarray) -> np.ndarray:
    """Unit embeddings (N, D) => length sqrt(D), float64."""
    return np.asarray(embeddings, float) * math.sqrt(embeddings.shape[1])


def kid(made: np.ndarray, real: np.ndarray, halves: np.ndarray) -> Halved:
    """Kernel distance with the unbiased estimator, 0 for sets alike (Binkowski et al. 2018), by torch-fidelity.

    made, real: features (N, D); halves: rows of both.
    """
    from torch_fidelity.metric_kid import kernel_poly, mmd2

    kernel = {"kid_kernel_poly_degree": 3, "kid_kernel_poly_gamma": None, "kid_kernel_poly_coef0": 1}
    k_mm, k_mr, k_rr = (kernel_poly(a, b, **kernel) for a, b in ((made, made), (made, real), (real, real)))

    def distance(rows: np.ndarray) -> float:
        grid = np.ix_(rows, rows)
        return float(mmd2(k_mm[grid], k_mr[grid], k_rr[grid]))

    return _halved(distance, len(made), halves)


def precision(made: np.ndarray, real: np.ndarray, halves: np.ndarray) -> Halved:
    """Share of made pictures within reach of a true one (Kynkäänniemi et al. 2019), by torch-fidelity."""
    return _reach(made, real, halves, "precision")


def recall(made: np.ndarray, real: np.ndarray, halves: np.ndarray) -> Halved:
    """Share of true pictures within reach of a made one."""
    return _reach(made, real, halves, "recall")


def variety(made: np.ndarray, halves: np.ndarray) -> Halved:
    """Mean of 1 - cosine over all pairs of pictures, each for another prompt; features (N, D)."""
    away = 1 - made @ made.T / made.shape[1]

    def mean(rows: np.ndarray) -> float:
        part = away[np.ix_(rows, rows)]
        return float((part.sum() - np.trace(part)) / (len(rows) * (len(rows) - 1)))

    return _halved(mean, len(made), halves)


def _reach(made: np.ndarray, real: np.ndarray, halves: np.ndarray, which: str) -> Halved:
    from torch_fidelity.metric_prc import prc_features_to_metric

    ours, theirs = torch.from_numpy(made).float(), torch.from_numpy(real).float()

    def share(rows: np.ndarray) -> float:
        found = prc_features_to_metric(ours[rows], theirs[rows], prc_neighborhood=NEIGHBOURS, verbose=False)
        return float(found[which])

    return _halved(share, len(made), halves)


def _halved(measure: Callable[[np.ndarray], float], n: int, halves: np.ndarray) -> Halved:
    return Halved(measure(np.arange(n)), np.array([measure(rows) for rows in halves]), n)
