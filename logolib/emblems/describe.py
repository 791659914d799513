"""English captions of emblems, in the manner of the captions that people write for real logos."""

from __future__ import annotations

import re

import numpy as np

from logolib.emblems.layout import lettering, ribbon_colour, trim_colour
from logolib.emblems.model import Emblem
from logolib.emblems.palette import is_light
from logolib.emblems.phrases import CHARGE_WORDS, DIVISION_WORDS, PLURAL, SHAPE_WORDS, STYLE_WORDS
from logolib.emblems.sample import pick


def with_article(phrase: str) -> str:
    """The phrase with "a" or "an"; plural phrases stay as they are."""
    if phrase.split()[0] in PLURAL:
        return phrase
    return ("an " if phrase[0].lower() in "aeio" else "a ") + phrase


def _charge(emblem: Emblem, rng: np.random.Generator, brief: bool) -> str:
    assert emblem.charge is not None
    assert emblem.charge_colour is not None
    text = with_article(pick(rng, CHARGE_WORDS[emblem.charge]).format(c=emblem.charge_colour))
    trim = trim_colour(emblem, emblem.charge_colour)
    if brief and (emblem.shape != "free" or _needs_border(emblem)):
        trim = None
    if trim is not None and (emblem.shape == "free" or rng.random() < 0.6):
        text += pick(rng, (f" with {trim} trim", f" trimmed in {trim}", f" edged in {trim}"))
    return text


def _ground(emblem: Emblem, rng: np.random.Generator) -> str:
    words = pick(rng, SHAPE_WORDS[emblem.shape])
    text = pick(rng, DIVISION_WORDS[emblem.division]).format(s=words, a=emblem.field, b=emblem.second)
    text = with_article(text)
    return text


def _border(emblem: Emblem, rng: np.random.Generator, ground: str, brief: bool) -> str:
    c = emblem.border
    if c is None or emblem.shape == "free" or (brief and _needs_border(emblem)):
        return ""
    if " with " in ground:
        return pick(
            rng,
            (f" and {c} trim", f" and {with_article(c)} border", f", bordered in {c}", f" and {c} edging"),
        )
    return pick(rng, (f" with {c} trim", f" with {with_article(c)} border", f" bordered in {c}", f" with {c} edging"))


def _needs_border(emblem: Emblem) -> bool:
    """Whether light grounds, which white paper would swallow, never go without one."""
    return any(c is not None and is_light(c) for c in (emblem.field, emblem.second))


def _noun(letters: str, rng: np.random.Generator) -> str:
    if len(letters) == 1:
        return pick(rng, ("the letter", "a letter"))
    return pick(rng, ("initials", "the initials", "the letters", "letters"))


def _letters_in_brief(emblem: Emblem, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Initials and wordmarks without their place and, half the time, without their colour."""
    ink = f" in {emblem.letter_colour}" if rng.random() < 0.5 else ""
    initials, words = [], []
    if emblem.initials is not None:
        initials.append(f'{_noun(emblem.initials, rng)} "{emblem.initials}"{ink}')
    if emblem.wordmark is not None:
        lines = " and ".join(f'"{line}"' for line in (emblem.wordmark, emblem.wordmark2) if line is not None)
        words.append(f"{pick(rng, ('wordmark', 'the wordmark'))} {lines}{ink}")
    return initials, words


def _initials(emblem: Emblem, rng: np.random.Generator) -> str:
    letters, c = emblem.initials, emblem.letter_colour
    assert letters is not None
    noun = _noun(letters, rng)
    trim = trim_colour(emblem, c) if c is not None else None
    tail = f" with {trim} trim" if trim is not None else ""
    if rng.random() < 0.25 and not tail:
        head, _, last = noun.rpartition(" ")
        lead = with_article(c or "") if head == "a" else f"{head} {c}".strip()
        return f'{lead} {last} "{letters}"'
    return f'{noun} "{letters}" in {c}{tail}'


def _wordmark(emblem: Emblem, rng: np.random.Generator) -> str:
    c, mode = emblem.letter_colour, lettering(emblem)
    first, second = emblem.wordmark, emblem.wordmark2
    noun = pick(rng, ("wordmark", "the wordmark"))
    words = f'{noun} "{first}"'
    if second is not None:
        words += pick(
            rng,
            (
                f' and "{second}" in {c}',
                f' over "{second}" in {c}' if mode != "ring" else f' and "{second}" in {c}',
            ),
        )
    else:
        words += f" in {c}"
    if mode == "ring":
        return words + pick(rng, (" around the rim", " on the outer ring", f" on the {emblem.border} ring"))
    if mode == "ribbon":
        band = with_article(ribbon_colour(emblem))
        return words + pick(
            rng, (f" on {band} ribbon below", f" on {band} banner below", f" on {band} ribbon underneath")
        )
    return words + pick(rng, (" below", " underneath", " at the bottom"))


def _where(emblem: Emblem) -> str:
    """Side of the charge on which initials stand, as the picture shows it."""
    if emblem.division == "chief" or emblem.shape in ("heater", "swiss", "round-based"):
        return "above"
    return "beside" if emblem.shape == "pennant" else "below"


def _join(parts: list[str]) -> str:
    if len(parts) < 3:
        return " and ".join(parts)
    return ", ".join(parts[:-1]) + " and " + parts[-1]


def describe(emblem: Emblem, rng: np.random.Generator, brief: bool = False) -> str:
    """One caption: names shape, colours, division, charge, border, letters and style, and nothing else.

    A brief one leaves out what goes without saying: where letters stand, half the time their colour, lines around a
    figure, the border of a light ground; half of the brief ones have neither a capital nor a full stop.
    """
    style = "" if brief and emblem.style == "flat" else pick(rng, STYLE_WORDS[emblem.style])
    if brief:
        initials, words = _letters_in_brief(emblem, rng)
    else:
        words = [_wordmark(emblem, rng)] if emblem.wordmark is not None else []
        initials = [_initials(emblem, rng)] if emblem.initials is not None else []
    if emblem.charge is None:
        text = _letters_first(emblem, rng, initials[0], words, brief)
    else:
        charge = _charge(emblem, rng, brief)
        if initials and not brief:
            initials = [f"{initials[0]} {_where(emblem)} it" if rng.random() < 0.5 else initials[0]]
        rest = initials + words
        if emblem.shape == "free":
            text = charge + (
                f" with {_join(rest)}" if rest and rng.random() < 0.6 else f", {_join(rest)}" if rest else ""
            )
        else:
            text = _crest(emblem, rng, charge, rest, brief)
    if style:
        text += f", {style}" if rng.random() < 0.8 or '"' in text else f" {style}"
    text = re.sub(r"\ba (?=orange\b)", "an ", text)
    if brief and rng.random() < 0.5:
        return text
    return text[0].upper() + text[1:] + "."


def _letters_first(emblem: Emblem, rng: np.random.Generator, initials: str, words: list[str], brief: bool) -> str:
    if emblem.shape == "free":
        return _join([initials, *words]) if rng.random() < 0.5 or not words else f"{initials} with {words[0]}"
    ground = _ground(emblem, rng)
    ground += _border(emblem, rng, ground, brief)
    if rng.random() < 0.6:
        text = f"{initials} on {ground}"
        return f"{text}, {words[0]}" if words else text
    return f"{ground}, with {_join([initials, *words])}"


def _crest(emblem: Emblem, rng: np.random.Generator, charge: str, rest: list[str], brief: bool) -> str:
    ground = _ground(emblem, rng)
    border = _border(emblem, rng, ground, brief)
    order = rng.random()
    if order < 0.45:
        inside = pick(rng, ("on", "on", "on", "inside"))
        text = f"{charge} {inside} {ground}{border}"
        if not rest:
            return text
        return text + pick(rng, (", with ", ", ", " and ")) + _join(rest)
    if order < 0.85:
        joint = ", " if border else " "
        bearing = pick(rng, ("with", "bearing", "featuring", "showing"))
        return f"{ground}{border}{joint}{bearing} {_join([charge, *rest])}"
    middle = pick(rng, ("in the middle", "in the center", "inside"))
    text = f"{ground}{border}, {charge} {middle}"
    return f"{text}, {_join(rest)}" if rest else text


def describe_all(emblem: Emblem, count: int = 8, seed: int = 0) -> list[str]:
    """Up to `count` different captions of the emblem, fixed by the seed. ValueError for count < 1."""
    if count < 1:
        raise ValueError("count must be at least 1")
    rng = np.random.default_rng([seed, int(emblem.key(), 16)])
    found = dict.fromkeys(describe(emblem, rng) for _ in range(4 * count))
    return list(found)[:count]
