"""Further versions of a captioned logo whose caption stays true: new colours, a mirror image, a ground, a tilt."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from PIL import Image

from logolib.data.colours import rgb
from logolib.data.recolour import palette, recolour, stand_out
from logolib.images import flatten

TILT = 5.0  # degrees at most: a logo stays upright
SCALE = (0.78, 0.88)  # of the side: a full square tilted by 5 degrees needs 1.083 times its side
GROUNDS = ("white", "black", "gray", "navy", "red", "green", "gold", "blue")
CLEAR = 0.1  # share of clear pixels from which a picture can be given a ground

# Words of captions that tell of lettering, or of sides; and lettering itself: quotes, digits, capitals.
_LETTERING = re.compile(
    r"\b(?:alphabet|characters?|font|initial\w*|letter\w*|lower-?case|monogram|name\w*|number\w*|numeral\w*|phrase"
    r"|read(?:s|ing)|said|say\w*|script\w*|serif|signature|slogan|spell\w*|text|typeface|upper-?case|word\w*|writ\w+"
    r"|motto|year)\b|[\"“”„«»0-9]|(?<![A-Za-z])['‘](?=[A-Z])",
    re.IGNORECASE,
)
_CAPITALS = re.compile(r"\b(?:[B-HJ-Z]|[A-Z]{2,}|(?<=[a-z,] )[AI])\b")
# Sides, and divisions whose parts a caption names from left to right.
_SIDES = re.compile(
    r"\b(?:(?:anti-?)?clockwise|backwards?|bend|counter\w*|diagonal\w*|divided|east\w*|hal[fv]\w*|left\w*|quarter\w*"
    r"|reverse\w*|right\w*|sash|slant\w*|split\w*|west\w*)\b",
    re.IGNORECASE,
)
_GROUND = re.compile(r"\b(?:back(?:ground|drop)|ground|field|transparent)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Augmented:
    """One further version."""

    picture: Image.Image  # RGBA, as large as the original
    caption: str
    changes: tuple[str, ...]  # in words, in order


def augment(
    picture: Image.Image, caption: str, seed: int, *, club: str = "", kind: str = "", truncated: bool = False
) -> Augmented:
    """One further version of a square RGBA picture and its caption; equal seeds give equal versions.

    Colours change in picture and caption together, and only when every colour word of the caption is
    found in the picture and none is part of a name (`club` is one). A mirror image is made only where
    neither caption nor `kind` tells of lettering or sides and the caption is whole. A coloured ground is
    named in the caption. Tilt and scale are mild and cut nothing off.
    """
    rng = np.random.default_rng(seed)
    changes = []
    if recoloured := recolour(picture, caption, rng, club=club):
        picture, caption, swaps = recoloured
        changes += [f"{old} to {new}" for old, new in swaps.items()]
    if rng.random() < 0.5 and mirrors(caption, kind=kind, truncated=truncated):
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        changes.append("mirrored")
    ground = _ground(picture, caption, rng, truncated) if rng.random() < 0.5 else None
    picture, tilt = _tilted(picture, rng)
    changes.append(tilt)
    if ground is not None:
        picture = flatten(picture, (int(rgb(ground)[0]), int(rgb(ground)[1]), int(rgb(ground)[2]))).convert("RGBA")
        caption = f"{caption} On a {ground} ground." if caption[-1] in '.!?"”' else f"{caption}, on a {ground} ground"
        changes.append(f"{ground} ground")
    return Augmented(picture, caption, tuple(changes))


def mirrors(caption: str, *, kind: str = "", truncated: bool = False) -> bool:
    """Whether the mirror image of a logo is still what its caption says: no lettering, no sides, nothing cut off."""
    told = _LETTERING.search(caption) or _CAPITALS.search(caption) or _SIDES.search(caption)
    return not (told or truncated or "word" in kind.lower() or "script" in kind.lower())


def _tilted(picture: Image.Image, rng: np.random.Generator) -> tuple[Image.Image, str]:
    """Turned by a few degrees, a little smaller and moved, with nothing cut off."""
    side = picture.width
    angle, scale = rng.uniform(-TILT, TILT), rng.uniform(*SCALE)
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    room = max(0.0, (1 - scale * (cos + abs(sin))) / 2 * side - 1)  # pixels by which even a full square may move
    right, down = rng.uniform(-room, room, 2)
    middle = side / 2
    a, b = cos / scale, sin / scale  # where each pixel comes from: the inverse of scaling, turning and moving
    x, y = middle + right, middle + down
    where = (a, b, middle - a * x - b * y, -b, a, middle + b * x - a * y)
    moved = picture.transform(picture.size, Image.Transform.AFFINE, where, Image.Resampling.BICUBIC)
    return moved, f"tilted {angle:.1f} degrees, scaled {scale:.2f}"


def _ground(picture: Image.Image, caption: str, rng: np.random.Generator, truncated: bool) -> str | None:
    """A ground that the caption may name and on which every colour of the picture shows; None where there is none."""
    pixels = np.asarray(picture)
    if truncated or _GROUND.search(caption) or (pixels[..., 3] == 0).mean() < CLEAR:
        return None
    colours = palette(pixels)
    fitting = [name for name in GROUNDS if stand_out(rgb(name), colours)]
    return str(rng.choice(fitting)) if fitting else None
