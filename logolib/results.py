"""One JSON file per stage, with everything needed to trace and repeat its numbers."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from logolib.config import LogolibError, Settings

LINEAGE = "lineage.json"  # beside data, pictures or a model: what else taught, filtered or ranked them
CAPTIONS = "captions.csv"  # with the columns file and caption: pictures that `logolib generate` did not draw


SEAL = "seal"  # the field of a file of ours with the hash of the others


class ResultError(LogolibError):
    """A result file that is missing, damaged or of another stage."""


class ListingError(LogolibError):
    """A folder that does not say what its pictures show, or lacks some of them."""


@dataclass(frozen=True)
class StageResult:
    """What a stage found: its numbers, what it wrote, and where both come from."""

    stage: str
    values: dict[str, Any]  # the numbers, tables and lists that the book reads
    files: dict[str, str]  # what was written, by role; paths relative to the result's folder
    provenance: dict[str, Any]  # profile, seed, settings, data_hash, commit, versions, started, seconds
    skipped: tuple[dict[str, str], ...] = ()  # what was left out, and why


def write_text(path: Path, text: str) -> None:
    """Write beside and rename: a reader sees the old file or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".partial")
    try:
        with os.fdopen(handle, "w", encoding="utf8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def sealed(fields: Mapping[str, Any]) -> str:
    """A mapping as JSON with a `seal`, the SHA-256 of the rest; ValueError for NaN and infinities."""
    text = json.dumps({**fields, SEAL: ""}, indent=1, allow_nan=False, ensure_ascii=False)
    plain: dict[str, Any] = json.loads(text)
    return json.dumps({**plain, SEAL: _seal(plain)}, indent=1, ensure_ascii=False) + "\n"


def unsealed(text: str) -> dict[str, Any]:
    """What `sealed` was given; text without a seal is taken as it is. ValueError when it was changed since."""
    fields = read_json(text)
    if not isinstance(fields, dict):
        raise ValueError(f"it holds a {type(fields).__name__}")
    if SEAL in fields and fields[SEAL] != _seal(fields):
        raise ValueError("it was changed after it was written")
    return {name: value for name, value in fields.items() if name != SEAL}


def read_json(text: str | bytes) -> Any:
    """A value of JSON whose numbers are numbers. ValueError for anything else, nesting without end included."""

    def refused(word: str) -> Any:
        raise ValueError(f"{word} is no number")

    try:
        return json.loads(text, parse_constant=refused)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _seal(fields: Mapping[str, Any]) -> str:
    text = json.dumps({**fields, SEAL: ""}, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def pass_lineage_on(source: Path, out: Path) -> None:
    """Copy SOURCE/lineage.json to OUT: what is made of machine captions depends on what wrote them."""
    if (source / LINEAGE).is_file():
        write_text(out / LINEAGE, (source / LINEAGE).read_text("utf8"))


def write_result(path: Path, result: StageResult) -> None:
    """Save a result as sealed JSON; NaN and infinities are refused, since they are no results."""
    write_text(path, sealed(asdict(result)))


def read_result(path: Path, stage: str | None = None) -> StageResult:
    """Load a result. Raises ResultError when it is missing, damaged, changed by hand or of another stage."""
    try:
        fields = unsealed(path.read_text("utf8"))
        result = StageResult(**{**fields, "skipped": tuple(fields["skipped"])})
        if not (isinstance(result.values, dict) and isinstance(result.provenance, dict)):
            raise ValueError("its values or its provenance are no table")
    except FileNotFoundError:
        raise ResultError(f"There is no result {path}; run the stage that writes it first.") from None
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise ResultError(f"The result {path} is damaged ({reason_of(error)}); run its stage again.") from None
    if stage is not None and result.stage != stage:
        raise ResultError(f"{path} is a result of {result.stage!r}, not of {stage!r}.")
    return result


def drawn_for(name: str, folder: Path) -> dict[str, Path]:
    """Prompt => file in a folder that `logolib generate` wrote or that has captions.csv, the first of each prompt.

    name: what sentences call the folder. Raises ListingError, or ResultError for a damaged result.
    """
    if (folder / "result.json").is_file():
        listed = read_result(folder / "result.json", "generate").values.get("pictures", [])
        pairs = [(str(row["prompt"]), str(row["file"])) for row in listed]
    elif (folder / CAPTIONS).is_file():
        rows = _captions(folder / CAPTIONS)
        pairs = [(row["caption"] or "", row["file"] or "") for row in rows]
    else:
        raise ListingError(
            f"The arm {name} has neither result.json nor {CAPTIONS} in {folder}; `logolib generate` makes one."
        )
    return first_of_each(name, ((prompt, folder / file) for prompt, file in pairs))


def _captions(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as table:
            rows = list(csv.DictReader(table))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ListingError(f"{path} cannot be read ({reason_of(error)}); it shall be a CSV in UTF-8.") from None
    if not rows or not {"file", "caption"} <= set(rows[0]):
        raise ListingError(f"{path} needs the columns file and caption, and a line for each picture.")
    return rows


def first_of_each(name: str, pairs: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    """Prompt => the first file drawn for it, so that nobody chooses. Raises ListingError when files are missing."""
    files: dict[str, Path] = {}
    for prompt, file in pairs:
        files.setdefault(" ".join(prompt.split()), file)
    missing = [path for path in files.values() if not path.is_file()]
    if missing:
        raise ListingError(f"The arm {name} lacks {len(missing)} of its pictures, {missing[0]} first; draw them again.")
    return files


def reason_of(error: Exception) -> str:
    """Why a file could not be read, in a few words on one line, to stand within a sentence."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())[:200].rstrip(".:; ") or type(error).__name__


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def data_hash(parts: Iterable[str]) -> str:
    """A short hash of a data set from the hashes or names of its parts, independent of their order."""
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()[:16]


@cache
def commit() -> str:
    """The checkout's commit, with `+` when it has uncommitted changes; `unknown` outside one."""
    try:
        here = Path(__file__).resolve().parent
        run = ["git", "-C", str(here)]
        head = subprocess.run([*run, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, timeout=10)
        dirty = subprocess.run([*run, "status", "--porcelain"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return head.stdout.strip() + ("+" if dirty.stdout.strip() else "") if head.returncode == 0 else "unknown"


class Stopwatch:
    """Starts when made; `provenance` closes a stage's record."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._started = datetime.now(UTC).isoformat(timespec="seconds")

    def seconds(self) -> float:
        """Seconds since the start, to a hundredth."""
        return round(time.perf_counter() - self._start, 2)

    def provenance(self, settings: Settings, seed: int, data: str, profile: str = "custom") -> dict[str, Any]:
        """The record that stands in every result: who made these numbers, from what, and when."""
        return {
            "profile": profile,
            "seed": seed,
            "settings": settings.model_dump(mode="json"),
            "data_hash": data,
            "commit": commit(),
            "versions": _versions(),
            "started": self._started,
            "seconds": self.seconds(),
        }


@cache
def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("logolib", "torch", "open_clip_torch", "dalle2-pytorch"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def finite(values: Mapping[str, float]) -> dict[str, float | None]:
    """Replace what JSON cannot hold (NaN, infinities) by None."""
    return {key: value if math.isfinite(value) else None for key, value in values.items()}
