"""Setting the gate by captioned logos: what true pairs have in common, and shuffled ones have not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import expit

from logolib.caption.colours import ColourTable, named
from logolib.caption.fit import embed_captions
from logolib.caption.gate import MEASURES, Gate, Observed, Rule, Seen, measure, observe
from logolib.caption.letters import ClassTable
from logolib.caption.words import Reference, lettering
from logolib.config import LogolibError
from logolib.data import clean_caption
from logolib.emblems.corpus import sample_many
from logolib.models.clip import Clip

SHUFFLES = 8  # captions of others that each picture is tried with
INVENTED = 2  # descriptions of drawn emblems, likewise
TRUE, SHUFFLED, INVENTION = range(3)  # kinds of pairs
FOLDS = 5  # the threshold is set on pairs that the weights have not seen
LEAST_SAID = 0.02  # share of true captions that may say too little
RIDGE = 0.002  # of the squared weights, beside a mean loss: weights of few pairs stay small
# What machines say of any logo.
GENERIC = (
    "A blue lion drawing.", "A circle-shaped diagram.", "A Football ball.", "A logo.", "The logo of a team.",
    "A close up of a sign.", "A black and white photo of a sign.", "A picture of a logo on a white background.",
    "A drawing of a bird.", "A red and white sign.", "A logo for a sports team.", "A blue and white logo.",
    "A close up of a street sign.", "A soccer ball.", "A sign that is on the side of a wall.", "A cartoon of a dog.",
    "A round sign with a picture on it.", "A black and red logo.", "A shield.", "A colourful picture.",
    "An emblem of a club.", "A green and white sign.", "A basketball logo.", "A drawing of an animal.",
    "A sticker on a wall.", "A red circle.", "A letter.", "Some text on a background.", "A football team logo.",
    "A yellow and black symbol.", "An image of a shield with a star.", "A picture of a cat.",
)  # fmt: skip


class CaptionError(LogolibError):
    """Captions that cannot be written or judged, and what to do."""


def shuffled(clubs: Sequence[str], captions: Sequence[str], times: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of pictures and of captions of other clubs, each int64 (N times,); fewer where there are no others."""
    rng = np.random.default_rng(seed)
    keys = np.array([club.casefold() for club in clubs])
    texts = np.array(captions, object)
    pictures, others = [], []
    for i in range(len(captions)):
        strangers = np.flatnonzero((keys != keys[i]) & (texts != texts[i]))
        chosen = rng.permutation(strangers)[:times]
        pictures += [i] * len(chosen)
        others += chosen.tolist()
    return np.array(pictures, np.int64), np.array(others, np.int64)


def invented(n: int, seed: int) -> list[str]:
    """Exact descriptions of emblems that nobody drew."""
    return [caption for _, caption in sample_many(n, seed)] if n else []


def calibrate(
    clip: Clip,
    reference: Reference,
    seen: Sequence[Seen],
    captions: Sequence[str],
    *,
    pass_rate: float = 0.05,
    seed: int = 0,
    crowd: tuple[Sequence[Seen], Sequence[str]] | None = None,
) -> Gate:
    """A gate from true pairs whose clubs are known; `clip` is the one that `seen` was looked at with.

    Colours and lettering are log odds counted over these pairs against shuffled ones (naive Bayes); a logistic
    regression weighs them and the CLIP's margin, and its threshold lets `pass_rate` of the false pairs through that
    its weights have not seen, clubs apart. `crowd` is what similarities are compared with; these pairs unless told.
    Raises CaptionError for fewer than eight pairs or fewer than two clubs.
    """
    texts = [clean_caption(caption) for caption in captions]
    clubs = [one.club or f"#{i}" for i, one in enumerate(seen)]
    if len(texts) < 8 or len(set(clubs)) < 2:
        raise CaptionError(
            f"{len(texts)} captioned logos of {len(set(clubs))} clubs cannot calibrate a gate; collect eight or more."
        )
    crowd_seen, crowd_texts = crowd or (seen, texts)
    blank = Rule((0.0,) * len(MEASURES), (0.0,) * len(MEASURES), 0.0, 0.0)
    said = [text for text in texts if named(text).any() or lettering(text)]
    gate = Gate(
        clip=clip,
        reference=reference,
        colours=ColourTable(np.zeros((2, 2, 6))),
        name=ClassTable({}),
        reading=ClassTable({}),
        information=float(np.quantile([reference.information(text) for text in said], LEAST_SAID)) if said else 0.0,
        with_club=blank,
        without_club=blank,
        other_images=torch.stack([one.embedding for one in crowd_seen]),
        other_texts=embed_captions(clip, list(crowd_texts)),
    )
    pictures, others = shuffled(clubs, texts, SHUFFLES, seed)
    n, extra = len(texts), invented(INVENTED * len(texts), seed)
    rows = np.concatenate([np.arange(n), pictures, np.repeat(np.arange(n), INVENTED)])
    pairs = observe(gate, [seen[i] for i in rows], [*texts, *(texts[j] for j in others), *extra])
    kind = np.repeat([TRUE, SHUFFLED, INVENTION], [n, len(pictures), len(extra)])
    fold = _folds(clubs, seed)[rows]
    scores = {name: np.zeros(len(rows)) for name in ("with_club", "without_club")}
    for k in range(FOLDS):
        learn = fold != k
        if learn.all() or not learn.any():
            continue
        tabled, rules = _fitted(gate, pairs.some(learn), kind[learn])
        measured = measure(tabled, pairs.some(~learn))
        for name, rule in rules.items():
            scores[name][~learn] = rule.odds(measured * _known(name))
    tabled, rules = _fitted(gate, pairs, kind)
    for name, rule in rules.items():
        line = float(np.quantile(scores[name][n:], 1 - pass_rate))
        rules[name] = replace(rule, threshold=line)
    return replace(tabled, with_club=rules["with_club"], without_club=rules["without_club"])


def _folds(clubs: Sequence[str], seed: int) -> np.ndarray:
    names = sorted(set(clubs))
    place = dict(zip(names, np.random.default_rng([seed, 1]).permutation(len(names)) % FOLDS, strict=True))
    return np.array([place[club] for club in clubs])


def _fitted(gate: Gate, pairs: Observed, kind: np.ndarray) -> tuple[Gate, dict[str, Rule]]:
    """The tables and both rules from some pairs."""
    true, wrong = pairs.some(kind == TRUE), pairs.some(kind == SHUFFLED)
    tabled = replace(
        gate,
        colours=ColourTable.of(true.shares, true.said),
        name=ClassTable.of(true.names.tolist(), wrong.names.tolist()),
        reading=ClassTable.of(true.readings.tolist(), wrong.readings.tolist()),
    )
    measured = measure(tabled, pairs)
    rules = {name: _rule(measured * _known(name), kind == TRUE) for name in ("with_club", "without_club")}
    return tabled, rules


def _known(name: str) -> np.ndarray:
    """Which measures count: all, or all but the club's name."""
    return np.array([1.0, 1.0 if name == "with_club" else 0.0, 1.0, 1.0])


def _rule(measured: np.ndarray, true: np.ndarray) -> Rule:
    """Logistic regression with ridge, true and false pairs weighing the same; no weight below zero."""
    weight = np.where(true, 0.5 / true.sum(), 0.5 / (~true).sum())
    sign = np.where(true, 1.0, -1.0)

    def cost(w: np.ndarray) -> tuple[float, np.ndarray]:
        z = sign * (measured @ w[:-1] + w[-1])
        pull = -weight * sign * expit(-z)
        gradient = np.append(measured.T @ pull + RIDGE * w[:-1], pull.sum())
        return float((weight * np.logaddexp(0, -z)).sum() + RIDGE / 2 * (w[:-1] ** 2).sum()), gradient

    bounds = [(0.0, None)] * measured.shape[1] + [(None, None)]
    found = minimize(cost, np.zeros(measured.shape[1] + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    return Rule(tuple(found[:-1].tolist()), tuple(measured[true].mean(0).tolist()), float(found[-1]), 0.0)
