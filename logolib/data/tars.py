"""Tar shards as dalle2-pytorch and img2dataset lay them out, with `.npy` embeddings beside them or without."""

from __future__ import annotations

import io
import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from logolib.results import reason_of

PICTURES = frozenset({"jpg", "jpeg", "png", "webp", "gif", "bmp"})
LOOKED_AT = 64  # pictures of a data set whose size is read


@dataclass
class Tars:
    """What stands in some tar shards; broken ones are counted apart and named."""

    shards: dict[str, int] = field(default_factory=dict)  # file name => samples with a picture
    extensions: Counter[str] = field(default_factory=Counter)  # of all samples: jpg, png, txt, ...
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)  # of the first pictures, pixels
    corrupt: dict[str, str] = field(default_factory=dict)  # file name => why
    misaligned: dict[str, str] = field(default_factory=dict)  # file name => how its embeddings do not fit
    width: int | None = None  # of the embeddings beside them

    @property
    def samples(self) -> int:
        """Samples with a picture, of whatever format."""
        return sum(self.shards.values())


def is_upstream(data: Path) -> bool:
    """Whether a path is a tar, or a folder of numbered tars as dalle2-pytorch's loader wants them."""
    return data.suffix == ".tar" or (data.is_dir() and bool(_tars(data)))


def read_tars(data: Path, embeddings: Path | None = None, index_width: int = 4) -> Tars:
    """Look through one tar or a folder of them, and the `.npy` embeddings in `embeddings` or beside the tars.

    Row i of `NAME_NUMBER.npy` belongs to the key of tar NUMBER that ends in i, written with `index_width` digits;
    a row of zeros says that there is none (dalle2-pytorch, `decoder_loader.py`). A damaged tar is left out and
    named, as is one that its embeddings do not fit. Nothing is unpacked.
    """
    found = Tars()
    tars = [data] if data.is_file() else _tars(data)
    beside = embeddings or (data.parent if data.is_file() else data)
    rows = {_number(file): file for file in sorted(beside.glob("*.npy"))}
    for tar in tars:
        try:
            keys = _look(tar, found)
        except (tarfile.TarError, OSError, EOFError) as error:
            found.corrupt[tar.name] = str(error) or type(error).__name__
            continue
        found.shards[tar.name] = len(keys)
        if rows:
            fault = _fault(keys, rows.get(_number(tar)), index_width, found)
            if fault:
                found.misaligned[tar.name] = fault
    return found


def read_samples(tar: Path) -> Iterator[tuple[str, bytes, str]]:
    """Key, picture and caption of each sample that has a picture; "" where there is no .txt.

    Files of one sample stand side by side, as webdataset writes them. Raises tarfile.TarError or OSError where the
    tar is damaged, after the samples before it.
    """
    key, picture, caption = "", b"", ""
    with tarfile.open(tar) as file:
        for member in file:
            name, _, extension = member.name.partition(".")
            if name != key:
                if picture:
                    yield key, picture, caption
                key, picture, caption = name, b"", ""
            data = file.extractfile(member) if member.isfile() else None
            if data is not None and extension.lower() in PICTURES:
                picture = data.read()
            elif data is not None and extension == "txt":
                caption = data.read().decode("utf8", "replace")
    if picture:
        yield key, picture, caption


def _tars(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.tar") if path.is_file())


def _number(file: Path) -> int | None:
    digits = re.search(r"(\d+)$", file.stem)
    return int(digits[1]) if digits else None


def _look(path: Path, found: Tars) -> list[str]:
    """The keys that have a picture; fills the counts of `found`. Raises what tarfile raises for a damaged file."""
    keys: list[str] = []
    extensions: Counter[str] = Counter()
    sizes: Counter[tuple[int, int]] = Counter()
    with tarfile.open(path) as tar:
        for member in tar:
            key, _, extension = member.name.rpartition("/")[2].partition(".")
            extension = extension.lower()
            if not member.isfile():
                continue
            extensions[extension] += 1
            if extension in PICTURES:
                keys.append(key)
                if found.sizes.total() + sizes.total() < LOOKED_AT:
                    sizes[_size(tar, member)] += 1
        size = path.stat().st_size
        if tar.offset + tarfile.BLOCKSIZE > size:  # a whole tar ends with blocks of zeros
            raise tarfile.ReadError("it ends in the middle")
        if tar.offset < size - tarfile.RECORDSIZE and not _rest_is_zero(path, tar.offset):
            raise tarfile.ReadError("what follows its middle is no tar")
    found.extensions += extensions
    found.sizes += sizes
    return keys


def _size(tar: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[int, int]:
    data = tar.extractfile(member)
    try:
        with Image.open(io.BytesIO(data.read() if data else b"")) as picture:
            return picture.size
    except (OSError, Image.DecompressionBombError) as error:
        raise tarfile.ReadError(f"{member.name} is no picture ({error})") from None


def _rest_is_zero(path: Path, offset: int) -> bool:
    with path.open("rb") as file:
        file.seek(offset)
        return not any(file.read(1 << 20))


def _fault(keys: list[str], file: Path | None, index_width: int, found: Tars) -> str:
    """How a shard's embeddings do not fit its keys; "" when they do."""
    if file is None:
        return "it has no .npy of its number, and is skipped"
    try:
        rows = np.load(file, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy reads the header as Python: ValueError, EOFError, TokenError, SyntaxError ...
        return f"{file.name} is damaged ({reason_of(error)})"
    if rows.ndim != 2:
        return f"{file.name} has the shape {rows.shape} instead of (rows, width)"
    if found.width not in (None, rows.shape[1]):
        return f"{file.name} is {rows.shape[1]} wide, others {found.width}"
    found.width = int(rows.shape[1])
    ends = [key[-index_width:] for key in keys]
    strange = [key for key, end in zip(keys, ends, strict=True) if not end.isdecimal()]
    if strange:
        return f"its key {strange[0]} does not end in {index_width} digits"
    outside = [key for key, end in zip(keys, ends, strict=True) if int(end) >= len(rows)]
    if outside:
        return f"its key {outside[0]} points beyond the {len(rows)} rows of {file.name}"
    empty = [key for key, end in zip(keys, ends, strict=True) if not np.any(rows[int(end)])]
    if empty:
        return f"{len(empty)} of its keys, first {empty[0]}, point at rows of zeros in {file.name}"
    return ""
