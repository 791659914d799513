"""Shards to arrays and batches: what every training loop reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import webdataset as wds

from logolib.data.clean import DataError
from logolib.images import ImageError, fit, read_image
from logolib.results import ResultError, data_hash, read_json, read_result, reason_of, sha256_file

BUILDING = ".building"  # where a data set is made, in its own folder; gone when all is in place
WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Pairs:
    """All pictures and captions of one split, in the shards' order."""

    images: np.ndarray  # uint8 (N, size, size, 3), flattened on white
    captions: list[str]
    ids: list[str]
    clubs: list[str]
    records: list[dict[str, Any]]
    skipped: int  # samples that could not be read

    def __len__(self) -> int:
        return len(self.captions)


def load_pairs(data: Path, split: Literal["train", "val"], size: int) -> Pairs:
    """Read a split's shards by webdataset; samples that cannot be read are skipped and counted.

    `size` is the pictures' side in pixels. Raises DataError when there is no shard or no sample, and what
    `data_hash_of` raises.
    """
    shards = _shards(data, split)
    if (data / "result.json").is_file() or (data / BUILDING).exists():
        data_hash_of(data)  # whole, or refused
    images: list[np.ndarray] = []
    records: list[dict[str, Any]] = []
    skipped = 0

    def count(_: Exception) -> bool:
        nonlocal skipped
        skipped += 1
        return True

    for sample in _read(shards, count):
        try:
            record = read_json(sample["json"])
            record |= {
                "id": sample["__key__"],
                "caption": sample["txt"].decode(),
                "club": str(record["club"]),
            }
            image = np.asarray(fit(read_image(sample["png"]), size, WHITE))
        except (KeyError, TypeError, ValueError, ImageError):
            skipped += 1
            continue
        images.append(image)
        records.append(record)
    if not images:
        raise DataError(f"No {split} sample in {data} can be read; build the data set again.")
    return Pairs(
        images=np.stack(images),
        captions=[record["caption"] for record in records],
        ids=[record["id"] for record in records],
        clubs=[record["club"] for record in records],
        records=records,
        skipped=skipped,
    )


def _read(shards: list[Path], handler: Callable[[Exception], bool]) -> Iterator[dict[str, Any]]:
    """Webdataset's samples of each shard in turn; `WebDataset` itself would leave the files open."""
    for path in shards:
        with path.open("rb") as stream:
            files = wds.tariterators.tar_file_expander([{"url": str(path), "stream": stream}], handler=handler)
            yield from wds.tariterators.group_by_keys(files, handler=handler)


def data_hash_of(data: Path) -> str:
    """A short hash of all shards' bytes.

    Raises DataError when there is none, when the data set is half built, and when its shards are not those that its
    result tells of.
    """
    if (data / BUILDING).exists() and not (data / "result.json").exists():
        raise DataError(f"The data set in {data} is half built; run dataset again.")
    shards = [*_shards(data, "train"), *_shards(data, "val")]
    try:
        found = _hash(tuple((path, (about := path.stat()).st_size, about.st_mtime_ns) for path in shards))
    except OSError as error:
        raise DataError(f"A shard in {data} cannot be read ({reason_of(error)}); build the data set again.") from None
    told = _told(data)
    if told not in (None, found):
        raise DataError(f"The shards in {data} are not those of its result.json; build the data set again.")
    return found


@lru_cache(maxsize=8)
def _hash(shards: tuple[tuple[Path, int, int], ...]) -> str:
    """The hash of files' bytes; their sizes and times say whether it is known already."""
    return data_hash(f"{path.name} {sha256_file(path)}" for path, _, _ in shards)


def _told(data: Path) -> str | None:
    """The hash that the data set was built with; None where nobody wrote it down."""
    if not (data / "result.json").is_file():
        return None
    try:
        return str(read_result(data / "result.json", "dataset").provenance.get("data_hash"))
    except ResultError as error:
        raise DataError(str(error)) from None


def batches(n: int, batch_size: int, seed: int, start_step: int = 0) -> Iterator[np.ndarray]:
    """Endless batches of indices below n, int64 (min(batch_size, n),), a fresh permutation an epoch.

    What does not fill a batch is left out of its epoch. Step k is the same wherever one starts.
    """
    if n < 1 or batch_size < 1:
        raise ValueError(f"cannot make batches of {batch_size} from {n}")
    size = min(n, batch_size)
    epoch, skip = divmod(start_step, n // size)
    while True:
        order = np.random.default_rng([seed, epoch]).permutation(n)
        for k in range(skip, n // size):
            yield order[k * size : (k + 1) * size]
        epoch, skip = epoch + 1, 0


def _shards(data: Path, split: str) -> list[Path]:
    shards = sorted(data.glob(f"{split}-*.tar"))
    if not shards:
        raise DataError(f"There is no {split} shard in {data}; `logolib dataset` writes some.")
    return shards
