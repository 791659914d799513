"""Weights on disk: safetensors in full, half or 8-bit precision, and the configs beside them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from logolib.config import LogolibError
from logolib.results import reason_of, sealed, sha256_file, unsealed, write_text

BASE = Path(__file__).resolve().parents[1] / "weights" / "base"  # what ships
Precision = Literal["float32", "float16", "int8"]
SCALE = "::scale"  # ends the name of the tensor that scales an 8-bit one
CONFIG, WEIGHTS = "config.json", "model.safetensors"
SUM = "weights_sha256"  # the field of a config with the checksum of its weights
SMALL = 4096  # tensors of fewer numbers stay in half precision: they save nothing


class ModelError(LogolibError):
    """Weights or a config that cannot be used, and why."""


def model_folder(model: str | Path) -> Path:
    """Where a run's models lie: in the folder itself or its model/; `default` is the base that ships."""
    if str(model) == "default":
        return BASE
    folder = Path(model)
    return folder / "model" if (folder / "model").is_dir() else folder


def read_config(folder: Path, maker: str, *needs: str) -> dict[str, Any]:
    """A model folder's config.json, which has the fields of `needs`. Raises ModelError naming the maker's command."""
    path = folder / CONFIG
    try:
        config = unsealed(path.read_text("utf8"))
        if lacking := [name for name in needs if name not in config]:
            raise ValueError(f"it has no {lacking[0]!r}")
    except FileNotFoundError:
        raise ModelError(f"There is no model in {folder}; `logolib {maker}` makes one.") from None
    except (ValueError, OSError) as error:
        raise ModelError(f"{path} is damaged ({reason_of(error)}); train again or restore it.") from None
    return config


@contextmanager
def building(folder: Path) -> Iterator[None]:
    """Turn what a network's constructor raises of a config that describes none into a ModelError."""
    try:
        yield
    except LogolibError:
        raise
    except Exception as error:  # pydantic's, and whatever torch, open_clip and dalle2-pytorch raise
        raise ModelError(f"{folder / CONFIG} describes no network ({reason_of(error)}); train again.") from None


def save_config(folder: Path, config: dict[str, Any]) -> None:
    """Write config.json, sealed, with the checksum of the weights beside it, which loading compares."""
    write_text(folder / CONFIG, sealed({**config, SUM: sha256_file(folder / WEIGHTS)}))


def save_weights(module: nn.Module, path: Path, precision: Precision = "float32") -> None:
    """Write a state dict as safetensors, beside its place and renamed.

    `int8` keeps each large matrix as round(w / s), s = max |w| / 127 per output channel, and all else in
    half precision.
    """
    state: dict[str, Tensor] = {}
    for name, tensor in module.state_dict().items():
        value = tensor.detach().cpu().contiguous().clone()
        if not value.is_floating_point() or precision == "float32":
            state[name] = value
        elif precision == "int8" and value.ndim >= 2 and value.numel() >= SMALL:
            scale = value.float().abs().flatten(1).amax(1).clamp(min=1e-8) / 127  # (out,)
            state[name] = (value / _along(scale, value)).round().to(torch.int8)
            state[name + SCALE] = scale
        else:
            state[name] = value.half()
    partial = path.with_name(path.name + ".partial")
    try:
        save_file(state, partial)
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from None
    partial.replace(path)


def load_weights(module: nn.Module, path: Path) -> None:
    """Read safetensors of any precision into a module. Raises ModelError naming the first of the layers that differ."""
    fill(module, read_weights(path), path)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read safetensors of any precision; 8-bit ones come back as numbers. Raises ModelError."""
    _check_sum(path)
    try:
        weights = load_file(path)
    except FileNotFoundError:
        raise ModelError(f"There are no weights {path}; train the model first.") from None
    except Exception as error:  # safetensors raises SafetensorError, OSError
        raise ModelError(f"The weights {path} are damaged ({reason_of(error)}); train again or restore them.") from None
    for name in [name for name in weights if name.endswith(SCALE)]:
        scale, whole = weights.pop(name), name.removesuffix(SCALE)
        if whole in weights and weights[whole].ndim >= 1 and len(scale) == len(weights[whole]):
            weights[whole] = weights[whole].float() * _along(scale, weights[whole])
    return weights


def _check_sum(path: Path) -> None:
    """Compare weights with the checksum in the config beside them, where it has one. Raises ModelError."""
    if path.name != WEIGHTS or not path.is_file():
        return
    try:
        told = unsealed((path.parent / CONFIG).read_text("utf8")).get(SUM)
    except (OSError, ValueError):  # `read_config` says so
        return
    if told is not None and sha256_file(path) != told:
        raise ModelError(
            f"The weights {path} are damaged or not those of the {CONFIG} beside them: their checksum differs; "
            "train again or restore them."
        )


def fill(module: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    """Put weights into a module. Raises ModelError naming `path` and the first of the layers that differ."""
    own = module.state_dict()
    wrong = [k for k in own if k not in weights or weights[k].shape != own[k].shape] + [
        k for k in weights if k not in own
    ]
    if wrong:
        raise ModelError(f"The weights {path} are of another model: {len(wrong)} layers differ, first {wrong[0]}.")
    module.load_state_dict(weights)


def _along(scale: Tensor, value: Tensor) -> Tensor:
    """(out,) => (out, 1, ...), to scale a tensor by its first axis."""
    return scale.view(-1, *[1] * (value.ndim - 1))
