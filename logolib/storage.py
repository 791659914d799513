"""Folders on any storage that fsspec knows, copied in and out file by file, each checked by its SHA-256."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import quote, urlsplit

from logolib.config import LogolibError
from logolib.results import sha256_file, write_text

SUMS = "SHA256SUMS"  # lines of `HEX  NAME`, as sha256sum writes and checks them; written last, so it tells of a whole
CHUNK = 1 << 20  # bytes
TIMEOUT_S = 60.0


class StorageError(LogolibError):
    """A storage that cannot be reached, a package that it needs, or a file that is not what its hash says."""


def is_url(text: str) -> bool:
    """Whether a text names a place with its protocol, such as s3://bucket/logos."""
    return re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", text) is not None


def local(place: str, inputs: Path) -> Path:
    """A path as it is; what a URL names, copied into a folder of its own in `inputs`. Raises StorageError."""
    if not is_url(place):
        return Path(place)
    return fetch(place, inputs / hashlib.sha256(place.encode()).hexdigest()[:12])


def fetch(url: str, folder: Path) -> Path:
    """Copy what a URL names into `folder`; return the folder, or the one file.

    Where SHA256SUMS lies beside the files it says which there are: each is checked, and one that is already here is
    not copied again. Addresses in http or https have no listing, so they need it, or name one file; redirections are
    not followed. Without it the length is checked, and the hashes are written here. Raises StorageError.
    """
    with _told(url):
        remote: _Web | _Store = _Web(url) if urlsplit(url).scheme in ("http", "https") else _Store(url)
        name = remote.single()
        known = None if name and isinstance(remote, _Store) else _read_sums(remote)
        if known is None and name:
            _receive(remote, "", folder / _safe(name, url), None)
            return folder / name
        names = list(known) if known is not None else remote.names()
        if not names:
            raise StorageError(f"There is nothing at {shown(url)}; an http address of a folder needs {SUMS} in it.")
        sums = {}
        for name in names:
            target = folder / _safe(name, url)
            wanted = known[name] if known is not None else None
            if wanted is None or not target.is_file() or sha256_file(target) != wanted:
                _receive(remote, name, target, wanted)
            sums[name] = wanted or sha256_file(target)
        write_text(folder / SUMS, _written(sums))
    return folder


def send(folder: Path, url: str, leave: Iterable[str] = ()) -> int:
    """Copy a folder to a URL, but for names that match a pattern of `leave`; return how many files were sent.

    A file that SHA256SUMS there has with the same hash is not sent again; each one sent is read back and compared.
    That file goes first and comes back last: a copy that was cut off has none. Raises StorageError.
    """
    if not folder.is_dir():
        raise StorageError(f"There is no folder {folder} to copy.")
    if urlsplit(url).scheme in ("http", "https"):
        raise StorageError(f"Nothing can be written to {shown(url)}: a web address is for reading.")
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    left = tuple(leave)
    files = {n: p for n, p in files.items() if n != SUMS and not any(PurePosixPath(n).match(one) for one in left)}
    with _told(url):
        remote = _Store(url)
        there = _read_sums(remote) or {}
        sums = {name: sha256_file(path) for name, path in files.items()}
        fresh = [name for name in files if there.get(name) != sums[name]]
        if not fresh and there == sums:
            return 0
        remote.remove(SUMS)
        for name in fresh:
            remote.write(name, files[name].open("rb"))
            if _hash(remote.chunks(name)) != sums[name]:
                raise StorageError(f"{name} does not arrive whole at {shown(url)}; run the same command again.")
        with tempfile.TemporaryFile() as text:
            text.write(_written(sums).encode())
            text.seek(0)
            remote.write(SUMS, text)
    return len(fresh)


def shown(url: str) -> str:
    """A URL without what may be secret in it: user, password, query."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


class _Store:
    """A folder, or a file, of an fsspec file system."""

    def __init__(self, url: str) -> None:
        import fsspec

        self.files: Any
        self.files, root = fsspec.core.url_to_fs(url)
        self.root = str(root).rstrip("/")

    def single(self) -> str:
        """The name of the one file that the URL names; empty for a folder."""
        return self.root.rpartition("/")[2] if self.files.isfile(self.root) else ""

    def names(self) -> list[str]:
        """Of every file in the folder, relative to it."""
        return sorted(str(path)[len(self.root) :].lstrip("/") for path in self.files.find(self.root))

    def chunks(self, name: str) -> Iterator[bytes]:
        """A file's bytes. Raises FileNotFoundError."""
        with self.files.open(self._path(name), "rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def size(self, name: str) -> int | None:
        """Its length in bytes, where the storage knows it."""
        return self.files.size(self._path(name))

    def write(self, name: str, content: IO[bytes]) -> None:
        """Put a file there and close what it came from."""
        path = self._path(name)
        self.files.makedirs(path.rpartition("/")[0], exist_ok=True)
        with content, self.files.open(path, "wb") as file:
            while chunk := content.read(CHUNK):
                file.write(chunk)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        if self.files.exists(self._path(name)):
            self.files.rm(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}" if name else self.root


class _Web:
    """Files at a web address, by httpx: fsspec's own reader of them asks for one more package."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def single(self) -> str:
        """The address's last part where it looks like a file's name; empty otherwise."""
        last = urlsplit(self.url).path.rpartition("/")[2]
        return last if "." in last else ""

    def names(self) -> list[str]:
        """None: there is no listing."""
        return []

    def chunks(self, name: str) -> Iterator[bytes]:
        """A file's bytes. Raises FileNotFoundError."""
        import httpx

        address = f"{self.url}/{quote(name)}" if name else self.url
        with httpx.stream("GET", address, timeout=TIMEOUT_S) as answer:
            if answer.status_code in (404, 410):
                raise FileNotFoundError(name)
            if answer.status_code != 200:
                raise StorageError(f"{shown(address)} answers {answer.status_code}, not with a file.")
            yield from answer.iter_bytes(CHUNK)

    def size(self, name: str) -> int | None:
        """Not known; httpx refuses an answer that is shorter than it announces."""
        return None


def _receive(remote: _Web | _Store, name: str, target: Path, wanted: str | None) -> None:
    """Copy one file beside its place, check it, and move it there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=target.parent, prefix=target.name, suffix=".partial")
    try:
        digest, length = hashlib.sha256(), 0
        with os.fdopen(handle, "wb") as file:
            for chunk in remote.chunks(name):
                digest.update(chunk)
                length += file.write(chunk)
        if wanted is not None and digest.hexdigest() != wanted:
            raise StorageError(f"{name} is not what {SUMS} says: damaged, or changed since; have it written again.")
        if remote.size(name) not in (None, length):
            raise StorageError(f"{name or target.name} does not arrive whole; run the same command again.")
        os.chmod(partial, 0o644)
        os.replace(partial, target)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def _safe(name: str, url: str) -> str:
    """A name that stays in its folder, on any system. Raises StorageError."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or ":" in name or "\0" in name:
        raise StorageError(f"{shown(url)} names a file {name!r} that would lie outside its folder; nothing is copied.")
    return name


def _read_sums(remote: _Web | _Store) -> dict[str, str] | None:
    try:
        text = b"".join(remote.chunks(SUMS)).decode()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError:
        raise StorageError(f"{SUMS} is no text; have it written again.") from None
    sums = {}
    for line in text.splitlines():
        match = re.fullmatch(r"([0-9a-f]{64}) [ *](.+)", line)
        if match is None:
            raise StorageError(f"{SUMS} has a line that is no hash and name: {line[:60]!r}; have it written again.")
        sums[match[2].removeprefix("./")] = match[1]
    return sums


def _written(sums: dict[str, str]) -> str:
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))


def _hash(chunks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Any failure of a storage as one sentence that names the place and no secret."""
    try:
        yield
    except LogolibError:
        raise
    except ImportError as error:
        raise StorageError(f"{urlsplit(url).scheme}:// needs a package that is not installed: {error}.") from None
    except FileNotFoundError:
        raise StorageError(f"There is nothing at {shown(url)}, or one of its files is gone.") from None
    except Exception as error:  # each storage's package has errors of its own
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split()).replace(url, shown(url)).rstrip(". ")
        raise StorageError(f"{shown(url)} cannot be reached or used ({what}).") from None
