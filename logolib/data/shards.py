"""One shard: pictures, captions and records of some rows in a tar, and the same pictures in an image folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import webdataset as wds

from logolib.data.augment import augment
from logolib.data.pictures import encode
from logolib.images import read_image
from logolib.seeds import derive

FOLDERS = {"train": "train", "val": "validation"}  # the names that Hugging Face `datasets` knows splits by


@dataclass(frozen=True)
class Shard:
    """A piece of work: the rows of one shard; independent of every other shard."""

    folder: Path  # holds `images/ID.png` of each row, receives the tar
    split: str
    number: int
    rows: pa.Table
    versions: int  # augmented ones that follow each row
    seed: int

    @property
    def name(self) -> str:
        """The tar's file name."""
        return f"{self.split}-{self.number:06d}.tar"


def write_shard(shard: Shard) -> list[dict[str, Any]]:
    """Write one tar (KEY.png, KEY.txt, KEY.json) beside its place and rename it; return all its rows."""
    target = shard.folder / shard.name
    partial = target.with_name(target.name + ".partial")
    written = []
    with (
        partial.open("wb") as file,
        wds.TarWriter(file, user="logolib", group="logolib", mode=0o644, mtime=0, encoder=False) as tar,
    ):
        for row in shard.rows.to_pylist():
            for one, png in _versions(shard, row):
                _link(shard.folder / one["image"], shard.folder / "imagefolder" / FOLDERS[shard.split])
                text = json.dumps(one, ensure_ascii=False, default=str).encode()
                tar.write({"__key__": one["id"], "png": png, "txt": one["caption"].encode(), "json": text})
                written.append(one)
    partial.replace(target)
    return written


def _versions(shard: Shard, row: dict[str, Any]) -> list[tuple[dict[str, Any], bytes]]:
    """A row and its augmented versions, each with its PNG."""
    png = (shard.folder / row["image"]).read_bytes()
    found = [({**row, "augmented": [], "original": row["id"]}, png)]
    for version in range(1, shard.versions + 1):
        made = augment(
            read_image(png),
            row["caption"],
            derive(shard.seed, "augment", row["id"], version),
            club=row["club"],
            kind=str(row["kind"]),
            truncated=bool(row["truncated"]),
        )
        name = f"{row['id']}-a{version}"
        data = encode(made.picture)
        image = f"images/{name}.png"
        (shard.folder / image).write_bytes(data)
        changed = {"id": name, "image": image, "caption": made.caption, "sha256": hashlib.sha256(data).hexdigest()}
        found.append(({**row, **changed, "augmented": list(made.changes), "original": row["id"]}, data))
    return found


def _link(picture: Path, folder: Path) -> None:
    """The same picture in another folder: a second name where the disk allows it, otherwise a copy."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        os.link(picture, folder / picture.name)
    except OSError:
        shutil.copyfile(picture, folder / picture.name)
