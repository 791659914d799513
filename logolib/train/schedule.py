"""Which layers of a CLIP learn, and at which rate."""

from __future__ import annotations

import re
from dataclasses import dataclass

from torch import nn

from logolib.config import ClipSettings
from logolib.models.clip import Clip

IMAGE = "visual."
BLOCKS = re.compile(r"(?:resblocks|blocks|layers|stages)\.(\d+)\.")  # transformers and timm's trunks
STAGE = re.compile(r"visual\.layer(\d+)\.")  # ResNets
LAST = ("attnpool", "ln_post", "proj", "trunk.head", "trunk.norm", "head.", "ln_final", "text_projection")


@dataclass(frozen=True)
class Group:
    """Parameters of one rate and one decay; `rate` multiplies the schedule's."""

    parameters: list[nn.Parameter]
    weight_decay: float
    rate: float = 1.0


def groups(network: nn.Module, wd: float, rates: dict[str, float] | None = None) -> list[Group]:
    """All parameters that learn, one group for each rate and decay: matrices decay, vectors and scalars do not.

    `rates` gives a parameter's share of the rate by its name; the others have the whole.
    """
    found: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            key = ((rates or {}).get(name, 1.0), parameter.ndim >= 2)
            found.setdefault(key, []).append(parameter)
    ordered = sorted(found.items(), key=lambda item: (-item[0][0], not item[0][1]))
    return [Group(parameters, wd if decays else 0.0, rate) for (rate, decays), parameters in ordered]


def levels(clip: Clip) -> dict[str, int]:
    """How far each parameter of `clip.net` lies from its tower's end: 0 for the last layers, more towards the input."""
    depth = {name: _depth(name) for name, _ in clip.net.named_parameters()}
    top = {side: max((d for n, d in depth.items() if n.startswith(IMAGE) == side), default=0) for side in (True, False)}
    return {
        name: 0 if name == "logit_scale" or _is_last(name) else top[name.startswith(IMAGE)] + 1 - value
        for name, value in depth.items()
    }


def decayed_rates(clip: Clip, decay: float) -> dict[str, float]:
    """Each layer learns at `decay` times the rate of the layer after it (Howard and Ruder 2018, section 3.2).

    Names are those of `clip.named_parameters()`.
    """
    return {f"net.{name}": decay**level for name, level in levels(clip).items()}


def lock(clip: Clip, settings: ClipSettings) -> None:
    """Keep whole towers from learning, but for their last layers (Zhai et al. 2022, "LiT").

    `lock_image_unlocked_groups` and `lock_text_unlocked_layers` count from the end: 1 is the projection and what
    belongs to it, 2 the last block too. A locked image tower keeps its BatchNorm statistics.
    """
    free = {
        True: settings.lock_image_unlocked_groups if settings.lock_image else None,
        False: settings.lock_text_unlocked_layers if settings.lock_text else None,
    }
    level = levels(clip)
    for name, parameter in clip.net.named_parameters():
        kept = free[name.startswith(IMAGE)]
        if kept is not None and name != "logit_scale" and level[name] >= kept:
            parameter.requires_grad_(False)
    clip.frozen_statistics |= settings.lock_image


def _depth(name: str) -> int:
    """0 for what touches the input, k + 1 for block k, k for a ResNet's stage k."""
    stage, block = STAGE.match(name), BLOCKS.search(name)
    if stage is not None:
        return int(stage[1])
    return int(block[1]) + 1 if block is not None else 0


def _is_last(name: str) -> bool:
    return name.removeprefix(IMAGE).startswith(LAST)
