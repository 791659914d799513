"""What a user may rely on: a prompt and a seed make one picture, whatever the batch, and bad prompts are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from logolib.config import LogolibError, Profile
from logolib.generate import LogoPipeline, PromptError, generate
from logolib.generate.prompts import check_prompt

PROMPTS = ["a red lion on a gold shield", "a blue roundel with a white star", "a green tree"]


def test_a_seed_gives_the_same_picture_at_any_batch_size(tiny_model: Path) -> None:
    pipeline = LogoPipeline.from_pretrained(tiny_model)
    assert pipeline.image_size == 32
    many = pipeline(PROMPTS, seeds=[5, 6, 7], num_inference_steps=3).pixels
    assert many.shape == (3, 32, 32, 3)
    for i, prompt in enumerate(PROMPTS):
        one = pipeline(prompt, seeds=[5 + i], num_inference_steps=3, batch_size=1).pixels[0]
        assert np.abs(one.astype(int) - many[i]).max() <= 2
    other = pipeline(PROMPTS[0], seeds=[9], num_inference_steps=3).pixels[0]
    assert np.abs(other.astype(int) - many[0]).max() > 2


def test_a_seed_gives_the_same_picture_at_any_batch_size_also_where_each_step_draws_noise(tiny_model: Path) -> None:
    pipeline = LogoPipeline.from_pretrained(tiny_model)
    many = pipeline(PROMPTS, seeds=[5, 6, 7], num_inference_steps=4, sampler="ddpm").pixels
    one = pipeline(PROMPTS, seeds=[5, 6, 7], num_inference_steps=4, sampler="ddpm", batch_size=1).pixels
    assert np.abs(one.astype(int) - many).max() <= 2


def test_the_stage_writes_pngs_that_say_what_they_are(tiny_model: Path, tmp_path: Path, smoke: Profile) -> None:
    settings = smoke.generate.model_copy(update={"n": 2, "size": 48})
    result = generate(settings, PROMPTS[:2], tiny_model, tmp_path, seed=3, progress=False)
    assert len(result.values["pictures"]) == 4
    for picture in result.values["pictures"]:
        with Image.open(tmp_path / picture["file"]) as image:
            assert image.size == (48, 48)
            assert image.text["prompt"] == picture["prompt"]  # type: ignore[attr-defined]
            about = json.loads(image.text["logolib"])  # type: ignore[attr-defined]
            assert about["seed"] == picture["seed"]
            assert about["size"] == 48
    assert (tmp_path / "sheet.png").exists()
    again = generate(settings, PROMPTS[:2], tiny_model, tmp_path / "again", seed=3, progress=False)
    for a, b in zip(result.values["pictures"], again.values["pictures"], strict=True):
        assert (tmp_path / a["file"]).read_bytes() == (tmp_path / "again" / b["file"]).read_bytes()


@given(st.text(max_size=50))
def test_a_prompt_is_cleaned_or_refused(text: str) -> None:
    if any(c.isprintable() and not c.isspace() for c in text):
        clean = check_prompt(text)
        assert clean == check_prompt(clean)
    else:
        with pytest.raises(PromptError):
            check_prompt(text)


@pytest.mark.parametrize("prompts", [[], [""], ["\x00\x07"], ["long " * 5000]])
def test_prompts_that_nothing_can_be_drawn_from_are_refused(
    prompts: list[str], tiny_model: Path, tmp_path: Path, smoke: Profile
) -> None:
    with pytest.raises(PromptError):
        generate(smoke.generate, prompts, tiny_model, tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_a_missing_or_mixed_model_is_refused_in_a_sentence(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(LogolibError, match="no model folder"):
        LogoPipeline.from_pretrained(tmp_path / "none")
    mixed = tmp_path / "mixed"
    for part in ("clip", "prior", "decoder"):
        (mixed / part).mkdir(parents=True)
        for name in ("config.json", "model.safetensors"):
            (mixed / part / name).write_bytes((tiny_model / part / name).read_bytes())
    config = json.loads((mixed / "prior" / "config.json").read_text("utf8"))
    del config["seal"]  # what people write has none
    (mixed / "prior" / "config.json").write_text(json.dumps({**config, "clip": "0" * 16}), "utf8")
    with pytest.raises(LogolibError, match="another CLIP"):
        LogoPipeline.from_pretrained(mixed)
