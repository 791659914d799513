"""The words of a prompt set as type: straight, on an arc or on a ribbon, as outlines and as text."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape

from fontTools.pens.boundsPen import BoundsPen
from fontTools.pens.transformPen import TransformPen
from fontTools.ttLib import TTFont

from logolib.data.colours import COLOURS
from logolib.generate.drawing import Affine, Drawing, DrawingError, Shape, contrast, luminance, svg_pen

Way = Literal["straight", "arc", "ribbon"]
WAYS: tuple[Way, ...] = ("straight", "arc", "ribbon")

# The open fonts that come with matplotlib: file, family and weight as SVG names them.
FONTS: dict[str, tuple[str, str, str]] = {
    "sans": ("DejaVuSans-Bold.ttf", "DejaVu Sans", "bold"),
    "serif": ("DejaVuSerif-Bold.ttf", "DejaVu Serif", "bold"),
    "roman": ("STIXGeneralBol.ttf", "STIXGeneral", "bold"),
    "text": ("DejaVuSans.ttf", "DejaVu Sans", "normal"),
}
_QUOTED = re.compile(r'"([^"]+)"|“([^”]+)”|«([^»]+)»|„([^“”]+)[“”]')
_ANY_QUOTED = r'(?:"[^"]+"|“[^”]+”|«[^»]+»|„[^“”]+[“”])'
_COLOUR = f"(?:(?:sky|royal|light|dark) )?(?:{'|'.join(COLOURS)})"
_CLAUSE = re.compile(
    r"(?:,|\b(?:and|with|above|over)\b|\s)*"
    rf"(?:\b(?:the|a|an|its|in|of|{_COLOUR}|wordmark|words?|names?|letters|lettering|initials|text|motto)\s+)*"
    rf"{_ANY_QUOTED}(?:\s*(?:,|and|over|above|or)?\s*{_ANY_QUOTED})*"
    rf"(?:\s+(?:in {_COLOUR}|on an? (?:{_COLOUR} )?(?:ribbon|banner|scroll)|underneath|below(?: it)?"
    r"|above it|beneath(?: it)?|(?:at|across|along) the (?:bottom|top|foot)|around the rim|on an arc))*",
    re.I,
)
_CLASSIC = re.compile(r"\b(serif|classic|vintage|heritage|royal|crown|old|traditional)\b", re.I)
INK, PAPER = "#141414", "#ffffff"
TRACKING = 0.03  # between capitals, of their height; wider, and a reader sees a gap after a V on an arc
READABLE = 4.5  # least contrast of words and what lies under them (WCAG 2.2, AA)


@dataclass(frozen=True)
class Line:
    """Where words stand: a straight baseline, or one along a circle."""

    x: float  # the middle of a straight baseline, or the circle's centre
    y: float
    cap: float  # height of a capital
    radius: float | None = None  # of the baseline; None: straight
    below: bool = False  # the words hang at the bottom of the circle and read left to right all the same


@dataclass(frozen=True)
class Lettered:
    """A drawing with its words, and where these are."""

    drawing: Drawing
    words: str
    font: str
    line: Line
    width: float  # of the words, along their line


def words_of(prompt: str) -> list[str]:
    """The words in quotes in a prompt, in order: "LYON", “LYON” or «LYON»."""
    return [next(part for part in match.groups() if part).strip() for match in _QUOTED.finditer(prompt)]


def without_words(prompt: str) -> str:
    """A prompt without the clauses that ask for words in quotes, for a model that shall draw none."""
    bare = re.sub(r"\s+", " ", _CLAUSE.sub("", prompt))
    return re.sub(r"^(?:on|and|with|underneath)\s+", "", re.sub(r"\s+([,.])", r"\1", bare).strip(" ,"))


def fitting_font(words: str, prompt: str = "") -> str:
    """The name of the font that has all glyphs and suits the prompt. Raises DrawingError naming what is missing."""
    first = "serif" if _CLASSIC.search(prompt) else "sans"
    names = (first, *(name for name in ("sans", "serif", "roman") if name != first))
    lacking = {name: missing(words, name) for name in names}
    for name in names:
        if not lacking[name]:
            return name
    glyphs = ", ".join(min(lacking.values(), key=len))
    raise DrawingError(f"No font here can set {words!r}: {glyphs}; write the words in another script.")


def missing(words: str, font: str) -> list[str]:
    """What a font cannot set, in words: characters without a glyph, and scripts whose letters must be joined."""
    found = []
    for char in dict.fromkeys(_normal(words)):
        name = f"{char} (U+{ord(char):04X} {unicodedata.name(char, 'unnamed')})"
        if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Mc", "Me", "Cf"):
            found.append(f"{name} needs shaping")
        elif unicodedata.bidirectional(char) in ("R", "AL", "AN"):
            found.append(f"{name} is written from right to left")
        elif ord(char) not in _cmap(font):
            found.append(f"{name} has no glyph")
    return found


def letter(crest: Drawing, words: str, way: Way, palette: tuple[str, ...] = (), prompt: str = "") -> Lettered:
    """A crest with words under it, over it along an arc, or on a ribbon across its foot.

    palette: the crest's colours; words take the darkest that can be read on white, a ribbon the
    strongest. Raises DrawingError for words that no font can set, or none.
    """
    words = _normal(words)
    if not words:
        raise DrawingError('There are no words to set; put them in quotes in the prompt, or give --words "LYON".')
    font = fitting_font(words, prompt)
    place = {"straight": _under, "arc": _over, "ribbon": _on_ribbon}[way]
    return place(crest, words, font, palette)


def set_words(words: str, font: str, line: Line, fill: str) -> Shape:
    """Words along a line as one path, kerned. Raises DrawingError naming the glyphs that the font lacks."""
    if lacking := missing(words, font):
        raise DrawingError(f"No font here can set {words!r}: {', '.join(lacking)}; write the words in another script.")
    glyphs, cmap, k = _font(font).getGlyphSet(), _cmap(font), line.cap / _cap_units(font)
    pen = svg_pen(glyphs)
    start = -words_width(words, font, line.cap) / 2
    for char, left, advance in _advances(words, font):
        middle = start + (left + advance / 2) * k
        glyphs[cmap[ord(char)]].draw(TransformPen(pen, _on(line, middle, k, advance)))
    return Shape(pen.getCommands(), fill, _as_text(words, font, line, fill))


def words_width(words: str, font: str, cap: float) -> float:
    """Width of a line of words at a height of capitals."""
    *_, (_, left, advance) = _advances(words, font)
    return (left + advance) * cap / _cap_units(font)


def _under(crest: Drawing, words: str, font: str, palette: tuple[str, ...]) -> Lettered:
    left, top, right, bottom = crest.box
    wide, tall = right - left, bottom - top
    widest = 1.25 * max(wide, 0.8 * tall)
    cap = min(0.17 * tall, 0.17 * tall * widest / words_width(words, font, 0.17 * tall))
    line = Line((left + right) / 2, bottom + 0.085 * tall + cap, cap)
    return _made(crest.shapes, words, font, line, _ink(palette))


def _over(crest: Drawing, words: str, font: str, palette: tuple[str, ...]) -> Lettered:
    left, top, right, bottom = crest.box
    x, y = (left + right) / 2, (top + bottom) / 2
    points = crest.points()
    upper = points[points[:, 1] <= y + 0.1 * (bottom - top)]
    reach = float(max(math.hypot(px - x, py - y) for px, py in upper))
    radius = reach * 1.11
    cap = 0.15 * (bottom - top)
    room = radius * math.radians(200)  # beyond it the first and the last letter stand on their heads
    cap = min(cap, cap * room / words_width(words, font, cap))
    return _made(crest.shapes, words, font, Line(x, y, cap, radius), _ink(palette))


def _on_ribbon(crest: Drawing, words: str, font: str, palette: tuple[str, ...]) -> Lettered:
    left, top, right, bottom = crest.box
    wide, tall = right - left, bottom - top
    band = _strongest(palette)
    ink = PAPER if contrast(PAPER, band) >= 3 else INK  # large type: 3 is enough (WCAG 2.2)
    cap = 0.115 * tall
    widest = 1.35 * max(wide, 0.9 * tall)
    cap = min(cap, cap * widest / words_width(words, font, cap))
    width = max(words_width(words, font, cap), 0.8 * wide)
    height = 2.0 * cap
    radius = 1.5 * max(wide, width)  # of the ribbon's middle: a gentle bow
    x, middle = (left + right) / 2, bottom - 0.02 * tall
    y = middle - radius
    half = (width / 2 + 0.9 * cap) / radius
    shade = _darker(band)
    edge = 0.1 * cap
    tails = [_tail(x, y, radius, half, height, cap, side, shade, edge) for side in (-1, 1)]
    front = [_band(x, y, radius, half, height + 2 * edge, PAPER, edge), _band(x, y, radius, half, height, band)]
    line = Line(x, y, cap, radius + cap / 2, below=True)
    return _made((*crest.shapes, *tails[0], *tails[1], *front), words, font, line, ink)


def _made(shapes: tuple[Shape, ...], words: str, font: str, line: Line, ink: str) -> Lettered:
    """All on a canvas with a margin, the coordinates moved along with it."""
    rough = Drawing(0, 0, (*shapes, set_words(words, font, line, ink)))
    left, top, right, bottom = rough.box
    margin = 0.04 * max(right - left, bottom - top)
    dx, dy = margin - left, margin - top
    line = Line(line.x + dx, line.y + dy, line.cap, line.radius, line.below)
    moved = tuple(shape.moved((1, 0, 0, 1, dx, dy)) for shape in shapes)
    width, height = round(right - left + 2 * margin, 2), round(bottom - top + 2 * margin, 2)
    drawing = Drawing(width, height, (*moved, set_words(words, font, line, ink)))
    return Lettered(drawing, words, font, line, words_width(words, font, line.cap))


def _band(x: float, y: float, radius: float, half: float, height: float, fill: str, more: float = 0.0) -> Shape:
    """A piece of a ring about (x, y), `half` radians to both sides of straight down."""
    half += more / radius
    inner, outer = radius - height / 2, radius + height / 2

    def at(r: float, side: int) -> str:
        return f"{x + side * r * math.sin(half):.2f},{y + r * math.cos(half):.2f}"

    lower = f"A{outer:.2f},{outer:.2f} 0 0 1 {at(outer, -1)}"
    return Shape(f"M{at(inner, -1)}A{inner:.2f},{inner:.2f} 0 0 0 {at(inner, 1)}L{at(outer, 1)}{lower}Z", fill)


def _tail(
    x: float, y: float, radius: float, half: float, height: float, cap: float, side: int, fill: str, edge: float
) -> tuple[Shape, ...]:
    """The end of a ribbon that comes out behind its front, forked, and the fold between both."""

    def at(r: float, angle: float) -> str:
        return f"{x + side * r * math.sin(angle):.2f},{y + r * math.cos(angle):.2f}"

    fold, out, notch = 0.8 * cap / radius, 1.7 * cap / radius, 0.9 * cap / radius
    inner, outer, drop = radius - height / 2, radius + height / 2, -0.45 * cap

    def piece(grow: float, fill: str) -> Shape:
        a, b = inner + drop - grow, outer + drop + grow
        end, mid = half + out + 1.6 * grow / radius, (a + b) / 2
        corners = [at(a, half - fold), at(a, end), at(mid, end - notch), at(b, end), at(b, half - fold)]
        return Shape("M" + "L".join(corners) + "Z", fill)

    bend = Shape(
        "M" + "L".join([at(inner, half), at(inner + drop, half - fold), at(inner, half - fold)]) + "Z", _darker(fill)
    )
    return piece(edge, PAPER), piece(0.0, fill), bend


def on_arc(line: Line, at: float, high: float = 0.0) -> tuple[float, float, float]:
    """The point `at` along an arched line and `high` above it, and how the line is turned there, radians.

    Distances along hold at half the height of a capital, where letters neither spread nor crowd.
    """
    assert line.radius is not None
    sign = -1 if line.below else 1
    angle = sign * at / (line.radius + sign * line.cap / 2)
    reach = sign * (line.radius + sign * high)
    return line.x + reach * math.sin(angle), line.y - reach * math.cos(angle), angle


def _on(line: Line, at: float, k: float, advance: float) -> Affine:
    """The map from a glyph's units, y up, to its place at distance `at` from the middle of a line."""
    if line.radius is None:
        return (k, 0, 0, -k, line.x + at - advance * k / 2, line.y)
    x, y, angle = on_arc(line, at)
    cos, sin, shift = math.cos(angle), math.sin(angle), -advance * k / 2
    return (k * cos, k * sin, k * sin, -k * cos, x + shift * cos, y + shift * sin)


def _as_text(words: str, font: str, line: Line, fill: str) -> str:
    """The same words as an SVG text element."""
    _, family, weight = FONTS[font]
    size = line.cap * _font(font)["head"].unitsPerEm / _cap_units(font)
    length = words_width(words, font, line.cap)
    look = f'font-family="{family}" font-weight="{weight}" font-size="{size:.2f}" fill="{fill}" text-anchor="middle"'
    if line.radius is None:
        return (
            f'<text x="{line.x:.2f}" y="{line.y:.2f}" {look} textLength="{length:.2f}" '
            f'lengthAdjust="spacingAndGlyphs">{escape(words)}</text>'
        )
    r, sweep = line.radius, 0 if line.below else 1
    arc = f"M{line.x - r:.2f},{line.y:.2f}A{r:.2f},{r:.2f} 0 0 {sweep} {line.x + r:.2f},{line.y:.2f}"
    return (
        f'<path id="line" d="{arc}" fill="none"/><text {look} letter-spacing="{TRACKING * line.cap:.2f}">'
        f'<textPath href="#line" startOffset="50%">{escape(words)}</textPath></text>'
    )


def _advances(words: str, font: str) -> list[tuple[str, float, float]]:
    """Each character with its left edge and advance, in font units, kerned and tracked."""
    glyphs, cmap, gap = _font(font).getGlyphSet(), _cmap(font), TRACKING * _cap_units(font)
    placed, x, before = [], 0.0, ""
    for char in words:
        name = cmap[ord(char)]
        x += (_kerning(font).get((before, name), 0) + gap) if before else 0
        placed.append((char, x, float(glyphs[name].width)))
        x, before = x + glyphs[name].width, name
    return placed


@cache
def _font(name: str) -> TTFont:
    import matplotlib

    return TTFont(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / FONTS[name][0])


@cache
def _cmap(name: str) -> dict[int, str]:
    return dict(_font(name).getBestCmap())


@cache
def _kerning(name: str) -> dict[tuple[str, str], int]:
    font = _font(name)
    return dict(font["kern"].kernTables[0].kernTable) if "kern" in font else {}


@cache
def _cap_units(name: str) -> float:
    """Height of an H in font units."""
    glyphs = _font(name).getGlyphSet()
    pen = BoundsPen(glyphs)
    glyphs[_cmap(name)[ord("H")]].draw(pen)
    return float(pen.bounds[3])


def _normal(words: str) -> str:
    return " ".join(unicodedata.normalize("NFC", words).split())


def _ink(palette: tuple[str, ...]) -> str:
    """The palette's darkest colour, if it can be read on white."""
    darkest = min(palette, key=luminance, default=INK)
    return darkest if contrast(darkest, PAPER) >= READABLE else INK


def _strongest(palette: tuple[str, ...]) -> str:
    """The palette's most saturated colour that is not too light for a ribbon; ink where there is none."""
    able = [colour for colour in palette if luminance(colour) < 0.6]

    def strength(colour: str) -> int:
        channels = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        return max(channels) - min(channels)

    return max(able, key=strength, default=INK)


def _darker(colour: str) -> str:
    return "#" + "".join(f"{int(int(colour[i : i + 2], 16) * 0.68):02x}" for i in (1, 3, 5))
