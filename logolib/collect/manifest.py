"""From cards and image bytes to `images/ID.png` and one row each of `manifest.parquet`."""

from __future__ import annotations

import hashlib
import io
import re
import unicodedata
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from logolib.config import LogolibError
from logolib.data import read_manifest, tidy
from logolib.images import ImageError, read_image
from logolib.records import Card, LogoRecord, Skipped, row

LONGEST_SIDE = 512  # pixels; enough for the largest model here, small enough to keep
COMPRESSION = 3  # zlib's level: twice as fast as the usual 6, a few per cent larger
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("image", pa.string()),
        ("width", pa.int64()),
        ("height", pa.int64()),
        ("sha256", pa.string()),
        ("caption", pa.string()),
        ("truncated", pa.bool_()),
        ("club", pa.string()),
        ("league", pa.string()),
        ("years", pa.string()),
        ("kind", pa.string()),
        ("page_url", pa.string()),
        ("image_url", pa.string()),
        ("source", pa.string()),
    ]
)


def slug(text: str) -> str:
    """Lower-case ASCII words joined by hyphens, at most 60 letters; `logo` where none remain."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:60].strip("-") or "logo"


class Store:
    """Takes cards one by one, keeps each distinct picture once, and writes the manifest at the end.

    Files are named by club and content: a manifest written earlier stays true until the new one replaces it.
    """

    def __init__(self, out: Path, source: str) -> None:
        self.records: list[LogoRecord] = []
        self.skipped: list[Skipped] = []
        self.duplicates = 0
        self._out, self._source = out, source
        self._pixels: set[str] = set()
        (out / "images").mkdir(parents=True, exist_ok=True)

    def add(self, card: Card, data: bytes) -> None:
        """Keep one card; an unusable picture or an empty caption is listed in `skipped`."""
        caption = tidy(card.caption)
        if not caption:
            return self.skipped.append(Skipped(card.image_url, "empty caption"))
        try:
            picture = _shrink(read_image(data))
        except ImageError as error:
            return self.skipped.append(Skipped(card.image_url, str(error)))
        if picture.getchannel("A").getextrema()[1] == 0:
            return self.skipped.append(Skipped(card.image_url, "blank: every pixel is clear"))
        pixels = hashlib.sha256(repr(picture.size).encode() + picture.tobytes()).hexdigest()
        if pixels in self._pixels:
            self.duplicates += 1
            return None
        self._pixels.add(pixels)
        name = f"{slug(card.club)}-{pixels[:16]}"
        path = self._out / "images" / f"{name}.png"
        png = _kept(path, picture)
        self.records.append(
            LogoRecord(
                id=name,
                image=f"images/{name}.png",
                width=picture.width,
                height=picture.height,
                sha256=hashlib.sha256(png).hexdigest(),
                caption=caption,
                truncated=card.truncated,
                club=tidy(card.club),
                league=tidy(card.league),
                years=tidy(card.years),
                kind=card.kind,
                page_url=card.page_url,
                image_url=card.image_url,
                source=self._source,
            )
        )
        return None

    def write(self) -> Path:
        """Write the manifest, then drop the pictures that only the manifest before it named."""
        path = self._out / "manifest.parquet"
        try:
            before = {record.image for record in read_manifest(self._out)}
        except LogolibError:
            before = set()
        partial = path.with_name(path.name + ".partial")
        pq.write_table(pa.Table.from_pylist([row(r) for r in self.records], schema=SCHEMA), partial)
        partial.replace(path)
        for image in before - {record.image for record in self.records}:
            (self._out / image).unlink(missing_ok=True)
        return path


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
