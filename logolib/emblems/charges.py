"""Figures that a crest shows: drawn here or taken from Font Awesome Free (solid icons, CC BY 4.0)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from logolib.emblems.beasts import OWN_PATHS
from logolib.emblems.geometry import Points, bounds, hull, path_points

# Charge => file stem among Font Awesome's solid icons.
_ICONS: dict[str, str] = {
    "star": "star",
    "ball": "futbol",
    "basketball": "basketball",
    "anchor": "anchor",
    "crown": "crown",
    "horse": "horse-head",
    "dragon": "dragon",
    "fish": "fish-fins",
    "tree": "tree",
    "sun": "sun",
    "moon": "moon",
    "tower": "chess-rook",
    "ship": "sailboat",
    "bolt": "bolt",
    "paw": "paw",
    "crow": "crow",
    "dove": "dove",
    "cat": "cat",
    "frog": "frog",
    "spider": "spider",
    "feather": "feather-pointed",
    "flame": "fire-flame-curved",
    "leaf": "leaf",
    "mountain": "mountain",
    "hammer": "hammer",
    "key": "key",
    "bell": "bell",
    "snowflake": "snowflake",
    "skull": "skull",
    "bridge": "bridge",
    "wheat": "wheat-awn",
    "guitar": "guitar",
    "rocket": "rocket",
    "gear": "gear",
    "heart": "heart",
    "clover": "clover",
    "volcano": "volcano",
    "wheel": "dharmachakra",
}

CHARGES: tuple[str, ...] = (*OWN_PATHS, *_ICONS)
RESERVED_CHARGES: frozenset[str] = frozenset(
    {"dragon", "frog", "spider", "guitar", "volcano", "horseshoe", "rocket", "bridge", "crow"}
)
# Round ones with rays, spokes, spots or a face: the smaller they are, the more of each other they have.
ALIKE_CHARGES: tuple[str, ...] = ("lion", "sun", "wheel", "gear", "ball", "basketball", "snowflake", "star", "skull")


@dataclass(frozen=True)
class Figure:
    """SVG path data, fill rule, centre and size of its bounds, convex hull (M, 2); in path units."""

    path: str
    rule: str
    centre: tuple[float, float]
    outline: Points
    size: tuple[float, float]


def make_figure(path: str, rule: str = "nonzero") -> Figure:
    """The figure of SVG path data. ValueError for an empty path."""
    points = path_points(path)
    if len(points) == 0:
        raise ValueError("the path is empty")
    x0, y0, x1, y1 = bounds(points)
    corners = hull(points)
    corners.flags.writeable = False
    return Figure(path, rule, ((x0 + x1) / 2, (y0 + y1) / 2), corners, (x1 - x0, y1 - y0))


@cache
def figure(charge: str) -> Figure:
    """The figure of a charge. KeyError for an unknown one, FileNotFoundError without its icon file."""
    if charge in OWN_PATHS:
        return make_figure(OWN_PATHS[charge], "evenodd")
    icons = resources.files("fontawesomefree") / "static" / "fontawesomefree" / "svgs" / "solid"
    text = (icons / f"{_ICONS[charge]}.svg").read_text(encoding="utf-8")
    return make_figure("".join(re.findall(r'<path d="([^"]+)"', text)))
