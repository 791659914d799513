"""Silhouettes of crests, in a frame about the origin of roughly -110..110 units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from logolib.emblems.geometry import Points, bounds, half_planes, path_points

Layout = str  # where initials stand beside a charge: "above", "below" or "right"


@dataclass(frozen=True)
class Shape:
    """A silhouette.

    `path` is SVG path data; `safe` None means that the silhouette itself is convex, otherwise the path of
    a convex region inside it; `initials` is the side of the charge where initials stand.
    """

    path: str
    safe: str | None = None
    initials: Layout = "below"
    symmetric: bool = True


def _polygon(points: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.2f},{y:.2f}" for x, y in points) + "Z"


def _ring(corners: int, radii: tuple[float, ...], turn: float = -math.pi / 2, dy: float = 0.0) -> str:
    angles = (turn + 2 * math.pi * i / corners for i in range(corners))
    return _polygon(
        [(radii[i % len(radii)] * math.cos(a), radii[i % len(radii)] * math.sin(a) + dy) for i, a in enumerate(angles)]
    )


def _ellipse(rx: float, ry: float) -> str:
    k = 0.5523
    return (
        f"M0,{-ry}C{rx * k:.2f},{-ry} {rx},{-ry * k:.2f} {rx},0C{rx},{ry * k:.2f} {rx * k:.2f},{ry} 0,{ry}"
        f"C{-rx * k:.2f},{ry} {-rx},{ry * k:.2f} {-rx},0C{-rx},{-ry * k:.2f} {-rx * k:.2f},{-ry} 0,{-ry}Z"
    )


_SHAPES: dict[str, Shape] = {
    "heater": Shape("M-92,-104H92V-52C92,16 52,76 0,110C-52,76 -92,16 -92,-52Z", initials="above"),
    "swiss": Shape(
        "M0,-108C-18,-94 -42,-92 -60,-106C-64,-86 -78,-74 -96,-72C-80,-46 -98,-18 -90,14C-80,62 -28,72 0,110"
        "C28,72 80,62 90,14C98,-18 80,-46 96,-72C78,-74 64,-86 60,-106C42,-92 18,-94 0,-108Z",
        safe="M-58,-86L58,-86L82,-60L86,6L74,44L30,78L0,98L-30,78L-74,44L-86,6L-82,-60Z",
        initials="above",
    ),
    "round-based": Shape("M-88,-100H88V14C88,68 46,102 0,102C-46,102 -88,68 -88,14Z", initials="above"),
    "roundel": Shape(_ellipse(106, 106)),
    "oval": Shape(_ellipse(110, 78)),
    "diamond": Shape(_polygon([(0, -110), (104, 0), (0, 110), (-104, 0)])),
    "square": Shape(
        "M-82,-98H82Q98,-98 98,-82V82Q98,98 82,98H-82Q-98,98 -98,82V-82Q-98,-98 -82,-98Z", initials="below"
    ),
    "banner": Shape(
        "M-74,-108H74V108L0,72L-74,108Z",
        safe="M-74,-108H74V70H-74Z",
        initials="below",
    ),
    "star": Shape(
        _ring(10, (124, 79), dy=7),
        safe=_ring(5, (93,), turn=math.pi / 2, dy=7),
    ),
    "seal": Shape(_ring(24, (110, 88)), safe=_ellipse(97, 97)),
    "free": Shape(_polygon([(-108, -108), (108, -108), (108, 108), (-108, 108)])),
    "hexagon": Shape(_polygon([(0, -110), (95, -55), (95, 55), (0, 110), (-95, 55), (-95, -55)])),
    "pennant": Shape(_polygon([(-112, -84), (112, 0), (-112, 84)]), initials="right", symmetric=False),
}

SHAPES: tuple[str, ...] = tuple(_SHAPES)
RESERVED_SHAPES: frozenset[str] = frozenset({"hexagon", "pennant"})


def shape(name: str) -> Shape:
    """The silhouette of that name. KeyError for an unknown one."""
    return _SHAPES[name]


@cache
def extent(name: str) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a silhouette, in its frame's units."""
    return bounds(path_points(_SHAPES[name].path))


@cache
def safe_planes(name: str, margin: float) -> Points:
    """Half planes (N, 3) of the region where figures stay clear of the edge by the margin (frame units)."""
    spec = _SHAPES[name]
    planes = half_planes(path_points(spec.path if spec.safe is None else spec.safe), margin)
    planes.flags.writeable = False
    return planes


def circle_planes(radius: float) -> Points:
    """Half planes (48, 3) about a circle at the origin."""
    angle = np.arange(48) * (2 * math.pi / 48)
    return np.stack([np.cos(angle), np.sin(angle), np.full(48, radius)], 1)
