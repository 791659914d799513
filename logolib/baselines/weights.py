"""Where other people's weights lie, whether they are whole and of the right class, and whether they fit in memory."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from logolib.config import LogolibError
from logolib.results import read_json

SUFFIXES = (".safetensors", ".bin")
OVERHEAD = 1.3  # what a pipeline needs beside its weights, as a factor of them: activations at 512 px


class BaselineError(LogolibError):
    """A model that cannot be compared, and why."""


class AbsentError(BaselineError):
    """Weights that are not on this machine, with what to download."""


def locate(name: str, download: str) -> Path:
    """The folder of a model: a path, or a name on Hugging Face that is in the local cache. Nothing is downloaded.

    Raises AbsentError, saying what to download.
    """
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, FileNotFoundError):
        raise AbsentError(f"{name} is not on this machine; {download}") from None


def check_class(folder: Path, wanted: str) -> dict[str, Any]:
    """The model_index.json of a diffusers folder. Raises BaselineError when it is of another class, or none."""
    try:
        index = dict(read_json((folder / "model_index.json").read_text("utf8")))
    except FileNotFoundError:
        raise BaselineError(f"{folder.name} has no model_index.json; it is no folder that diffusers saved.") from None
    except (ValueError, OSError) as error:
        raise BaselineError(f"{folder.name}/model_index.json is damaged ({error}); download it again.") from None
    found = index.get("_class_name")
    if found != wanted:
        raise BaselineError(f"{folder.name} is a {found}, not a {wanted}; name a folder of that class.")
    return index


def check_whole(folder: Path, index: dict[str, Any]) -> int:
    """How many numbers the weights of a diffusers folder are. Raises BaselineError naming what is not fully there."""
    if halves := sorted(folder.rglob("*.incomplete")):
        raise BaselineError(f"{folder.name} is half-downloaded ({halves[0].name}); finish the download.")
    total = 0
    for part, kind in index.items():
        if part.startswith("_") or not isinstance(kind, list) or kind[0] is None:
            continue
        if not (folder / part).is_dir():
            raise BaselineError(f"{folder.name} is half-downloaded: {part}/ is missing; finish the download.")
        if not (folder / part / "config.json").is_file():
            continue  # a tokenizer, a scheduler, an image processor
        total += _part(folder / part, folder.name)
    return total


def _part(part: Path, owner: str) -> int:
    """Numbers in the weights that diffusers would load for one part: full-precision safetensors before others."""
    files = [f for f in part.iterdir() if f.suffix in SUFFIXES and ".fp16." not in f.name and "ema" not in f.name]
    files = [f for f in files if f.suffix == ".safetensors"] or files
    if not files:
        raise BaselineError(f"{owner} is half-downloaded: {part.name}/ holds no weights; finish the download.")
    for index in part.glob("*.index.json"):
        listed = set(read_json(index.read_text("utf8"))["weight_map"].values())
        if lost := sorted(listed - {f.name for f in part.iterdir()}):
            raise BaselineError(f"{owner} is half-downloaded: {part.name}/{lost[0]} is missing; finish the download.")
    total = 0
    for file in files:
        numbers = _numbers(file)
        if numbers is None:
            raise BaselineError(f"{owner} is half-downloaded: {part.name}/{file.name} is cut off; download it again.")
        total += numbers
    return total


def _numbers(file: Path) -> int | None:
    """How many numbers a file of weights holds, without reading them; None when it is cut off."""
    if file.suffix != ".safetensors":
        try:
            state = torch.load(file, map_location="meta", weights_only=True, mmap=True)
        except Exception:  # torch raises RuntimeError, UnpicklingError, EOFError
            return None
        return sum(value.numel() for value in state.values() if isinstance(value, torch.Tensor))
    with file.open("rb") as stream:  # 8 bytes of length, JSON, then the tensors
        length = int.from_bytes(stream.read(8), "little")
        try:
            header = read_json(stream.read(length))
        except ValueError:
            return None
    entries = [entry for name, entry in header.items() if name != "__metadata__"]
    if file.stat().st_size != 8 + length + max((entry["data_offsets"][1] for entry in entries), default=0):
        return None
    return sum(math.prod(entry["shape"]) for entry in entries)


def check_memory(name: str, weights_bytes: float, device: str) -> None:
    """Refuse, before anything is loaded, what does not fit. Raises BaselineError with both figures.

    weights_bytes: as they will lie on the device, `cpu` or `cuda`.
    """
    needed, free = weights_bytes * OVERHEAD, free_memory(device)
    if needed > free:
        raise BaselineError(
            f"{name} needs about {needed / 1e9:.1f} GB on the {device} and {free / 1e9:.1f} GB are free; "
            "close other programs or take a larger machine."
        )


def free_memory(device: str) -> float:
    """Bytes free on a device: `cpu` or `cuda`."""
    if device == "cuda":
        return float(torch.cuda.mem_get_info()[0])
    info = Path("/proc/meminfo")
    if not info.exists():
        return float("inf")
    lines = dict(line.split(":", 1) for line in info.read_text("utf8").splitlines())
    return float(lines["MemAvailable"].split()[0]) * 1024
