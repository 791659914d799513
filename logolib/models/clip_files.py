"""open_clip's checkpoints: read into a Clip, told apart by their shapes, and written as its trainer writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from logolib.models.clip import Clip, named_config
from logolib.models.weights import ModelError
from logolib.text import BPE_SIZE, Vocabulary

SHOWN = 3  # differing layers that a refusal names
POSITIONS = ("visual.positional_embedding",)  # open_clip resizes these to another picture size
TEXT = "text."  # before the text tower's layers, where a model has it apart


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What a trainer's `epoch_K.pt` holds: `state_dict` without `module.`, and `epoch` and `optimizer` if it has them.

    Plain state dicts and safetensors give `state_dict` alone. Nothing but tensors and plain values is unpickled.
    Raises ModelError for a missing or damaged file, a pickle of anything else, and a dict without weights.
    """
    try:
        if path.suffix == ".safetensors":
            found: Any = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelError(
            f"There is no checkpoint {path}; give the path of an epoch_K.pt or a safetensors file."
        ) from None
    except Exception as error:  # torch raises UnpicklingError, RuntimeError, EOFError; safetensors its own
        if path.is_dir():
            raise ModelError(f"{path} is a folder; give the path of a checkpoint in it.") from None
        raise ModelError(
            f"{path} is damaged or holds more than weights, and is not opened ({_first_sentence(error)}); "
            "save its state dict alone, or as safetensors."
        ) from None
    whole = found if isinstance(found, dict) and isinstance(found.get("state_dict"), dict) else {"state_dict": found}
    state = whole["state_dict"]
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise ModelError(
            f"{path} holds no weights; an open_clip checkpoint is a dict of tensors or has a `state_dict`."
        )
    return {**whole, "state_dict": {_plain(name): value for name, value in state.items()}}


def load_checkpoint(clip: Clip, path: Path, name: str) -> dict[str, Any]:
    """Read a checkpoint into a Clip of open_clip's full vocabulary; returns all that `read_checkpoint` gives.

    `name` is what the user calls the model. Position embeddings of another picture size are resized as open_clip
    does. Raises ModelError naming the first layers that differ and the models of open_clip's that would fit.
    """
    from open_clip.model import resize_pos_embed

    checkpoint = read_checkpoint(path)
    state = dict(checkpoint["state_dict"])
    own = clip.net.state_dict()
    wrong = [name for name in differing(own, state) if name not in POSITIONS]
    if wrong:
        fits = " or ".join(fitting_models(state)[:2])
        raise ModelError(
            f"{path} is no {name}: {len(wrong)} layers differ, first {_described(wrong[:SHOWN], own, state)}; "
            + (f"it looks like {fits}: set clip.model={fits.split(' or ')[0]}." if fits else "give its JSON config.")
        )
    resize_pos_embed(state, clip.net)
    clip.net.load_state_dict(state)
    return checkpoint


def differing(own: dict[str, Tensor], state: dict[str, Tensor]) -> list[str]:
    """Layers that one of two state dicts lacks or has in another shape, in the first's order, then the second's."""
    missing = [name for name in own if name not in state or state[name].shape != own[name].shape]
    return missing + [name for name in state if name not in own]


def fitting_models(state: dict[str, Tensor]) -> list[str]:
    """Names of open_clip's zoo whose layers are those of a state dict, plain names first; none for a stranger.

    Only configs of the same embedding and text width are built, and without memory.
    """
    import open_clip

    projection = state.get("text_projection")
    if projection is None or projection.ndim != 2:
        return []
    width, dim = projection.shape
    found = []
    for name in open_clip.list_models():
        config = named_config(name)
        if (config["text_cfg"].get("width"), config["embed_dim"]) != (width, dim):
            continue
        try:
            with torch.device("meta"):
                clip = Clip(config, Vocabulary.full(config["text_cfg"].get("context_length", 77)))
        except (ModelError, RuntimeError, TypeError):
            continue
        if not differing(clip.net.state_dict(), state):
            found.append(name)
    return sorted(found, key=lambda name: (len(name), name))


def full_state(clip: Clip) -> dict[str, Tensor]:
    """A Clip's layers over open_clip's full vocabulary, on the CPU."""
    state = {name: value.detach().cpu().clone() for name, value in clip.net.state_dict().items()}
    state["token_embedding.weight"] = clip.vocabulary.expand(state["token_embedding.weight"])
    return state


def full_config(clip: Clip) -> dict[str, Any]:
    """The config with which `open_clip.create_model` builds the model that `full_state` fills."""
    text = {**clip.config["text_cfg"], "vocab_size": BPE_SIZE, "context_length": clip.vocabulary.context_length}
    return {**clip.config, "text_cfg": text}


def _plain(name: str) -> str:
    """A layer's name without what DistributedDataParallel, torch.compile or a separate text tower put before it."""
    for prefix in ("module.", "_orig_mod.", TEXT):
        name = name.removeprefix(prefix)
    return name


def _described(names: list[str], own: dict[str, Tensor], state: dict[str, Tensor]) -> str:
    def shape(layers: dict[str, Tensor], name: str) -> str:
        return "x".join(map(str, layers[name].shape)) or "one number" if name in layers else "absent"

    return ", ".join(f"{name} ({shape(state, name)} in the file, {shape(own, name)} in the model)" for name in names)


def _first_sentence(error: Exception) -> str:
    return str(error).strip().split("\n")[0].split(". ")[0][:160] or type(error).__name__
