"""Captions for logos that have none: end to end, resumable, the same in any batch, and a clear end when none passes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from logolib.caption import CaptionError, caption
from logolib.caption.candidates import on_white, sentence
from logolib.caption.sources import listed, read_logos
from logolib.collect import collect
from logolib.config import CaptionerSettings, CaptionSettings, CollectSettings, ConfigError, load_profile
from logolib.emblems import clubs, draw
from logolib.models.captioner import (
    SHIPPED,
    Captioner,
    captioner_lineage,
    encode,
    load_captioner,
    new_captioner,
    save_captioner,
)
from logolib.models.lineage import Lineage, stated
from logolib.models.weights import ModelError
from logolib.report.captions import listing
from logolib.train import train_captioner

SMALL = CaptionerSettings(
    image_size=32, dim=32, heads=2, layers=1, decoder_layers=1, vocabulary=400, steps=6, batch_size=8, warmup=2,
    log_every=2, save_every=2, drawn=16,
)  # fmt: skip
QUICK = CaptionSettings(beams=1, samples=2, batch_size=4, ocr=False, length=40)
CAPTIONS = [club.caption for club in clubs(40, 2)]
DRAWN = Lineage(frozenset({"drawn emblems 7"}))


@pytest.fixture(scope="module")
def crests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten crests without captions, their clubs in a table."""
    folder = tmp_path_factory.mktemp("bare")
    lines = ["file,team,league"]
    for i, club in enumerate(clubs(10, 4)):
        Image.fromarray(draw(club.emblem, 96)).save(folder / f"{i}.png")
        lines.append(f"{i}.png,{club.name},{club.league}")
    (folder / "clubs.csv").write_text("\n".join(lines), "utf8")
    return folder


@pytest.fixture(scope="module")
def tiny() -> Captioner:
    torch.manual_seed(0)
    return new_captioner(SMALL, CAPTIONS)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf8", newline="") as file:
        return list(csv.DictReader(file))


def pictures(n: int) -> list[np.ndarray]:
    return [on_white(draw(club.emblem, 48)) for club in clubs(n, 6)]


def test_the_captioner_that_ships_is_small_and_hugging_faces_own() -> None:
    from transformers import VisionEncoderDecoderModel

    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) <= 5_000_000
    model = VisionEncoderDecoderModel.from_pretrained(SHIPPED)
    assert (model.config.encoder.model_type, model.config.decoder.model_type) == ("vit", "gpt2")
    (texts,) = load_captioner("default").write(pictures(1), [0], samples=2)
    assert len(texts) == len(set(texts)) >= 1


def test_its_captions_do_not_depend_on_the_batch(tiny: Captioner) -> None:
    shown = pictures(5)
    together = tiny.write(shown, range(5), beams=2, samples=2, length=12)
    alone = [tiny.write([one], [i], beams=2, samples=2, length=12)[0] for i, one in enumerate(shown)]
    assert together == alone
    assert tiny.write(shown[:1], [99], beams=1, samples=2, length=12) != [alone[0]]


def test_a_captioner_is_saved_as_it_was(tiny: Captioner, tmp_path: Path) -> None:
    save_captioner(tiny, tmp_path / "kept", DRAWN)
    shown = pictures(2)
    again = load_captioner(str(tmp_path / "kept"))
    assert again.write(shown, [0, 1], beams=2, length=12) == tiny.write(shown, [0, 1], beams=2, length=12)
    save_captioner(tiny, tmp_path / "half", DRAWN, half=True)
    whole, half = ((tmp_path / name / "model.safetensors").stat().st_size for name in ("kept", "half"))
    assert half < 0.6 * whole
    assert next(tiny.model.parameters()).dtype == torch.float32


def test_captions_are_tokens_with_an_end_and_come_back(tiny: Captioner) -> None:
    texts = ['A red shield, "AB" in gold.', "Čtyři lvi"]
    labels = encode(tiny.tokenizer, texts)
    kept = [[int(t) for t in row if t >= 0] for row in labels]
    assert all(row[-1] == tiny.tokenizer.eos_token_id for row in kept)
    assert [text.strip() for text in tiny.tokenizer.batch_decode(kept, skip_special_tokens=True)] == texts
    assert encode(tiny.tokenizer, ["red " * 200], length=10).shape == (1, 10)


def test_newer_classes_are_read_from_a_folder(tmp_path: Path) -> None:
    import transformers

    from logolib.models.captioner import new_tokenizer

    tokenizer = new_tokenizer(CAPTIONS, 400)
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    ends = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "sep_token_id": 2}
    text = {**size, **ends, "vocab_size": len(tokenizer), "encoder_hidden_size": 16, "max_position_embeddings": 64}
    vision = {**size, "image_size": 32, "patch_size": 16}
    config = transformers.BlipConfig(
        text_config=text, vision_config=vision, projection_dim=16, image_text_hidden_size=16
    )
    model = transformers.BlipForConditionalGeneration(config)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    transformers.BlipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    captioner = load_captioner(str(tmp_path))
    assert isinstance(captioner.model, transformers.BlipForConditionalGeneration)
    assert len(captioner.write(pictures(2), [0, 1], beams=1, length=8)) == 2


def test_a_captioner_learns_and_can_be_fine_tuned(tiny_data: Path, tmp_path: Path) -> None:
    settings = SMALL.model_copy(update={"steps": 30, "lr": 3e-3, "log_every": 5})
    result = train_captioner(settings, tiny_data, tmp_path, progress=False)
    losses = [point["loss"] for point in result.values["curve"]]
    assert losses[-1] < 0.8 * losses[0]
    own = captioner_lineage(str(tmp_path / "captioner"))
    assert any(name.startswith("data ") for name in own.data)
    again = SMALL.model_copy(update={"start": str(tmp_path), "dim": 64})
    tuned = train_captioner(again, tiny_data, tmp_path / "tuned", progress=False)
    assert tuned.values["parameters"] == result.values["parameters"]
    assert tuned.values["curve"][0]["loss"] < losses[0]
    assert own.weights < captioner_lineage(str(tmp_path / "tuned" / "captioner")).weights
    assert load_captioner(str(tmp_path / "tuned" / "captioner")).write(pictures(1), [0], length=8)


def test_captions_end_to_end(crests: Path, tmp_path: Path) -> None:
    result = caption(QUICK, crests, tmp_path, progress=False)
    values = result.values
    assert values["logos"] == 10
    assert values["gate"]["kind"] == "shipped"
    rows = rows_of(tmp_path / "verdicts.csv")
    assert len(rows) == values["candidates"] >= 10
    assert all((row["accepted"] == "1") == (row["test"] == "") for row in rows)
    kept = rows_of(tmp_path / "captions.csv")
    assert len(kept) == values["accepted"] >= 1
    assert {row["club"] for row in kept} <= {club.name for club in clubs(10, 4)}
    collected = collect(CollectSettings(source=str(tmp_path)), tmp_path.parent / "again", progress=False)
    assert collected.values["logos"] == len(kept)
    (taught,) = captioner_lineage("default").data
    told = stated(tmp_path.parent / "again")
    assert told is not None
    assert taught in told.data


def test_a_stopped_call_goes_on_where_it_was(crests: Path, tmp_path: Path) -> None:
    caption(QUICK, crests, tmp_path / "whole", progress=False)
    whole = (tmp_path / "whole" / "rows.jsonl").read_text("utf8")
    lines = whole.splitlines(keepends=True)
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "rows.jsonl").write_text("".join(lines[:4]) + lines[4][:20], "utf8")
    other_batches = QUICK.model_copy(update={"batch_size": 3})
    caption(other_batches, crests, tmp_path / "part", progress=False)
    first, second = (
        [json.loads(line) for line in (tmp_path / name / "rows.jsonl").read_text("utf8").splitlines()[1:]]
        for name in ("whole", "part")
    )
    captions = [[[v["caption"] for v in row["verdicts"]] for row in rows] for rows in (first, second)]
    assert captions[0] == captions[1]


def test_pictures_with_nothing_on_them_are_listed_and_the_others_done(crests: Path, tmp_path: Path) -> None:
    source = tmp_path / "some"
    source.mkdir()
    for path in sorted(crests.glob("*.png")):
        (source / path.name).write_bytes(path.read_bytes())
    Image.new("RGBA", (40, 40), (255, 255, 255, 255)).save(source / "white.png")
    (source / "torn.png").write_bytes((source / "0.png").read_bytes()[:60])
    result = caption(QUICK, source, tmp_path / "out", progress=False)
    reasons = {item["item"]: item["reason"] for item in result.skipped}
    assert reasons["white"] == "there is nothing on the picture"
    assert "damaged" in reasons["torn"] or "not an image" in reasons["torn"]


def test_nothing_accepted_is_a_clear_end_and_passes_no_empty_file_on(
    tiny: Captioner, crests: Path, tmp_path: Path
) -> None:
    save_captioner(tiny, tmp_path / "unskilled", DRAWN)
    unskilled = QUICK.model_copy(update={"model": str(tmp_path / "unskilled"), "length": 6})
    with pytest.raises(CaptionError, match=r"None of 10 logos got a caption.*verdicts\.csv"):
        caption(unskilled, crests, tmp_path / "out", progress=False)
    rows = rows_of(tmp_path / "out" / "verdicts.csv")
    assert len(rows) >= 10
    assert all(row["test"] for row in rows)
    assert not (tmp_path / "out" / "captions.csv").exists()
    assert not (tmp_path / "out" / "result.json").exists()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("nobody/no-such-captioner", "cannot be had"), ("./nowhere", "no captioner in"), ("two words", "cannot be had")],
)
def test_a_captioner_that_is_not_there_is_named(name: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match=sentence) as told:
        load_captioner(name)
    assert "\n" not in str(told.value)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptionError, match="no picture"):
        caption(QUICK, tmp_path, tmp_path / "out", progress=False)
    with pytest.raises(CaptionError, match="no folder"):
        caption(QUICK, tmp_path / "nowhere", tmp_path / "out", progress=False)


def test_a_seeded_list_is_the_same_every_time(crests: Path) -> None:
    logos = read_logos(crests)
    first = listed(logos, 4, 0)
    assert first == listed(logos[::-1], 4, 0)
    assert first != listed(logos, 4, 1)
    assert listed(logos, 0, 0) == logos
    assert all(logo.club for logo in first)


def test_the_list_shows_the_surest_accepted_caption_and_else_the_likeliest(tmp_path: Path) -> None:
    lines = ["id,club,caption,accepted,test,reason,score", "a,A,first,0,fit,no,-1", "a,A,good,1,,,1", "a,A,best,1,,,2"]
    lines += ["b,B,likeliest,0,names,says <i>little</i>,-3", "b,B,other,0,fit,no,-1", "c,C,,0,content,nothing there,"]
    (tmp_path / "verdicts.csv").write_text("\n".join(lines), "utf8")
    html = listing(tmp_path).data
    assert [word for word in ("best", "likeliest", "nothing there", "&lt;i&gt;") if word not in html] == []
    assert [word for word in ("first", "good", "other", "<i>") if word in html] == []


def test_a_candidate_becomes_a_sentence() -> None:
    assert sentence("  a red shield with a star ") == "A red shield with a star."
    assert sentence(" . ") == ""


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="captioner"):
        load_profile("smoke", ["captioner.dim=33"])
    with pytest.raises(ConfigError, match=r"caption\.pass_rate"):
        load_profile("smoke", ["caption.pass_rate=0"])
