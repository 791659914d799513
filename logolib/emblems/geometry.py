"""Paths as point sets: bounds, convex hulls, half planes, and the fit of a figure in a convex region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from fontTools.pens.basePen import BasePen
from fontTools.svgLib.path import parse_path
from numpy.typing import NDArray

Points = NDArray[np.float64]  # (N, 2) points, or (N, 3) half planes


class _Flatten(BasePen):  # type: ignore[misc]
    """Collects points along a path; curves as 8 chords."""

    def __init__(self) -> None:
        super().__init__(None)
        self.points: list[tuple[float, float]] = []

    def _moveTo(self, pt: tuple[float, float]) -> None:
        self.points.append(pt)

    def _lineTo(self, pt: tuple[float, float]) -> None:
        self.points.append(pt)

    def _curveToOne(self, pt1: tuple[float, float], pt2: tuple[float, float], pt3: tuple[float, float]) -> None:
        p0 = np.array(self._getCurrentPoint())
        p1, p2, p3 = np.array(pt1), np.array(pt2), np.array(pt3)
        for t in np.linspace(0.125, 1.0, 8):
            u = 1 - t
            p = u**3 * p0 + 3 * u * u * t * p1 + 3 * u * t * t * p2 + t**3 * p3
            self.points.append((float(p[0]), float(p[1])))


def path_points(d: str) -> Points:
    """Points (N, 2) along an SVG path."""
    pen = _Flatten()
    parse_path(d, pen)
    return np.array(pen.points, dtype=np.float64)


def bounds(points: Points) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of points (N, 2)."""
    lo, hi = points.min(0), points.max(0)
    return float(lo[0]), float(lo[1]), float(hi[0]), float(hi[1])


def hull(points: Points) -> Points:
    """Convex hull (M, 2) of points (N, 2), in order (Andrew's monotone chain)."""
    unique = sorted({(round(float(x), 4), round(float(y), 4)) for x, y in points})

    def half(pts: list[tuple[float, float]]) -> list[tuple[float, float]]:
        out: list[tuple[float, float]] = []
        for p in pts:
            while len(out) > 1 and (out[-1][0] - out[-2][0]) * (p[1] - out[-2][1]) <= (out[-1][1] - out[-2][1]) * (
                p[0] - out[-2][0]
            ):
                out.pop()
            out.append(p)
        return out[:-1]

    return np.array(half(unique) + half(unique[::-1]), dtype=np.float64)


def half_planes(polygon: Points, margin: float) -> Points:
    """Half planes (N, 3), rows (nx, ny, d) with n.x <= d, of a convex polygon (N, 2) inset by the margin."""
    corners = hull(polygon)
    edge = np.roll(corners, -1, 0) - corners
    normal = np.stack([edge[:, 1], -edge[:, 0]], 1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    d = (normal * corners).sum(1) - margin
    return cast(Points, np.concatenate([normal, d[:, None]], 1))


def between(planes: Points, top: float, bottom: float) -> Points:
    """The half planes cut further to top <= y <= bottom."""
    return cast(Points, np.concatenate([planes, np.array([[0.0, -1.0, -top], [0.0, 1.0, bottom]])]))


def beside(planes: Points, left: float, right: float) -> Points:
    """The half planes cut further to left <= x <= right."""
    return cast(Points, np.concatenate([planes, np.array([[-1.0, 0.0, -left], [1.0, 0.0, right]])]))


@dataclass(frozen=True)
class Placement:
    """A figure's place: its centre of bounds goes to (x, y), its size is multiplied by scale."""

    x: float
    y: float
    scale: float

    def transform(self, centre: tuple[float, float]) -> str:
        """SVG transform that moves a figure with that centre of bounds to this place."""
        return (
            f"translate({self.x:.2f} {self.y:.2f}) scale({self.scale:.4f}) translate({-centre[0]:.2f} {-centre[1]:.2f})"
        )


def fit(figure: Points, planes: Points, symmetric: bool = True) -> Placement:
    """Largest place of a figure (N, 2) inside a convex region (N, 3), with a slight pull to its middle.

    The figure's bounds are centred at the place. `symmetric` holds x at 0.
    """
    x0, y0, x1, y1 = bounds(figure)
    centred = figure - np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    reach = np.maximum((planes[:, :2] @ centred.T).max(1), 1e-9)  # (N,)
    ys = np.linspace(-100, 100, 81)
    xs = np.zeros(1) if symmetric else np.linspace(-100, 100, 81)
    grid = np.stack(np.meshgrid(xs, ys), -1).reshape(-1, 2)  # (G, 2)
    scale = ((planes[:, 2] - grid @ planes[:, :2].T) / reach).min(1)  # (G,)
    room = (planes[:, 2] - grid @ planes[:, :2].T).min(1)
    middle = grid[room >= room.max() - 1e-6].mean(0)
    pull = 1 - 0.0012 * np.linalg.norm(grid - middle, axis=1)
    best = int((scale * np.where(scale > 0, pull, 1.0)).argmax())
    return Placement(float(grid[best, 0]), float(grid[best, 1]), max(float(scale[best]), 1e-3))
