"""The short form of `make faults`: a few cases of every kind that needs no model, and what its findings led to."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from faults.damage import flipped
from faults.files import subjects
from faults.judged import Case, Outcome, judge, judge_all, unclear, verb
from faults.kills import full_cases, kill_cases, learn, stages
from faults.settings import profile_cases, setting_cases
from faults.subjects import whole_of
from faults.world import World, make_world

from logolib.config import ConfigError, LogolibError, load_profile
from logolib.data import DataError, load_pairs
from logolib.models.clip import load_clip
from logolib.models.prior import load_prior
from logolib.models.weights import ModelError
from logolib.train.checkpoint import read_checkpoint
from logolib.train.corpus import kept_drawings

FEW = 2
NEEDS_A_MODEL = {"run", "saved", "samples", "exported"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"), models=False)


def refused(outcomes: Sequence[Outcome]) -> list[str]:
    return [f"{one.kind} {one.name}: {one.what}" for one in outcomes if one.violation]


def test_damaged_files_get_a_sentence_or_a_right_result(world: World, tmp_path: Path) -> None:
    cases: list[Case] = []
    for number, subject in enumerate(subjects()):
        slow = subject.name.startswith(("crawl", "train", "vector", "site", "lineage"))
        if NEEDS_A_MODEL & set(subject.needs) or slow:
            continue
        whole_of(subject, world, tmp_path / str(number))
        cases += subject.cases(world, range(number, number + FEW))  # other damages for each
    assert len(cases) > 30
    assert not refused(judge_all(cases))


def test_mad_settings_get_a_sentence_or_a_right_result(world: World) -> None:
    slow = ("clip", "prior", "decoder", "generate", "vector")
    cases = [case for case in setting_cases(world, range(80)) if not case.name[1:].startswith(slow)]
    assert not refused(judge_all([*cases, *profile_cases(world, range(40))]))


def test_a_killed_or_full_data_set_is_built_again_to_the_byte(world: World, tmp_path: Path) -> None:
    stage = next(one for one in stages() if one.name == "dataset")
    learn(stage, world, tmp_path / "whole")
    cases = [*kill_cases(stage, world, range(3)), *full_cases(stage, world, range(2))]
    outcomes = []
    for number, case in enumerate(cases):
        (tmp_path / str(number)).mkdir()
        outcomes.append(judge(case, tmp_path / str(number)))
    assert not refused(outcomes)


def test_the_harness_sees_what_is_wrong(tmp_path: Path) -> None:
    def fails(_: Path) -> str:
        raise KeyError("x")

    def lies(_: Path) -> str:
        return "1 instead of 2"

    def dies(_: Path) -> str:
        import os

        os._exit(9)

    def says(_: Path) -> str:
        raise LogolibError("The file is damaged; make it again.")

    cases = [Case("k", name, run) for name, run in (("a", fails), ("b", lies), ("c", dies), ("d", says))]
    assert [one.violation for one in judge_all(cases)] == [True, True, True, False]
    assert unclear("Unexpected KeyError: 'x'; please report it.")


def flip(path: Path, seed: int = 1) -> None:
    path.write_bytes(flipped(path.read_bytes(), random.Random(seed)))


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    shutil.copytree(tiny_model, tmp_path / "model")
    return tmp_path / "model"


def test_weights_that_changed_since_are_refused(model: Path) -> None:
    flip(model / "clip" / "model.safetensors")
    with pytest.raises(ModelError, match="their checksum differs"):
        load_clip(model / "clip")


def test_a_config_that_changed_since_is_refused(model: Path) -> None:
    path = model / "prior" / "config.json"
    text = path.read_text("utf8")
    path.write_text(text.replace('"timesteps": 20', '"timesteps": 30'), "utf8")
    assert path.read_text("utf8") != text
    with pytest.raises(ModelError, match="changed after it was written"):
        load_prior(model / "prior")


def test_a_checkpoint_with_one_bit_turned_over_is_refused(model: Path) -> None:
    path = model / "prior" / "latest.pt"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ValueError, match="not what was written"):
        read_checkpoint(path)


def test_drawings_that_are_damaged_are_drawn_again(tmp_path: Path) -> None:
    first, words = kept_drawings(tmp_path, 16, 3, 4)
    assert isinstance(first, np.memmap)
    first = np.array(first)
    for damaged in ("images.npy", "captions.npy", "checksums.json"):
        (kept,) = tmp_path.glob(f"*/{damaged}")
        data = bytearray(kept.read_bytes())
        data[-3] ^= 1
        kept.write_bytes(bytes(data))
        again, same = kept_drawings(tmp_path, 16, 3, 4)
        assert (again == first).all()
        assert same == words


def test_drawings_of_seeds_that_differ_in_the_last_digit_are_kept_apart(tmp_path: Path) -> None:
    one, other = (kept_drawings(tmp_path, 16, seed, 4)[1] for seed in (1008995560, 1008995561))
    assert one != other


def test_shards_other_than_their_result_tells_are_refused(tiny_data: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(tiny_data, data)
    next(data.glob("train-*.tar")).unlink()
    with pytest.raises(DataError, match="not those of its result"):
        load_pairs(data, "train", 32)
    (data / "result.json").unlink()
    (data / ".building").mkdir()
    with pytest.raises(DataError, match="half built"):
        load_pairs(data, "train", 32)


def test_a_result_with_another_number_is_refused(world: World, tmp_path: Path) -> None:
    world.copy(tmp_path, "collected")
    path = tmp_path / "collected" / "result.json"
    logos = json.loads(path.read_text("utf8"))["values"]["logos"]
    changed = path.read_text("utf8").replace(f'"logos": {logos}', '"logos": 999')
    path.unlink()  # a copy shares its bytes with the world's
    path.write_text(changed, "utf8")
    from logolib.results import ResultError, read_result

    with pytest.raises(ResultError, match="changed after it was written"):
        read_result(path, "collect")


@pytest.mark.parametrize(
    "word", ["clip.lr=.nan", "decoder.dim=1000000000", "dataset.size=100000", 'collect.contact="\\0"']
)
def test_a_setting_beyond_reason_is_refused(word: str) -> None:
    with pytest.raises(ConfigError, match=word.split("=")[0]):
        load_profile("smoke", [word])


def test_a_verb_that_fails_has_its_sentence(tmp_path: Path) -> None:
    with pytest.raises(LogolibError, match="no manifest"):
        verb("dataset", tmp_path, "--out", tmp_path / "out", "--profile", "smoke")
