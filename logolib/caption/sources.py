"""Logos to caption: from a manifest, or from any folder of pictures, with their clubs where a table names them."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from logolib.caption.calibrate import CaptionError
from logolib.data import read_manifest, tidy
from logolib.images import ImageError, read_image
from logolib.seeds import derive

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})
FILE_COLUMNS = ("file", "filepath", "image", "file_name", "filename", "path")
CLUB_COLUMNS = ("club", "team")


@dataclass(frozen=True)
class Logo:
    """One picture's file and what is known of it."""

    id: str  # unique, safe as a file name
    path: Path
    club: str = ""
    league: str = ""
    caption: str = ""  # a person's, where there is one

    def pixels(self) -> np.ndarray:
        """uint8 (H, W, 4). Raises ImageError for what is no picture."""
        try:
            return np.asarray(read_image(self.path.read_bytes()))
        except OSError as error:
            raise ImageError(error.strerror or "unreadable") from None


def read_logos(source: Path) -> list[Logo]:
    """The logos of a folder that `collect` wrote, or the pictures of any other, in order. Raises CaptionError."""
    if not source.is_dir():
        raise CaptionError(f"There is no folder {source}; give one of pictures, or one that `logolib collect` wrote.")
    if (source / "manifest.parquet").is_file():
        return [Logo(r.id, source / r.image, r.club, r.league, r.caption) for r in read_manifest(source)]
    known = _table(source)
    logos: dict[str, Logo] = {}
    for path in sorted(p for p in source.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()):
        name = path.relative_to(source).as_posix()
        row = known.get(name, {})
        club = next((text for column in CLUB_COLUMNS if (text := tidy(row.get(column, "")))), "")
        key = plain = re.sub(r"[^A-Za-z0-9]+", "-", name.rpartition(".")[0]).strip("-")[:80] or "logo"
        while key in logos:
            key = f"{plain}-{len(logos)}"
        logos[key] = Logo(key, path, club, tidy(row.get("league", "")))
    if not logos:
        raise CaptionError(f"There is no picture in {source}; PNG, JPEG and WebP will do.")
    return list(logos.values())


def listed(logos: list[Logo], limit: int, seed: int) -> list[Logo]:
    """The first `limit` logos of a list whose order follows from the seed and their names; 0: all, as they stand."""
    if not limit:
        return logos
    return sorted(logos, key=lambda logo: derive(seed, "captioned", logo.id))[:limit]


def _table(source: Path) -> dict[str, dict[str, str]]:
    """Rows by file of the first CSV in a folder that names files and clubs; none where there is no such table."""
    for path in sorted(source.glob("*.csv")):
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                rows = list(csv.DictReader(stream))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise CaptionError(f"The table {path} cannot be read ({error}); it shall be a CSV in UTF-8.") from None
        columns = list(rows[0]) if rows else []
        file = next((name for name in FILE_COLUMNS if name in columns), None)
        if file is not None and set(CLUB_COLUMNS) & set(columns):
            return {str(row[file]).strip(): {k: str(v or "") for k, v in row.items() if k} for row in rows}
    return {}
