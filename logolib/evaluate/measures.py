"""What is measured of each arm, what counts as better, and how two arms compare on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from logolib.evaluate.sets import Halved
from logolib.evaluate.statistics import Interval, bootstrap_mean, paired_difference

ALPHA, POWER = 0.05, 0.8  # of the prompts that it would take
MOST = 5000  # prompts; a difference that needs more is out of reach here
Score = np.ndarray | Halved  # one number a prompt, NaN where it was not asked; or one of the whole set
Scores = dict[str, dict[str, Score]]  # arm => measure => what it reached


@dataclass(frozen=True)
class Measure:
    """One measure: its name in a sentence, which way is better, whether it is a share, and what it can be."""

    words: str
    sign: int = 1  # -1: less is better
    share: bool = True
    low: float = 0.0
    high: float = 1.0


MEASURES: dict[str, Measure] = {
    "fit": Measure("right captions picked"),
    "similarity": Measure("closeness to the caption", share=False, low=-1),
    "attributes": Measure("attributes drawn as asked"),
    "lettering": Measure("legible lettering"),
    "kid": Measure("distance from true logos", -1, share=False, low=-math.inf, high=math.inf),
    "precision": Measure("pictures that could be true logos"),
    "recall": Measure("true logos it could have drawn"),
    "variety": Measure("variety", share=False, high=2),
    "copied": Measure("nearness to training logos", -1),
}


def described(name: str, score: Score, resamples: int, seed: int) -> dict[str, float] | None:
    """Mean, 95 % interval and number of prompts of one arm's score; None where nothing was asked."""
    if isinstance(score, Halved):
        found, n = score.interval(MEASURES[name].low, MEASURES[name].high), score.n
    else:
        asked = score[~np.isnan(score)]
        if not len(asked):
            return None
        found, n = bootstrap_mean(asked, resamples, seed), len(asked)
    return {**found._asdict(), "n": n}


def compare(
    first: str, second: str, scores: Mapping[str, Mapping[str, Score]], resamples: int, seed: int
) -> list[dict[str, Any]]:
    """One row for each measure that both arms have: the difference of the first from the second, and its verdict.

    `verdict` is better, worse, the same, or can't tell, where `prompts_needed` says how many prompts would find
    the difference seen here four times in five, if it is true; None when MOST would not.
    """
    rows = []
    for name in MEASURES:
        a, b = scores[first].get(name), scores[second].get(name)
        if a is None or b is None:
            continue
        found = _difference(a, b, resamples, seed)
        if found is None:
            continue
        change, error, n = found
        better = change.low if MEASURES[name].sign > 0 else -change.high
        worse = change.high if MEASURES[name].sign > 0 else -change.low
        verdict = "better" if better > 0 else "worse" if worse < 0 else "can't tell" if error else "the same"
        needed = prompts_needed(change.mean, error, n) if verdict == "can't tell" else None
        rows.append(
            {"first": first, "second": second, "measure": name, "difference": change.mean, "low": change.low}
            | {"high": change.high, "n": n, "verdict": verdict, "prompts_needed": needed}
        )
    return rows


def prompts_needed(difference: float, error: float, n: int) -> int | None:
    """Prompts from which on a paired t-test finds a true `difference` with POWER; None beyond MOST.

    error: the standard error that n prompts gave; it shrinks with their square root.
    """
    from statsmodels.stats.power import TTestPower

    effect = abs(difference) / (error * math.sqrt(n)) if error else 0.0
    if effect == 0 or (2.8 / effect) ** 2 > MOST:  # 2.8: the normal quantiles of ALPHA and POWER together
        return None
    return math.ceil(TTestPower().solve_power(effect_size=effect, alpha=ALPHA, power=POWER))


def _difference(a: Score, b: Score, resamples: int, seed: int) -> tuple[Interval, float, int] | None:
    """The difference with its interval, its standard error, and the number of prompts."""
    if isinstance(a, Halved) and isinstance(b, Halved):
        change = a - b
        return change.interval(), change.error(), change.n
    assert isinstance(a, np.ndarray)
    assert isinstance(b, np.ndarray)
    both = ~np.isnan(a) & ~np.isnan(b)
    if both.sum() < 2:
        return None
    error = float((a - b)[both].std(ddof=1) / math.sqrt(both.sum()))
    return paired_difference(a[both], b[both], resamples, seed), error, int(both.sum())
