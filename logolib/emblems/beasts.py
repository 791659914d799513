"""Figures drawn for this library: vector paths in a frame of about -110..110 units, filled even-odd."""

from __future__ import annotations

import math
from collections.abc import Sequence

Step = tuple[float, ...]  # (x, y): a straight line there; (x1, y1, x2, y2, x, y): a cubic curve


def _number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _path(steps: list[Step]) -> str:
    out = [f"M{_number(steps[0][-2])},{_number(steps[0][-1])}"]
    out += [("L" if len(step) == 2 else "C") + ",".join(_number(v) for v in step) for step in steps[1:]]
    return "".join(out) + "Z"


def _reflected(half: list[Step]) -> list[Step]:
    """The steps that lead back from the end of the half path to the mirror image of its start."""
    left: list[Step] = []
    for before, step in zip(half[-2::-1], half[:0:-1], strict=True):
        end = (-before[-2], before[-1])
        left.append(end if len(step) == 2 else (-step[2], step[3], -step[0], step[1], *end))
    return left


def _mirrored(half: list[Step]) -> str:
    """A closed path from its right half, listed from the axis at the top to the axis at the bottom."""
    return _path(half + _reflected(half))


def _pair(right: list[Step]) -> str:
    """A closed path and its mirror image."""
    flip = [tuple(-v if i % 2 == 0 else v for i, v in enumerate(step)) for step in right]
    return _path(right) + _path(flip)


def _scaled(half: list[Step], factor: float, cy: float) -> list[Step]:
    return [tuple(v * factor if i % 2 == 0 else cy + (v - cy) * factor for i, v in enumerate(s)) for s in half]


def _disc(x: float, y: float, rx: float, ry: float | None = None) -> str:
    r2 = rx if ry is None else ry
    return (
        f"M{_number(x - rx)},{_number(y)}A{_number(rx)},{_number(r2)} 0 1 0 {_number(x + rx)},{_number(y)}"
        f"A{_number(rx)},{_number(r2)} 0 1 0 {_number(x - rx)},{_number(y)}Z"
    )


def _lion() -> str:
    # Its face shows the ground and has few, large parts: over a wordmark it is under 30 of 64 pixels wide.
    mane: list[Step] = [
        (0, -100), (18, -86), (42, -104), (54, -80), (86, -88), (84, -58), (112, -50), (94, -24), (108, 0),
        (84, 12), (86, 40), (64, 46), (60, 74), (40, 76), (30, 104), (14, 98), (0, 124),
    ]  # fmt: skip
    face: list[Step] = [
        (0, -60), (18, -58), (28, -72, 58, -72, 60, -48), (62, -38, 58, -30, 54, -24), (57, 0), (48, 24), (40, 44),
        (33, 66), (16, 80), (0, 82),
    ]  # fmt: skip
    return (
        _mirrored(mane)
        + _mirrored(face)
        + _pair([(10, -10), (50, -36), (50, -12), (26, 6)])
        + _mirrored([(0, 12), (29, 9), (24, 28), (8, 42), (8, 50), (18, 58), (36, 46), (32, 66), (16, 73), (0, 66)])
    )


def _eagle() -> str:
    wing: list[Step] = [
        (15, -34), (34, -42, 52, -66, 112, -102), (94, -76), (114, -70), (94, -48), (108, -38), (86, -22),
        (98, -8), (74, 2), (82, 20), (58, 20), (60, 40), (36, 32), (30, 40), (48, 52), (52, 66), (42, 62),
        (40, 74), (32, 64), (22, 70), (24, 58), (18, 54), (34, 100), (16, 92), (0, 112),
    ]  # fmt: skip
    head: list[Step] = [
        (-18, -66, -18, -76, -20, -80), (-30, -78), (-38, -76, -42, -70, -42, -60),
        (-56, -74, -54, -96, -36, -102),
        (-26, -106), (-14, -126, 18, -126, 28, -106), (40, -96), (28, -92), (36, -76), (23, -74),
        (28, -60), (17, -56),
        (15, -34),
    ]  # fmt: skip
    return (
        _path(wing + _reflected(wing) + head)
        + _path([(-22, -103), (0, -101), (-4, -91), (-15, -92)])
        + _pair([(24, -20), (50, -40), (84, -62), (50, -30), (26, -8)])
        + _pair([(24, 2), (46, -12), (74, -26), (48, -2), (26, 12)])
    )


def _wolf() -> str:
    head: list[Step] = [
        (0, -46), (22, -56), (50, -112), (70, -58), (74, -26), (104, 14), (80, 18), (88, 44), (62, 44),
        (60, 64),
        (38, 66), (22, 98), (0, 108),
    ]  # fmt: skip
    return (
        _mirrored(head)
        + _pair([(48, -86), (58, -54), (54, -40), (36, -50)])
        + _pair([(14, 2), (54, -22), (48, -4), (26, 10)])
        + _pair([(20, 28), (60, 18), (40, 36), (30, 58), (22, 72)])
        + _mirrored([(0, 72), (14, 72), (12, 84), (0, 94)])
        + _mirrored([(0, -34), (7, -22), (0, 10)])
    )


def _bull() -> str:
    head: list[Step] = [
        (0, -52), (30, -54), (52, -56, 82, -60, 82, -106), (112, -92, 118, -44, 62, -26),
        (70, -24, 88, -24, 98, -16),
        (92, 2, 72, 4, 54, 2), (52, 24), (40, 56), (40, 84), (26, 104), (0, 108),
    ]  # fmt: skip
    return (
        _mirrored(head)
        + _pair([(14, 6), (44, -10), (42, 6), (24, 14)])
        + _pair([(9, 80), (28, 70), (28, 82), (14, 90)])
        + _mirrored([(0, -38), (14, -24), (0, 6)])
        + _pair([(20, 24), (26, 24), (18, 58), (12, 62)])
    )


def _bear() -> str:
    head: list[Step] = [
        (0, -76), (14, -80, 30, -80, 42, -74), (46, -98, 72, -108, 88, -92), (104, -76, 98, -52, 80, -44),
        (92, -26, 94, -6, 90, 14), (104, 26), (86, 34), (90, 54), (68, 54), (66, 78), (46, 74),
        (36, 92, 20, 100, 0, 102),
    ]  # fmt: skip
    muzzle: list[Step] = [(0, 4), (26, 2, 44, 24, 44, 46), (44, 70, 24, 84, 0, 86)]
    return (
        _mirrored(head)
        + _pair([(60, -66), (60, -84, 82, -84, 82, -70), (80, -60, 70, -56, 66, -54)])
        + _pair([(16, -14), (46, -28), (44, -14), (28, -6)])
        + _mirrored(muzzle)
        + _mirrored(_scaled(muzzle, 0.8, 47))
        + _mirrored([(0, 22), (20, 20), (18, 34), (4, 44), (4, 56), (16, 62), (26, 56), (22, 68), (12, 70), (0, 64)])
    )


def _ram() -> str:
    horn: list[Step] = [
        (30, -60), (70, -92, 112, -52, 106, -6), (100, 44, 46, 50, 46, 12), (46, -14, 78, -16, 78, 6),
        (70, -2, 60, 2, 62, 12),
        (68, 26, 88, 8, 86, -12), (84, -40, 54, -48, 36, -30),
    ]  # fmt: skip
    face: list[Step] = [
        (0, -74),
        (20, -70),
        (26, -52),
        (30, -24),
        (38, -8),
        (38, 20),
        (28, 62),
        (20, 90),
        (0, 102),
    ]
    return (
        _pair(horn)
        + _mirrored(face)
        + _pair([(12, -2), (32, -14), (30, 2), (20, 8)])
        + _pair([(6, 74), (16, 66), (15, 76), (9, 82)])
        + _mirrored([(0, -56), (8, -40), (0, -12)])
    )


def _rotated(points: Sequence[tuple[float, float]], degrees: float) -> list[Step]:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [(x * c - y * s, x * s + y * c) for x, y in points]


def _swords() -> str:
    # Blade and hilt of the upper sword; the lower one is broken where the upper one crosses it.
    blade = [(0, -126), (10, -110), (10, 44), (-10, 44), (-10, -110)]
    hilt = [(-36, 50), (36, 50), (36, 63), (8, 63), (8, 88), (14, 96), (8, 108), (-8, 108), (-14, 96),
    (-8, 88),
            (-8, 63), (-36, 63)]  # fmt: skip
    tip = [(0, -126), (10, -110), (10, -17), (-10, -17), (-10, -110)]
    base = [(-10, 17), (10, 17), (10, 44), (-10, 44)]
    return "".join(
        [_path(_rotated(part, 42)) for part in (blade, hilt)]
        + [_path(_rotated(part, -42)) for part in (tip, base, hilt)]
    )


def _horseshoe() -> str:
    outer: list[Step] = [
        (0, -104),
        (62, -104, 96, -60, 92, -4),
        (90, 34, 74, 62, 68, 84),
        (84, 84),
        (84, 106),
        (36, 106),
    ]
    inner: list[Step] = [(36, 90), (44, 54, 54, 30, 54, -8), (54, -42, 32, -62, 0, -62)]
    nails = "".join(_disc(s * x, y, 6.5) for x, y in ((36, -74), (64, -46), (74, -6), (64, 38)) for s in (-1, 1))
    return _mirrored(outer + inner) + nails


def _trident() -> str:
    return _mirrored([
        (0, -112), (22, -76), (10, -80), (10, -10), (40, -14, 46, -30, 46, -70), (34, -64), (56, -104),
        (78, -64),
        (66, -70), (66, -14, 46, 12, 10, 14), (10, 40), (26, 40), (26, 52), (10, 52), (10, 110), (0, 110),
    ])  # fmt: skip


OWN_PATHS: dict[str, str] = {
    "lion": _lion(),
    "eagle": _eagle(),
    "wolf": _wolf(),
    "bull": _bull(),
    "bear": _bear(),
    "ram": _ram(),
    "swords": _swords(),
    "horseshoe": _horseshoe(),
    "trident": _trident(),
}
