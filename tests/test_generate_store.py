"""What a user may rely on: a saved model is the same model, a changed file is noticed, a name is looked up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from logolib.generate import LogoPipeline
from logolib.models.decoder import load_decoder
from logolib.models.weights import ModelError, read_config, save_config, save_weights

PROMPT = "a red lion on a gold shield"


@pytest.fixture(scope="module")
def saved(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "mine"
    LogoPipeline.from_pretrained(tiny_model).save_pretrained(folder)
    return folder


def copied(folder: Path, to: Path) -> Path:
    for file in folder.rglob("*.*"):
        (to / file.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
        (to / file.relative_to(folder)).write_bytes(file.read_bytes())
    return to


def test_a_saved_pipeline_draws_the_same_pictures(tiny_model: Path, saved: Path) -> None:
    assert {"README.md", "model_index.json", "clip", "prior", "decoder"} <= {file.name for file in saved.iterdir()}
    first, second = LogoPipeline.from_pretrained(tiny_model), LogoPipeline.from_pretrained(saved)
    assert second.model_fingerprint == first.model_fingerprint
    words = {"num_images_per_prompt": 2, "num_inference_steps": 2}
    assert (first(PROMPT, **words).pixels == second(PROMPT, **words).pixels).all()  # type: ignore[arg-type]


@pytest.mark.parametrize("part", ["clip", "prior", "decoder"])
def test_weights_that_are_not_those_saved_are_refused(saved: Path, tmp_path: Path, part: str) -> None:
    there = copied(saved, tmp_path)
    weights = there / part / "model.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    with pytest.raises(ModelError, match=f"{part}.*checksum differs"):
        LogoPipeline.from_pretrained(there)
    weights.unlink()
    with pytest.raises(ModelError, match=f"{part}.*missing"):
        LogoPipeline.from_pretrained(there)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sha256": 3}', '{"sha256": {"../../elsewhere": "0"}}'])
def test_a_damaged_index_is_refused_in_a_sentence(saved: Path, tmp_path: Path, text: str) -> None:
    (copied(saved, tmp_path) / "model_index.json").write_text(text)
    with pytest.raises(ModelError, match="download"):
        LogoPipeline.from_pretrained(tmp_path)


def test_a_name_of_hugging_face_is_found_and_a_path_wins(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="no model folder some/logos, and Hugging Face gave none"):
        LogoPipeline.from_pretrained("some/logos")
    revision = "0" * 40
    cached = tmp_path / "cache" / "models--some--logos"
    copied(saved, cached / "snapshots" / revision)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(revision)
    fetched = LogoPipeline.from_pretrained("some/logos")
    assert fetched.model_fingerprint == json.loads((saved / "model_index.json").read_text())["fingerprint"]
    (tmp_path / "some" / "logos").mkdir(parents=True)
    with pytest.raises(ModelError, match="clip"):
        LogoPipeline.from_pretrained("some/logos")  # an empty folder of that name


def test_the_schedule_stays_exact_whatever_the_precision_of_the_weights(tiny_model: Path, tmp_path: Path) -> None:
    there = copied(tiny_model, tmp_path)
    decoder, _ = load_decoder(there / "decoder")
    save_weights(decoder, there / "decoder" / "model.safetensors", "float16")
    save_config(there / "decoder", read_config(there / "decoder", "train decoder"))
    schedule = load_decoder(there / "decoder")[0].noise_schedulers[0].alphas_cumprod  # type: ignore[index,union-attr]
    assert torch.equal(schedule, decoder.noise_schedulers[0].alphas_cumprod)  # type: ignore[index,union-attr,arg-type]
    assert not torch.equal(schedule, schedule.half().float())  # type: ignore[union-attr,arg-type,operator]


def test_a_push_that_cannot_be_made_is_one_sentence(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="Hugging Face did not take some/logos"):
        LogoPipeline.from_pretrained(saved).push_to_hub("some/logos")


def test_a_pipeline_is_not_saved_into_a_file(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelError, match="cannot be written to"):
        LogoPipeline.from_pretrained(saved).save_pretrained(tmp_path / "file" / "model")
