"""A person's own images, captioned by a CSV, by a `.txt` beside each image, or in tar shards."""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from logolib.collect.fetch import IMAGE_BYTES
from logolib.collect.parse import is_cut
from logolib.config import LogolibError
from logolib.data import tidy
from logolib.data.tars import read_samples
from logolib.records import Card, Skipped

FILE_COLUMNS = ("file", "filepath", "image", "file_name", "filename", "path")
CAPTION_COLUMNS = ("caption", "title", "text", "description")
CLUB_COLUMNS = ("club", "team")
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
CSV_BYTES = 200_000_000


class FolderError(LogolibError):
    """A folder that holds no captioned images."""


class Folder:
    """Reads one folder; `skipped` fills up as `logos` is consumed."""

    def __init__(self, root: Path, out: Path) -> None:
        self.skipped: list[Skipped] = []
        self._root, self._out = root.resolve(), out.resolve()
        if not root.is_dir():
            raise FolderError(f"There is no folder {root}; give demo, an http address or a folder.")
        if self._root.is_relative_to(self._out):
            raise FolderError(f"{out} holds the folder to be read; choose another --out.")

    def logos(self, progress: bool) -> Iterator[tuple[Card, bytes]]:
        """Every captioned image with its bytes, in the CSV's order or by name; what fails is in `skipped`.

        Raises FolderError for a folder without a usable CSV or any `.txt`.
        """
        tars = self._files(frozenset({".tar"}))
        if tars and not self._files(SUFFIXES | {".csv", ".tsv"}):
            yield from self._from_tars(tars)
            return
        cards = self._from_csv() or self._from_texts()
        for path, card in tqdm(cards, "logos", disable=not progress, unit=""):
            if not card.caption:
                self.skipped.append(Skipped(card.image_url, "empty caption"))
                continue
            try:
                if not path.resolve().is_relative_to(self._root):
                    raise ValueError("outside the folder")
                if not path.is_file():
                    raise ValueError("no such file")
                if path.stat().st_size > IMAGE_BYTES:
                    raise ValueError(f"larger than {IMAGE_BYTES // 1_000_000} MB")
                data = path.read_bytes()
            except (ValueError, OSError, RuntimeError) as error:
                reason = (error.strerror or "unreadable") if isinstance(error, OSError) else str(error)
                self.skipped.append(Skipped(card.image_url, reason))
                continue
            yield card, data

    def _files(self, suffixes: frozenset[str]) -> list[Path]:
        found = (p for p in sorted(self._root.rglob("*")) if p.suffix.lower() in suffixes and p.is_file())
        return [p for p in found if not p.is_relative_to(self._out)]

    def _from_csv(self) -> list[tuple[Path, Card]]:
        """The rows of the first CSV with the columns we need; none where there is no CSV at all."""
        tables = sorted(self._files(frozenset({".csv", ".tsv"})), key=lambda p: len(p.parts))
        seen = ""
        for table in tables:
            columns, rows = _read_csv(table)
            file, caption = _first(FILE_COLUMNS, columns), _first(CAPTION_COLUMNS, columns)
            if file is None or caption is None:
                seen = f"{table.relative_to(self._root)} has {', '.join(name[:30] for name in columns[:8]) or 'none'}"
                continue
            if not rows:
                raise FolderError(f"{table} has no rows; add one a logo.")
            return [self._row(table, one, file, caption) for one in rows]
        if tables:
            raise FolderError(
                f"No CSV in {self._root} has a column of files ({', '.join(FILE_COLUMNS)}) "
                f"and one of captions ({', '.join(CAPTION_COLUMNS)}); {seen}."
            )
        return []

    def _row(self, table: Path, values: dict[str, str], file: str, caption: str) -> tuple[Path, Card]:
        name = values[file].strip().replace("\\", "/")
        club = next((v for c in CLUB_COLUMNS if (v := tidy(values.get(c, "")))), "")
        text = tidy(values[caption])
        cut = values.get("truncated", "").strip().lower()
        card = Card(
            image_url=name,
            caption=text,
            truncated=cut in ("1", "true", "yes") if cut else is_cut(text),
            club=club or Path(name).stem,
            league=tidy(values.get("league", "")),
            years=tidy(values.get("years", "")),
            kind=tidy(values.get("kind", "")) or "primary",
            page_url=tidy(values.get("page_url", "")),
            caption_source=table.relative_to(self._root).as_posix(),
        )
        return table.parent / name, card

    def _from_tars(self, tars: list[Path]) -> Iterator[tuple[Card, bytes]]:
        """The samples of upstream's tar shards; what a damaged tar holds after its damage is lost, and said."""
        for tar in tars:
            shard = tar.relative_to(self._root).as_posix()
            try:
                for key, data, text in read_samples(tar):
                    name, caption = f"{shard}/{key}", tidy(text)
                    if not caption:
                        self.skipped.append(Skipped(name, "empty caption"))
                    elif len(data) > IMAGE_BYTES:
                        self.skipped.append(Skipped(name, f"larger than {IMAGE_BYTES // 1_000_000} MB"))
                    else:
                        yield Card(name, caption, is_cut(caption), name, "", "", "primary", "", shard), data
            except (tarfile.TarError, OSError, EOFError) as error:
                self.skipped.append(Skipped(shard, f"damaged tar: {error}"))

    def _from_texts(self) -> list[tuple[Path, Card]]:
        found = []
        for path in self._files(SUFFIXES):
            name = path.relative_to(self._root).as_posix()
            try:
                beside = path.with_suffix(".txt")
                text = tidy(_decode(beside.read_bytes()))
            except OSError:
                self.skipped.append(Skipped(name, "no .txt beside it"))
                continue
            told_by = beside.relative_to(self._root).as_posix()
            found.append((path, Card(name, text, is_cut(text), path.stem, "", "", "primary", "", told_by)))
        if not found:
            raise FolderError(f"{self._root} holds neither a CSV nor an image with its .txt; add captions.")
        return found


def _first(names: tuple[str, ...], columns: list[str]) -> str | None:
    return next((name for name in names if name in columns), None)


def _decode(data: bytes) -> str:
    """Text in UTF-8 or UTF-16 with a mark, otherwise in Windows' Western code page."""
    try:
        return data.decode("utf16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _read_csv(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Lower-case column names and the rows; separated by commas, tabs or semicolons."""
    if path.stat().st_size > CSV_BYTES:
        raise FolderError(f"{path} is larger than {CSV_BYTES // 1_000_000} MB; split it.")
    text = _decode(path.read_bytes())
    header = text.partition("\n")[0]
    delimiter = max(",\t;", key=header.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise FolderError(f"{path} is no readable CSV ({error}); save it again as UTF-8.") from None
    columns = [name.strip().lower() for name in lines[0]] if lines else []
    padding = [""] * len(columns)
    rows = [dict(zip(columns, [*line, *padding], strict=False)) for line in lines[1:] if any(line)]
    return columns, rows
