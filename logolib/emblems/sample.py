"""Random emblems whose colours contrast and whose parts fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from logolib.emblems.charges import ALIKE_CHARGES, CHARGES, RESERVED_CHARGES
from logolib.emblems.model import DIVISIONS, RESERVED_STYLES, STYLES, Emblem
from logolib.emblems.palette import COLOURS, apart, distance, is_light, lab, legible
from logolib.emblems.shapes import RESERVED_SHAPES, SHAPES

# Weights of colours: blue, white, red, black and gold lead in real captions.
_WEIGHT: dict[str, float] = {
    "red": 5,
    "blue": 5,
    "white": 5,
    "black": 3.5,
    "gold": 4,
    "navy": 3.5,
    "green": 3,
    "pink": 0.6,
}
_SHAPE_WEIGHT: dict[str, float] = {"heater": 3, "swiss": 2, "round-based": 2, "roundel": 3.5, "free": 2}
_DIVISION_WEIGHT: dict[str, float] = {"plain": 9, "stripes": 1.5, "per pale": 1.5}
_STYLE_WEIGHT: dict[str, float] = {"flat": 4, "outlined": 2, "shaded": 2, "stencil": 1.2, "vintage": 2}
Ground = Literal["any", "divided", "light"]  # divided: never plain; light: plain, of a light colour other than white
MOST_COLOURS = 4  # per emblem, without the lines of its style
_WITH_CHIEF = ("heater", "swiss", "round-based", "square", "banner", "hexagon")
_LETTERS = "ABCDEFGHIJKLMNOPRSTUVWY"
_SYLLABLES: tuple[tuple[str, ...], tuple[str, ...]] = (
    ("VARR", "KELD", "DROV", "MARV", "OSK", "TALD", "BREN", "LORV", "SOLV", "FENN", "GARV",
     "HALV", "NERV", "RISK", "WENN", "YARL", "QUIN", "ZELK", "JORV"),
    ("MORE", "VIK", "LOW", "HAVEN", "BY", "NAST", "STAD", "WICK", "RAY", "PORT", "DALE", "MONT"),
)  # fmt: skip
_SECOND_LINES: tuple[str, ...] = (
    "FC",
    "UNITED",
    "ATHLETIC",
    "CITY",
    "ROVERS",
    "SPORTING",
    "RANGERS",
    "HOCKEY",
    "CLUB",
)


def pick(rng: np.random.Generator, options: Sequence[str], weights: dict[str, float] | None = None) -> str:
    """One option; weights default to 1. ValueError for no options."""
    if not options:
        raise ValueError("no options to pick from")
    w = np.array([1.0 if weights is None else weights.get(o, 1.0) for o in options])
    return options[int(rng.choice(len(options), p=w / w.sum()))]


def _reserved_kinds(rng: np.random.Generator, reserved: float) -> frozenset[str]:
    """Which of "shape", "charge" and "style" take a reserved value."""
    if rng.random() >= reserved:
        return frozenset()
    first = pick(rng, ("shape", "charge", "style"))
    extra = [k for k in ("shape", "charge", "style") if k != first and rng.random() < 0.15]
    return frozenset([first, *extra])


def _scheme(
    rng: np.random.Generator, shape: str, division: str, style: str, light: bool = False
) -> dict[str, str | None] | None:
    """Colours of field, second, border, figure and letters; None where the draw does not work out.

    `light`: the field is light and not white.
    """
    names = [c for c in COLOURS if style != "outlined" or lab(c)[0] > 20]
    if style == "vintage":
        names = [c for c in names if c != "silver"]
    figure: str | None
    field = pick(rng, [c for c in names if is_light(c) and c != "white"] if light else names, _WEIGHT)
    if shape == "free":
        rims = [c for c in names if legible(c, field) and not is_light(c)]
        if is_light(field) and not rims:
            return None
        border = pick(rng, rims, _WEIGHT) if rims and (rng.random() < 0.5 or is_light(field)) else None
        letter = field if rng.random() < 0.5 else (border or field)
        return {"field": field, "second": None, "border": border, "figure": field, "letter": letter}
    second = None
    if division != "plain":
        pairs = [c for c in names if apart(c, field) and abs(lab(c)[0] - lab(field)[0]) > 12]
        second = pick(rng, pairs, _WEIGHT)
    grounds = [field] + ([second] if second is not None and division != "chief" else [])
    figures = [c for c in names if all(legible(c, g) for g in grounds)]
    if not figures:
        return None
    figure = pick(rng, figures, _WEIGHT)
    used = {c for c in (field, second, figure) if c is not None}
    rims = [c for c in names if all(distance(c, g) > 40 for g in (field, second) if g is not None)]
    if style not in ("outlined", "vintage"):
        rims = [c for c in rims if c != "white"]  # a white rim is lost on a white ground
    again = [c for c in rims if c in used]
    border = None
    if rng.random() < 0.72 or is_light(field) or (second is not None and is_light(second)):
        pool = again if again and (len(used) >= 3 or rng.random() < 0.6) else rims
        if not pool:
            return None
        border = pick(rng, pool, _WEIGHT)
        used.add(border)
    under = [second] if division == "chief" and second is not None else grounds
    letters = [c for c in names if all(legible(c, g) for g in under)]
    same = [c for c in letters if c in used]
    if not letters:
        return None
    pool = same if same and (rng.random() < 0.8 or len(used) >= 4) else letters
    letter = pick(rng, pool, _WEIGHT)
    return {"field": field, "second": second, "border": border, "figure": figure, "letter": letter}


def _ring_colours(rng: np.random.Generator, scheme: dict[str, str | None], style: str, initials: bool) -> None:
    """Changes border and letters so that the border can carry the wordmark, where the colours allow it."""
    grounds = [c for c in (scheme["field"], scheme["second"]) if c is not None]
    border = scheme["border"]
    if border is None:
        used = [c for c in (scheme["figure"],) if c is not None and all(distance(c, g) > 40 for g in grounds)]
        if not used:
            return
        border = used[0]
    if border == "white" and style not in ("outlined", "vintage"):
        return
    under = [border, *grounds] if initials else [border]
    letters = [c for c in COLOURS if all(legible(c, g) for g in under)]
    used = [c for c in letters if c in (scheme["figure"], *grounds)]
    if letters:
        scheme["border"], scheme["letter"] = border, pick(rng, used or letters, _WEIGHT)


def _words(rng: np.random.Generator) -> tuple[str | None, str | None, str | None]:
    """Initials and two wordmarks that agree; absent ones None."""
    town = pick(rng, _SYLLABLES[0]) + pick(rng, _SYLLABLES[1])
    second = pick(rng, _SECOND_LINES)
    letters = town[0] + "".join(pick(rng, list(_LETTERS)) for _ in range(int(rng.integers(0, 3))))
    initials = letters if rng.random() < 0.38 else None
    wordmark = town if rng.random() < 0.5 else None
    return initials, wordmark, second if wordmark is not None and rng.random() < 0.4 else None


def sample_emblem(
    rng: np.random.Generator, *, reserved: float = 0.0, ground: Ground = "any", alike: bool = False
) -> Emblem:
    """A random emblem.

    `reserved` (0..1) is the probability that it uses at least one reserved shape, charge or style; with 0
    it never does. `ground`: of which kind its ground is, if it has one. `alike`: it has a charge, and
    unless that is a reserved one it is among `ALIKE_CHARGES`. ValueError outside 0..1.
    """
    if not 0.0 <= reserved <= 1.0:
        raise ValueError("reserved must lie in 0..1")
    kinds = _reserved_kinds(rng, reserved)
    initials, wordmark, wordmark2 = _words(rng)
    lone = initials is not None and "charge" not in kinds and rng.random() < 0.3 and not alike
    charge = None if lone else sample_charge(rng, "charge" in kinds, alike)
    return dress(rng, kinds, charge, initials, wordmark, wordmark2, ground=ground)


def sample_figure(rng: np.random.Generator, *, ground: Ground = "any", alike: bool = False) -> Emblem:
    """A figure that stands large, without letters: half of them alone, half on a ground; nothing of it is reserved.

    `ground`: of which kind that is. `alike`: the figure is among `ALIKE_CHARGES`.
    """
    charge = sample_charge(rng, False, alike)
    if rng.random() < 0.5:
        return dress(rng, frozenset(), charge, None, None, None, ground=ground)
    style = pick(rng, [s for s in STYLES if s not in RESERVED_STYLES], _STYLE_WEIGHT)
    while (scheme := _scheme(rng, "free", "plain", style)) is None:
        pass
    field = scheme["field"]
    assert field is not None
    return Emblem(
        shape="free",
        division="plain",
        field=field,
        second=None,
        border=scheme["border"],
        charge=charge,
        charge_colour=scheme["figure"],
        initials=None,
        wordmark=None,
        wordmark2=None,
        letter_colour=None,
        style=style,
    )


def sample_charge(rng: np.random.Generator, reserved: bool, alike: bool = False) -> str:
    """A charge from the reserved ones, or from the others, or from those of them that are alike when small."""
    if alike and not reserved:
        return pick(rng, ALIKE_CHARGES)
    return pick(rng, [c for c in CHARGES if (c in RESERVED_CHARGES) == reserved])


def dress(
    rng: np.random.Generator,
    kinds: frozenset[str],
    charge: str | None,
    initials: str | None,
    wordmark: str | None,
    wordmark2: str | None,
    *,
    ground: Ground = "any",
) -> Emblem:
    """An emblem for that charge and lettering: shape, division, style and colours are drawn.

    `kinds` names which of "shape" and "style" take a reserved value. `ground`: of which kind it is.
    """
    shape = pick(rng, [s for s in SHAPES if (s in RESERVED_SHAPES) == ("shape" in kinds)], _SHAPE_WEIGHT)
    style = pick(rng, [s for s in STYLES if (s in RESERVED_STYLES) == ("style" in kinds)], _STYLE_WEIGHT)
    if charge is not None and initials is not None:
        while shape == "star" or (shape == "diamond" and len(initials) > 1):  # too narrow for both
            shape = pick(rng, [s for s in SHAPES if s not in RESERVED_SHAPES], _SHAPE_WEIGHT)
    ring = shape == "roundel" and wordmark is not None and rng.random() < 0.8
    if ring and charge is not None:
        initials = None  # the field inside a ring has room for one figure
    lettered = initials is not None or wordmark is not None
    divisions = ["plain"] if ground == "light" else [d for d in DIVISIONS if d != "plain" or ground == "any"]
    while True:
        division = "plain" if shape == "free" else pick(rng, divisions, _DIVISION_WEIGHT)
        if division == "chief" and (charge is None or shape not in _WITH_CHIEF):
            continue
        if style == "stencil" and division not in ("plain", "chief", "per fess", "per pale"):
            continue  # the gaps of a stencil need a calm ground
        scheme = _scheme(rng, shape, division, style, ground == "light" and shape != "free")
        if scheme is None:
            continue
        if ring:
            _ring_colours(rng, scheme, style, initials is not None)
        shown = {"figure": charge is not None, "letter": lettered}
        if len({c for part, c in scheme.items() if c is not None and shown.get(part, True)}) <= MOST_COLOURS:
            break
    field = scheme["field"]
    assert field is not None
    return Emblem(
        shape=shape,
        division=division,
        field=field,
        second=scheme["second"],
        border=scheme["border"],
        charge=charge,
        charge_colour=scheme["figure"] if charge is not None else None,
        initials=initials,
        wordmark=wordmark,
        wordmark2=wordmark2,
        letter_colour=scheme["letter"] if lettered else None,
        style=style,
    )


_COLOURED = ("field", "second", "border", "charge_colour", "letter_colour")


def sibling(emblem: Emblem, rng: np.random.Generator) -> Emblem:
    """The emblem with one thing changed: its charge, one colour, or two colours that change places.

    Everything else stays, so that only the changed words tell the two apart (hard negatives of each other).
    """
    colours = list(dict.fromkeys(c for c in (getattr(emblem, part) for part in _COLOURED) if c is not None))
    kinds = ["colour", "places"] if emblem.charge is None else ["charge", "charge", "colour", "places"]
    while True:
        kind = pick(rng, kinds)
        if kind == "charge":
            reserved = emblem.charge in RESERVED_CHARGES
            others = [c for c in CHARGES if c != emblem.charge and (c in RESERVED_CHARGES) == reserved]
            return replace(emblem, charge=pick(rng, others))
        old = pick(rng, colours)
        if kind == "places":
            new = pick(rng, colours)
        else:
            rest = [c for c in colours if c != old]
            new = pick(rng, [old, *(c for c in COLOURS if c not in colours and all(legible(c, r) for r in rest))])
        if new == old:
            continue
        moved = {old: new, new: old}
        changed = {part: moved.get(getattr(emblem, part), getattr(emblem, part)) for part in _COLOURED}
        found = replace(emblem, **changed)
        if _stands_out(found):
            return found


def _stands_out(emblem: Emblem) -> bool:
    """Whether its outline is seen on white."""
    if emblem.border == "white":
        return emblem.style in ("outlined", "vintage")
    grounds = [c for c in (emblem.field, emblem.second) if c is not None]
    return emblem.border is not None or not any(is_light(c) for c in grounds)
