"""Reading a manifest: as a table of columns, or as records."""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from logolib.data.clean import DataError
from logolib.records import LogoRecord

FILE_NAME = "^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$"
OUTSIDE = r"^/|(^|/)\.\.(/|$)|\x00"
TEXTS = ("id", "image", "caption", "club", "league")


def read_manifest(folder: Path) -> list[LogoRecord]:
    """The rows of `folder/manifest.parquet`. Raises DataError when missing, damaged or of other columns."""
    return [LogoRecord(**values) for values in manifest_table(folder).to_pylist()]


def manifest_table(folder: Path) -> pa.Table:
    """The columns of `folder/manifest.parquet` in the records' order; absent ones that have a default hold it.

    Raises DataError when the file is missing or damaged, lacks a column, or names files outside its folder.
    """
    path = folder / "manifest.parquet"
    if not path.is_file():
        raise DataError(f"There is no manifest {path}; `logolib collect` writes one.")
    try:
        found = pq.read_table(path, partitioning=None, page_checksum_verification=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"The manifest {path} is damaged ({reason}); run collect again.") from None
    columns = {}
    for field in fields(LogoRecord):
        if field.name in found.column_names:
            columns[field.name] = found[field.name]
        elif field.default is not MISSING:
            columns[field.name] = pa.array([field.default] * len(found))
        else:
            raise DataError(f"The manifest {path} has no column {field.name!r}; run collect again.")
    table = pa.table(columns)
    if fault := _fault(table):
        raise DataError(f"The manifest {path} is damaged ({fault}); run collect again.")
    return table


def _fault(table: pa.Table) -> str:
    """What is wrong with the first bad row; "" for a sound table."""
    if len(table) == 0:
        return ""
    for name in TEXTS:
        column = table[name]
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            return f"the {name} of {table['id'][0]} is no text"
        if column.null_count:
            return f"the {name} of {table['id'][_first(pc.is_null(column))]} is no text"
    safe = pc.match_substring_regex(table["id"], FILE_NAME)
    if not pc.all(safe).as_py():
        return f"the id {table['id'][_first(pc.invert(safe))].as_py()!r} is no file name"
    outside = pc.match_substring_regex(table["image"], OUTSIDE)
    if pc.any(outside).as_py():
        return f"the image {table['image'][_first(outside)].as_py()!r} lies outside"
    return ""


def _first(mask: pa.ChunkedArray) -> int:
    return int(pc.index(mask, True).as_py())
