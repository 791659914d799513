"""The pairs that a CLIP learns from, those that choose its settings, and those that measure it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from logolib.config import ClipSettings
from logolib.data import Pairs, data_hash_of, load_pairs
from logolib.data.tables import load_table, table_hash
from logolib.seeds import derive
from logolib.train.loop import TrainError

FEWEST = 5  # pairs that can choose anything
VAL_SHARE = 0.2  # of a table that comes without val_data


@dataclass(frozen=True)
class Splits:
    """Pairs to train on and held-out pairs, with the hash of where both come from."""

    train: Pairs
    val: Pairs
    hash: str


def read_splits(data: Path, size: int, settings: ClipSettings) -> Splits:
    """The pairs of a data set's folder, or of tables: `train_data` and `val_data`, or DATA itself when it is a file.

    Pictures are `size` pixels wide. Of a table without `val_data` a fifth is held out, equal captions on one side;
    that does not find near-duplicates, which `logolib dataset` does. Raises DataError.
    """
    if settings.train_data is None and not data.is_file():
        return Splits(load_pairs(data, "train", size), load_pairs(data, "val", size), data_hash_of(data))
    options: dict[str, Any] = {
        "img_key": settings.csv_img_key,
        "caption_key": settings.csv_caption_key,
        "separator": settings.csv_separator,
    }
    tables = [Path(settings.train_data) if settings.train_data else data]
    tables += [Path(settings.val_data)] if settings.val_data else []
    loaded = [load_table(path, size, workers=settings.workers, **options) for path in tables]
    if len(loaded) == 2:
        train, val = loaded
    else:
        train, held_out = carve(loaded[0], VAL_SHARE, "val", fewest=1)
        if held_out is None:
            raise TrainError(f"{tables[0]} has too few captions to hold some out; give clip.val_data.")
        val = held_out
    return Splits(train, val, table_hash(tables, **options))


def carve(pairs: Pairs, fraction: float, name: str, fewest: int = FEWEST) -> tuple[Pairs, Pairs | None]:
    """Take about `fraction` of the pairs out, whole clubs, the same ones whatever the seed.

    Augmented versions of what is taken out go with it and measure nothing. None when fewer than `fewest` pairs
    would be taken, or nothing would be left.
    """
    clubs = sorted(set(pairs.clubs), key=lambda club: derive(0, name, club))
    counts = dict.fromkeys(clubs, 0)
    for club in pairs.clubs:
        counts[club] += 1
    taken, total = set(), 0
    for club in clubs:
        if total + counts[club] <= max(fraction * len(pairs), 1 if fraction else 0):
            taken.add(club)
            total += counts[club]
    out = [i for i, club in enumerate(pairs.clubs) if club in taken]
    measured = [i for i in out if not pairs.records[i].get("augmented")]
    if len(measured) < fewest or len(out) == len(pairs):
        return pairs, None
    return _rows(pairs, [i for i, club in enumerate(pairs.clubs) if club not in taken]), _rows(pairs, measured)


def caption_numbers(captions: Sequence[str]) -> np.ndarray:
    """A number for each caption, equal for equal captions, int64 (N,)."""
    return np.unique(np.array(captions, object).astype(str), return_inverse=True)[1].astype(np.int64)


def _rows(pairs: Pairs, rows: list[int]) -> Pairs:
    return Pairs(
        images=pairs.images[rows],
        captions=[pairs.captions[i] for i in rows],
        ids=[pairs.ids[i] for i in rows],
        clubs=[pairs.clubs[i] for i in rows],
        records=[pairs.records[i] for i in rows],
        skipped=0,
    )
