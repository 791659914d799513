"""The usable rows of a manifest: a caption that says something, a picture that can be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from logolib.config import DatasetSettings
from logolib.data.clean import sift_caption
from logolib.data.parallel import spread
from logolib.data.pictures import PIECE, Looked, Pictures, prepare
from logolib.records import Skipped

MOST_WORDS = 400  # the longest real captions have about 100; what is longer is the page's prose


@dataclass(frozen=True)
class Usable:
    """Usable rows, their pictures stored, and the others with the reason."""

    table: pa.Table  # the manifest's columns, as the data set will hold them, and `removed`
    signatures: np.ndarray  # SIGNATURE (N,)
    sides: np.ndarray  # int64 (N, 2): width and height as collected
    skipped: list[Skipped]


def usable_rows(
    table: pa.Table, collected: Path, images: Path, settings: DatasetSettings, progress: bool = False
) -> Usable:
    """Clean the captions of a manifest and store its pictures as `images/ID.png`, over `settings.workers` processes."""
    ids: list[str] = table["id"].to_pylist()
    sifted, reasons = _captions(ids, table["caption"].to_pylist())
    files: list[str] = table["image"].to_pylist()
    sums = [str(told or "") for told in table["sha256"].to_pylist()]
    rows = [row for row, reason in enumerate(reasons) if not reason]
    pieces = [
        Pictures(
            collected,
            images,
            [ids[row] for row in some],
            [files[row] for row in some],
            [sums[row] for row in some],
            settings.size,
        )
        for some in (rows[start : start + PIECE] for start in range(0, len(rows), PIECE))
    ]
    looked = list(spread(prepare, pieces, settings.workers, label="logos", progress=progress))
    for row, reason in zip(rows, (reason for piece in looked for reason in piece.reasons), strict=True):
        reasons[row] = reason
    skipped = [Skipped(name, reason) for name, reason in zip(ids, reasons, strict=True) if reason]
    return _stored(table, rows, sifted, reasons, looked, skipped, settings.size)


def _captions(ids: list[str], captions: list[str]) -> tuple[list[tuple[str, list[str]]], list[str]]:
    """Each caption cleaned with what was removed, and why a row cannot be used; "" where it can."""
    sifted, reasons = [], []
    taken: set[str] = set()
    for name, text in zip(ids, captions, strict=True):
        words = len(text.split())
        caption, removed = sift_caption(text) if words <= MOST_WORDS else ("", [])
        reason = ""
        if words > MOST_WORDS:
            reason = f"its caption has {words} words: prose; keep at most {MOST_WORDS}"
        elif not caption:
            reason = f"its caption says nothing of the picture: {removed[0]}" if removed else "empty caption"
        elif name.lower() in taken:
            reason = "its id is taken"
        else:
            taken.add(name.lower())
        sifted.append((caption, removed))
        reasons.append(reason)
    return sifted, reasons


def _stored(
    table: pa.Table,
    rows: list[int],
    sifted: list[tuple[str, list[str]]],
    reasons: list[str],
    looked: list[Looked],
    skipped: list[Skipped],
    size: int,
) -> Usable:
    """The table of what was stored: rows without a reason, with the data set's own pictures and captions."""
    good = np.array([not reasons[row] for row in rows], bool)
    kept = [row for row in rows if not reasons[row]]
    sha256 = [digest for piece in looked for digest in piece.sha256 if digest]
    sides = np.array([side for piece in looked for side in zip(piece.widths, piece.heights, strict=True)], np.int64)
    signatures = [piece.signatures for piece in looked]
    table = table.take(pa.array(kept, pa.int64()))
    ids, clubs = table["id"].to_pylist(), table["club"].to_pylist()
    changed = {
        "image": [f"images/{name}.png" for name in ids],
        "width": [size] * len(kept),
        "height": [size] * len(kept),
        "sha256": sha256,
        "caption": [sifted[row][0] for row in kept],
        "club": [club or name for club, name in zip(clubs, ids, strict=True)],
    }
    for name, values in changed.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    table = table.append_column("removed", pa.array([sifted[row][1] for row in kept], pa.list_(pa.string())))
    return Usable(
        table,
        np.concatenate(signatures)[good] if signatures else np.empty(0),
        sides.reshape(-1, 2)[good],
        skipped,
    )
