"""Files of torch: read without running what is pickled in them, and written whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from logolib.models.weights import ModelError

# What dalle2-pytorch's trainers pickle beside tensors. Nothing of it is needed, so nothing of it is made.
KNOWN = (
    "packaging.version.",
    "packaging._structures.",
    "pytorch_warmup.",
    "accelerate.",
    "torch.optim.",
    "torch.cuda.amp.grad_scaler.",
    "torch.amp.grad_scaler.",
    "collections.defaultdict",
    "builtins.dict",
    "pathlib.",
)


class Inert:
    """Stands in for a pickled object: keeps what it was given, does nothing."""

    given: tuple[Any, ...]
    state: Any

    def __new__(cls, *given: Any) -> Inert:
        """Keep what a constructor would have got."""
        made = super().__new__(cls)
        made.given, made.state = given, None
        return made

    def __setstate__(self, state: Any) -> None:
        self.state = state


def _empty(*_: Any) -> dict[Any, Any]:
    """Stands in for `defaultdict`, whose entries torch puts into plain dicts only."""
    return {}


def read_tensors(file: Path) -> dict[str, Any]:
    """What a .pth, .pt or .safetensors file holds, on the CPU. Raises ModelError; never executes a pickle.

    The objects that upstream's trainers pickle (`packaging.Version`, a warm-up schedule) come as inert stand-ins;
    a file that asks for anything else is refused by name.
    """
    if not file.is_file():
        raise ModelError(f"There is no file {file}.")
    if file.suffix == ".safetensors":
        try:
            return dict(load_file(file))
        except Exception as error:  # safetensors raises SafetensorError, OSError
            raise ModelError(f"The weights {file} are damaged ({error}); fetch them again.") from None
    try:
        asked = torch.serialization.get_unsafe_globals_in_checkpoint(file)
    except Exception:  # a file of before torch 1.6 has no list to read; torch.load below judges it
        asked = []
    strange = [name for name in asked if not name.startswith(KNOWN)]
    if strange:
        raise ModelError(
            f"{file} is refused: reading it would run {', '.join(sorted(strange))}; ask its author for a state dict."
        )
    try:
        stand_ins: list[Any] = [(_empty if name == "collections.defaultdict" else Inert, name) for name in asked]
        with torch.serialization.safe_globals(stand_ins):
            content = torch.load(file, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # UnpicklingError, RuntimeError, EOFError and more
        reason = str(error).split("\n", 1)[0].split(". ", 1)[0].rstrip(".")
        raise ModelError(f"{file} cannot be read as weights ({reason}); fetch it again.") from None
    if not isinstance(content, dict):
        raise ModelError(f"{file} holds a {type(content).__name__}, not weights; a state dict is what can be read.")
    return content


def write_tensors(content: dict[str, Any], file: Path) -> None:
    """Write tensors and plain values as torch does, beside the place and renamed. Raises OSError for a full disk."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(file.name + ".partial")
    try:
        with partial.open("wb") as stream:  # Python's: torch's own says nothing of why it could not write
            torch.save(content, stream)
            stream.flush()
            os.fsync(stream.fileno())
    except RuntimeError as error:  # torch, closing the archive that it could not finish
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise
    partial.replace(file)


def release(value: Any) -> tuple[int, ...] | None:
    """A release as numbers: of its text, or of a pickled packaging.Version. None when there is none to read."""
    if isinstance(
        value, Inert
    ):  # packaging up to 25 pickles {"_version": _Version(epoch, release, ...)}, later a tuple
        state = value.state
        fields = state["_version"].given if isinstance(state, dict) and "_version" in state else state
        numbers = fields[1] if isinstance(fields, tuple) and len(fields) > 1 else None
        return tuple(int(part) for part in numbers) if isinstance(numbers, tuple) else None
    if not isinstance(value, str):
        return None
    parts = value.split(".")
    return tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else None
