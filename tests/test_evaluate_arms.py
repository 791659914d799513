"""What a user may rely on: arms see the same prompts, and those with missing pictures or kin are refused by name."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from open_clip.model import CLIP
from PIL import Image

from logolib.baselines import BaselineError, baselines
from logolib.config import BaselineSettings, EvaluateSettings, LogolibError
from logolib.data import DataError, held_out_prompts, load_pairs, prompt_seeds
from logolib.evaluate import evaluate
from logolib.evaluate.judge import JudgeError, load_judge, similarity, zoo_judge
from logolib.images import read_image
from logolib.models.lineage import Lineage, zoo_lineage
from logolib.results import CAPTIONS, LINEAGE, StageResult, Stopwatch, write_result

FAST = EvaluateSettings(prompts=3, bootstrap=100, steps=2, lettering=0)
PLAIN = '{"data": ["nothing"], "weights": []}'


def pictures(folder: Path, prompts: list[str], lineage: str | None = PLAIN) -> Path:
    """A folder of flat pictures with captions.csv."""
    folder.mkdir(parents=True)
    lines = ["file,caption"]
    for i, prompt in enumerate(prompts):
        Image.new("RGB", (48, 48), (40 * i % 255, 90, 200)).save(folder / f"{i}.png")
        lines.append(f'{i}.png,"{prompt.replace(chr(34), 2 * chr(34))}"')
    (folder / CAPTIONS).write_text("\n".join(lines), "utf8")
    if lineage is not None:
        (folder / LINEAGE).write_text(lineage, "utf8")
    return folder


def foreign(folder: Path, prompts: list[str], absent: str = "") -> Path:
    """What `logolib baselines` leaves when it drew with one other model, and another was not there."""
    pictures(folder, prompts, None)
    rows = [
        {"model": "Kandinsky 2.2", "absent": "not on this machine"},
        {"model": "Stable Diffusion", "absent": absent},
    ]
    drawn = [{"model": "Stable Diffusion", "prompt": prompt, "file": f"{i}.png"} for i, prompt in enumerate(prompts)]
    values = {
        "rows": rows,
        "pictures": drawn,
        "lineage": {"Stable Diffusion": zoo_lineage("ViT-L-14", "openai").record()},
    }
    (folder / CAPTIONS).unlink()
    provenance = Stopwatch().provenance(BaselineSettings(), 0, "0")
    write_result(folder / "result.json", StageResult("baselines", values, {}, provenance))
    return folder


@pytest.fixture(scope="module")
def captions(tiny_data: Path) -> list[str]:
    return held_out_prompts(tiny_data, FAST.prompts, 16, 0).captions


def test_fewer_prompts_are_the_first_of_more_and_seeds_depend_on_nothing_else(tiny_data: Path) -> None:
    many = held_out_prompts(tiny_data, 50, 16, 0)
    few = held_out_prompts(tiny_data, 2, 16, 0)
    assert many.captions[:2] == few.captions
    assert len(set(many.captions)) == len(many.captions) == len(many.pool)
    assert [many.pairs.captions[row] for row in many.rows] == many.captions
    assert prompt_seeds(4, 1, 0)[:2] == prompt_seeds(2, 1, 0)


def test_baselines_draw_the_evaluations_prompts_and_seeds(tiny_data: Path, captions: list[str], tmp_path: Path) -> None:
    settings = BaselineSettings(prompts="held-out", n=2, size=64, steps=2, models=("dalle-mini",))
    values = baselines(settings, tmp_path / "out", data=tiny_data).values
    assert values["prompts"] == captions[:2]
    with pytest.raises(BaselineError, match="--data"):
        baselines(settings, tmp_path / "out")


def test_folders_of_pictures_and_other_peoples_models_are_arms_like_any(
    tiny_model: Path, tiny_data: Path, captions: list[str], tmp_path: Path
) -> None:
    mine = pictures(tmp_path / "mine", captions)
    twice = FAST.model_copy(update={"against": (str(mine),), "per_prompt": 2})
    theirs = foreign(tmp_path / "baselines", captions)
    result = evaluate(twice, [tiny_model], tiny_data, tmp_path / "out", baselines=theirs, progress=False)
    names = result.values["arms"][:3]
    assert names[1:] == ["mine", "Stable Diffusion"]
    assert {"item": "Kandinsky 2.2", "reason": "not on this machine"} in result.skipped
    assert set(result.values["measures"]["fit"]) == {*names, "shuffled", "real"}
    assert set(result.values["measures"]["attributes"]) == {
        names[0],
        "real",
    }  # pictures of other prompts there are none
    assert {row["second"] for row in result.values["comparisons"]} == set(names[1:])
    assert set(result.values["lineage"]) == {"judge", *names}
    for arm in (*names, "real"):
        kept = sorted((tmp_path / "out" / "arms" / arm).glob("*.png"))
        assert len(kept) == len(captions)
        assert {read_image(file.read_bytes()).size for file in kept} == {(64, 64)}


def test_a_baseline_that_drew_other_prompts_is_left_out_with_the_remedy(
    tiny_model: Path, tiny_data: Path, tmp_path: Path
) -> None:
    theirs = foreign(tmp_path / "baselines", ["A soccer club logo"])
    result = evaluate(FAST, [tiny_model], tiny_data, tmp_path / "out", baselines=theirs, progress=False)
    assert "Stable Diffusion" not in result.values["arms"]
    (reason,) = [one["reason"] for one in result.skipped if one["item"] == "Stable Diffusion"]
    assert "baselines.prompts=held-out" in reason


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        ("prompt", "mine has no picture for 1 of 3 prompts"),
        ("file", "lacks 1 of its pictures"),
        ("damage", "unusable picture"),
        ("lineage", "Nobody recorded what mine comes from"),
        ("kin", "no stranger to mine: both come from the training set drawn emblems"),
    ],
)
def test_an_arm_with_missing_pictures_or_kin_is_refused_in_one_sentence(
    spoil: str, sentence: str, tiny_model: Path, tiny_data: Path, captions: list[str], tmp_path: Path
) -> None:
    mine = pictures(tmp_path / "mine", captions[:2] if spoil == "prompt" else captions)
    if spoil == "file":
        (mine / "1.png").unlink()
    elif spoil == "damage":
        (mine / "1.png").write_bytes(b"x")
    elif spoil == "lineage":
        (mine / LINEAGE).unlink()
    elif spoil == "kin":
        (mine / LINEAGE).write_text(json.dumps(load_judge().lineage.record()), "utf8")
    with pytest.raises(LogolibError, match=sentence) as raised:
        evaluate(FAST, [tiny_model, mine], tiny_data, tmp_path / "out", progress=False)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out" / "result.json").exists()


def test_one_prompt_is_refused(tiny_data: Path, tmp_path: Path) -> None:
    lonely = tmp_path / "lonely"
    shutil.copytree(tiny_data, lonely)
    (lonely / "result.json").unlink()  # it tells of the shards as they were
    for shard in lonely.glob("val-*.tar"):
        shard.unlink()
    source = sorted(tiny_data.glob("val-*.tar"))[0]
    with tarfile.open(source) as whole, tarfile.open(lonely / "val-000000.tar", "w") as one:
        first = sorted(whole.getnames())[0].split(".")[0]
        for member in whole.getmembers():
            if member.name.split(".")[0] == first:
                one.addfile(member, whole.extractfile(member))
    assert len(load_pairs(lonely, "val", 16)) == 1
    with pytest.raises(DataError, match="holds out 1 caption, from which nothing follows"):
        held_out_prompts(lonely, 10, 16, 0)


def test_any_model_of_open_clips_can_judge() -> None:
    torch.manual_seed(0)
    vision = {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16}
    text = {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
    net = CLIP(8, vision, text)
    prepare = open_clip.image_transform(32, is_train=False)
    judge = zoo_judge("tiny", net, prepare, open_clip.get_tokenizer("ViT-B-32"), Lineage())
    shown = np.random.default_rng(0).integers(0, 256, (70, 40, 40, 3), dtype=np.uint8)
    scores = similarity(judge, shown, ["a lion", "a star"])
    assert scores.shape == (70, 2)
    assert np.abs(scores).max() <= 1 + 1e-6
    assert judge.images(shown[:3]).norm(dim=1) == pytest.approx(torch.ones(3))
    assert similarity(judge, shown[60:61], ["a star"])[0, 0] == pytest.approx(scores[60, 1], abs=1e-5)


def test_a_tag_that_cannot_be_downloaded_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(JudgeError, match="cannot be had") as raised:
        load_judge("ViT-B-32/laion2b_s34b_b79k")
    assert "\n" not in str(raised.value)
