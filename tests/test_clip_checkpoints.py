"""What a user may rely on: open_clip's checkpoints come in and go out, and what does not fit is named."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from logolib.config import ClipSettings, Profile
from logolib.data import load_pairs
from logolib.images import save_png
from logolib.models import Clip, ModelError, load_clip
from logolib.models.clip import named_config
from logolib.models.clip_files import fitting_models, load_checkpoint, read_checkpoint
from logolib.text import Vocabulary
from logolib.train import train_clip
from logolib.train.loop import TrainError

TINY: dict[str, Any] = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}
THEIR_TRAINER = """
import sys, open_clip
open_clip.add_model_config(sys.argv[1])
from open_clip_train.main import main
main(sys.argv[2:])
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "tiny_of_test.json"
    path.write_text(json.dumps(TINY), "utf8")
    open_clip.add_model_config(path)
    return path


@pytest.fixture(scope="module")
def table(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pairs as open_clip's trainer takes them."""
    folder = tmp_path_factory.mktemp("table")
    pairs = load_pairs(tiny_data, "train", 32)
    lines = ["filepath\ttitle"]
    for i in range(8):
        save_png(Image.fromarray(pairs.images[i]), folder / f"{i}.png")
        lines.append(f"{folder / f'{i}.png'}\t{pairs.captions[i]}")
    (folder / "train.csv").write_text("\n".join(lines) + "\n", "utf8")
    return folder / "train.csv"


def tiny_clip(seed: int = 0) -> Clip:
    torch.manual_seed(seed)
    return Clip(TINY, Vocabulary.full(16)).eval()


def run_theirs(config: Path, table: Path, logs: Path, *options: str) -> Path:
    """open_clip's own trainer, as a user calls it; its folder of checkpoints."""
    known = ["--model", config.stem, "--train-data", str(table), "--batch-size", "4", "--workers", "0"]
    known += ["--device", "cpu", "--precision", "fp32", "--warmup", "1", "--lr", "1e-3", "--wd", "0.1"]
    command = [sys.executable, "-c", THEIR_TRAINER, str(config), *known, "--logs", str(logs), "--name", "run", *options]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    return logs / "run" / "checkpoints"


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod."])
def test_a_trainer_s_checkpoint_is_read_whatever_stands_before_its_names(prefix: str, tmp_path: Path) -> None:
    clip, path = tiny_clip(1), tmp_path / "epoch_1.pt"
    torch.save({"epoch": 1, "name": "x", "state_dict": {prefix + k: v for k, v in clip.net.state_dict().items()}}, path)
    other = tiny_clip(2)
    assert load_checkpoint(other, path, "tiny")["epoch"] == 1
    assert other.fingerprint() == clip.fingerprint()


def test_plain_state_dicts_and_safetensors_are_read(tmp_path: Path) -> None:
    clip = tiny_clip(1)
    torch.save(clip.net.state_dict(), tmp_path / "a.pt")
    save_file(clip.net.state_dict(), tmp_path / "a.safetensors")
    for name in ("a.pt", "a.safetensors"):
        other = tiny_clip(2)
        load_checkpoint(other, tmp_path / name, "tiny")
        assert other.fingerprint() == clip.fingerprint()


def test_another_architecture_is_refused_with_the_first_layers_and_the_right_model(tmp_path: Path) -> None:
    with torch.device("meta"):
        shapes = Clip(named_config("RN50"), Vocabulary.full(77)).net.state_dict()
    layers = {name: torch.zeros(()).expand(layer.shape) for name, layer in shapes.items()}  # a small file
    torch.save({"state_dict": layers}, tmp_path / "epoch_3.pt")
    with pytest.raises(ModelError) as refusal:
        load_checkpoint(tiny_clip(), tmp_path / "epoch_3.pt", "tiny")
    assert "no tiny: 506 layers differ" in str(refusal.value)
    assert "first positional_embedding (77x512 in the file, 16x32 in the model)" in str(refusal.value)
    assert str(refusal.value).endswith("it looks like RN50 or RN50-quickgelu: set clip.model=RN50.")
    assert fitting_models(layers)[0] == "RN50"
    assert fitting_models({"weight": torch.zeros(2, 2)}) == []


class Bomb:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch exploded",)


def test_a_pickle_that_is_not_weights_is_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pt").write_bytes(pickle.dumps(Bomb()))
    torch.save({"state_dict": Bomb()}, tmp_path / "b.pt")
    torch.save({"epoch": 3, "note": "no weights"}, tmp_path / "c.pt")
    torch.save([1, 2], tmp_path / "d.pt")
    (tmp_path / "e.safetensors").write_bytes(b"nothing")
    for name in ("a.pt", "b.pt", "c.pt", "d.pt", "e.safetensors", "missing.pt"):
        with pytest.raises(ModelError):
            read_checkpoint(tmp_path / name)
    assert not (tmp_path / "exploded").exists()


def test_a_zoo_name_with_a_foreign_tokeniser_is_refused_in_words() -> None:
    with pytest.raises(ModelError, match="take a plain CLIP"):
        Clip(named_config("ViT-B-16-SigLIP"), Vocabulary.full(64))


def test_a_training_goes_from_ours_to_open_clip_s_trainer_and_back(config: Path, table: Path, tmp_path: Path) -> None:
    common = {"model": str(config), "val_data": str(table), "batch_size": 4, "warmup": 1, "patience": 0}
    settings = ClipSettings(**common, train_data=str(table), epochs=1, save_frequency=1, wd=0.1)
    train_clip(settings, table, tmp_path / "ours", progress=False)
    ours, path = load_clip(tmp_path / "ours" / "clip"), tmp_path / "ours" / "clip" / "checkpoints" / "epoch_1.pt"
    model = open_clip.create_model(config.stem, pretrained=str(path)).eval()
    words = ["A red lion."]
    expected = ours.encode_text(ours.vocabulary.encode(words))
    torch.testing.assert_close(
        model.encode_text(open_clip.SimpleTokenizer(context_length=16)(words), normalize=True), expected
    )

    # eight pairs in batches of four: two steps an epoch, here and there
    theirs = run_theirs(config, table, tmp_path / "logs", "--resume", str(path), "--epochs", "2") / "epoch_2.pt"
    kept = torch.load(theirs, weights_only=True)
    assert {int(state["step"]) for state in kept["optimizer"]["state"].values()} == {4}

    tuned = ClipSettings(**common, pretrained=str(theirs), steps=1, lr=1e-12, wd=0.0, wise_ft="off")
    train_clip(tuned, table, tmp_path / "tuned", progress=False)
    layers = load_clip(tmp_path / "tuned" / "clip").net.state_dict()
    torch.testing.assert_close(layers["text_projection"], kept["state_dict"]["text_projection"], rtol=0, atol=1e-6)

    further = settings.model_copy(update={"resume": str(theirs), "epochs": 3})
    result = train_clip(further, table, tmp_path / "further", progress=False)
    assert result.values["resumed_at"] == 4
    last = torch.load(tmp_path / "further" / "clip" / "checkpoints" / "epoch_3.pt", weights_only=True)
    assert {int(state["step"]) for state in last["optimizer"]["state"].values()} == {6}
    with pytest.raises(TrainError, match="all that are asked for"):
        train_clip(further.model_copy(update={"epochs": 2}), table, tmp_path, progress=False)


def test_a_checkpoint_that_is_not_there_is_named(tiny_data: Path, smoke: Profile, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="latest"):
        train_clip(smoke.clip.model_copy(update={"resume": "nowhere.pt"}), tiny_data, tmp_path, progress=False)
    with pytest.raises(ModelError, match="no checkpoint"):
        train_clip(smoke.clip.model_copy(update={"pretrained": "nowhere.pt"}), tiny_data, tmp_path, progress=False)
