"""Every statistic equals an independent implementation on random votes."""

from __future__ import annotations

import warnings

import evalica
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from study_world import paper_study, prefers, votes_of

from logolib.config import StudySettings
from logolib.study import sheet
from logolib.study import statistics as stat
from logolib.study.analyse import compare, sort_votes
from logolib.study.power import sign_test_power

SEEDS = range(8)
ARMS = ["base", "real", "tuned"]


def random_votes(seed: int, prompts: int = 12, raters: int = 4) -> pd.DataFrame:
    """Votes of raters who lean to later arms, some ties, some questions unanswered."""
    rng = np.random.default_rng(seed)
    rows = []
    for prompt in range(prompts):
        for rater in range(raters):
            for a, b in ((0, 1), (0, 2), (1, 2)):
                if rng.random() < 0.2:
                    continue
                left, right = (a, b) if rng.random() < 0.5 else (b, a)
                chances = np.array([2.0 if left > right else 1.0, 2.0 if right > left else 1.0, 0.6])
                winner = rng.choice(["left", "right", "tie"], p=chances / chances.sum())
                rows.append(("s", f"r{rater}", f"p{prompt}", ARMS[left], ARMS[right], winner, 900))
    names = ["study", "rater", "prompt_id", "left_arm", "right_arm", "winner", "ms"]
    return pd.DataFrame(rows, columns=names)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_sign_test_is_statsmodels(seed: int) -> None:
    from statsmodels.stats.descriptivestats import sign_test

    scores = np.random.default_rng(seed).choice([0, 0.25, 0.5, 0.75, 1], 30)
    won, lost, tied, p = stat.sign_test(scores)
    m, wanted = sign_test(scores, 0.5)
    assert (won - lost) / 2 == m
    assert won + lost + tied == 30
    assert p == pytest.approx(wanted)


def test_only_ties_say_nothing() -> None:
    assert stat.sign_test([0.5, 0.5]) == (0, 0, 2, 1.0)


@pytest.mark.parametrize("seed", SEEDS)
def test_prompt_scores_count_each_vote_by_hand(seed: int) -> None:
    votes = random_votes(seed)
    scores = stat.prompt_scores(votes, "tuned", "base")
    points: dict[str, list[float]] = {}
    for row in votes.itertuples():
        if {row.left_arm, row.right_arm} == {"base", "tuned"}:
            winner = {"left": row.left_arm, "right": row.right_arm, "tie": None}[row.winner]
            points.setdefault(row.prompt_id, []).append({"tuned": 1.0, "base": 0.0, None: 0.5}[winner])
    assert scores.to_dict() == pytest.approx({prompt: np.mean(p) for prompt, p in points.items()})


@pytest.mark.parametrize("seed", SEEDS)
def test_holm_is_its_definition(seed: int) -> None:
    p = np.random.default_rng(seed).random(5) ** 3
    order, wanted, worst = np.argsort(p), np.empty(5), 0.0
    for rank, i in enumerate(order):
        worst = max(worst, min(1.0, (5 - rank) * p[i]))
        wanted[i] = worst
    assert stat.holm(p) == pytest.approx(wanted)


@pytest.mark.parametrize("seed", SEEDS)
def test_intervals_are_scipys(seed: int) -> None:
    values = np.random.default_rng(seed).random(40)
    mean, low, high = stat.mean_interval(values, 20_000, seed)
    wanted = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=seed).confidence_interval
    assert mean == values.mean()
    assert (low, high) == pytest.approx((wanted.low, wanted.high), abs=0.004)
    k = int(values[0] * 40)
    ends = stats.binomtest(k, 40).proportion_ci(method="wilson")
    assert stat.share_interval(k, 40) == pytest.approx((k / 40, ends.low, ends.high))


@pytest.mark.parametrize("seed", SEEDS)
def test_strengths_are_those_of_a_logistic_regression_and_of_evalica(seed: int) -> None:
    import statsmodels.api as sm

    votes = random_votes(seed)
    found = stat.bradley_terry(stat.win_matrices(votes, ARMS).sum(0), ARMS)
    wins = votes["winner"].map({"left": 1.0, "right": 0.0, "tie": 0.5})
    sides = [(votes["left_arm"] == arm).astype(float) - (votes["right_arm"] == arm) for arm in ARMS[1:]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # statsmodels remarks on halves as outcomes
        fit = sm.GLM(wins, np.stack(sides, 1), family=sm.families.Binomial()).fit(tol=1e-12)
    strength = np.exp([0.0, *fit.params])
    assert found == pytest.approx(strength / strength.sum(), abs=1e-6)
    winners = votes["winner"].map({"left": evalica.Winner.X, "right": evalica.Winner.Y, "tie": evalica.Winner.Draw})
    direct = evalica.bradley_terry(
        votes["left_arm"].tolist(), votes["right_arm"].tolist(), winners.tolist(), tolerance=1e-10, limit=10_000
    ).scores.reindex(ARMS)
    assert found == pytest.approx((direct / direct.sum()).to_numpy(), abs=1e-6)


def test_an_arm_that_never_loses_has_a_finite_strength() -> None:
    votes = pd.DataFrame({"prompt_id": ["p"] * 3, "left_arm": ["base"] * 3, "right_arm": ["tuned"] * 3})
    wins = stat.win_matrices(votes.assign(winner="right"), ["base", "tuned"]).sum(0)
    strength = stat.bradley_terry(wins, ["base", "tuned"])
    assert strength == pytest.approx([0.5 / 4, 3.5 / 4])


def test_strengths_bootstrap_as_evalica_does_when_each_prompt_has_one_vote() -> None:
    votes = random_votes(3, prompts=200, raters=1).drop_duplicates("prompt_id")
    own = stat.bradley_terry_interval(votes, ARMS, 400, 0)
    winners = votes["winner"].map({"left": evalica.Winner.X, "right": evalica.Winner.Y, "tie": evalica.Winner.Draw})
    sides = votes["left_arm"].to_numpy(), votes["right_arm"].to_numpy(), winners.to_numpy()
    rng, drawn = np.random.default_rng(9), []
    for _ in range(400):
        chosen = rng.integers(0, len(votes), len(votes))
        found = evalica.bradley_terry(*(list(side[chosen]) for side in sides), tolerance=1e-9, limit=10_000).scores
        drawn.append((found / found.sum()).reindex(ARMS))
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    for i, arm in enumerate(ARMS):
        assert own[arm][1:] == pytest.approx((low[i], high[i]), abs=0.03)


@pytest.mark.parametrize("seed", SEEDS)
def test_agreement_is_evalicas_alpha(seed: int) -> None:
    votes = random_votes(seed)
    chosen = votes["left_arm"].where(votes["winner"] == "left", votes["right_arm"])
    chosen = chosen.where(votes["winner"] != "tie", "tie")
    pair = [" ".join(sorted(both)) for both in zip(votes["left_arm"], votes["right_arm"], strict=True)]
    table = votes.assign(unit=votes["prompt_id"] + pair, code=chosen.map({"tie": 0, "base": 1, "real": 2, "tuned": 3}))
    ratings = table.pivot(index="rater", columns="unit", values="code").astype(float)
    wanted = evalica.alpha(ratings, distance="nominal").alpha
    assert stat.agreement(votes) == pytest.approx(wanted)


def test_agreement_is_not_defined_for_one_rater_or_one_answer() -> None:
    votes = random_votes(0)
    assert stat.agreement(votes[votes["rater"] == "r0"]) is None
    assert stat.agreement(votes.assign(winner="tie")) is None


def test_a_judge_agrees_on_the_prompts_that_both_decide() -> None:
    people = {"a": 0.5, "b": -0.2, "c": 0.1, "d": 0.0, "e": 0.4}
    same, n, share = stat.judge_agreement(people, {"a": 2.0, "b": 1.0, "c": 0.3, "d": 1.0, "x": 1.0})
    assert (same, n) == (2, 3)
    assert share is not None
    assert share[0] == pytest.approx(2 / 3)
    assert stat.judge_agreement({"a": 0.0}, {"a": 1.0}) == (0, 0, None)


def test_no_preference_is_found_in_no_more_than_the_stated_share_of_200_studies() -> None:
    study = paper_study(40)
    sheets = [sheet(study, number) for number in range(2)]
    settings, found = StudySettings(bootstrap=100), 0
    for seed in range(200):
        raters = {f"r{i}": prefers("tuned", 0.5, (seed, i)) for i in range(2)}
        main, _, _ = sort_votes(study, votes_of(study, raters, sheets.__getitem__))
        (pair,) = compare(settings, study, main, seed)
        found += pair["preferred"] is not None
    assert found <= stats.binom.ppf(0.999, 200, 0.05)


def test_a_preference_of_65_to_35_is_found_as_often_as_the_power_says() -> None:
    study = paper_study(97)
    once = sheet(study, 0)
    found = 0
    for seed in range(60):
        votes = votes_of(study, {"r0": prefers("tuned", 0.65, seed)}, lambda _number: once)
        _, _, _, p = stat.sign_test(stat.prompt_scores(votes.drop_duplicates("prompt_id"), "tuned", "base"))
        found += p < 0.05
    low, high = stats.binom.ppf((0.001, 0.999), 60, sign_test_power(97, 0.65))
    assert low <= found <= high
