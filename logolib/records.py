"""The shared nouns: what a page shows, what a manifest holds, what a stage reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Card:
    """One logo as a page shows it, before anything is fetched."""

    image_url: str
    caption: str
    truncated: bool  # the page cut the caption
    club: str
    league: str
    years: str
    kind: str  # primary | alternate | wordmark
    page_url: str


@dataclass(frozen=True)
class LogoRecord:
    """One row of a manifest."""

    id: str  # unique, safe as a file name
    image: str  # path of the PNG, relative to the manifest's folder
    width: int
    height: int
    sha256: str  # of the stored image file
    caption: str
    truncated: bool
    club: str
    league: str
    years: str
    kind: str
    page_url: str
    image_url: str
    source: str  # demo | site | folder


MANIFEST_COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(LogoRecord))


def row(record: LogoRecord) -> dict[str, Any]:
    """A record as one manifest row, keys in the manifest's column order."""
    return asdict(record)


@dataclass(frozen=True)
class Skipped:
    """One item that a stage left out, and why."""

    item: str
    reason: str
