"""A palette given by hand: the colours of a drawn picture exchanged for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from logolib.data.colours import oklab
from logolib.data.recolour import palette, remapped

CORNER = 8  # one part in so many of the side: the corners that show the ground


def in_colours(picture: np.ndarray, colours: Sequence[str]) -> np.ndarray:
    """A uint8 picture (H, W, 3) in `colours`, such as #aa0000; the ground behind the crest stays.

    The picture's own main colours are found, and each becomes one of the given: one to one where there
    are enough of them, so that as little as possible changes in OKLab; what is left over takes the nearest.
    Smooth edges stay smooth.
    """
    wanted = np.array([[int(code[i : i + 2], 16) for i in (1, 3, 5)] for code in colours], float)  # (M, 3)
    solid = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])  # RGBA
    own = palette(solid)  # (K, 3), the largest first
    if len(own) == 0:
        return picture
    after = own.copy()
    drawn = np.flatnonzero(np.arange(len(own)) != _ground(picture, own))
    apart = np.linalg.norm(oklab(own[drawn])[:, None] - oklab(wanted)[None], axis=-1)  # (drawn, M)
    after[drawn] = wanted[apart.argmin(1)]
    largest = drawn[: len(wanted)]
    rows, columns = linear_sum_assignment(apart[: len(largest)])
    after[largest[rows]] = wanted[columns]
    return remapped(solid, own, after)[..., :3]


def _ground(picture: np.ndarray, own: np.ndarray) -> int:
    """The row of the colour that fills the corners."""
    side = max(1, picture.shape[0] // CORNER)
    ends = slice(0, side), slice(-side, None)
    corners = np.concatenate([picture[y, x].reshape(-1, 3) for y in ends for x in ends])
    apart = np.linalg.norm(oklab(np.median(corners, axis=0)) - oklab(own), axis=-1)
    return int(apart.argmin())
