"""Captions, colours and splits: what a manifest's text becomes before training, and who trains on it."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from logolib.config import LogolibError
from logolib.records import MANIFEST_COLUMNS, LogoRecord

COLOUR_WORD = re.compile(
    r"\b(aqua|beige|black|blue|bronze|brown|burgundy|cardinal|copper|cream|crimson|cyan|gold|gray|green|grey"
    r"|indigo|maroon|navy|olive|orange|pink|purple|red|royal|scarlet|silver|sky|tan|teal|turquoise|violet"
    r"|white|yellow)\b"
)
# What spreadsheets and data frames write for an empty cell; pandas would read it back as missing.
_EMPTY = frozenset({"", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "<na>", "#na", "-"})
_BRACKETED = re.compile(r" ?\[[^\[\]]*\]")
_CUT = re.compile(r"(?: ?(?:…|\.{3,}))+$")


class DataError(LogolibError):
    """A manifest or data set that is missing, damaged or too small."""


def tidy(text: str) -> str:
    """Composed Unicode (NFC) on one line: control characters and runs of space become one space."""
    kept = ("" if unicodedata.category(c) in ("Cf", "Cs", "Co", "Cn") else c for c in text)
    spaced = (" " if unicodedata.category(c) == "Cc" else c for c in kept if c)
    return " ".join(unicodedata.normalize("NFC", "".join(spaced)).split())


def clean_caption(text: str) -> str:
    """A caption to train on: tidy, without a site's [bracketed remarks] and without the ellipsis of a cut.

    "" for what says nothing: no letter at all, or the word for an empty cell.
    """
    text = tidy(text)
    while (shorter := _BRACKETED.sub("", text)) != text:
        text = shorter
    text = _CUT.sub("", text).strip()
    return text if text.lower() not in _EMPTY and any(c.isalpha() for c in text) else ""


def split_clubs(clubs: Iterable[str], val_fraction: float) -> frozenset[str]:
    """The clubs held out: those whose name's hash is below `val_fraction`, so that growth moves nobody.

    Where that leaves one side empty, the club nearest to the line goes there. Raises DataError for
    fewer than two clubs.
    """
    places = {club: club_place(club) for club in set(clubs)}
    if len(set(places.values())) < 2:
        raise DataError("A split needs logos of at least two clubs; collect more.")
    line = val_fraction
    if all(place >= line for place in places.values()):
        line = sorted(set(places.values()))[1]
    elif all(place < line for place in places.values()):
        line = max(places.values())
    return frozenset(club for club, place in places.items() if place < line)


def club_place(club: str) -> float:
    """A club's fixed place in [0, 1), from the hash of its name; case and spaces do not count."""
    name = " ".join(club.casefold().split())
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64


def colour_counts(captions: Iterable[str]) -> Counter[str]:
    """How many captions name each colour."""
    return Counter(word for caption in captions for word in sorted(set(COLOUR_WORD.findall(caption.lower()))))


def read_manifest(folder: Path) -> list[LogoRecord]:
    """The rows of `folder/manifest.parquet`. Raises DataError when missing, damaged or of other columns."""
    path = folder / "manifest.parquet"
    if not path.is_file():
        raise DataError(f"There is no manifest {path}; run collect first.")
    try:
        rows = pq.read_table(path).to_pylist()
        columns = tuple(pq.read_schema(path).names)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"The manifest {path} is damaged ({reason}); run collect again.") from None
    if missing := [name for name in MANIFEST_COLUMNS if name not in columns]:
        raise DataError(f"The manifest {path} has no column {missing[0]!r}; run collect again.")
    try:
        return [_record({name: values[name] for name in MANIFEST_COLUMNS}) for values in rows]
    except (TypeError, ValueError) as error:
        raise DataError(f"The manifest {path} is damaged ({error}); run collect again.") from None


def _record(values: dict[str, object]) -> LogoRecord:
    record = LogoRecord(**values)  # type: ignore[arg-type]
    if not re.fullmatch(r"[A-Za-z0-9][\w-]{0,99}", record.id, flags=re.A):
        raise ValueError(f"the id {record.id!r} is no file name")
    parts = Path(record.image).parts
    if Path(record.image).is_absolute() or ".." in parts:
        raise ValueError(f"the image {record.image!r} lies outside")
    for name in ("caption", "club", "league"):
        if not isinstance(values[name], str):
            raise TypeError(f"the {name} of {record.id} is no text")
    return record
