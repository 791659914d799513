"""Divisions of the field: the areas of the second colour, in the frame of the silhouette."""

from __future__ import annotations

from collections.abc import Callable

Extent = tuple[float, float, float, float]
CHIEF = 0.32  # part of the height that a chief takes
BUSY: frozenset[str] = frozenset(
    {
        "per pale",
        "per fess",
        "per bend",
        "quarterly",
        "stripes",
        "hoops",
        "chevron",
        "saltire",
        "sash",
        "pale",
    }
)


def _box(x0: float, y0: float, x1: float, y1: float) -> str:
    return f"M{x0:.1f},{y0:.1f}H{x1:.1f}V{y1:.1f}H{x0:.1f}Z"


def _bands(start: float, end: float, count: int, draw: Callable[[float, float], str]) -> str:
    step = (end - start) / count
    return "".join(draw(start + i * step, start + (i + 1) * step) for i in range(1, count, 2))


def second_path(division: str, extent: Extent) -> str:
    """Path data of the area of the second colour; "" for "plain". KeyError for an unknown division.

    `extent` is left, top, right, bottom of the silhouette; the path may reach beyond it and is clipped.
    """
    x0, y0, x1, y1 = extent
    w, h = x1 - x0, y1 - y0
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    t = 0.17 * w  # half width of a slanted band, measured along x
    makers: dict[str, Callable[[], str]] = {
        "plain": lambda: "",
        "per pale": lambda: _box(cx, y0, x1, y1),
        "per fess": lambda: _box(x0, cy - 0.04 * h, x1, y1),
        "per bend": lambda: f"M{x0},{y0}L{x1},{y1}H{x0}Z",
        "quarterly": lambda: _box(cx, y0, x1, cy - 0.03 * h) + _box(x0, cy - 0.03 * h, cx, y1),
        "stripes": lambda: _bands(x0, x1, 7, lambda a, b: _box(a, y0, b, y1)),
        "hoops": lambda: _bands(y0, y1, 7, lambda a, b: _box(x0, a, x1, b)),
        "chevron": lambda: (
            f"M{cx},{cy - 0.16 * h:.1f}L{x1 + 5},{cy + 0.24 * h:.1f}V{cy + 0.48 * h:.1f}"
            f"L{cx},{cy + 0.08 * h:.1f}"
            f"L{x0 - 5},{cy + 0.48 * h:.1f}V{cy + 0.24 * h:.1f}Z"
        ),
        "saltire": lambda: "".join(
            f"M{cx - s * w / 2 - t * 0.7:.1f},{y0}H{cx - s * w / 2 + t * 0.7:.1f}"
            f"L{cx + s * w / 2 + t * 0.7:.1f},{y1}H{cx + s * w / 2 - t * 0.7:.1f}Z"
            for s in (-1, 1)
        ),
        "sash": lambda: f"M{x0 - t:.1f},{y0}H{x0 + t:.1f}L{x1 + t:.1f},{y1}H{x1 - t:.1f}Z",
        "chief": lambda: _box(x0, y0, x1, y0 + CHIEF * h),
        "pale": lambda: _box(cx - w * 0.19, y0, cx + w * 0.19, y1),
    }
    return makers[division]()
