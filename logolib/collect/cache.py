"""What a site answered, in a folder: a run that was killed goes on from it, the next asks only what is new."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

FORMAT = "2"  # of the files; a cache of another format is dropped


@dataclass(frozen=True)
class Kept:
    """One answer: a file of one line of JSON with the facts below, then the body."""

    path: Path
    etag: str
    modified: str  # Last-Modified
    kind: str  # Content-Type, without its parameters
    fetched_at: str

    def body(self) -> bytes:
        """The bytes that came."""
        return self.path.read_bytes().partition(b"\n")[2]

    def conditions(self) -> dict[str, str]:
        """Headers that ask for the body only where it has changed; none where the site gave nothing to compare."""
        headers = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in headers.items() if value}


class Cache:
    """Answers by key; dropped when they belong to another source.

    A run lasts from the first `Cache` on a folder to `finish`, however often it is killed in between: `is_new`
    is true of what came, or was confirmed, since it began.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        mark, identity = folder / "identity", f"{FORMAT} {identity}"
        if folder.exists() and (not mark.is_file() or mark.read_text("utf8") != identity):
            shutil.rmtree(folder)
        self._answers, self._run = folder / "answers", folder / "run"
        self._answers.mkdir(parents=True, exist_ok=True)
        mark.write_text(identity, "utf8")
        if not self._run.exists():
            self._run.write_text(str(time.time_ns()), "utf8")
        text = self._run.read_text("utf8")
        self._began = int(text) if text.isdigit() else time.time_ns()
        self._used: set[Path] = set()

    def get(self, key: str) -> Kept | None:
        """The answer kept under that key, or None."""
        path = self._path(key)
        try:
            with path.open("rb") as file:
                kept = Kept(path, **json.loads(file.readline()))
        except (OSError, ValueError, TypeError):
            return None
        self._used.add(path)
        return kept

    def is_new(self, kept: Kept) -> bool:
        """True of an answer that came or was confirmed in this run."""
        return kept.path.stat().st_mtime_ns >= self._began

    def confirm(self, kept: Kept) -> None:
        """Note that an answer still holds."""
        now = time.time_ns()
        os.utime(kept.path, ns=(now, now))

    def put(self, key: str, body: bytes, *, etag: str, modified: str, kind: str, fetched_at: str) -> Kept:
        """Keep a body; written beside and renamed."""
        kept = Kept(self._path(key), etag, modified, kind, fetched_at)
        facts = {name: value for name, value in asdict(kept).items() if name != "path"}
        handle, partial = tempfile.mkstemp(dir=self._answers)
        with os.fdopen(handle, "wb") as file:
            file.write(json.dumps(facts).encode() + b"\n" + body)
        os.replace(partial, kept.path)
        self.confirm(kept)
        self._used.add(kept.path)
        return kept

    def finish(self, useless: Iterable[Kept] = ()) -> None:
        """End the run: what it did not use is gone from the site and from here; what is useless is asked for again."""
        for path in {*self._answers.iterdir()} - (self._used - {kept.path for kept in useless}):
            path.unlink()
        self._run.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._answers / hashlib.sha256(key.encode("utf8", "replace")).hexdigest()
