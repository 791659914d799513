"""Colour words against pixels: how much of a picture has a colour, and how often such a colour is named."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from logolib.data.colours import oklab

# A colour that captions name: its words, and the part of OKLab's cylinder that they are used for, as
# (lightness from, to, chroma from, to, hue from, to); hue in degrees, 360 and more where the range passes zero.
_FAMILIES: dict[str, tuple[str, tuple[float, float, float, float, float, float]]] = {
    "red": ("red|crimson|scarlet|cardinal|garnet", (0.25, 0.75, 0.09, 1, 2, 44)),
    "maroon": ("maroon|burgundy|wine", (0.18, 0.46, 0.05, 0.19, -12, 36)),
    "pink": ("pink|magenta|rose", (0.55, 0.95, 0.06, 1, -35, 18)),
    "orange": ("orange|copper|rust", (0.5, 0.86, 0.1, 1, 34, 74)),
    "brown": ("brown|bronze|tan|beige|khaki", (0.22, 0.86, 0.025, 0.13, 35, 95)),
    "yellow": ("gold|golden|yellow|vegas", (0.55, 0.99, 0.05, 1, 65, 115)),
    "green": ("green|olive|kelly|emerald", (0.2, 0.95, 0.045, 1, 112, 172)),
    "teal": ("teal|turquoise|aqua|cyan", (0.3, 0.95, 0.045, 1, 165, 228)),
    "light blue": (
        "sky|light blue|powder blue|baby blue|columbia blue|carolina blue",
        (0.6, 0.97, 0.03, 0.2, 205, 275),
    ),
    "blue": ("blue|royal|azure|sapphire", (0.15, 0.9, 0.04, 1, 215, 284)),
    "navy": ("navy|dark blue|midnight", (0.1, 0.42, 0.025, 0.18, 230, 290)),
    "purple": ("purple|violet|indigo|lavender", (0.18, 0.85, 0.05, 1, 282, 335)),
    "black": ("black|ebony", (0, 0.33, 0, 0.05, 0, 360)),
    "grey": ("gr[ae]y|silver|charcoal|platinum", (0.3, 0.93, 0, 0.045, 0, 360)),
    "white": ("white|cream|ivory", (0.9, 1.01, 0, 0.06, 0, 360)),
}
FAMILIES = tuple(_FAMILIES)
NEUTRAL = np.array([name in ("black", "grey", "white") for name in FAMILIES])
_WORDS = [re.compile(rf"\b(?:{words})s?\b") for words, _ in _FAMILIES.values()]
STEPS = (0.005, 0.02, 0.06, 0.15, 0.35)  # shares of a picture between which a colour's amount is told apart
SIDE = 128  # pixels at which colours are counted
CLEAR = 128  # alpha below which a pixel does not count
SAME = 0.035  # OKLab distance within which a pixel belongs to the ground
BLANK = 0.004  # share of a picture that must differ from its main colour for there to be something on it


def figure(pixels: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 4) => bool (H, W): what is opaque and no flat ground that reaches the border."""
    opaque = pixels[..., 3] >= CLEAR
    if not opaque.all():
        return opaque
    corners = oklab(pixels[[0, 0, -1, -1], [0, -1, 0, -1], :3])
    if np.linalg.norm(corners - corners.mean(0), axis=-1).max() > SAME:
        return opaque
    near = np.linalg.norm(oklab(pixels[..., :3]) - corners.mean(0), axis=-1) < SAME
    labels, _ = ndimage.label(near)
    outer = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    return ~np.isin(labels, outer[outer > 0])


def amounts(pixels: np.ndarray) -> np.ndarray:
    """Shares (15,) of a picture, uint8 (H, W, 4), that the words of each family may name; a pixel may count twice."""
    shown = pixels[figure(pixels)][:, :3]
    if len(shown) == 0:
        return np.zeros(len(FAMILIES))
    lab = oklab(shown)
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    hue = np.degrees(np.arctan2(lab[:, 2], lab[:, 1])) % 360
    shares = []
    for _, (dark, light, dull, vivid, first, last) in _FAMILIES.values():
        turned = (hue - first) % 360 <= last - first
        shares.append(
            ((lab[:, 0] >= dark) & (lab[:, 0] <= light) & (chroma >= dull) & (chroma <= vivid) & turned).mean()
        )
    return np.array(shares)


def is_blank(pixels: np.ndarray) -> bool:
    """Whether nothing is on a picture, uint8 (H, W, 4): no opaque pixel, or one colour all over."""
    opaque = pixels[..., 3] >= CLEAR
    if opaque.mean() < BLANK:
        return True
    if not opaque.all():
        return False  # a silhouette is something
    lab = oklab(pixels[..., :3])
    middle = np.median(lab.reshape(-1, 3), axis=0)
    return bool((np.linalg.norm(lab - middle, axis=-1) > SAME).mean() < BLANK)


def named(caption: str) -> np.ndarray:
    """Which families a caption names, bool (15,); `light blue` and `dark blue` are no plain blue."""
    text = re.sub(r"[\"“”][^\"“”]*[\"“”]", " ", caption.lower())
    found = []
    for name, pattern in zip(FAMILIES, _WORDS, strict=True):
        if name == "blue":
            text = re.sub(r"\b(?:navy|dark|midnight|sky|light|powder|baby|columbia|carolina) blue", " ", text)
        found.append(pattern.search(text) is not None)
    return np.array(found)


class ColourTable:
    """How often a family is named that covers so much of a picture: odds against naming it whatever the picture.

    `odds` is (2, 2, 6): coloured or neutral; not named or named; by amount between STEPS. Natural logarithms.
    """

    def __init__(self, odds: np.ndarray) -> None:
        self.odds = odds

    @classmethod
    def of(cls, shares: np.ndarray, said: np.ndarray) -> ColourTable:
        """Count over pairs: shares (N, 15) of their pictures, and what their captions name, bool (N, 15)."""
        odds = np.zeros((2, 2, len(STEPS) + 1))
        bins = np.digitize(shares, STEPS)
        for neutral in (0, 1):
            which = neutral == NEUTRAL
            told, amount = said[:, which].ravel(), bins[:, which].ravel()
            overall = (told.sum() + 1) / (told.size + 2)
            for step in range(len(STEPS) + 1):
                part = told[amount == step]
                share = (part.sum() + 4 * overall) / (part.size + 4)  # as if four more pairs had shown the average
                odds[neutral, 1, step] = np.log(share / overall)
                odds[neutral, 0, step] = np.log((1 - share) / (1 - overall))
        return cls(odds)

    def score(self, shares: np.ndarray, said: np.ndarray) -> np.ndarray:
        """Sum over the families of the log odds that this picture and this caption belong together, (...,)."""
        return self.odds[NEUTRAL.astype(int), said.astype(int), np.digitize(shares, STEPS)].sum(-1)

    def worst(self, shares: np.ndarray, said: np.ndarray) -> str:
        """What speaks most against a caption: `orange is not on it`, `its blue goes unnamed`."""
        each = self.odds[NEUTRAL.astype(int), said.astype(int), np.digitize(shares, STEPS)]
        i = int(each.argmin())
        return f"{FAMILIES[i]} is hardly on it" if said[i] else f"its {FAMILIES[i]} goes unnamed"


def stack(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of 15 numbers => (N, 15), also of none."""
    return np.stack(rows) if len(rows) else np.zeros((0, len(FAMILIES)))
