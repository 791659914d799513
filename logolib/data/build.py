"""Manifest to data set: cleaned, without repeats, split by club, as shards, tables, an image folder and a card."""

from __future__ import annotations

import os
import shutil
import statistics
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from logolib.config import DatasetSettings
from logolib.data.batches import BUILDING, data_hash_of
from logolib.data.card import card_text, card_values
from logolib.data.clean import DataError
from logolib.data.curate import MERGED, SPLITS, Curated, curate, limited
from logolib.data.exports import Exports
from logolib.data.manifest import manifest_table
from logolib.data.parallel import spread
from logolib.data.shards import Shard, write_shard
from logolib.data.usable import Usable, usable_rows
from logolib.results import StageResult, Stopwatch, pass_lineage_on, write_result


def build_dataset(
    settings: DatasetSettings,
    collected: Path,
    out: Path,
    *,
    seed: int = 0,
    profile: str = "custom",
    progress: bool = True,
) -> StageResult:
    """Build the data set in `out` from `collected/manifest.parquet`.

    Writes `train-*.tar`, `val-*.tar` (KEY.png RGBA `size` px square, KEY.txt, KEY.json) and `sizes.json` for
    webdataset and open_clip, `clip_train.csv`, `clip_val.csv`, `images/KEY.png`, `imagefolder/` for Hugging
    Face `datasets`, `manifest.parquet`, `card.md` and `result.json`; the same input gives the same bytes,
    whatever the number of workers. An earlier build is replaced only when the new one is complete. Raises
    DataError for a manifest that is missing, damaged or empty, or fewer than two clubs.
    """
    watch = Stopwatch()
    if out.resolve() == collected.resolve():
        raise DataError(f"{out} holds what was collected; give the data set another folder.")
    table = manifest_table(collected)
    if len(table) == 0:
        raise DataError(f"The manifest in {collected} is empty; collect some logos first.")
    try:
        building = out / BUILDING
        shutil.rmtree(building, ignore_errors=True)
        (building / "images").mkdir(parents=True)
        try:
            usable = usable_rows(table, collected, building / "images", settings, progress)
            if len(usable.table) == 0:
                reason = usable.skipped[0].reason
                raise DataError(f"No logo of {collected} is usable; the first reason: {reason}.")
            curated = curate(usable.table, usable.signatures, settings.val_fraction)
            curated = limited(curated, usable.table["id"].to_pylist(), settings.limit)
            rows = _kept(usable.table, curated, building)
            files, augmented = _write(rows, curated.val, building, out, settings, seed, progress)
        except DataError:
            shutil.rmtree(building, ignore_errors=True)
            raise
        values = _values(rows, usable, curated, augmented, settings)
        values["shards"] = len(files)
        (building / "card.md").write_text(card_text(values, settings), "utf8")
        _swap(building, out)
        pass_lineage_on(collected, out)
        result = StageResult(
            stage="dataset",
            values=values,
            files={"card": "card.md", "images": "images", "imagefolder": "imagefolder", "manifest": "manifest.parquet"}
            | {f"clip_{split}": f"clip_{split}.csv" for split in SPLITS}
            | {Path(name).stem: name for name in files},
            provenance=watch.provenance(settings, seed, data_hash_of(out), profile),
            skipped=tuple(asdict(item) for item in usable.skipped),
        )
        write_result(out / "result.json", result)
    except OSError as error:
        raise DataError(f"{out} cannot be written ({error.strerror or error}); make room there.") from None
    return result


def _kept(table: pa.Table, curated: Curated, building: Path) -> pa.Table:
    """The rows that stay, with their years and what they stand for; pictures of the others are dropped."""
    stays = np.zeros(len(table), bool)
    stays[curated.rows] = True
    for image in table["image"].filter(pa.array(~stays)).to_pylist():
        (building / image).unlink()
    rows = table.take(pa.array(curated.rows))
    order = curated.rows.tolist()
    years = [curated.years.get(row, own) for row, own in zip(order, rows["years"].to_pylist(), strict=True)]
    rows = rows.set_column(rows.column_names.index("years"), "years", pa.array(years, pa.string()))
    return rows.append_column("merged", pa.array([curated.merged.get(row, []) for row in order], MERGED))


def _write(
    rows: pa.Table, val: np.ndarray, building: Path, out: Path, settings: DatasetSettings, seed: int, progress: bool
) -> tuple[list[str], int]:
    """Write every shard as a piece of work of its own, and the tables of all; the shards' names and augmented rows."""
    shards = []
    for split, mask in zip(SPLITS, (~val, val), strict=True):
        places = np.flatnonzero(mask)
        versions = settings.augment if split == "train" else 0
        step = max(1, settings.shard_size // (1 + versions))
        for number, start in enumerate(range(0, len(places), step)):
            some = rows.take(pa.array(places[start : start + step]))
            shards.append(Shard(building, split, number, some, versions, seed))
    written = 0
    with Exports(building, out, rows.schema) as exports:
        done = spread(write_shard, shards, settings.workers, label="shards", progress=progress)
        for shard, made in zip(shards, done, strict=True):
            exports.add(shard.split, shard.name, made)
            written += len(made)
    return [shard.name for shard in shards], written - len(rows)


def _values(
    rows: pa.Table, usable: Usable, curated: Curated, augmented: int, settings: DatasetSettings
) -> dict[str, Any]:
    """The stage's numbers; `train` and `val` count logos, `augmented` their further versions."""
    captions, clubs = rows["caption"].to_pylist(), set(rows["club"].to_pylist())
    pale, sides = usable.signatures["pale"][curated.rows], usable.sides[curated.rows]
    return {
        "train": int((~curated.val).sum()),
        "val": int(curated.val.sum()),
        "clubs_train": len(clubs) - curated.clubs_val,
        "clubs_val": curated.clubs_val,
        "duplicates": curated.exact,
        "near_duplicates": curated.near,
        "collapsed": curated.collapsed,
        "kin": curated.kin,
        "beyond_limit": curated.beyond,
        "augmented": augmented,
        "skipped": len(usable.skipped),
        "skipped_reasons": dict(Counter(item.reason.partition(":")[0] for item in usable.skipped)),
        "caption_words_median": statistics.median(len(caption.split()) for caption in captions),
        "card": card_values(rows, curated.val, pale, sides, settings),
    }


def _swap(building: Path, out: Path) -> None:
    """Put a complete build in the place of the one before it; `result.json` is away meanwhile."""
    (out / "result.json").unlink(missing_ok=True)
    for stale in [*out.glob("train-*.tar"), *out.glob("val-*.tar")]:
        stale.unlink()
    for made in sorted(building.iterdir()):
        if made.is_dir():
            shutil.rmtree(out / made.name, ignore_errors=True)
        os.replace(made, out / made.name)
    building.rmdir()
