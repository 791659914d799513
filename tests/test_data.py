"""What a user may rely on in a data set: no club on both sides, the same bytes twice, readers that agree."""

from __future__ import annotations

import gc
import json
import shutil
import warnings
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import webdataset as wds
from hypothesis import given
from hypothesis import strategies as st
from open_clip_train.data import CsvDataset
from PIL import Image

from logolib.collect import collect
from logolib.config import CollectSettings, DatasetSettings, LogolibError
from logolib.data import (
    batches,
    build_dataset,
    clean_caption,
    data_hash_of,
    load_pairs,
    read_manifest,
    split_clubs,
    tidy,
)
from logolib.data.clean import club_place
from logolib.records import MANIFEST_COLUMNS
from logolib.results import read_result

SETTINGS = DatasetSettings(size=64, shard_size=16)
CAPTIONS = ['A "quoted"\towl, {i}.', "A red owl… ", "A\x00 blue\nowl [site remark].", "Un écu d'or {i}"]


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty logos of twenty clubs from a folder with awkward captions."""
    folder = tmp_path_factory.mktemp("folder")
    rng = np.random.default_rng(0)
    rows = []
    for i in range(40):
        colours = rng.integers(0, 255, (4, 4, 4), dtype=np.uint8) | np.array([0, 0, 0, 255], np.uint8)
        Image.fromarray(colours).resize((40, 30), Image.Resampling.NEAREST).save(folder / f"{i}.png")
        rows.append((f"{i}.png", CAPTIONS[i % 4].format(i=i), f"Club {i // 2}", f"League {i % 3}"))
    pd.DataFrame(rows, columns=["file", "caption", "club", "league"]).to_csv(folder / "c.csv", index=False)
    out = tmp_path_factory.mktemp("collected")
    collect(CollectSettings(source=str(folder)), out, progress=False)
    return out


@pytest.fixture(scope="module")
def built(collected: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data")
    build_dataset(SETTINGS, collected, out, progress=False)
    return out


def altered(collected: Path, out: Path, change: object) -> Path:
    """A copy of what was collected, with its manifest's table changed."""
    shutil.copytree(collected, out)
    table = pq.read_table(out / "manifest.parquet").to_pandas()
    change(table).to_parquet(out / "manifest.parquet")  # type: ignore[operator]
    return out


def samples(data: Path, split: str) -> list[dict[str, bytes]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # webdataset leaves its shards to the collector
        found = list(wds.WebDataset([str(p) for p in sorted(data.glob(f"{split}-*.tar"))], shardshuffle=False))
        gc.collect()
    return found


def test_webdataset_reads_every_sample(built: Path) -> None:
    values = read_result(built / "result.json", "dataset").values
    assert (values["train"] + values["val"], values["skipped"], values["duplicates"]) == (40, 0, 0)
    for split in ("train", "val"):
        found = samples(built, split)
        assert len(found) == values[split] > 0
        for sample in found:
            record = json.loads(sample["json"])
            assert tuple(record)[: len(MANIFEST_COLUMNS)] == MANIFEST_COLUMNS
            assert record["id"] == sample["__key__"]
            assert record["caption"].encode() == sample["txt"]
            assert (built / record["image"]).read_bytes() == sample["png"]


def test_no_club_stands_on_both_sides(built: Path) -> None:
    train, val = load_pairs(built, "train", 16), load_pairs(built, "val", 16)
    assert not set(train.clubs) & set(val.clubs)
    assert len(set(train.clubs) | set(val.clubs)) == 20


def test_open_clip_reads_the_tables(built: Path) -> None:
    for split in ("train", "val"):
        pairs = load_pairs(built, split, 64)
        read = CsvDataset(
            str(built / f"clip_{split}.csv"), np.asarray, "filepath", "title", tokenizer=lambda texts: texts
        )
        assert [read[i][1] for i in range(len(read))] == pairs.captions
        assert read[0][0].shape == (64, 64, 4)


def test_captions_lose_remarks_cuts_and_controls(built: Path) -> None:
    captions = [*load_pairs(built, "train", 16).captions, *load_pairs(built, "val", 16).captions]
    assert {"A red owl", "A blue owl.", "Un écu d'or 3", 'A "quoted" owl, 0.'} <= set(captions)
    assert not any(c in caption for caption in captions for c in "\t\n\x00[…")


def test_the_same_input_gives_the_same_bytes(collected: Path, built: Path) -> None:
    def content() -> dict[str, bytes]:
        files = (p for p in built.rglob("*") if p.is_file() and p.name != "result.json")
        return {str(p.relative_to(built)): p.read_bytes() for p in files}

    before, digest = content(), data_hash_of(built)
    (built / "train-000099.tar").write_bytes(b"stale")
    build_dataset(SETTINGS, collected, built, progress=False)
    assert content() == before
    assert data_hash_of(built) == digest


def test_pictures_are_padded_and_flattened_on_white(built: Path) -> None:
    pairs = load_pairs(built, "train", 32)
    assert pairs.images.shape == (len(pairs), 32, 32, 3)
    assert pairs.images.dtype == np.uint8
    assert (pairs.images[:, 0] == 255).all()
    assert (pairs.images[:, 16] != 255).any()


def test_repeated_and_unusable_rows_are_counted(collected: Path, tmp_path: Path) -> None:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[0, "caption"] = " […] "
        table.loc[1, "caption"] = "NaN"
        table.loc[2, "image"] = "images/absent.png"
        table.loc[4, ["image", "sha256"]] = table.loc[3, ["image", "sha256"]]
        return table

    source = altered(collected, tmp_path / "in", change)
    (source / read_manifest(source)[5].image).write_bytes(b"\x89PNG damaged")
    values = build_dataset(SETTINGS, source, tmp_path / "out", progress=False).values
    assert (values["train"] + values["val"], values["skipped"], values["duplicates"]) == (35, 4, 1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.iloc[:0], "empty"),
        (lambda t: t.iloc[:2], "two clubs"),
        (lambda t: t.drop(columns="caption"), "'caption'"),
        (lambda t: t.assign(image="../../secret.png"), "outside"),
        (lambda t: t.assign(id="../x"), "no file name"),
        (lambda t: t.assign(caption=None), "no text"),
        (lambda t: t.assign(caption="…"), "usable"),
    ],
)
def test_a_bad_manifest_is_one_sentence(change: object, says: str, collected: Path, tmp_path: Path) -> None:
    source = altered(collected, tmp_path / "in", change)
    with pytest.raises(LogolibError, match=says) as error:
        build_dataset(SETTINGS, source, tmp_path / "out", progress=False)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [None, b"", b"PAR1 and no more", b"PAR1" * 50])
def test_a_damaged_manifest_is_one_sentence(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "manifest.parquet").write_bytes(content)
    with pytest.raises(LogolibError, match="collect") as error:
        build_dataset(SETTINGS, tmp_path, tmp_path / "out", progress=False)
    assert "\n" not in str(error.value)


def test_a_failed_build_leaves_the_one_before(collected: Path, built: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path / "data")
    source = altered(collected, tmp_path / "in", lambda table: table.iloc[:2])
    with pytest.raises(LogolibError):
        build_dataset(SETTINGS, source, tmp_path / "data", progress=False)
    assert data_hash_of(tmp_path / "data") == data_hash_of(built)
    assert (tmp_path / "data" / "result.json").exists()


def test_damaged_shards_are_skipped_or_refused(built: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(built, data)
    whole = load_pairs(data, "train", 16)
    (data / "result.json").unlink()  # shards of one's own: nobody told what they were
    shard = sorted(data.glob("train-*.tar"))[0]
    content = shard.read_bytes()
    shard.write_bytes(content[: content.index(b"PNG", len(content) // 2) + 20])  # in the midst of a picture
    part = load_pairs(data, "train", 16)
    assert 0 < len(part) < len(whole)
    assert part.skipped > 0
    for path in data.glob("train-*.tar"):
        path.write_bytes(b"no tar")
    with pytest.raises(LogolibError, match="build the data set again"):
        load_pairs(data, "train", 16)
    with pytest.raises(LogolibError, match="no val shard"):
        load_pairs(tmp_path, "val", 16)


@given(st.sets(st.text(min_size=1, max_size=12), min_size=2), st.floats(0.05, 0.95))
def test_growth_moves_no_club(clubs: set[str], fraction: float) -> None:
    if len({club_place(club) for club in clubs}) < 2:
        return
    held_out = split_clubs(clubs, fraction)
    assert 0 < len(held_out) < len(clubs)
    anchors = {f"anchor {i}" for i in range(200)}
    first, grown = split_clubs(anchors, fraction), split_clubs(anchors | clubs, fraction)
    assert grown & anchors == first


@given(st.text(max_size=200))
def test_clean_captions_stay_clean(text: str) -> None:
    clean = clean_caption(text)
    assert clean_caption(clean) == clean
    assert tidy(clean) == clean
    assert clean.encode().decode() == clean


def test_clubs_with_two_eras_stay_together_in_the_demo(tmp_path: Path) -> None:
    collect(CollectSettings(crests=40), tmp_path / "c", progress=False)
    build_dataset(SETTINGS, tmp_path / "c", tmp_path / "d", progress=False)
    train, val = load_pairs(tmp_path / "d", "train", 16), load_pairs(tmp_path / "d", "val", 16)
    assert len(train) + len(val) == 40
    assert len(set(train.clubs)) + len(set(val.clubs)) == len({*train.clubs, *val.clubs})


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 5), st.integers(0, 60))
def test_batches_resume_where_they_stood(n: int, size: int, seed: int, step: int) -> None:
    whole = list(islice(batches(n, size, seed), step + 3))
    resumed = list(islice(batches(n, size, seed, start_step=step), 3))
    assert all((a == b).all() for a, b in zip(whole[step:], resumed, strict=True))
    for batch in whole:
        assert len(set(batch.tolist())) == len(batch) == min(n, size)


def test_an_epoch_shows_everything_once() -> None:
    one, other = (np.concatenate(list(islice(batches(12, 4, 0, start), 3))) for start in (0, 3))
    assert sorted(one) == sorted(other) == list(range(12))
    assert (one != other).any()
