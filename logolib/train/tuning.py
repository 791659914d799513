"""What fine-tuning moves: all weights, chosen ones, or low-rank additions to them (Hu et al. 2022, LoRA)."""

from __future__ import annotations

import re
from typing import Any, cast

from torch import nn

from logolib.config import DiffusionSettings
from logolib.train.loop import TrainError


def choose(network: nn.Module, settings: DiffusionSettings) -> nn.Module:
    """Leave to training what `settings.trainable` names, in place; returns the network.

    `all` moves every weight, `lora` adds peft's low-rank matrices of rank `settings.lora_rank` to each linear
    layer and convolution and moves only those, anything else is a regular expression that the names of
    parameters are searched for. Raises TrainError when nothing is left to move.
    """
    if settings.trainable == "all":
        return network
    if settings.trainable == "lora":
        return _with_lora(network, settings.lora_rank)
    try:
        wanted = re.compile(settings.trainable)
    except re.error as error:
        raise TrainError(f"trainable={settings.trainable!r} is no regular expression ({error}).") from None
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(wanted.search(name) is not None)
    if not any(parameter.requires_grad for parameter in network.parameters()):
        names = ", ".join(sorted({_kind(name) for name, _ in network.named_parameters()})[:8])
        raise TrainError(f"No weight's name has {settings.trainable!r} in it; there are {names}, among others.")
    return network


def merged(network: nn.Module) -> nn.Module:
    """The network with its low-rank additions added to the weights, in place: an ordinary one again."""
    from peft.tuners.lora import LoraLayer

    for name, module in list(network.named_modules()):
        if isinstance(module, LoraLayer):
            parent, _, last = name.rpartition(".")
            cast(Any, module).merge()
            setattr(network.get_submodule(parent), last, module.get_base_layer())
    return network


def _with_lora(network: nn.Module, rank: int) -> nn.Module:
    from peft import LoraConfig, inject_adapter_in_model

    # Upstream's weight-standardised convolutions normalise what they are given: an addition there would not merge.
    layers = [name for name, module in network.named_modules() if type(module) in (nn.Linear, nn.Conv2d)]
    return inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=rank, target_modules=layers), network)


def _kind(name: str) -> str:
    """A parameter's name without its numbers."""
    return ".".join(part for part in name.split(".") if not part.isdigit())
