"""Colour words: how they look, how often captions use them, and the space in which they are compared."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import numpy as np

COLOURS: dict[str, str] = {
    "red": "#d11f2d", "crimson": "#a01830", "scarlet": "#d22b1f", "cardinal": "#9b1b30", "maroon": "#701426",
    "burgundy": "#6b1529", "pink": "#f07fab", "orange": "#f06f1b", "copper": "#b06a3a", "bronze": "#a9743a",
    "brown": "#7a4f2b", "tan": "#cdb083", "beige": "#e3d5b5", "cream": "#f4e7c6", "gold": "#f6b719",
    "yellow": "#f7e017", "olive": "#6b7a2a", "green": "#138a45", "teal": "#0d9a94", "turquoise": "#2fc1c4",
    "aqua": "#4fd0d8", "cyan": "#22c4e8", "sky": "#74c0ee", "blue": "#1d5fc8", "royal": "#1f4fb0",
    "navy": "#12214a", "indigo": "#3a2d86", "purple": "#6c2d96", "violet": "#7f4fc0", "black": "#141414",
    "gray": "#8a8d91", "grey": "#8a8d91", "silver": "#b4bcc4", "white": "#ffffff",
}  # fmt: skip
NEUTRAL = frozenset({"black", "white", "gray", "grey", "silver"})
COLOUR_WORD = re.compile(rf"\b({'|'.join(COLOURS)})\b")

# Ottosson (2020), "A perceptual color space for image processing": linear sRGB => cone responses => OKLab.
_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def rgb(word: str) -> np.ndarray:
    """How a colour word looks: float (3,) in 0..255. KeyError for an unknown word."""
    return np.array([int(COLOURS[word][i : i + 2], 16) for i in (1, 3, 5)], float)


def oklab(colours: np.ndarray) -> np.ndarray:
    """Colours (..., 3), sRGB in 0..255 => OKLab (Ottosson 2020): lightness in 0..1 and two opponent axes."""
    share = np.asarray(colours, float) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _CONES.T) @ _LAB.T


def colour_counts(captions: Iterable[str]) -> Counter[str]:
    """How many captions name each colour."""
    return Counter(word for caption in captions for word in sorted(set(COLOUR_WORD.findall(caption.lower()))))
