"""What a user may rely on: every model's record names what it comes from, and a judge who is kin is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logolib.config import GenerateSettings, Profile
from logolib.evaluate.judge import JudgeError, refuse_kin, shipped_lineage
from logolib.generate import LogoPipeline, generate
from logolib.models.lineage import (
    Lineage,
    drawn_set,
    from_record,
    model_lineage,
    part_lineage,
    stated,
    training_lineage,
    zoo_lineage,
)
from logolib.models.weights import BASE, ModelError
from logolib.results import LINEAGE, read_result
from logolib.seeds import derive
from logolib.train import train_prior

names = st.frozensets(st.text(max_size=8), max_size=4)
lineages = st.builds(Lineage, data=names, weights=names, unknown=names)


@pytest.fixture
def without_record(tiny_model: Path, tmp_path: Path) -> Callable[..., Path]:
    """The tiny model as older versions wrote it, or without results as well."""

    def made(results: bool = True) -> Path:
        folder = tmp_path / "old" / "model"
        shutil.copytree(tiny_model, folder, ignore=shutil.ignore_patterns("drawn", "embeddings", "*.pt", "previews"))
        for part in ("clip", "prior", "decoder"):
            config = folder / part / "config.json"
            about = json.loads(config.read_text("utf8"))
            for later in ("lineage", "seal", "weights_sha256"):
                del about[later]
            config.write_text(json.dumps(about), "utf8")
            if not results:
                (folder / part / "result.json").unlink()
        return folder

    return made


def test_a_trained_model_names_its_data_its_drawings_and_its_parents(tiny_model: Path) -> None:
    found = model_lineage(tiny_model)
    data_hash = read_result(tiny_model / "clip" / "result.json").provenance["data_hash"]
    assert found.data == {f"data {data_hash}", drawn_set(derive(0, "drawn") % 2**32)}
    assert json.loads((tiny_model / "clip" / "config.json").read_text("utf8"))["fingerprint"] in found.weights
    assert part_lineage(tiny_model / "prior").weights <= part_lineage(tiny_model / "decoder").weights
    assert not found.unknown


def test_a_fine_tuned_model_inherits_what_its_start_comes_from(
    tiny_model: Path, tiny_data: Path, smoke: Profile, tmp_path: Path
) -> None:
    settings = smoke.prior.model_copy(update={"start": str(tiny_model), "drawn": 0, "steps": 2})
    train_prior(settings, tiny_data, tmp_path, clip=tiny_model / "clip", seed=5, progress=False)
    parent, child = part_lineage(tiny_model / "prior"), part_lineage(tmp_path / "prior")
    assert parent.weights < child.weights
    assert child.data == parent.data  # the parent's drawings too, though none were drawn here


def test_what_filtered_the_data_is_inherited_from_the_file_beside_it(smoke: Profile, tmp_path: Path) -> None:
    assert not training_lineage(smoke.clip, tmp_path, "0", 0, "clip").weights
    (tmp_path / LINEAGE).write_text('{"weights": ["a gate"]}', "utf8")
    assert training_lineage(smoke.clip, tmp_path, "0", 0, "clip").weights == {"a gate"}


def test_a_text_tower_taught_from_drawn_captions_names_them(smoke: Profile, tmp_path: Path) -> None:
    taught = smoke.clip.model_copy(update={"attribute_steps": 1})
    known = drawn_set(derive(7, "attributes") % 2**32)
    assert known in training_lineage(taught, tmp_path, "0", 7, "clip").data
    assert known not in training_lineage(smoke.clip, tmp_path, "0", 7, "clip").data


def test_older_models_are_read_from_their_results_and_others_are_nobodys(
    tiny_model: Path, without_record: Callable[..., Path]
) -> None:
    old = model_lineage(without_record())
    assert old.data == model_lineage(tiny_model).data
    assert not old.unknown


def test_nobody_knows_a_model_without_any_record_until_the_user_says(without_record: Callable[..., Path]) -> None:
    folder = without_record(results=False)
    assert model_lineage(folder).unknown == {"model/clip", "model/prior", "model/decoder"}
    (folder / LINEAGE).write_text('{"data": ["my pictures"], "weights": []}', "utf8")
    told = model_lineage(folder)
    assert told.data == {"my pictures"}
    assert not told.unknown


def test_what_ships_is_known_and_the_judges_are_strangers_to_the_base() -> None:
    base = model_lineage(BASE)
    assert base.data
    assert not base.unknown
    for which in ("judge", "marker"):
        own = shipped_lineage(which)
        assert own.data
        assert not own.shared(base)
        refuse_kin(which, own, "base", base)


def test_saved_and_pushed_models_keep_their_lineage(tiny_model: Path, tmp_path: Path) -> None:
    LogoPipeline.from_pretrained(tiny_model).save_pretrained(tmp_path / "saved")
    before, after = model_lineage(tiny_model), model_lineage(tmp_path / "saved")
    assert before.data <= after.data
    assert not after.unknown


def test_generated_pictures_say_what_drew_them(tiny_model: Path, tmp_path: Path) -> None:
    generate(GenerateSettings(n=1, size=64, steps=2), ["a red star"], tiny_model, tmp_path, progress=False)
    assert stated(tmp_path) == model_lineage(tiny_model)


@pytest.mark.parametrize(
    ("judge", "arm", "kin"),
    [
        (("ViT-B-32", "laion2b_s34b_b79k"), ("ViT-L-14", "laion400m_e32"), True),  # one crawl
        (("ViT-B-32", "openai"), ("ViT-L-14", "laion2b_s32b_b82k"), True),  # it filtered the other's pairs
        (("RN50", "openai"), ("ViT-B-32", "openai"), True),
        (("ViT-B-32", "metaclip_400m"), ("ViT-L-14", "openai"), False),
        (("ViT-B-32", "some_new_tag"), ("ViT-B-32", "another_tag"), False),
        (("ViT-B-32", "some_new_tag"), ("ViT-B-32", "some_new_tag"), True),
    ],
)
def test_open_clips_tags_are_kin_when_they_share_a_set_or_a_filter(
    judge: tuple[str, str], arm: tuple[str, str], kin: bool
) -> None:
    assert bool(zoo_lineage(*judge).shared(zoo_lineage(*arm))) == kin


@pytest.mark.parametrize(
    ("own", "its", "sentence"),
    [
        ({"data": ["x"]}, {"data": ["x", "y"]}, "both come from the training set x;"),
        ({"weights": ["w"], "data": ["a"]}, {"weights": ["w"], "data": ["a"]}, "training set a and 1 more"),
        ({"data": ["x"]}, {"unknown": ["epoch_3.pt"]}, r"Nobody recorded what tuned comes from \(epoch_3.pt\)"),
        ({"unknown": ["clip"]}, {"data": ["x"]}, "Nobody recorded what the judge J comes from"),
    ],
)
def test_a_judge_who_is_kin_or_unknown_is_refused_in_one_sentence(
    own: dict[str, list[str]], its: dict[str, list[str]], sentence: str
) -> None:
    with pytest.raises(JudgeError, match=sentence) as raised:
        refuse_kin("J", from_record(own), "tuned", from_record(its))
    assert "\n" not in str(raised.value)


@given(lineages, lineages)
def test_a_lineage_comes_back_from_its_record_and_shares_with_whatever_it_is_part_of(a: Lineage, b: Lineage) -> None:
    assert from_record(json.loads(json.dumps(a.record()))) == a
    assert a.shared(b) == b.shared(a)
    assert len(a.shared(a | b)) == len(a.data) + len(a.weights)


@pytest.mark.parametrize("text", ["", "[]", '{"data": "x"}', '{"sets": []}', '{"data": [1]}', "\x00"])
def test_a_damaged_lineage_is_one_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / LINEAGE).write_text(text, "utf8")
    with pytest.raises(ModelError, match="is no lineage") as raised:
        stated(tmp_path)
    assert "\n" not in str(raised.value)
