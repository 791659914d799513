"""What a user may rely on: measures that libraries confirm, intervals that hold, and verdicts that follow from them."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont
from scipy import stats
from torchmetrics.image.kid import poly_mmd

from logolib.emblems.corpus import sample_many
from logolib.evaluate.attributes import shares_alike, shares_right
from logolib.evaluate.lettering import asked_words, words_read
from logolib.evaluate.marker import ATTRIBUTES, asked
from logolib.evaluate.measures import MOST, compare, described, prompts_needed
from logolib.evaluate.memory import most_copied, nearest
from logolib.evaluate.sets import HALVES, features, half_samples, kid, precision, recall, variety
from logolib.evaluate.verdict import verdict


def unit(rng: np.random.Generator, n: int, d: int = 16, shift: float = 0.0) -> np.ndarray:
    rows = rng.normal(size=(n, d)) + shift * np.eye(d)[0]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_the_kernel_distance_is_that_of_torchmetrics_and_zero_for_sets_alike() -> None:
    rng = np.random.default_rng(0)
    halves = half_samples(60, 0)
    made, real = features(unit(rng, 60, shift=1.0)), features(unit(rng, 60))
    found = kid(made, real, halves)
    assert found.value == pytest.approx(float(poly_mmd(torch.tensor(real), torch.tensor(made))), rel=1e-6)
    assert found.interval().low > 0
    alike = kid(features(unit(rng, 60)), real, halves).interval()
    assert alike.low < 0 < alike.high


def test_precision_and_recall_tell_a_narrow_set_from_a_wide_one() -> None:
    rng = np.random.default_rng(1)
    real = unit(rng, 80)
    narrow = real[:4].repeat(20, 0) + 0.01 * rng.normal(size=(80, 16))
    halves = half_samples(80, 0)
    assert precision(features(narrow), features(real), halves).value == 1.0
    assert recall(features(narrow), features(real), halves).value < 0.3
    assert variety(features(narrow), halves).value < variety(features(real), halves).value


def test_variety_is_the_mean_distance_of_two_pictures() -> None:
    rows = unit(np.random.default_rng(2), 9)
    pairs = [1 - rows[i] @ rows[j] for i in range(9) for j in range(i)]
    assert variety(features(rows), half_samples(9, 0)).value == pytest.approx(np.mean(pairs))


def test_intervals_from_halves_cover_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    truth = variety(features(unit(rng, 3000, 6, 1.0)), half_samples(3000, 0)[:1]).value
    held = 0
    for seed in range(120):
        one = variety(features(unit(rng, 40, 6, 1.0)), half_samples(40, seed)).interval()
        held += one.low <= truth <= one.high
    assert stats.binomtest(held, 120, 0.95).pvalue > 0.001, held


def test_a_difference_of_halves_is_paired() -> None:
    rng = np.random.default_rng(4)
    rows, halves = unit(rng, 60), half_samples(60, 0)
    near = rows + 0.001 * rng.normal(size=rows.shape)
    a, b = variety(features(rows), halves), variety(features(near), halves)
    assert (a - b).error() < 0.1 * a.error()
    assert len((a - b).halves) == HALVES


@given(st.integers(2, 30), st.integers(2, 30), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_copying_is_the_share_over_all_choices_of_equally_many(train: int, held: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    made, taught, others = unit(rng, 3, 4), unit(rng, train, 4), unit(rng, held, 4)
    own = rng.integers(0, held, 3)
    found = nearest(made, taught, others, own)
    drawn = min(held - 1, train)
    for i in range(3):
        best = min(1 - made[i] @ others[j] for j in range(held) if j != own[i])
        nearer = sum(1 - made[i] @ row < best for row in taught)
        none = math.comb(train - nearer, drawn) / math.comb(train, drawn)
        assert found.copied[i] == pytest.approx(1 - none, abs=1e-9)
        assert found.held[i] != own[i]


def test_copies_are_found_and_strangers_are_as_near_to_both() -> None:
    rng = np.random.default_rng(5)
    taught, others = unit(rng, 400), unit(rng, 100)
    copies = nearest(taught[:50] + 1e-3, taught, others, np.arange(50))
    assert copies.copied.mean() > 0.2  # one original among 400, of which 99 are drawn
    assert (copies.train == np.arange(50)).all()
    shares = []
    for _ in range(10):
        strangers, known = unit(rng, 100), unit(rng, 400)
        shares.append(nearest(strangers, known, strangers, np.arange(100)).copied.mean())
    assert np.mean(shares) == pytest.approx(0.5, abs=0.05)
    mixed = np.concatenate([unit(rng, 5), taught[:1]])
    assert most_copied(nearest(mixed, taught, others, np.arange(6)), 1)[0] == 5


def test_the_prompts_needed_are_those_with_which_the_difference_is_found() -> None:
    rng = np.random.default_rng(6)
    n = prompts_needed(0.2, 1 / math.sqrt(50), 50)  # a fifth of a standard deviation
    assert n == 199
    found = sum(stats.ttest_1samp(rng.normal(0.2, 1, n), 0).pvalue < 0.05 for _ in range(400))
    assert stats.binomtest(found, 400, 0.8).pvalue > 0.001
    assert prompts_needed(0.0, 0.1, 50) is None
    assert prompts_needed(0.1, 0.0, 50) is None
    assert prompts_needed(1e-4, 0.1, 50) is None
    assert (prompts_needed(0.05, 1 / math.sqrt(50), 50) or 0) < MOST


def test_verdicts_follow_from_the_intervals_and_from_which_way_is_better() -> None:
    rng = np.random.default_rng(7)
    base = rng.uniform(size=80)
    features_of = {"a": features(unit(rng, 80, shift=0.1)), "b": features(unit(rng, 80, shift=2.0))}
    real, halves = features(unit(rng, 80)), half_samples(80, 0)
    unread = np.full(80, np.nan)
    scores = {
        "a": {"fit": base + 0.2, "similarity": base, "lettering": unread, "copied": base + 0.3},
        "b": {"fit": base, "similarity": base, "lettering": base, "copied": base},
    }
    scores["a"]["attributes"], scores["b"]["attributes"] = base + rng.normal(0.02, 0.5, 80), base
    for name, rows in features_of.items():
        scores[name]["kid"] = kid(rows, real, halves)
    found = {row["measure"]: row for row in compare("a", "b", scores, 500, 0)}
    said = {name: row["verdict"] for name, row in found.items()}
    assert said == {
        "fit": "better",
        "similarity": "the same",
        "attributes": "can't tell",
        "kid": "better",  # less is better
        "copied": "worse",
    }
    assert found["kid"]["difference"] < 0
    swapped = {row["measure"]: row["verdict"] for row in compare("b", "a", scores, 500, 0)}
    assert swapped["fit"] == swapped["kid"] == "worse"
    assert described("lettering", unread, 100, 0) is None


def row(**changes: object) -> dict[str, object]:
    return {
        "first": "demo", "second": "base", "measure": "fit", "difference": 0.12, "low": 0.05, "high": 0.19, "n": 90,
        "verdict": "better", "prompts_needed": None,
    } | changes  # fmt: skip


def test_the_paragraph_says_better_worse_and_how_many_prompts_it_would_take() -> None:
    one = {"mean": 0.5, "low": 0.4, "high": 0.6}
    measures = {
        "fit": {"demo": one, "base": one, "real": one},
        "copied": {"demo": {"mean": 0.9, "low": 0.8, "high": 0.95}, "base": one, "real": one},
    }
    rows = [
        row(),
        row(measure="kid", difference=0.3, low=0.1, high=0.5, verdict="worse"),
        row(measure="similarity", verdict="can't tell", prompts_needed=321),
        row(measure="variety", verdict="can't tell"),
        row(measure="recall", verdict="the same"),
    ]
    values = {"measures": measures, "comparisons": rows, "attributes": {}, "choices": 10, "chance": 0.1}
    text = verdict(["demo", "base"], values)
    assert "Compared with base, demo is better in right captions picked (+12 points, +5 to +19)" in text
    assert "worse in distance from true logos (+0.3, +0.1 to +0.5)" in text
    assert "can't tell at this size for closeness to the caption (it would take about 321 prompts)" in text
    assert f"variety (more than {MOST} prompts would not be enough)" in text
    assert "It draws from memory" in text
    rows[0] |= {"difference": -0.021, "low": -0.038, "high": -0.004, "verdict": "worse"}
    rows[2]["prompts_needed"] = None
    text = verdict(["demo", "base"], values)
    assert "right captions picked (-2.1 points, -3.8 to -0.4)" in text
    assert f"closeness to the caption, variety (for these more than {MOST} prompts would not be enough)" in text
    measures["copied"]["demo"] = one
    assert "no sign that it draws from memory" in verdict(["demo", "base"], values)


def test_shares_of_attributes_are_counted_by_prompt() -> None:
    emblems = [emblem for emblem, _ in sample_many(6, 0)]
    truth = [{name: asked(emblem).get(name, "none") for name in ATTRIBUTES} for emblem in emblems]
    wrong = [{**answer, "shape": "no shape"} for answer in truth]
    both = [answer for pair in zip(truth, wrong, strict=True) for answer in pair]
    expected = [1 - 0.5 / len(asked(emblem)) for emblem in emblems]
    assert shares_right(emblems, both) == pytest.approx(expected)
    assert shares_alike(both, truth) == pytest.approx(np.full(6, 1 - 0.5 / len(ATTRIBUTES)))


def test_initials_are_no_words_and_prompts_without_words_are_not_read() -> None:
    assert asked_words('a lion, the initials "FC" above it, "Lone Stars" below') == ["LONE", "STARS"]
    assert asked_words("a red lion") == []
    blank = np.full((2, 16, 16, 3), 255, np.uint8)
    assert np.isnan(words_read(blank, ["a red lion", "a star"], 5)).all()


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")
def test_legible_words_are_read_and_blank_pictures_are_not() -> None:
    font = ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"), 30)
    pictures = []
    for words in ("LYON STARS", "HARBOUR", "MILLERS"):
        sheet = Image.new("RGB", (256, 256), "white")
        ImageDraw.Draw(sheet).text((20, 180), words, fill="navy", font=font)
        pictures.append(np.asarray(sheet))
    prompts = ['a star, wordmark "Lyon Stars"', 'an anchor, "HARBOUR" below', 'wheat, the words "ROVERS"']
    assert words_read(np.stack(pictures), prompts, 3).tolist() == [1.0, 1.0, 0.0]
    first = words_read(np.stack(pictures), prompts, 1)
    assert Counter(np.isnan(first)) == {False: 1, True: 2}
    assert words_read(np.full((1, 256, 256, 3), 255, np.uint8), prompts[:1], 3)[0] == 0
