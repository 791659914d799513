"""How fast a data set is made, and in how much memory: manifests of many rows, and pictures into shards.

python benchmarks/dataset_speed.py [--million] [--pictures 2000] keeps two tables. Each row is measured
in a process of its own, so that its peak memory is its own. Processor time is that of one core.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from logolib.config import DatasetSettings
from logolib.data.build import build_dataset
from logolib.data.clean import sift_caption
from logolib.data.colours import COLOURS
from logolib.data.curate import curate
from logolib.data.duplicates import SIGNATURE
from logolib.data.manifest import manifest_table
from logolib.records import MANIFEST_COLUMNS
from logolib.report.benchmarks import keep

CHUNK = 50_000  # rows made at once
CLUB = 8  # logos a club
COPIED = 10  # one row in ten repeats the picture before it: exactly, nearly, or in other colours
NOISE = ("", "", "", " A new shade of gold.", " Designed by Nike.", " [site remark]")


def rows(n: int, seed: int = 0) -> Iterator[pa.Table]:
    """A manifest of invented rows, in pieces."""
    rng = np.random.default_rng(seed)
    words = list(COLOURS)
    for start in range(0, n, CHUNK):
        count = min(CHUNK, n - start)
        colours = rng.integers(0, len(words), (count, 3)).tolist()
        number = range(start, start + count)
        columns: dict[str, list[Any]] = {name: [""] * count for name in MANIFEST_COLUMNS}
        columns["id"] = [f"club-{i:x}" for i in number]
        columns["image"] = [f"images/club-{i:x}.png" for i in number]
        columns["width"] = columns["height"] = [256] * count
        columns["sha256"] = [f"{i:064x}" for i in number]
        columns["caption"] = [
            f"A {words[a]} and {words[b]} shield with a {words[c]} charge number {i}.{NOISE[i % len(NOISE)]}"
            for i, (a, b, c) in zip(number, colours, strict=True)
        ]
        columns["truncated"] = [i % 3 == 0 for i in number]
        columns["club"] = [f"Club {i // CLUB}" for i in number]
        columns["league"] = [f"League {i % 40}" for i in number]
        columns["source"] = ["demo"] * count
        yield pa.table(columns)


def signatures(n: int, seed: int = 1) -> np.ndarray:
    """Signatures of invented pictures, of which one in ten is a copy of the one before."""
    rng = np.random.default_rng(seed)
    made = np.zeros(n, SIGNATURE)
    for name, shape in (("pixels", (n,)), ("coarse", (n,)), ("fine", (n, 4))):
        made[name] = rng.integers(0, 2**64, shape, np.uint64)
    made["tones"] = rng.integers(0, 256, (n, 192), np.uint8)
    copies = np.arange(COPIED, n, COPIED)
    made[copies] = made[copies - 1]
    made["pixels"][copies[1::2]] += np.uint64(1)
    made["coarse"][copies[1::2]] ^= np.uint64(1 << 40 | 1 << 3)
    return made


def manifest(n: int) -> dict[str, Any]:
    """Write a manifest of n rows, read and clean it, de-duplicate and split."""
    seconds = {}
    processor = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "manifest.parquet"
        began = time.perf_counter()
        with pq.ParquetWriter(path, next(rows(1)).schema) as writer:
            for table in rows(n):
                writer.write_table(table)
        seconds["write"] = time.perf_counter() - began
        began = time.perf_counter()
        table = manifest_table(Path(folder))
        captions = [sift_caption(text)[0] for text in table["caption"].to_pylist()]
        table = table.set_column(table.column_names.index("caption"), "caption", pa.array(captions))
        del captions
        seconds["read_and_clean"] = time.perf_counter() - began
        looks = signatures(n)
        began = time.perf_counter()
        curated = curate(table, looks, 0.2)
        seconds["deduplicate_and_split"] = time.perf_counter() - began
    return {
        "rows": n,
        **{f"{name}_s": round(value, 2) for name, value in seconds.items()},
        "microseconds_a_row": round((time.process_time() - processor) / n * 1e6, 1),
        "repeats_found": curated.exact + curated.near,
    }


def pictures(n: int) -> dict[str, Any]:
    """Make a data set of n drawn pictures in one process: decode, fit, compare, encode, shard."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "collected"
        (source / "images").mkdir(parents=True)
        table = next(rows(n)) if n <= CHUNK else pa.concat_tables(list(rows(n)))
        for image in table["image"].to_pylist():
            picture = Image.new("RGBA", (300, 260))
            pen = ImageDraw.Draw(picture)
            for _ in range(12):
                x, y, w, h = rng.integers(0, 200, 4).tolist()
                pen.ellipse((x, y, x + w + 8, y + h + 8), tuple(rng.integers(0, 256, 3).tolist()))
            picture.save(source / image, compress_level=1)
        pq.write_table(table, source / "manifest.parquet")
        began, processor = time.perf_counter(), time.process_time()
        settings = DatasetSettings(workers=1)
        build_dataset(settings, source, Path(folder) / "data", progress=False)
        seconds, processor = time.perf_counter() - began, time.process_time() - processor
    return {
        "pictures": n,
        "seconds": round(seconds, 2),
        "pictures_a_second_a_core": round(n / processor, 1),
    }


def measured(work: Callable[[int], dict[str, Any]], n: int) -> dict[str, Any]:
    """The work's row, made in a process of its own, with that process's peak memory."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        row, peak = pool.apply(_with_peak, (work, n))
    return {**row, "peak_mb": peak}


def _with_peak(work: Callable[[int], dict[str, Any]], n: int) -> tuple[dict[str, Any], int]:
    return work(n), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    """Read the command line and keep the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--million", action="store_true", help="a manifest of 1,000,000 rows as well")
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks"))
    given = parser.parse_args()
    sizes = (10_000, 100_000, *([1_000_000] if given.million else []))
    keep(given.out / "manifests.json", [measured(manifest, n) for n in sizes])
    if given.pictures:
        keep(given.out / "shards.json", [measured(pictures, given.pictures)])


if __name__ == "__main__":
    main()
