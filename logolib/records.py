"""The shared nouns: what a page shows, what a manifest holds, what a stage reports."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields


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
    caption_source: str = ""  # the page or file that gave the caption


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
    caption_source: str = ""  # the page or file that gave the caption
    fetched_at: str = ""  # when the picture came, UTC
    fetched_sha256: str = ""  # of the picture as it came
    etag: str = ""  # the site's name for that version of the picture


# What every manifest has, and what manifests have that were written since provenance is kept.
MANIFEST_COLUMNS: tuple[str, ...] = tuple(f.name for f in fields(LogoRecord) if f.default is MISSING)
PROVENANCE_COLUMNS: tuple[str, ...] = tuple(f.name for f in fields(LogoRecord) if f.default is not MISSING)


@dataclass(frozen=True)
class Skipped:
    """One item that a stage left out, and why."""

    item: str
    reason: str
