"""Weights by name: from Hugging Face, from an address with its checksum, or from the disk."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import httpx

from logolib.models.weights import ModelError

HUB = re.compile(r"(?:hf:)?([\w.-]+/[\w.-]+)/([\w./-]+\.(?:safetensors|pth|pt|bin|ckpt))")
TIMEOUT_S = 30.0  # without a byte; a whole file may take longer


def fetch(name: str | Path, sha256: str | None = None) -> Path:
    """The local file of weights: downloaded once, kept where such things lie. Raises ModelError.

    `name` is a path; `OWNER/REPOSITORY/FILE` on Hugging Face, kept in its own cache (HF_HOME, HF_ENDPOINT are
    heeded); or an http(s) address with its checksum, as `sha256` or as `#sha256=...` at its end, kept under
    XDG_CACHE_HOME/logolib. Nothing of a file is executed, here or in `load_prior` and `load_decoder`.
    """
    path = Path(name)
    if path.exists():
        return _checked(path, sha256) if sha256 else path
    text = str(name)
    if re.match(r"https?:/", text):
        address, _, told = str(name).partition("#sha256=")
        return _download(address, (sha256 or told).lower())
    match = HUB.fullmatch(text)
    if match is None or path.is_absolute():
        raise ModelError(f"There is no file {name}.")
    return _from_hub(match[1], match[2], sha256)


def _from_hub(repository: str, file: str, sha256: str | None) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        found = Path(hf_hub_download(repository, file, endpoint=os.environ.get("HF_ENDPOINT")))
    except Exception as error:  # its own errors, httpx's and OSError
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise ModelError(
            f"There is no file {repository}/{file} here, and Hugging Face does not give it ({reason})."
        ) from None
    return _checked(found, sha256) if sha256 else found


def _download(address: str, sha256: str) -> Path:
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ModelError(f"{address} needs its checksum; write it as {address}#sha256=64 hexadecimal digits.")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "logolib" / "weights" / sha256
    target = cache / (Path(httpx.URL(address).path).name or "weights.pth")
    if target.is_file():
        return _checked(target, sha256)
    cache.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        with (
            httpx.stream("GET", address, timeout=TIMEOUT_S, follow_redirects=True) as answer,
            partial.open("wb") as file,
        ):
            answer.raise_for_status()
            for piece in answer.iter_bytes():
                file.write(piece)
        _checked(partial, sha256)
        partial.replace(target)
    except httpx.HTTPError as error:
        raise ModelError(f"{address} could not be fetched ({str(error).splitlines()[0]}); try again.") from None
    finally:
        partial.unlink(missing_ok=True)
    return target


def _checked(path: Path, sha256: str) -> Path:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256.lower():
        raise ModelError(f"{path.name} has the checksum {found}, not {sha256}; it is damaged or another file.")
    return path
