"""Named colours and the contrast between them."""

from __future__ import annotations

from functools import cache

COLOURS: dict[str, str] = {
    "red": "#d11f2d",
    "blue": "#1d5fc8",
    "navy": "#12214a",
    "green": "#138a45",
    "gold": "#f6b719",
    "orange": "#f06f1b",
    "purple": "#6c2d96",
    "black": "#141414",
    "white": "#ffffff",
    "silver": "#b4bcc4",
    "maroon": "#701426",
    "sky blue": "#74c0ee",
    "pink": "#f07fab",
    "teal": "#0d9a94",
}
CREAM = "#f4e7c6"  # what white becomes in the vintage style
SEPIA = (0x8A, 0x6B, 0x3F)

# Least colour distance (CIE76) that keeps two neighbouring areas apart at 64 px.
NEAR = 48.0
# Least difference of CIE lightness between a figure and the ground under it.
NEAR_LIGHTNESS = 27.0


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green, blue (0..255) of a named colour. KeyError for an unknown name."""
    code = COLOURS[colour]
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


@cache
def lab(colour: str) -> tuple[float, float, float]:
    """CIE L*a*b* (D65; L in 0..100) of a named colour."""
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb(colour)))
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def distance(a: str, b: str) -> float:
    """CIE76 colour distance of two named colours."""
    return float(sum((p - q) ** 2 for p, q in zip(lab(a), lab(b), strict=True)) ** 0.5)


@cache
def apart(a: str, b: str) -> bool:
    """True where two colours stay distinct as neighbouring areas."""
    return distance(a, b) >= NEAR


@cache
def legible(figure: str, ground: str) -> bool:
    """True where a figure of the first colour reads on the second."""
    return apart(figure, ground) and abs(lab(figure)[0] - lab(ground)[0]) >= NEAR_LIGHTNESS


def is_light(colour: str) -> bool:
    """True where a colour is lost on a white ground."""
    return lab(colour)[0] > 64.0


def muted(colour: str) -> str:
    """Hex code of the colour as the vintage style shows it: white as cream, others a fifth towards sepia."""
    if colour == "white":
        return CREAM
    mixed = (round(0.8 * c + 0.2 * s) for c, s in zip(rgb(colour), SEPIA, strict=True))
    return "#{:02x}{:02x}{:02x}".format(*mixed)
