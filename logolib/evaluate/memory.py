"""Whether a model draws from memory: is a picture nearer to a training logo than to any held-out one?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import hypergeom

from logolib.images import sheet


@dataclass(frozen=True)
class Nearest:
    """For each picture the nearest training and held-out logos, (N,) each; distances are 1 - cosine."""

    copied: np.ndarray  # probability that the training logo is the nearer one, of equally many
    train: np.ndarray
    train_distance: np.ndarray
    held: np.ndarray
    held_distance: np.ndarray


def nearest(made: np.ndarray, train: np.ndarray, held: np.ndarray, own: np.ndarray) -> Nearest:
    """Unit embeddings (N, D), (T, D) and (H, D); own: the held-out row that a picture was drawn for, left out, (N,).

    There are more training logos than held-out ones, and more chances to lie near: so as many are drawn from
    them, in all ways at once (hypergeometric). A model that remembers nothing is as near to the ones as to the
    others, one half, which is also what true held-out logos show. Compare Meehan et al. 2020. H must be 2 or more.
    """
    to_train, to_held = 1 - made @ train.T, 1 - made @ held.T
    to_held[np.arange(len(made)), own] = np.inf
    held_row, train_row = to_held.argmin(1), to_train.argmin(1)
    held_distance = to_held.min(1)
    nearer = (to_train < held_distance[:, None]).sum(1)
    drawn = min(to_held.shape[1] - 1, to_train.shape[1])
    copied = hypergeom.sf(0, to_train.shape[1], nearer, drawn)
    return Nearest(np.asarray(copied, float), train_row, to_train.min(1), held_row, held_distance)


def most_copied(found: Nearest, most: int = 8) -> np.ndarray:
    """The rows of the pictures that lie nearest to a training logo, as measured by the nearest held-out one."""
    return np.argsort(found.train_distance / np.maximum(found.held_distance, 1e-9), kind="stable")[:most]


def gallery(rows: np.ndarray, made: np.ndarray, found: Nearest, train: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Each of some pictures beside its nearest training and held-out logo, two such rows side by side, uint8."""
    shown = [one for i in rows for one in (made[i], train[found.train[i]], held[found.held[i]])]
    return np.asarray(sheet(shown, columns=6, gap=6))
