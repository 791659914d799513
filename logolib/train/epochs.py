"""open_clip's `epoch_K.pt`: written for its trainer to continue, and continued from, the optimizer included."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from logolib.models.clip import Clip
from logolib.models.clip_files import full_config, full_state
from logolib.models.pickles import write_tensors
from logolib.models.weights import ModelError
from logolib.results import write_text

PLAIN = ("bn", "ln", "bias", "logit_scale")  # names with these do not decay in open_clip's trainer
EMBEDDING = "token_embedding.weight"


def write_epoch(clip: Clip, optimizer: torch.optim.Optimizer, epoch: int, folder: Path) -> Path:
    """Write FOLDER/epoch_K.pt over open_clip's full vocabulary, and open_clip.json unless its zoo has the model.

    `open_clip.create_model(name, pretrained=path)` loads it, and `open_clip_train.main --resume path` goes on.
    """
    import open_clip

    folder.mkdir(parents=True, exist_ok=True)
    config = full_config(clip)
    if all(config != open_clip.get_model_config(name) for name in open_clip.list_models()):
        write_text(folder / "open_clip.json", json.dumps(config, indent=1) + "\n")
    path = folder / f"epoch_{epoch}.pt"
    checkpoint = {"epoch": epoch, "name": "logolib", "state_dict": full_state(clip)}
    write_tensors({**checkpoint, "optimizer": _their_state(clip, optimizer)}, path)
    return path


def take_optimizer(clip: Clip, optimizer: torch.optim.Optimizer, saved: dict[str, Any]) -> None:
    """Fill a new optimizer of `clip` with the moments of an open_clip trainer's.

    Raises ModelError for the optimizer of another model.
    """
    names = [name for group in _order(clip.net) for name in group]
    parameters = dict(clip.net.named_parameters())
    theirs = [i for group in saved["param_groups"] for i in group["params"]]
    moments = {name: saved["state"].get(i) for name, i in zip(names, theirs, strict=False)}
    shapes_agree = all(m is None or m["exp_avg"].shape == parameters[name].shape for name, m in moments.items())
    if len(theirs) != len(names) or not shapes_agree:
        raise ModelError(
            "The checkpoint's optimizer is of another model or of other locked layers; "
            "use clip.pretrained instead of clip.resume to take its weights alone."
        )
    for name, state in moments.items():
        if state is not None:
            kept = {key: value.clone() if isinstance(value, Tensor) else value for key, value in state.items()}
            place = parameters[name]
            optimizer.state[place] = {
                key: value.to(place.device) if isinstance(value, Tensor) and value.ndim else value
                for key, value in kept.items()
            }


def _their_state(clip: Clip, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Our optimizer's state as that of open_clip's trainer: two groups, first what does not decay."""
    parameters = dict(clip.net.named_parameters())
    ours = optimizer.state_dict()["param_groups"]
    options = {key: value for key, value in ours[0].items() if key != "params"}
    wd = max(group["weight_decay"] for group in ours)
    state: dict[int, Any] = {}
    groups, number = [], 0
    for names, decay in zip(_order(clip.net), (0.0, wd), strict=True):
        indices = list(range(number, number + len(names)))
        number += len(names)
        groups.append({**options, "weight_decay": decay, "params": indices})
        for i, name in zip(indices, names, strict=True):
            if found := optimizer.state.get(parameters[name]):
                state[i] = {key: _full(clip, name, value) for key, value in found.items()}
    return {"state": state, "param_groups": groups}


def _full(clip: Clip, name: str, value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    value = value.detach().cpu().clone(memory_format=torch.contiguous_format)
    return clip.vocabulary.expand(value) if name == EMBEDDING and value.ndim else value


def _order(net: nn.Module) -> tuple[list[str], list[str]]:
    """Names of the parameters that learn, in the order of open_clip's trainer: without decay, with decay."""
    learning = [(name, p.ndim) for name, p in net.named_parameters() if p.requires_grad]
    plain = [name for name, ndim in learning if ndim < 2 or any(mark in name for mark in PLAIN)]
    return plain, [name for name, _ in learning if name not in set(plain)]
