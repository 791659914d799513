"""Manifest to shards: cleaned, split by club, as webdataset tars, open_clip CSVs, pictures and a card."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd
import webdataset as wds
from tqdm import tqdm

from logolib.config import DatasetSettings
from logolib.data.batches import data_hash_of
from logolib.data.clean import DataError, clean_caption, colour_counts, read_manifest, split_clubs
from logolib.images import ImageError, fit, read_image
from logolib.records import LogoRecord, Skipped, row
from logolib.results import StageResult, Stopwatch, write_result

BUILDING = ".building"
COMPRESSION = 3  # zlib's level: twice as fast as the usual 6, a few per cent larger


@dataclass(frozen=True)
class _Sample:
    record: LogoRecord
    png: bytes


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

    Writes `train-*.tar`, `val-*.tar` (KEY.png RGBA `size` px square, KEY.txt, KEY.json), `images/KEY.png`,
    `clip_train.csv`, `clip_val.csv`, `card.md` and `result.json`; the same input gives the same bytes.
    An earlier build is replaced only when the new one is complete. Raises DataError for a manifest that
    is missing, damaged or empty, or fewer than two clubs.
    """
    watch = Stopwatch()
    records = read_manifest(collected)
    if not records:
        raise DataError(f"The manifest in {collected} is empty; collect some logos first.")
    samples, skipped, duplicates = _samples(records, collected, settings.size, progress)
    if not samples:
        raise DataError(f"No logo of {collected} is usable; the first reason: {skipped[0].reason}.")
    held_out = split_clubs((s.record.club for s in samples), settings.val_fraction)
    splits = {
        "train": [s for s in samples if s.record.club not in held_out],
        "val": [s for s in samples if s.record.club in held_out],
    }
    try:
        building = out / BUILDING
        shutil.rmtree(building, ignore_errors=True)
        (building / "images").mkdir(parents=True)
        shards = [name for split in splits for name in _write(building, out, split, splits[split], settings.shard_size)]
        values = {
            "train": len(splits["train"]),
            "val": len(splits["val"]),
            "clubs_train": len({s.record.club for s in splits["train"]}),
            "clubs_val": len(held_out),
            "duplicates": duplicates,
            "skipped": len(skipped),
            "caption_words_median": statistics.median(len(s.record.caption.split()) for s in samples),
            "shards": len(shards),
        }
        (building / "card.md").write_text(_card(splits, values, settings), "utf8")
        _swap(building, out)
        result = StageResult(
            stage="dataset",
            values=values,
            files={"card": "card.md", "images": "images"}
            | {f"clip_{split}": f"clip_{split}.csv" for split in splits}
            | {Path(name).stem: name for name in shards},
            provenance=watch.provenance(settings, seed, data_hash_of(out), profile),
            skipped=tuple(asdict(item) for item in skipped),
        )
        write_result(out / "result.json", result)
    except OSError as error:
        raise DataError(f"{out} cannot be written ({error.strerror or error}); make room there.") from None
    return result


def _samples(
    records: Sequence[LogoRecord], collected: Path, size: int, progress: bool
) -> tuple[list[_Sample], list[Skipped], int]:
    """Usable samples in the manifest's order, what was left out, and the number of repeated pictures."""
    samples: list[_Sample] = []
    skipped: list[Skipped] = []
    pixels: set[str] = set()
    ids: set[str] = set()
    duplicates = 0
    for record in tqdm(records, "logos", disable=not progress, unit=""):
        caption = clean_caption(record.caption)
        if not caption:
            skipped.append(Skipped(record.id, "empty caption"))
            continue
        try:
            picture = fit(read_image((collected / record.image).read_bytes()), size)
        except (ImageError, OSError) as error:
            reason = "its image is missing" if isinstance(error, OSError) else str(error)
            skipped.append(Skipped(record.id, reason))
            continue
        if record.id.lower() in ids:
            skipped.append(Skipped(record.id, "its id is taken"))
            continue
        digest = hashlib.sha256(picture.tobytes()).hexdigest()
        if digest in pixels:
            duplicates += 1
            continue
        pixels.add(digest)
        ids.add(record.id.lower())
        data = io.BytesIO()
        picture.save(data, format="PNG", compress_level=COMPRESSION)
        png = data.getvalue()
        samples.append(
            _Sample(
                replace(
                    record,
                    image=f"images/{record.id}.png",
                    width=size,
                    height=size,
                    sha256=hashlib.sha256(png).hexdigest(),
                    caption=caption,
                    club=record.club or record.id,
                ),
                png,
            )
        )
    return samples, skipped, duplicates


def _write(building: Path, out: Path, split: str, samples: Sequence[_Sample], size: int) -> list[str]:
    """Shards, pictures and the CSV of one split; the names of the shards."""
    names = []
    for number, start in enumerate(range(0, len(samples), size)):
        names.append(f"{split}-{number:06d}.tar")
        with (
            (building / names[-1]).open("wb") as file,
            wds.TarWriter(file, user="logolib", group="logolib", mode=0o644, mtime=0, encoder=False) as tar,
        ):
            for sample in samples[start : start + size]:
                text = json.dumps(row(sample.record), ensure_ascii=False).encode()
                caption = sample.record.caption.encode()
                tar.write({"__key__": sample.record.id, "png": sample.png, "txt": caption, "json": text})
    for sample in samples:
        (building / sample.record.image).write_bytes(sample.png)
    paths = [str((out / s.record.image).resolve()) for s in samples]
    table = pd.DataFrame({"filepath": paths, "title": [s.record.caption for s in samples]})
    table.to_csv(building / f"clip_{split}.csv", sep="\t", index=False, lineterminator="\n")
    return names


def _swap(building: Path, out: Path) -> None:
    """Put a complete build in the place of the one before it; `result.json` is away meanwhile."""
    (out / "result.json").unlink(missing_ok=True)
    for stale in [*out.glob("train-*.tar"), *out.glob("val-*.tar")]:
        stale.unlink()
    shutil.rmtree(out / "images", ignore_errors=True)
    for made in sorted(building.iterdir()):
        made.replace(out / made.name)
    building.rmdir()


def _card(splits: dict[str, list[_Sample]], values: dict[str, float], settings: DatasetSettings) -> str:
    """The data card, Markdown."""
    records = [sample.record for members in splits.values() for sample in members]
    words = sorted(len(record.caption.split()) for record in records)
    vocabulary = {word.strip('.,;:"()').lower() for record in records for word in record.caption.split()}
    colours = colour_counts(record.caption for record in records).most_common(12)
    leagues = Counter(record.league or "none given" for record in records).most_common(40)
    sources = Counter(record.source for record in records).most_common()
    lines = [
        "# Data card",
        "",
        "| split | logos | clubs |",
        "|---|---|---|",
        f"| train | {values['train']} | {values['clubs_train']} |",
        f"| val | {values['val']} | {values['clubs_val']} |",
        "",
        f"Split by club: about {settings.val_fraction:.0%} of them, by the hash of the name, are held out.",
        f"Pictures are RGBA, {settings.size} px square, padded and never cropped.",
        f"Left out: {values['duplicates']} repeated pictures, {values['skipped']} unusable rows.",
        "",
        "## Captions",
        "",
        f"Words a caption: {words[0]} to {words[-1]}, median {statistics.median(words):g}.",
        f"Different words: {len(vocabulary)}. Cut captions: {sum(r.truncated for r in records)}.",
        "",
        "| colour | captions |",
        "|---|---|",
        *(f"| {name} | {count} |" for name, count in colours),
        "",
        "## Leagues",
        "",
        "| league | logos |",
        "|---|---|",
        *(f"| {name.replace('|', '/')} | {count} |" for name, count in leagues),
        "",
        "## Sources",
        "",
        "| source | logos |",
        "|---|---|",
        *(f"| {name} | {count} |" for name, count in sources),
        "",
        "Marks of real clubs belong to those clubs; captions belong to whoever wrote them.",
    ]
    return "\n".join(lines) + "\n"
