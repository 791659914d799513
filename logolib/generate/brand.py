"""A brand sheet: the logo in colour, in one colour, reversed, small, and its palette, on one page."""

from __future__ import annotations

from logolib.generate.cleanup import Cleaned
from logolib.generate.drawing import Drawing, Shape, contrast, luminance, rectangle
from logolib.generate.lettering import INK, PAPER, Lettered, Line, Way, letter, set_words, words_width
from logolib.generate.vector import one_colour

PAGE = (297.0, 210.0)  # A4, millimetres
SIZES = (128, 64, 32, 16)  # pixels, at 96 to the inch
MM = 25.4 / 96  # a pixel
MARGIN, GREY, HAIR = 16.0, "#6b6b6b", "#d9d9d9"


def brand_sheet(mark: Drawing, cleaned: Cleaned, words: str = "", way: Way = "straight", prompt: str = "") -> Drawing:
    """One A4 page, landscape, in millimetres, all words as outlines.

    mark: the logo without words; with `words` it is shown lettered wherever there is room, and alone
    where it is small. Raises DrawingError for words that no font can set.
    """
    plain = one_colour(cleaned, INK)
    full, flat, pale = mark, plain, plain.filled(PAPER)
    dark = min(cleaned.palette, key=luminance)
    dark = dark if contrast(dark, PAPER) >= 7 else INK
    if words:
        full = letter(mark, words, way, cleaned.palette, prompt).drawing
        flat = _plain(letter(plain, words, way, (INK,), prompt), INK, PAPER)
        pale = _plain(letter(plain, words, way, (INK,), prompt), PAPER, dark)
    width, height = PAGE
    shapes = [rectangle(0, 0, width, height, PAPER)]
    shapes += [_label(words or "Logo", MARGIN, 25, 6.0, INK, "sans", width - 2 * MARGIN - 40)]
    shapes += [_label("Brand sheet", width - MARGIN - words_width("Brand sheet", "text", 2.4), 25, 2.4, GREY)]
    shapes += [rectangle(MARGIN, 31, width - 2 * MARGIN, 0.3, HAIR)]
    shapes += _panel("Colour", MARGIN, 44, 121, 104, PAPER, full)
    shapes += _panel("One colour", 145, 44, 64, 104, PAPER, flat)
    shapes += _panel("Reversed", 217, 44, 64, 104, dark, pale)
    shapes += _small(mark, MARGIN, 164)
    shapes += _swatches(cleaned, 145, 164, width - MARGIN - 145)
    return Drawing(width, height, tuple(shapes))


def _plain(lettered: Lettered, ink: str, paper: str) -> Drawing:
    """A lettered drawing in one ink: what is white on the ink shows what lies under the logo."""
    shapes = [Shape(shape.path, paper if shape.fill == PAPER else ink) for shape in lettered.drawing.shapes]
    return Drawing(lettered.drawing.width, lettered.drawing.height, tuple(shapes))


def _panel(name: str, left: float, top: float, width: float, height: float, ground: str, logo: Drawing) -> list[Shape]:
    """A named field with the logo in its middle and a sixth of clear space around."""
    frame = [rectangle(left, top, width, height, HAIR if ground == PAPER else ground)]
    if ground == PAPER:
        frame.append(rectangle(left + 0.25, top + 0.25, width - 0.5, height - 0.5, ground))
    room = min(width, height) / 8
    inside = logo.placed(left + room, top + room, width - 2 * room, height - 2 * room)
    return [_label(name, left, top - 2.6, 2.4, GREY), *frame, *inside]


def _small(mark: Drawing, left: float, top: float) -> list[Shape]:
    """The logo without words at each of SIZES, on one foot line, each with its side in pixels."""
    foot = top + SIZES[0] * MM
    shapes, x = [_label("Down to 16 px", left, top - 4.6, 2.4, GREY)], left
    for size in SIZES:
        side = size * MM
        shapes += [*mark.placed(x, foot - side, side, side), _label(str(size), x, foot + 4.6, 1.9, GREY)]
        x += side + 12
    return shapes


def _swatches(cleaned: Cleaned, left: float, top: float, width: float) -> list[Shape]:
    """The palette, each colour with its hex code, its RGB values and its share of the logo."""
    gap, n = 4.0, len(cleaned.palette)
    side = min((width - gap * (n - 1)) / n, 24.0)
    shapes = [_label("Palette", left, top - 4.6, 2.4, GREY)]
    for i, (colour, share) in enumerate(zip(cleaned.palette, cleaned.shares, strict=True)):
        x = left + i * (side + gap)
        shapes += [rectangle(x, top, side, 20, HAIR), rectangle(x + 0.25, top + 0.25, side - 0.5, 19.5, colour)]
        rgb = " ".join(str(int(colour[j : j + 2], 16)) for j in (1, 3, 5))
        for row, line in enumerate((colour.upper(), rgb, f"{share:.0%}")):
            fill, cap = (INK, 1.9) if row == 0 else (GREY, 1.6)
            shapes.append(_label(line, x, top + 25 + 4.2 * row, cap, fill, "text", side + 1.5))
    return shapes


def _label(
    words: str, left: float, foot: float, cap: float, fill: str, font: str = "text", widest: float = 200.0
) -> Shape:
    """Words set from the left, smaller where they would be wider than there is room."""
    cap *= min(1.0, widest / words_width(words, font, cap))
    return set_words(words, font, Line(left + words_width(words, font, cap) / 2, foot, cap), fill)
