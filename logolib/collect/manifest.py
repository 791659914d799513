"""From cards and image bytes to `images/ID.png` and one row each of `manifest.parquet`."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from logolib.config import LogolibError
from logolib.data import read_manifest, tidy
from logolib.images import ImageError, read_image
from logolib.records import Card, LogoRecord, Skipped
from logolib.results import write_text

LONGEST_SIDE = 512  # pixels; enough for the largest model here, small enough to keep
COMPRESSION = 3  # zlib's level: twice as fast as the usual 6, a few per cent larger
CAPTION_WORDS = 500  # twenty times the usual; what is longer is prose
SCHEMA = pa.schema(
    [(f.name, {"int": pa.int64(), "bool": pa.bool_()}.get(str(f.type), pa.string())) for f in fields(LogoRecord)]
)
Change = tuple[str, str, LogoRecord]  # added | changed | gone, what changed, the row


def slug(text: str) -> str:
    """Lower-case ASCII words joined by hyphens, at most 60 letters; `logo` where none remain."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:60].strip("-") or "logo"


@dataclass(frozen=True)
class _Stored:
    """A picture in its file."""

    image: str  # its path, relative to the manifest's folder
    pixels: str  # hash of the size and the pixels
    width: int
    height: int
    sha256: str  # of the file


class Store:
    """Takes cards one by one, keeps each picture once for each of its years, and writes the manifest at the end.

    Files are named by club and content: a manifest written earlier stays true until the new one replaces it.
    """

    def __init__(self, out: Path, source: str) -> None:
        self.records: list[LogoRecord] = []
        self.skipped: list[Skipped] = []
        self.changes: list[Change] = []
        self.duplicates = 0
        self._out, self._source = out, source
        self._seen: set[tuple[str, str]] = set()
        self._ids: set[str] = set()
        self._stored: dict[str, _Stored] = {}  # by hash of the pixels and of what came
        (out / "images").mkdir(parents=True, exist_ok=True)

    def add(self, card: Card, data: bytes, fetched_at: str = "", etag: str = "") -> bool:
        """Keep one card; False, and a line in `skipped`, for an unusable picture or caption."""
        fetched = hashlib.sha256(data).hexdigest()
        try:
            caption, stored = _caption(card.caption), self._store(slug(card.club), data, fetched)
        except ImageError as error:
            self.skipped.append(Skipped(card.image_url, str(error)))
            return False
        years = tidy(card.years)
        if (stored.pixels, years) in self._seen:
            self.duplicates += 1
            return True
        self._seen.add((stored.pixels, years))
        self.records.append(
            LogoRecord(
                id=self._id(f"{slug(card.club)}-{stored.pixels[:16]}", years),
                image=stored.image,
                width=stored.width,
                height=stored.height,
                sha256=stored.sha256,
                caption=caption,
                truncated=card.truncated,
                club=tidy(card.club),
                league=tidy(card.league),
                years=years,
                kind=card.kind,
                page_url=card.page_url,
                image_url=card.image_url,
                source=self._source,
                caption_source=card.caption_source,
                fetched_at=fetched_at,
                fetched_sha256=fetched,
                etag=tidy(etag),
            )
        )
        return True

    def write(self) -> None:
        """Write the manifest and what changed since the one before, then drop the pictures that only that named."""
        path = self._out / "manifest.parquet"
        try:
            before = read_manifest(self._out)
        except LogolibError:
            before = []
        self.changes = [*_changes(before, self.records)]
        partial = path.with_name(path.name + ".partial")
        pq.write_table(
            pa.Table.from_pylist([asdict(r) for r in self.records], schema=SCHEMA), partial, write_page_checksum=True
        )
        partial.replace(path)
        table = io.StringIO(newline="")
        lines = csv.writer(table)
        lines.writerow(("change", "what", "id", "club", "years", "image_url"))
        lines.writerows((how, what, r.id, r.club, r.years, r.image_url) for how, what, r in self.changes)
        write_text(self._out / "changes.csv", table.getvalue())
        for image in {record.image for record in before} - {record.image for record in self.records}:
            (self._out / image).unlink(missing_ok=True)

    def _store(self, club: str, data: bytes, fetched: str) -> _Stored:
        """The picture in its file, written once for all the rows that show it. Raises ImageError."""
        if fetched not in self._stored:
            picture = _picture(data)
            pixels = hashlib.sha256(repr(picture.size).encode() + picture.tobytes()).hexdigest()
            if pixels not in self._stored:
                image = f"images/{club}-{pixels[:16]}.png"
                sha256 = hashlib.sha256(_kept(self._out / image, picture)).hexdigest()
                self._stored[pixels] = _Stored(image, pixels, picture.width, picture.height, sha256)
            self._stored[fetched] = self._stored[pixels]
        return self._stored[fetched]

    def _id(self, name: str, years: str) -> str:
        """A name of its own: the picture's, with the years where it stood before under others."""
        choices = itertools.chain([name, f"{name}-{slug(years)[:20]}"], (f"{name}-{n}" for n in itertools.count(2)))
        chosen = next(choice for choice in choices if choice not in self._ids)
        self._ids.add(chosen)
        return chosen


def _changes(before: list[LogoRecord], after: list[LogoRecord]) -> Iterator[Change]:
    """Rows added, changed and gone; a row is the one before of the same image and years, else of the same image."""
    old = {(r.image_url, r.years): r for r in before}
    pairs = [(r, old.pop((r.image_url, r.years), None)) for r in after]
    by_image = {key[0]: key for key in old}
    for now, was in pairs:
        if was is None and (key := by_image.pop(now.image_url, None)) is not None:
            was = old.pop(key)
        if was is None:
            yield "added", "", now
            continue
        what = [name for name in ("sha256", "caption", "years") if getattr(now, name) != getattr(was, name)]
        if what:
            yield "changed", " ".join(what).replace("sha256", "picture"), now
    for was in old.values():
        yield "gone", "", was


def _caption(text: str) -> str:
    caption = tidy(text)
    if not caption:
        raise ImageError("empty caption")
    if (words := len(caption.split())) > CAPTION_WORDS:
        raise ImageError(f"no caption: a text of {words} words")
    return caption


def _picture(data: bytes) -> Image.Image:
    """The picture as it is stored. Raises ImageError for what is none, also by telling what it is instead."""
    try:
        picture = _shrink(read_image(data))
    except ImageError as error:
        start = data[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if b"<svg" in start:
            raise ImageError("SVG, which is not read: save it as PNG") from None
        if start.startswith((b"<!doctype html", b"<html")):
            raise ImageError("not an image but an HTML page") from None
        raise error from None
    if picture.getchannel("A").getextrema()[1] == 0:
        raise ImageError("blank: every pixel is clear")
    return picture


def _shrink(picture: Image.Image) -> Image.Image:
    scale = LONGEST_SIDE / max(picture.size)
    if scale >= 1:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")  # premultiplied


def _kept(path: Path, picture: Image.Image) -> bytes:
    """The bytes of the picture's PNG at that path, written there unless it already holds these pixels."""
    try:
        data = path.read_bytes()
        before = read_image(data)
        if before.size == picture.size and before.tobytes() == picture.tobytes():
            return data
    except (OSError, ImageError):
        pass
    png = io.BytesIO()
    picture.save(png, format="PNG", compress_level=COMPRESSION)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(png.getvalue())
    partial.replace(path)
    return png.getvalue()
