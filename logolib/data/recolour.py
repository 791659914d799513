"""New colours for a logo and for its caption's colour words, together or not at all."""

from __future__ import annotations

import re
from itertools import combinations_with_replacement

import numpy as np
from PIL import Image

from logolib.data.colours import COLOUR_WORD, NEUTRAL, oklab, rgb

TARGETS = ("red", "orange", "gold", "green", "teal", "blue", "navy", "purple", "maroon", "pink", "brown")
AREA = 0.02  # least share of a picture that makes a colour one of its palette
MOST_COLOURS = 8
SHADES = 0.08  # OKLab distance below which two colours of a picture are one
GREY = 0.04  # OKLab chroma below which a colour is neutral
LIKE = 0.17  # OKLab distance within which a colour is what its word says: real golds and reds vary
APART = 0.18  # OKLab distance from which two colours are told apart side by side

_SHADE = (
    r"(?:light|dark|deep|bright|pale|royal|navy|sky|powder|baby|midnight|kelly|forest|hunter|lime|old|vegas|burnt|hot"
    r"|steel|metallic|athletic)"
)
_PHRASE = re.compile(rf"\b(?:{_SHADE}[ -])*{COLOUR_WORD.pattern[2:-2]}\b", re.IGNORECASE)
_QUOTED = re.compile(r"\"[^\"]*\"?|[“„][^”“]*[”“]?|«[^»]*»?|(?<!\w)['‘](?=[A-Z]).*?['’](?!\w)")
# Words that tell of colours in a way that one changed word would make untrue, and words that also name a thing.
_DELICATE = re.compile(
    r"\b(?:golden|reddish|bluish|greenish|yellowish|purplish|pinkish|orangish|silvery|whitish|blackish|colou?r\w*|shad(?:e|ed|es|ing)"
    r"|tones?|toned|hues?|tints?|rainbow|multi\w*|flags?|patriotic|cardinals?|oranges|olive|copper|bronze|garnet|rose|violets?|sand|wheat"
    r"|orange (?:fruit|slice|tree|blossom|peel)|(?:red|blue|green|purple|orange|gold|maroon|navy)s)\b|\w-colou?red",
    re.IGNORECASE,
)
_ALONE = frozenset({"sky", "royal", "tan", "cream", "aqua", "indigo"})  # too vague or too rare to be sure of


def recolour(
    picture: Image.Image, caption: str, rng: np.random.Generator, *, club: str = ""
) -> tuple[Image.Image, str, dict[str, str]] | None:
    """The picture and caption in other colours, and which became which; None where that could be untrue.

    All coloured words change, each with the parts of the palette that it is nearest to; black, white, grey
    and colours without a word stay. Shading and smooth edges are kept.
    """
    phrases = _phrases(caption, club)
    if not phrases:
        return None
    pixels = np.asarray(picture)
    colours = palette(pixels)
    words = list(phrases)
    prototypes = np.array([rgb(phrases[word]) for word in words])
    owner = _owners(colours, prototypes)
    if set(range(len(words))) - set(owner.tolist()):
        return None
    targets = _targets(colours, owner, prototypes, caption, rng)
    if targets is None:
        return None
    after = colours.copy()
    for i, target in enumerate(targets):
        mine = owner == i
        shade = (colours[mine] - colours[mine].mean(axis=0)).mean(axis=1, keepdims=True)  # lighter and darker parts
        after[mine] = np.clip(rgb(target) + shade, 0, 255)
    swaps = dict(zip(words, targets, strict=True))
    return Image.fromarray(remapped(pixels, colours, after)), _reworded(caption, swaps), swaps


def palette(pixels: np.ndarray) -> np.ndarray:
    """The colours that cover most of RGBA pixels (H, W, 4), float (K, 3) in 0..255, the largest first.

    They are modes of the histogram, not means: the mixed colours of smooth edges are none of them.
    """
    solid = pixels[pixels[..., 3] > 200][:, :3]
    bins, place, count = np.unique(
        (solid.astype(np.uint32) >> 3) @ np.array([1024, 32, 1], np.uint32), return_inverse=True, return_counts=True
    )
    total = [np.bincount(place, solid[:, k], len(bins)) for k in range(3)]
    means = np.stack(total, axis=1) / np.maximum(count, 1)[:, None]
    found: list[np.ndarray] = []
    for i in np.argsort(-count, kind="stable"):
        if count[i] < AREA / 2 * len(solid) or len(found) == MOST_COLOURS:
            break
        if all(np.linalg.norm(oklab(means[i]) - oklab(other)) >= SHADES for other in found):
            found.append(means[i])
    return np.array(found).reshape(-1, 3)


def stand_out(colour: np.ndarray, colours: np.ndarray) -> bool:
    """Whether a colour (3,) is told apart from each of (K, 3)."""
    return bool((np.linalg.norm(oklab(colours) - oklab(colour), axis=-1) >= APART).all())


def _phrases(caption: str, club: str) -> dict[str, str]:
    """The coloured phrases of a caption ("navy blue") with the word for their look; empty where one is delicate."""
    quoted = [match.span() for match in _QUOTED.finditer(caption)]
    names = set(COLOUR_WORD.findall(club.lower()))
    found: dict[str, str] = {}
    before = -2
    for match in _PHRASE.finditer(caption):
        text = match[0].lower().replace("-", " ")
        first, last = COLOUR_WORD.findall(text)[0], text.split()[-1]
        start = caption[: match.start()].rstrip()
        opens = not start or start[-1] in ".!?"
        after = re.match(r"[ -]([A-Z][A-Za-z]+)", caption[match.end() :])
        if (
            any(a <= match.start() < b for a, b in quoted)
            or (match[0][0].isupper() and not opens)
            or match[0].isupper()
            or (match[0][0].isupper() and after)
            or last in names
            or text in _ALONE
            or match.start() - before <= 1
        ):
            return {}
        before = match.end()
        if last not in NEUTRAL:
            found[text] = first if first in ("navy", "royal", "sky") else last
    return {} if _DELICATE.search(caption) else found


def _owners(colours: np.ndarray, prototypes: np.ndarray) -> np.ndarray:
    """For each colour (K, 3) the index of the word it is called by; -1 for neutral ones and those without a word."""
    if len(colours) == 0:
        return np.empty(0, np.int64)
    seen, words = oklab(colours), oklab(prototypes)
    apart = np.linalg.norm(seen[:, None] - words[None], axis=-1)  # (K, words)
    owner = apart.argmin(axis=1)
    owner[(apart.min(axis=1) > LIKE) | (np.linalg.norm(seen[:, 1:], axis=1) < GREY)] = -1
    return owner


def _targets(
    colours: np.ndarray, owner: np.ndarray, prototypes: np.ndarray, caption: str, rng: np.random.Generator
) -> list[str] | None:
    """A new colour for each word: none that the caption names, each apart from the old one and all that stays."""
    named = set(COLOUR_WORD.findall(caption.lower()))
    taken = [*colours[owner == -1]]
    chosen: list[str] = []
    for old in prototypes:
        free = [word for word in rng.permutation(TARGETS).tolist() if word not in named and word not in chosen]
        fit = next((word for word in free if stand_out(rgb(word), np.array([*taken, old]))), None)
        if fit is None:
            return None
        chosen.append(fit)
        taken.append(rgb(fit))
    return chosen


def remapped(pixels: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """RGBA pixels (H, W, 4) with the palette `before` (K, 3) turned into `after`.

    A pixel is a mixture of the two palette colours between which it lies best, and a rest; the mixture
    moves and the rest stays, so that smooth edges and shading do.
    """
    flat = pixels.reshape(-1, 4)
    packed = flat[:, :3].astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    shades, place = np.unique(packed, return_inverse=True)
    colour = np.stack([shades >> 16, shades >> 8 & 255, shades & 255], axis=1).astype(float)  # (N, 3)
    best = np.full(len(colour), np.inf)
    moved = np.zeros_like(colour)  # (N, 3)
    for i, j in combinations_with_replacement(range(len(before)), 2):
        axis, offset = before[j] - before[i], colour - before[i]
        share = (offset @ axis / max(axis @ axis, 1.0)).clip(0, 1)[:, None]  # (N, 1)
        rest = ((offset - share * axis) ** 2).sum(axis=1)
        nearer = rest < best
        best[nearer] = rest[nearer]
        moved[nearer] = ((after - before)[i] * (1 - share) + (after - before)[j] * share)[nearer]
    out = flat.copy()
    out[:, :3] = np.clip(colour + moved, 0, 255).round().astype(np.uint8)[place]
    return out.reshape(pixels.shape)


def _reworded(caption: str, swaps: dict[str, str]) -> str:
    """The caption with its colour phrases exchanged all at once, and `a` or `an` before them put right."""

    def put(match: re.Match[str]) -> str:
        article, phrase = match[1] or "", match[2]
        new = swaps.get(phrase.lower().replace("-", " "), phrase)
        if phrase[0].isupper():
            new = new[0].upper() + new[1:]
        if article and new != phrase:
            article = f"{article[0]}{'n' if new[0].lower() in 'aeiou' else ''}{article[-1]}"
        return article + new

    return re.sub(rf"(\b[Aa]n? )?({_PHRASE.pattern})", put, caption, flags=re.IGNORECASE)
