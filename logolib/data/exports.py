"""What other people's tools read: CSVs for open_clip, `metadata.jsonl` for Hugging Face, sizes, a Parquet manifest."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from logolib.data.curate import MERGED, SPLITS
from logolib.data.shards import FOLDERS

LISTED = pa.list_(pa.string())
# What curation adds to the manifest's columns.
ADDED = {"removed": LISTED, "merged": MERGED, "augmented": LISTED, "original": pa.string(), "split": pa.string()}


class Exports:
    """Takes rows shard by shard, so that memory does not grow with the data, and writes every table of them."""

    def __init__(self, building: Path, out: Path, schema: pa.Schema) -> None:
        fields = [field for field in schema if field.name not in ADDED]
        self._schema = pa.schema([*fields, *(pa.field(name, kind) for name, kind in ADDED.items())])
        plain = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer, pa.types.is_boolean)
        named = (field for field in fields if field.name != "image")  # Hugging Face puts the picture there
        self._plain = [field.name for field in named if any(is_a(field.type) for is_a in plain)]
        self._building, self._out = building, out
        self._sizes: dict[str, int] = {}
        self._files = ExitStack()
        self._tables: dict[str, Any] = {}
        self._lines: dict[str, TextIO] = {}

    def __enter__(self) -> Self:
        """Open all files."""
        self._manifest = self._files.enter_context(
            pq.ParquetWriter(
                self._building / "manifest.parquet", self._schema, compression="zstd", write_page_checksum=True
            )
        )
        for split in SPLITS:
            table = (self._building / f"clip_{split}.csv").open("w", encoding="utf8", newline="")
            self._tables[split] = csv.writer(self._files.enter_context(table), delimiter="\t", lineterminator="\n")
            self._tables[split].writerow(["filepath", "title"])
            folder = self._building / "imagefolder" / FOLDERS[split]
            folder.mkdir(parents=True)
            self._lines[split] = self._files.enter_context((folder / "metadata.jsonl").open("w", encoding="utf8"))
        return self

    def __exit__(self, *_: object) -> None:
        """Close all files and write the shards' sizes, which spare open_clip its `--train-num-samples`."""
        self._files.close()
        (self._building / "sizes.json").write_text(json.dumps(self._sizes, indent=1) + "\n", "utf8")

    def add(self, split: str, shard: str, rows: Sequence[dict[str, Any]]) -> None:
        """The rows of one shard."""
        self._sizes[shard] = len(rows)
        self._manifest.write_table(pa.Table.from_pylist([{**row, "split": split} for row in rows], schema=self._schema))
        for row in rows:
            self._tables[split].writerow([(self._out / row["image"]).resolve(), row["caption"]])
            about = {"file_name": f"{row['id']}.png", "text": row["caption"]}
            about |= {name: "" if row[name] is None else row[name] for name in self._plain}
            about |= {name: " | ".join(row[name]) for name in ("removed", "augmented")}
            self._lines[split].write(json.dumps(about, ensure_ascii=False) + "\n")
