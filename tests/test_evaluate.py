"""What a user may rely on in an evaluation: exact chance, honest intervals, a judge that is a stranger."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load_file, save_file
from scipy import stats

from logolib.collect import collect
from logolib.config import CollectSettings, DatasetSettings, EvaluateSettings, LogolibError
from logolib.data import build_dataset
from logolib.emblems.corpus import drawn, sample_many
from logolib.evaluate import ATTRIBUTES, Marker, bootstrap_mean, evaluate, paired_difference, wilson
from logolib.evaluate.arms import arm_names
from logolib.evaluate.attributes import attribute_table
from logolib.evaluate.judge import load_judge, load_shipped_marker, picked, shuffled, similarity
from logolib.evaluate.marker import asked, targets
from logolib.evaluate.verdict import verdict
from logolib.models.weights import read_config, save_config
from logolib.results import read_result

FAST = EvaluateSettings(prompts=5, bootstrap=200)


def another(model: Path, folder: Path) -> Path:
    """A model of the same CLIP and prior with another decoder."""
    shutil.copytree(model, folder, ignore=shutil.ignore_patterns("drawn", "*.pt", "previews"))
    weights = folder / "decoder" / "model.safetensors"
    save_file({name: tensor * 1.1 for name, tensor in load_file(weights).items()}, weights)
    save_config(folder / "decoder", read_config(folder / "decoder", "train decoder"))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty drawn crests of thirty clubs, about half of them held out."""
    folder = tmp_path_factory.mktemp("folder")
    crests = drawn(30, 5, 64)
    for i, picture in enumerate(crests.images):
        Image.fromarray(picture).save(folder / f"{i}.png")
    rows = [(f"{i}.png", caption, f"Club {i}", "League") for i, caption in enumerate(crests.captions)]
    pd.DataFrame(rows, columns=["file", "caption", "club", "league"]).to_csv(folder / "c.csv", index=False)
    collected, out = tmp_path_factory.mktemp("collected"), tmp_path_factory.mktemp("data")
    collect(CollectSettings(source=str(folder)), collected, progress=False)
    build_dataset(DatasetSettings(size=64, val_fraction=0.5), collected, out, progress=False)
    return out


@pytest.fixture(scope="module")
def evaluated(tiny_model: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("evaluation")
    evaluate(FAST, [tiny_model], data, out, seed=3, progress=False)
    return out


def test_an_untrained_model_is_judged_and_stands_between_chance_and_ceiling(evaluated: Path) -> None:
    values = read_result(evaluated / "result.json", "evaluate").values
    assert values["arms"] == ["generated", "shuffled", "real"]
    for table in ("fit", "similarity"):
        for arm in values["arms"]:
            row = values["measures"][table][arm]
            assert row["low"] <= row["mean"] <= row["high"], (table, arm)
    assert values["choices"] == 10
    assert values["chance"] == 0.1
    # ties count as lost, so that chance may fall a little short and never exceeds
    assert 0.09 < values["measures"]["fit"]["shuffled"]["mean"] <= 0.1 + 1e-9
    assert values["measures"]["fit"]["real"]["mean"] > values["measures"]["fit"]["generated"]["mean"]
    for name, row in values["attributes"]["generated"].items():
        assert name in ATTRIBUTES
        assert row["low"] <= row["accuracy"] <= row["high"]
        assert 0 <= row["chance"] <= 1
        assert 0 <= row["ceiling"] <= 1
        assert 1 <= row["n"] <= FAST.prompts
    assert values["verdict"].endswith(".")
    assert "shipped" in values["judge"]


def test_every_file_that_the_result_names_is_there(evaluated: Path) -> None:
    result = read_result(evaluated / "result.json")
    assert all((evaluated / file).is_file() for file in result.files.values())
    rows = json.loads((evaluated / "attributes.json").read_text("utf8"))
    assert len(rows) == FAST.prompts
    assert all(set(row["read"]) == set(row["asked"]) for row in rows)
    assert len(json.loads((evaluated / "fit.json").read_text("utf8"))) == FAST.prompts


def test_the_same_seed_gives_the_same_numbers(evaluated: Path, tiny_model: Path, data: Path, tmp_path: Path) -> None:
    again = evaluate(FAST, [tiny_model], data, tmp_path, seed=3, progress=False)
    assert again.values == read_result(evaluated / "result.json").values


def test_two_models_draw_the_same_prompts_and_are_compared(tiny_model: Path, data: Path, tmp_path: Path) -> None:
    other = another(tiny_model, tmp_path / "other")
    asked_twice = EvaluateSettings(prompts=2, per_prompt=2, bootstrap=200)
    result = evaluate(asked_twice, [tiny_model, other], data, tmp_path / "out", progress=False)
    first, second = result.values["arms"][:2]
    assert second == "other"
    change = next(row for row in result.values["comparisons"] if row["measure"] == "fit")
    means = [result.values["measures"]["fit"][arm]["mean"] for arm in (first, second)]
    assert change["difference"] == pytest.approx(means[0] - means[1])
    assert "other" in result.values["verdict"]
    rows = json.loads((tmp_path / "out" / "attributes.json").read_text("utf8"))
    drawn_by = [[(row["prompt"], row["seed"]) for row in rows if row["arm"] == arm] for arm in (first, second)]
    assert drawn_by[0] == drawn_by[1]
    assert len(set(drawn_by[0])) == 4
    assert all(row["n"] <= 2 for row in result.values["attributes"]["other"].values())


def test_a_model_is_not_judged_by_its_own_clip(tiny_model: Path, data: Path, tmp_path: Path) -> None:
    own = FAST.model_copy(update={"judge": str(tiny_model / "clip")})
    with pytest.raises(LogolibError, match="no stranger to generated: both come from the training set") as caught:
        evaluate(own, [tiny_model], data, tmp_path, progress=False)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("judge", ["nowhere", "ViT-B-32/nonsense"])
def test_an_absent_judge_is_one_sentence(judge: str, data: Path, tmp_path: Path) -> None:
    with pytest.raises(LogolibError, match="no judge") as caught:
        evaluate(FAST.model_copy(update={"judge": judge}), [tmp_path], data, tmp_path, progress=False)
    assert "\n" not in str(caught.value)


def test_no_model_and_no_data_are_one_sentence(tiny_model: Path, data: Path, tmp_path: Path) -> None:
    for models, where in (([], data), ([tmp_path / "absent"], data), ([tiny_model], tmp_path)):
        with pytest.raises(LogolibError) as caught:
            evaluate(FAST, models, where, tmp_path / "out", progress=False)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "result.json").exists()


@given(st.integers(2, 7), st.integers(1, 6), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_picked_is_the_share_over_all_ways_to_choose(m: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, own = rng.integers(0, 5, (n, m)) / 5, rng.integers(0, m, n)
    for choices in range(2, m + 1):
        for i in range(n):
            others = [j for j in range(m) if j != own[i]]
            ways = list(combinations(others, choices - 1))
            wins = sum(all(scores[i, own[i]] > scores[i, j] for j in way) for way in ways)
            assert picked(scores, own, choices)[i] == pytest.approx(wins / len(ways))


def test_shuffled_captions_are_picked_exactly_by_chance() -> None:
    rng = np.random.default_rng(0)
    scores, own = rng.normal(size=(20, 40)), rng.integers(0, 40, 20)
    share, cosine = shuffled(scores, own, 10)
    assert share == pytest.approx(np.full(20, 0.1))
    assert cosine[0] == pytest.approx(np.delete(scores[0], own[0]).mean())


def test_too_few_captions_are_refused() -> None:
    with pytest.raises(ValueError, match="choose"):
        picked(np.zeros((1, 3)), np.array([0]), 4)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(deadline=None)
def test_wilson_agrees_with_scipy(counts: tuple[int, int]) -> None:
    theirs = stats.binomtest(*counts).proportion_ci(method="wilson")
    ours = wilson(*counts)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.mark.parametrize(("k", "n"), [(-1, 4), (5, 4), (0, 0)])
def test_wilson_refuses_what_is_no_share(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson(k, n)


def test_the_bootstrap_agrees_with_scipy() -> None:
    values = np.random.default_rng(0).exponential(size=80)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=9999, method="percentile", rng=1).confidence_interval
    ours = bootstrap_mean(values, 9999, 2)
    assert ours.mean == pytest.approx(values.mean())
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_pairs_are_compared_as_pairs() -> None:
    rng = np.random.default_rng(0)
    prompt, noise = rng.normal(size=60), 0.01 * rng.normal(size=60)
    change = paired_difference(prompt + 0.1 + noise, prompt, 500, 0)
    assert 0.09 < change.low < change.mean < change.high < 0.11
    with pytest.raises(ValueError, match="pairs"):
        paired_difference([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="no values"):
        bootstrap_mean([])


def test_only_what_an_emblem_has_is_asked() -> None:
    for emblem, _ in sample_many(200, 0):
        values = asked(emblem)
        assert ("second" in values) == (emblem.division != "plain")
        assert ("charge" in values) == (emblem.charge is not None)
        if emblem.shape == "free":
            assert not {"field", "division", "border"} & set(values)
        numbers = {name: int(tensor[0]) for name, tensor in targets([emblem]).items()}
        assert all(ATTRIBUTES[name][numbers[name]] == value for name, value in values.items())


def test_attributes_read_perfectly_reach_one_and_chance_is_the_shuffled_share() -> None:
    emblems = [emblem for emblem, _ in sample_many(40, 2)]
    truth = [{name: str(value or "none") for name, value in asdict(emblem).items()} for emblem in emblems]
    table = attribute_table(emblems, truth, truth)
    assert all(row["accuracy"] == row["ceiling"] == 1.0 for row in table.values())
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(400):
        order = rng.permutation(len(emblems))
        shares.append(np.mean([truth[j]["shape"] == emblems[i].shape for i, j in enumerate(order)]))
    assert table["shape"]["chance"] == pytest.approx(np.mean(shares), abs=0.01)


def test_arms_are_named_after_their_runs() -> None:
    assert arm_names([Path("runs/a/model")]) == ["generated"]
    assert arm_names([Path("runs/a/model"), Path("runs/b/model"), Path("b"), Path("real")]) == [
        "a",
        "b",
        "b 2",
        "real 2",
    ]


@pytest.mark.parametrize(
    ("low", "mean", "high", "says"),
    [
        (0.4, 0.5, 0.6, "better than chance"),
        (0.05, 0.12, 0.2, "cannot be told"),
        (0.01, 0.02, 0.05, "worse than"),
    ],
)
def test_the_verdict_says_what_the_interval_says(low: float, mean: float, high: float, says: str) -> None:
    one = {"mean": mean, "low": low, "high": high}
    fit = {"generated": one, "real": {**one, "mean": 0.9}}
    values = {"measures": {"fit": fit}, "choices": 10, "chance": 0.1, "attributes": {}, "comparisons": []}
    text = verdict(["generated"], values)
    assert says in text
    assert f"{100 * mean:.0f} in 100" in text


def test_the_shipped_marker_reads_fresh_drawings() -> None:
    fresh = drawn(150, 12345, 64, for_judging=True)
    table = attribute_table(fresh.emblems, read := load_shipped_marker().read(fresh.images), read)
    # figures are many and small: the marker knows them least, and `ceiling` says so in every result
    least = {"shape": 0.95, "division": 0.8, "field": 0.85, "border": 0.85, "charge_colour": 0.85, "charge": 0.25}
    for name, row in table.items():
        assert row["accuracy"] > least.get(name, 0.55), (name, row)
        assert row["low"] > row["chance"] + 0.1, (name, row)


def test_the_shipped_judge_finds_the_caption_of_fresh_drawings() -> None:
    fresh = drawn(150, 54321, 64, for_judging=True, reserved=0.3)
    scores = similarity(load_judge(), fresh.images, fresh.captions)
    assert picked(scores, np.arange(150)).mean() > 0.9


def test_what_ships_is_small() -> None:
    from logolib.evaluate.judge import WEIGHTS

    assert sum((WEIGHTS / f"{name}.safetensors").stat().st_size for name in ("judge", "marker")) < 3_000_000


def test_a_marker_reads_pictures_of_any_size_alone_or_in_a_batch() -> None:
    torch.manual_seed(0)
    marker = Marker().eval()
    pictures = drawn(3, 0, 96).images
    alone = [marker.read(pictures[i : i + 1])[0] for i in range(3)]
    assert marker.read(pictures) == alone
