"""A table of pictures and captions, as open_clip's trainer takes it, read as pairs."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from logolib.data.batches import WHITE, Pairs
from logolib.data.clean import DataError
from logolib.images import ImageError, fit, read_image
from logolib.results import data_hash, sha256_file

LISTED = 10  # missing files that a refusal names


def load_table(
    path: Path,
    size: int,
    *,
    img_key: str = "filepath",
    caption_key: str = "title",
    separator: str | None = None,
    workers: int = 2,
) -> Pairs:
    """Read a table's pictures at `size` pixels; each caption is its own club, since a table names none.

    Paths are absolute, relative to the table's folder, or else to the working directory. Without a `separator` it
    is a tab where the header has one, else a comma. Pictures that cannot be decoded are skipped and counted.
    Raises DataError when a column or a file is missing: the first ten files by name, the rest counted.
    """
    rows = _rows(path, img_key, caption_key, separator)
    files = [_found(path.parent, name) for name, _ in rows]
    missing = [name for (name, _), file in zip(rows, files, strict=True) if file is None]
    if missing:
        rest = f" and {len(missing) - LISTED} more" if len(missing) > LISTED else ""
        raise DataError(
            f"{len(missing)} of the {len(rows)} pictures that {path} names are not there: "
            f"{', '.join(missing[:LISTED])}{rest}; mend the paths or take the rows out."
        )
    with ThreadPoolExecutor(workers) as pool:
        images = list(pool.map(lambda file: _picture(file, size), files))
    read = [(i, image) for i, image in enumerate(images) if image is not None]
    if not read:
        raise DataError(f"No picture that {path} names can be read; PNG, JPEG and WebP will do.")
    kept = [i for i, _ in read]
    captions = [rows[i][1] for i in kept]
    return Pairs(
        images=np.stack([image for _, image in read]),
        captions=captions,
        ids=[f"{path.stem}-{i}" for i in kept],
        clubs=captions,
        records=[{"id": f"{path.stem}-{i}", "caption": rows[i][1], "image": rows[i][0]} for i in kept],
        skipped=len(rows) - len(kept),
    )


def table_hash(paths: Iterable[Path], **options: object) -> str:
    """A short hash of tables' bytes and of how they are read."""
    return data_hash([*(sha256_file(path) for path in paths), repr(sorted(options.items()))])


def _rows(path: Path, img_key: str, caption_key: str, separator: str | None) -> list[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            file.seek(0)
            table = csv.DictReader(file, delimiter=separator or ("\t" if "\t" in header else ","))
            known = table.fieldnames or []
            for key, setting in ((img_key, "csv_img_key"), (caption_key, "csv_caption_key")):
                if key not in known:
                    raise DataError(
                        f"{path} has no column {key!r} but {', '.join(known) or 'none'}; "
                        f"name it by clip.{setting}, and the separator by clip.csv_separator."
                    )
            rows = [(row[img_key] or "", row[caption_key] or "") for row in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"The table {path} cannot be read ({error}); it shall be a CSV in UTF-8.") from None
    if not rows:
        raise DataError(f"The table {path} has no rows.")
    return rows


def _found(folder: Path, name: str) -> Path | None:
    return next((file for file in (folder / name, Path(name)) if name and file.is_file()), None)


def _picture(file: Path | None, size: int) -> np.ndarray | None:
    assert file is not None
    try:
        return np.asarray(fit(read_image(file.read_bytes()), size, WHITE))
    except (ImageError, OSError, ValueError):
        return None
