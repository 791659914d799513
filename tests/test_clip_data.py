"""What a user may rely on: tables of pictures are read, bad input is one sentence, and the logs tell what happened."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from logolib.config import ClipSettings, Profile, TrainSettings
from logolib.data import DataError
from logolib.data.tables import load_table
from logolib.train import train_clip
from logolib.train.loop import TrainError, fit


def write_table(
    folder: Path, names: list[str], separator: str = ",", header: tuple[str, str] = ("image", "text")
) -> Path:
    lines = [separator.join(header)]
    for i, name in enumerate(names):
        if not name.startswith("missing"):
            Image.new("RGB", (40, 20), (10 * i, 0, 0)).save(folder / name)
        lines.append(separator.join((name, f"A crest of kind {i}.")))
    path = folder / "pairs.csv"
    path.write_text("\n".join(lines) + "\n", "utf8")
    return path


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_a_table_is_read_beside_its_pictures(separator: str, tmp_path: Path) -> None:
    path = write_table(tmp_path, ["a.png", "b.png"], separator)
    asked = {"separator": ";"} if separator == ";" else {}
    pairs = load_table(path, 16, img_key="image", caption_key="text", **asked)
    assert pairs.captions == ["A crest of kind 0.", "A crest of kind 1."]
    assert pairs.images.shape == (2, 16, 16, 3)
    assert tuple(pairs.images[1, 8, 8]) == (10, 0, 0)


def test_missing_pictures_are_listed_and_counted(tmp_path: Path) -> None:
    path = write_table(tmp_path, ["a.png", *(f"missing{i}.png" for i in range(13))])
    with pytest.raises(DataError) as refusal:
        load_table(path, 16, img_key="image", caption_key="text")
    text = str(refusal.value)
    assert "13 of the 14" in text
    assert "missing9.png and 3 more" in text
    assert "missing10.png" not in text


def test_a_column_that_is_not_there_is_named_with_the_setting(tmp_path: Path) -> None:
    path = write_table(tmp_path, ["a.png"])
    with pytest.raises(DataError, match=r"no column 'filepath' but image, text; name it by clip\.csv_img_key"):
        load_table(path, 16)
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(DataError, match="no column"):
        load_table(tmp_path / "empty.csv", 16)
    with pytest.raises(DataError, match="cannot be read"):
        load_table(tmp_path / "nowhere.csv", 16)


def test_a_picture_that_cannot_be_decoded_is_left_out(tmp_path: Path) -> None:
    path = write_table(tmp_path, ["a.png", "b.png"])
    (tmp_path / "b.png").write_bytes(b"no picture")
    pairs = load_table(path, 16, img_key="image", caption_key="text")
    assert (len(pairs), pairs.skipped) == (1, 1)


def test_a_clip_learns_from_a_table_and_keeps_its_logs(smoke: Profile, tmp_path: Path) -> None:
    path = write_table(tmp_path, [f"{i}.png" for i in range(12)])
    asked = {"csv_img_key": "image", "csv_caption_key": "text", "drawn": 0, "batch_size": 4, "report_to": "tensorboard"}
    settings = smoke.clip.model_copy(update={**asked, "epochs": 3})
    result = train_clip(settings, path, tmp_path / "run", progress=False)
    assert result.values["pairs"] + result.values["n_val"] == 12
    steps = result.provenance["settings"]["steps"]
    assert steps == 3 * (result.values["pairs"] // 4)
    assert result.values["curve"][-1]["step"] == steps
    log = (tmp_path / "run" / "clip" / "out.log").read_text("utf8")
    assert f"[{steps}/{steps} (100%)] loss: " in log
    assert list((tmp_path / "run" / "clip" / "tensorboard").glob("events.*"))


def network_and_loss() -> tuple[nn.Module, TrainSettings]:
    return nn.Linear(2, 1), ClipSettings(steps=4, batch_size=6, warmup=0)


def test_too_little_memory_says_what_to_lower(tmp_path: Path) -> None:
    network, settings = network_and_loss()

    def loss(_net: nn.Module, _step: int) -> Tensor:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(TrainError, match=r"set clip\.batch_size=3 or clip\.accum_freq=2 and run again"):
        fit(network, loss, settings, tmp_path / "a.pt", seed=0, key="k", resume=False, label="clip", progress=False)


def test_a_gradient_that_is_no_number_stops_before_it_reaches_the_weights(tmp_path: Path) -> None:
    network, settings = network_and_loss()

    def loss(net: nn.Module, _step: int) -> Tensor:
        return net(torch.zeros(1, 2)).abs().sqrt().sum() * 0 + (net(torch.zeros(1, 2)) * 0).sqrt().sum()

    with pytest.raises(TrainError, match=r"gradient is nan at step 0; .* likely cause is too high a rate"):
        fit(network, loss, settings, tmp_path / "a.pt", seed=0, key="k", resume=False, label="clip", progress=False)
    assert all(torch.isfinite(p).all() for p in network.parameters())
