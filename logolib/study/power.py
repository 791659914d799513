"""How many prompts a study needs: exact power of the sign test, calculated before the first vote."""

from __future__ import annotations

import math
from bisect import bisect_left

import numpy as np
from scipy.stats import binom, multinomial, norm

MOST = 5000  # prompts; a study that needs more is out of reach here


def sign_test_power(prompts: int, share: float, alpha: float = 0.05, tied: float = 0.0) -> float:
    """Probability that the exact two-sided sign test at level `alpha` finds a true preference.

    share: of the prompts that are not tied, those that the better arm wins, in (0, 1). tied: share of prompts
    on which the raters split evenly; the test leaves these out. Source: Dixon and Mood, 1946.
    """
    return _mixed(_power_of_decided(prompts, share, alpha), prompts, tied)


def prompts_needed(share: float, alpha: float = 0.05, power: float = 0.8, tied: float = 0.0) -> int | None:
    """The number of prompts from which on the power stays at least `power`; None beyond MOST.

    Power goes up and down with every further prompt, since counts are whole: the last number that fails counts.
    """
    low, high = norm.ppf(1 - alpha / 2), norm.ppf(power)
    rough = ((low + 2 * high * math.sqrt(share * (1 - share))) / (2 * share - 1)) ** 2
    n = math.ceil((rough + 10 / (2 * share - 1)) / (1 - tied)) + 30  # by the normal law, and beyond the last dip
    if n > 1.2 * MOST:
        return None
    found = _power_of_decided(n, share, alpha)
    if not tied:
        return int(np.flatnonzero(found < power).max()) + 1
    return bisect_left(range(n), power, key=lambda prompts: _mixed(found, prompts, tied))  # ties smooth the steps


def _power_of_decided(most: int, share: float, alpha: float) -> np.ndarray:
    """The test's power by the number of prompts that are not tied, from 0 to `most`."""
    decided = np.arange(most + 1)
    lower = binom.ppf(alpha / 2, decided, 0.5)
    lower = np.where(binom.cdf(lower, decided, 0.5) > alpha / 2, lower - 1, lower)  # reject at or below this
    return binom.cdf(lower, decided, share) + binom.sf(decided - lower - 1, decided, share)


def _mixed(found: np.ndarray, prompts: int, tied: float) -> float:
    """Power over `prompts`, some of them tied by chance."""
    if not tied:
        return float(found[prompts])
    middle, spread = prompts * (1 - tied), 9 * math.sqrt(prompts * tied * (1 - tied)) + 1
    decided = np.arange(max(0, int(middle - spread)), min(prompts, int(middle + spread)) + 1)  # all but 1e-18
    return float(binom.pmf(decided, prompts, 1 - tied) @ found[decided])


def majority(vote_share: float, raters: int, tie_votes: float = 0.0) -> tuple[float, float]:
    """From one vote to one prompt: share of decided prompts that the better arm wins, and share of prompts tied.

    vote_share: of the votes that are no ties, those for the better arm; tie_votes: share of votes that are
    ties. Votes count as independent: raters who agree with each other for other reasons add less than this says.
    """
    chances = [(1 - tie_votes) * vote_share, (1 - tie_votes) * (1 - vote_share), tie_votes]
    counts = [(a, b, raters - a - b) for a in range(raters + 1) for b in range(raters + 1 - a)]
    each = multinomial.pmf(counts, raters, chances)
    won = sum(p for p, (a, b, _) in zip(each, counts, strict=True) if a > b)
    lost = sum(p for p, (a, b, _) in zip(each, counts, strict=True) if a < b)
    return float(won / (won + lost)), float(max(0.0, 1 - won - lost))
