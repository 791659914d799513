"""Lettering as outlines: words set straight or along an arc, from the fonts that matplotlib carries."""

from __future__ import annotations

import math
import zlib
from functools import cache
from pathlib import Path

import matplotlib
from fontTools.pens.boundsPen import BoundsPen
from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.pens.transformPen import TransformPen
from fontTools.ttLib import TTFont

_FONT_FILES: tuple[str, ...] = ("DejaVuSans-Bold.ttf", "DejaVuSerif-Bold.ttf", "STIXGeneralBol.ttf")
FONTS: int = len(_FONT_FILES)
CAP = 100.0  # height of a capital in the units of this module


@cache
def _font(index: int) -> TTFont:
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return TTFont(folder / _FONT_FILES[index], lazy=False)


@cache
def glyph(char: str, font: int) -> tuple[str, float, float, float]:
    """Path data of a character at cap height 100, baseline at 0 (y down), with left, right and advance."""
    ttf = _font(font)
    glyphs = ttf.getGlyphSet()
    name = ttf.getBestCmap()[ord(char)]
    cap_pen = BoundsPen(glyphs)
    glyphs[ttf.getBestCmap()[ord("H")]].draw(cap_pen)
    k = CAP / cap_pen.bounds[3]
    pen = SVGPathPen(glyphs, ntos=lambda v: f"{v:.1f}".rstrip("0").rstrip("."))
    glyphs[name].draw(TransformPen(pen, (k, 0, 0, -k, 0, 0)))
    box = BoundsPen(glyphs)
    glyphs[name].draw(box)
    left, right = (box.bounds[0] * k, box.bounds[2] * k) if box.bounds else (0.0, 0.0)
    return pen.getCommands(), left, right, glyphs[name].width * k


def font_of(text: str) -> int:
    """The font that a lettering uses: fixed by the text itself."""
    return zlib.crc32(text.encode()) % FONTS


@cache
def line(text: str, font: int, tracking: float = 6.0) -> tuple[str, float]:
    """SVG content of one line at cap height 100, baseline at y 0, left edge at x 0, and its width."""
    x, parts, end = 0.0, [], 0.0
    for i, char in enumerate(text):
        path, left, right, advance = glyph(char, font)
        if i == 0:
            x = -left
        if path:
            parts.append(f'<path transform="translate({x:.1f} 0)" d="{path}"/>')
            end = x + right
        x += advance + tracking
    return "".join(parts), end


def straight(text: str, x: float, y: float, width: float, height: float, colour: str, font: int) -> str:
    """SVG of a line centred in the box with centre (x, y); letters narrow to 0.72 before they get smaller.

    `width` and `height` are limits in the units of the caller; `colour` is a hex code.
    """
    content, natural = line(text, font)
    tall = height / CAP
    wide = min(tall * 1.12, width / natural)
    tall = min(tall, wide / 0.72)
    return (
        f'<g fill="{colour}" transform="translate({x - natural * wide / 2:.2f} {y + tall * CAP / 2:.2f}) '
        f'scale({wide:.4f} {tall:.4f})">{content}</g>'
    )


def arched(text: str, radius: float, cap: float, colour: str, font: int, *, below: bool, limit: float) -> str:
    """SVG of a line along a circle about the origin, centred at the top, or at the bottom if `below`.

    `radius` is that of the baseline; `limit` is the greatest angle in radians that the line may take.
    """
    k = cap / CAP
    tracking = 16.0
    glyphs = [glyph(c, font) for c in text]
    total = sum(g[3] + tracking for g in glyphs) - tracking
    mid = radius + cap * (0.35 if not below else -0.35)
    squeeze = min(1.0, limit * mid / (total * k))
    step = k * squeeze / mid
    parts = []
    angle = -total * step / 2
    for path, _, _, advance in glyphs:
        middle = angle + advance * step / 2
        turn = math.degrees(middle) if not below else -math.degrees(middle)
        place = -radius if not below else radius
        if path:
            parts.append(
                f'<path transform="rotate({turn:.2f}) translate(0 {place:.2f}) '
                f"scale({k * squeeze:.4f} {k:.4f}) "
                f'translate({-advance / 2:.1f} 0)" d="{path}"/>'
            )
        angle += (advance + tracking) * step
    return f'<g fill="{colour}">{"".join(parts)}</g>'
