"""Other people's tools read what is exported: open_clip's own trainer, webdataset, Hugging Face `datasets`."""

from __future__ import annotations

import gc
import json
import logging
import warnings
from functools import partial
from pathlib import Path

import datasets
import numpy as np
import open_clip
import open_clip_train.data
import pandas as pd
import pytest
import torch
import webdataset as wds
from open_clip_train.main import main as open_clip_main
from webdataset.tariterators import tar_file_expander

from logolib.config import DatasetSettings
from logolib.data import build_dataset, load_pairs, read_manifest
from logolib.results import read_result

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module")
def augmented(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny data set again, with two further versions of each training logo."""
    out = tmp_path_factory.mktemp("augmented")
    source = tiny_data.parent / "collected"
    build_dataset(DatasetSettings(size=32, shard_size=12, augment=2), source, out, seed=3, progress=False)
    return out


@pytest.mark.parametrize("kind", ["csv", "webdataset"])
def test_open_clip_trains_an_epoch(kind: str, augmented: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # From 0.2.96 on webdataset marks a shard's end with {}, which open_clip 2 trips over (webdataset's issue 384).
    monkeypatch.setattr(open_clip_train.data, "tar_file_expander", partial(tar_file_expander, eof_value=None))
    (tmp_path / "tiny-logo.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(tmp_path)
    shards = sorted(augmented.glob("train-*.tar"))
    data = augmented / "clip_train.csv" if kind == "csv" else f"{augmented}/train-{{000000..{len(shards) - 1:06d}}}.tar"
    words = ["--train-data", str(data), "--dataset-type", kind, "--model", "tiny-logo", "--epochs", "1"]
    words += ["--csv-img-key", "filepath", "--csv-caption-key", "title", "--batch-size", "8", "--workers", "0"]
    words += ["--logs", str(tmp_path / "logs"), "--name", kind, "--warmup", "1", "--precision", "fp32"]
    words += ["--device", "cpu", "--save-frequency", "1"]
    handlers = logging.root.handlers[:]
    named = (logging.getLogger(name) for name in [*logging.root.manager.loggerDict])
    levels = {logger: logger.level for logger in [logging.root, *named]}
    threads = torch.get_num_threads()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            open_clip_main(words)
            gc.collect()
    finally:
        for handler in set(logging.root.handlers) - set(handlers):
            logging.root.removeHandler(handler)
            handler.close()
        for logger, level in levels.items():
            logger.setLevel(level)
        torch.set_num_threads(threads)
    saved = torch.load(tmp_path / "logs" / kind / "checkpoints" / "epoch_1.pt", weights_only=True)
    assert saved["epoch"] == 1
    assert all(torch.isfinite(weight).all() for weight in saved["state_dict"].values())


def test_hugging_face_loads_the_image_folder(augmented: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = datasets.load_dataset(
            "imagefolder", data_dir=str(augmented / "imagefolder"), cache_dir=str(tmp_path / "cache")
        )
        assert set(found) == {"train", "validation"}
        for split, name in (("train", "train"), ("val", "validation")):
            pairs = load_pairs(augmented, split, 32)  # type: ignore[arg-type]
            rows = {row["id"]: row for row in found[name]}
            assert set(rows) == set(pairs.ids)
            for one, caption in zip(pairs.ids, pairs.captions, strict=True):
                assert rows[one]["text"] == caption
                assert (rows[one]["image"].size, rows[one]["image"].mode) == ((32, 32), "RGBA")
        gc.collect()


def test_webdataset_reads_augmented_versions_of_the_training_side_alone(augmented: Path) -> None:
    values = read_result(augmented / "result.json", "dataset").values
    assert values["augmented"] == 2 * values["train"]
    train, val = load_pairs(augmented, "train", 32), load_pairs(augmented, "val", 32)
    assert (len(train), len(val)) == (3 * values["train"], values["val"])
    assert not set(train.clubs) & set(val.clubs)
    for record in train.records:
        assert bool(record["augmented"]) == (record["id"] != record["original"])
    assert len({image.tobytes() for image in train.images}) == len(train)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        shards = [str(path) for path in sorted(augmented.glob("train-*.tar"))]
        read = list(wds.WebDataset(shards, shardshuffle=False).decode("pil").to_tuple("png", "txt", "json"))
        gc.collect()
    assert [text for _, text, _ in read] == train.captions


def test_shards_are_the_same_whatever_the_number_of_workers(tiny_data: Path, augmented: Path, tmp_path: Path) -> None:
    source = tiny_data.parent / "collected"
    settings = DatasetSettings(size=32, shard_size=12, augment=2, workers=2)
    build_dataset(settings, source, tmp_path, seed=3, progress=False)
    for path in augmented.rglob("*"):
        if path.is_file() and path.name not in ("result.json", "clip_train.csv", "clip_val.csv"):
            assert (tmp_path / path.relative_to(augmented)).read_bytes() == path.read_bytes()


def test_the_tables_agree(augmented: Path) -> None:
    manifest = pd.read_parquet(augmented / "manifest.parquet")
    sizes = json.loads((augmented / "sizes.json").read_text("utf8"))
    assert sum(sizes.values()) == len(manifest) == len(read_manifest(augmented))
    train = manifest[manifest.split == "train"]
    table = pd.read_csv(augmented / "clip_train.csv", sep="\t")
    assert table.title.tolist() == train.caption.tolist()
    assert all(Path(file).is_file() for file in table.filepath)
    assert np.array_equal([Path(file).stem for file in table.filepath], train.id)


def test_the_card_says_what_is_there(augmented: Path) -> None:
    values = read_result(augmented / "result.json", "dataset").values
    card = (augmented / "card.md").read_text("utf8")
    assert f"| train | {values['train']} | {values['clubs_train']} |" in card
    for heading in ("Captions", "Pictures as collected", "Leagues", "Sources and licences", "Known faults"):
        assert f"## {heading}" in card
    assert "none stated" in card
    assert sum(count for _, count in values["card"]["words"]) == values["train"] + values["val"]
