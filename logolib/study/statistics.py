"""What votes say: win rates, sign tests, strengths of the arms, and how far raters agree."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import evalica
import krippendorff
import numpy as np
import pandas as pd
from scipy.sparse.csgraph import connected_components
from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint


def prompt_scores(votes: pd.DataFrame, a: str, b: str) -> pd.Series:
    """Share of its votes that arm `a` wins against `b`, ties as half, by prompt; prompts without votes are absent."""
    left = (votes["left_arm"] == a) & (votes["right_arm"] == b)
    right = (votes["left_arm"] == b) & (votes["right_arm"] == a)
    points = votes["winner"].map({"left": 1.0, "right": 0.0, "tie": 0.5})
    points = points.where(left, 1 - points)[left | right]
    return points.groupby(votes["prompt_id"][left | right]).mean()


def sign_test(scores: Sequence[float] | np.ndarray | pd.Series) -> tuple[int, int, int, float]:
    """Prompts won, lost and tied by share above, below and at one half, and the exact two-sided p (binomial)."""
    values = np.asarray(scores, float)
    won, lost = int((values > 0.5).sum()), int((values < 0.5).sum())
    p = binomtest(won, won + lost).pvalue if won + lost else 1.0
    return won, lost, len(values) - won - lost, float(p)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm, 1979), in the order given."""
    # statsmodels collects garbage at each call, which takes longer than all else here
    return [float(p) for p in multipletests(p_values, method="holm")[1]] if len(p_values) > 1 else list(p_values)


def mean_interval(values: Sequence[float] | pd.Series, resamples: int, seed: int) -> tuple[float, float, float]:
    """Mean with a 95 % percentile bootstrap over prompts (Efron, 1979)."""
    sample = np.asarray(values, float)
    draws = np.random.default_rng(seed).integers(0, sample.size, (resamples, sample.size))
    low, high = np.quantile(sample[draws].mean(1), (0.025, 0.975))
    return float(sample.mean()), float(low), float(high)


def share_interval(k: int, n: int) -> tuple[float, float, float]:
    """Share k / n with Wilson's 95 % interval (1927)."""
    low, high = proportion_confint(k, n, method="wilson")
    return k / n, float(low), float(high)


def win_matrices(votes: pd.DataFrame, arms: Sequence[str]) -> np.ndarray:
    """How often each arm (second axis) beats each other (third) by prompt (first), ties as half a win each."""
    number = {arm: i for i, arm in enumerate(arms)}
    prompt = pd.factorize(votes["prompt_id"])[0]
    left, right = votes["left_arm"].map(number).to_numpy(), votes["right_arm"].map(number).to_numpy()
    points = votes["winner"].map({"left": 1.0, "right": 0.0, "tie": 0.5}).to_numpy()
    wins = np.zeros((prompt.max() + 1, len(arms), len(arms)))
    np.add.at(wins, (prompt, left, right), points)
    np.add.at(wins, (prompt, right, left), 1 - points)
    return wins


def bradley_terry(wins: np.ndarray, arms: Sequence[str]) -> np.ndarray:
    """Strengths of the arms, positive, sum 1, from how often row beats column (Bradley and Terry, 1952).

    An arm of strength s beats one of strength t with probability s / (s + t). Where some arms never lose to the
    others the votes give no finite answer; half a vote each way is then added between all arms.
    """
    if connected_components(wins > 0, connection="strong")[0] > 1:
        wins = wins + 0.5 * (1 - np.eye(len(arms)))
    first, second = (places.tolist() for places in np.nonzero(wins))
    found = evalica.bradley_terry(
        [arms[i] for i in first],
        [arms[i] for i in second],
        [evalica.Winner.X] * len(first),
        index=pd.Index(list(arms)),
        weights=wins[first, second].tolist(),
        tolerance=1e-10,
        limit=10_000,
    )
    scores = found.scores.reindex(list(arms)).to_numpy()
    return scores / scores.sum()


def bradley_terry_interval(
    votes: pd.DataFrame, arms: Sequence[str], resamples: int, seed: int
) -> dict[str, tuple[float, float, float]]:
    """Strength of each arm with a 95 % percentile bootstrap over prompts, whose votes hang together."""
    wins = win_matrices(votes, arms)
    rng = np.random.default_rng(seed)
    drawn = [bradley_terry(wins[rng.integers(0, len(wins), len(wins))].sum(0), arms) for _ in range(resamples)]
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    own = bradley_terry(wins.sum(0), arms)
    return {arm: (float(own[i]), float(low[i]), float(high[i])) for i, arm in enumerate(arms)}


def agreement(votes: pd.DataFrame) -> float | None:
    """Krippendorff's alpha, nominal, over (prompt, pair of arms); None where it is not defined.

    The answers are the better arm's name or a tie. It is undefined where no question was answered twice or all
    answers are the same.
    """
    pair = ["\n".join(sorted(both)) for both in zip(votes["left_arm"], votes["right_arm"], strict=True)]
    unit = votes["prompt_id"] + "\n" + pd.Series(pair, index=votes.index)
    answer = votes["winner"].where(votes["winner"] == "tie", votes["left_arm"])
    answer = answer.where(votes["winner"] != "right", votes["right_arm"])
    counts = pd.crosstab(unit, answer).to_numpy()
    paired = counts[counts.sum(1) > 1]
    if len(paired) == 0 or (paired.sum(0) > 0).sum() < 2:
        return None
    value = float(krippendorff.alpha(value_counts=paired, level_of_measurement="nominal"))
    return value if math.isfinite(value) else None


def judge_agreement(
    people: Mapping[str, float], judge: Mapping[str, float]
) -> tuple[int, int, tuple[float, float, float] | None]:
    """Prompts on which people and a judge prefer the same arm, of those on which both prefer one.

    Both map a prompt to a preference: above 0 for one arm, below for the other. The share has Wilson's interval.
    """
    both = [(people[prompt], judge[prompt]) for prompt in people if people[prompt] and judge.get(prompt)]
    same = sum((a > 0) == (b > 0) for a, b in both)
    return same, len(both), share_interval(same, len(both)) if both else None
