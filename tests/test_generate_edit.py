"""What a user may rely on: pictures drawn from pictures, and the same picture from Python, command and notebook."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from logolib import cli
from logolib.config import LogolibError, Profile
from logolib.generate import LogoPipeline, PromptError, again, generate
from logolib.models.weights import read_config, save_config

PROMPT = "a red lion on a gold shield"
NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "07_generate.ipynb"


def call(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli.app, list(words))
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def pipeline(tiny_model: Path) -> LogoPipeline:
    return LogoPipeline.from_pretrained(tiny_model)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    ramp = np.linspace(0, 255, 40, dtype=np.uint8)
    Image.fromarray(np.stack([np.broadcast_to(ramp, (40, 40))] * 3, -1)).save(tmp_path / "ramp.png")
    return tmp_path / "ramp.png"


def test_variations_start_from_the_picture_and_differ(pipeline: LogoPipeline, picture: Path) -> None:
    drawn = pipeline.vary(picture, num_images=2, num_inference_steps=3)
    assert drawn.seeds == [0, 1]
    assert (drawn.pixels[0] != drawn.pixels[1]).any()
    with Image.open(picture) as opened:
        assert (pipeline.vary(opened, num_images=2, num_inference_steps=3).pixels == drawn.pixels).all()
    other = pipeline.vary(Image.new("RGB", (40, 40), "red"), num_images=1, num_inference_steps=3)
    assert (other.pixels[0] != drawn.pixels[0]).any()


def test_the_way_between_two_prompts_begins_and_ends_with_their_pictures(pipeline: LogoPipeline) -> None:
    ends = pipeline([PROMPT, "a green tree"], seeds=[4, 4], num_inference_steps=3).pixels.astype(int)
    way = pipeline.interpolate(PROMPT, "a green tree", 4, seed=4, num_inference_steps=3).pixels.astype(int)
    assert len(way) == 4
    assert np.abs(way[0] - ends[0]).max() <= 2
    assert np.abs(way[-1] - ends[1]).max() <= 2
    assert (way[1] != way[2]).any()
    with pytest.raises(PromptError, match="at least 2"):
        pipeline.interpolate(PROMPT, "a green tree", 1)


@pytest.mark.parametrize("size", [32, 64])
def test_inpainting_keeps_what_is_black_in_the_mask(pipeline: LogoPipeline, picture: Path, size: int) -> None:
    mask = Image.new("L", (40, 40))
    mask.paste(255, (0, 0, 20, 40))
    drawn = pipeline.inpaint(picture, mask, PROMPT, num_inference_steps=3, size=size).pixels[0].astype(int)
    with Image.open(picture) as opened:
        kept = np.asarray(opened.resize((size, size), Image.Resampling.BILINEAR)).astype(int)
    right = slice(size // 2 + size // 8, None)
    assert np.abs(drawn[:, right] - kept[:, right]).max() <= 6
    assert np.abs(drawn[:, : size // 4] - kept[:, : size // 4]).mean() > 8
    with pytest.raises(PromptError, match="no white part"):
        pipeline.inpaint(picture, Image.new("L", (40, 40)), PROMPT)


def test_what_is_no_picture_is_refused_in_a_sentence(pipeline: LogoPipeline, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for wrong in (tmp_path / "text.png", tmp_path / "nowhere.png", tmp_path):
        with pytest.raises(PromptError, match="give a PNG or JPEG"):
            pipeline.vary(wrong)
    with pytest.raises(PromptError, match="give a PIL image"):
        pipeline.vary(3)  # type: ignore[arg-type]


def test_a_file_is_made_again_byte_for_byte(tiny_model: Path, tmp_path: Path, smoke: Profile, picture: Path) -> None:
    settings = smoke.generate.model_copy(
        update={"n": 3, "size": 64, "candidates": 2, "palette": ("#aa0000", "#000044")}
    )
    prompts = [PROMPT, "ein Löwe, größer"]
    made = generate(settings, prompts, tiny_model, tmp_path / "out", seed=5, progress=False)
    varied = generate(settings, [], tiny_model, tmp_path / "varied", progress=False, vary=picture)
    files = [tmp_path / "out" / one["file"] for one in made.values["pictures"][1::2]]
    for file in [*files, tmp_path / "varied" / varied.values["pictures"][2]["file"]]:
        same = again(file, tiny_model, tmp_path / "again")
        assert same.read_bytes() == file.read_bytes()


def test_what_cannot_be_made_again_is_refused_politely(tiny_model: Path, tmp_path: Path, picture: Path) -> None:
    pipeline = LogoPipeline.from_pretrained(tiny_model)
    pipeline(PROMPT, num_inference_steps=2).save(0, tmp_path / "mine.png")
    pipeline.interpolate(PROMPT, "a tree", 2, num_inference_steps=2).save(0, tmp_path / "between.png")
    other = tmp_path / "other"
    shutil.copytree(tiny_model, other)
    from safetensors.torch import load_file, save_file

    weights = load_file(other / "decoder" / "model.safetensors")
    name = next(name for name in weights if name.endswith("to_out.weight"))
    save_file({**weights, name: weights[name] + 1}, other / "decoder" / "model.safetensors")
    save_config(other / "decoder", read_config(other / "decoder", "train decoder"))
    cases = [
        (tmp_path / "mine.png", other, "was drawn by the model"),
        (tmp_path / "between.png", tiny_model, "from other pictures"),
        (picture, tiny_model, "does not say how it was made"),
        (tmp_path / "nowhere.png", tiny_model, "cannot be read"),
    ]
    for file, model, sentence in cases:
        code, _, err = call("generate", "--again", str(file), "--model", str(model), "--out", str(tmp_path / "out"))
        assert code == 1
        assert sentence in err
        assert len(err.splitlines()) == 1
    assert call("generate", "a lion", "--again", "x.png", "--out", "y")[0] == 2


def test_python_command_and_notebook_make_the_same_picture(
    tiny_model: Path, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_data, tmp_path / "data")
    shutil.copytree(tiny_model, tmp_path / "model")
    names: dict[str, Any] = {
        "profile": "smoke",
        "run": str(tmp_path),
        "changes": "generate.n=2 generate.prompts=1 seed=3",
    }
    cells = {cell["id"]: "".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text("utf8"))["cells"]}
    exec(cells["config"] + "\n" + cells["call"], names)
    notebook = [tmp_path / "samples" / one["file"] for one in names["result"].values["pictures"]]
    (prompt,) = names["prompts"]

    words = ["--model", str(tmp_path / "model"), "--profile", "smoke", "--n", "2", "--seed", "3"]
    code, _, err = call("generate", prompt, "--out", str(tmp_path / "command"), *words)
    assert code == 0, err
    settings = names["settings"].generate
    python = LogoPipeline.from_pretrained(tmp_path / "model")(
        prompt,
        num_images_per_prompt=2,
        seed=3,
        size=settings.size,
        num_inference_steps=settings.steps,
        prior_steps=settings.prior_steps,
        batch_size=settings.batch_size,
    )
    for i, file in enumerate(notebook):
        assert file.read_bytes() == (tmp_path / "command" / file.name).read_bytes()
        python.save(i, tmp_path / "python.png")
        assert file.read_bytes() == (tmp_path / "python.png").read_bytes()


def test_the_command_takes_the_pipeline_s_words_and_names_unknown_ones(tiny_model: Path, tmp_path: Path) -> None:
    words = ["--model", str(tiny_model), "--profile", "smoke", "--out", str(tmp_path), "--n", "1", "--json"]
    words += ["--num-inference-steps", "3", "--sampler", "dpm++", "--guidance-scale", "2.5", "--num-candidates", "2"]
    code, out, err = call(
        "generate", "a red zzyzx\x07 on a shield", *words, "--palette", "#aa0000", "--palette", "#ffffff"
    )
    assert code == 0, err
    assert "'zzyzx'" in err
    assert "Control characters" in err
    (picture,) = json.loads(out.splitlines()[-1])["values"]["pictures"]
    with Image.open(tmp_path / picture["file"]) as image:
        about = json.loads(image.text["logolib"])  # type: ignore[attr-defined]
    assert {name: about[name] for name in ("steps", "sampler", "guidance_scale", "palette", "rows")} == {
        "steps": 3,
        "sampler": "dpm++",
        "guidance_scale": 2.5,
        "palette": ["#aa0000", "#ffffff"],
        "rows": 2,
    }


def test_an_interrupt_keeps_what_is_done(
    tiny_model: Path, tmp_path: Path, smoke: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    from logolib.generate import pipeline as module

    whole, calls = module.draw_batch, []

    def third_is_interrupted(*words: Any) -> Any:
        calls.append(0)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(*words)

    monkeypatch.setattr(module, "draw_batch", third_is_interrupted)
    settings = smoke.generate.model_copy(update={"n": 3, "batch_size": 1, "steps": 2})
    with pytest.raises(KeyboardInterrupt, match="the 2 pictures that were done"):
        generate(settings, [PROMPT], tiny_model, tmp_path / "out", progress=False)
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [f"{i}-{slug(PROMPT)}.png" for i in range(2)]


def test_a_folder_that_cannot_be_written_to_is_refused(tiny_model: Path, tmp_path: Path, smoke: Profile) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LogolibError, match="cannot be written to .*; choose another folder"):
        generate(smoke.generate, [PROMPT], tiny_model, tmp_path / "file" / "out", progress=False)


@pytest.mark.parametrize(
    "words", [["--n", "0"], ["--size", "100"], ["--palette", "red"], ["--sampler", "euler"], ["--vary", "x"]]
)
def test_a_bad_word_ends_the_command_with_one_sentence(words: list[str], tiny_model: Path, tmp_path: Path) -> None:
    code, out, err = call("generate", "a lion", "--model", str(tiny_model), "--out", str(tmp_path / "out"), *words)
    assert code == 1
    assert len(err.splitlines()) == 1
    assert "Unexpected" not in err
    assert not out


def slug(prompt: str) -> str:
    return re.sub(r"\W+", "-", prompt)
