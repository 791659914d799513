"""dalle2-pytorch, imported and called without its warnings of deprecation."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


def create(kind: str, config: dict[str, Any]) -> nn.Module:
    """The network that dalle2-pytorch's config class `kind` makes of `config`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydantic's old spellings and pkg_resources, none of them ours
        from dalle2_pytorch import train_configs

        network: nn.Module = getattr(train_configs, kind)(**config).create()
    return network


def unet(config: dict[str, Any]) -> nn.Module:
    """dalle2-pytorch's Unet, alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from dalle2_pytorch import Unet

        network: nn.Module = Unet(**config)
    return network


def noise_scheduler(schedule: str, timesteps: int) -> nn.Module:
    """dalle2-pytorch's schedule of noise; `alphas_cumprod` is what samplers read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from dalle2_pytorch.dalle2_pytorch import NoiseScheduler

        scheduler: nn.Module = NoiseScheduler(beta_schedule=schedule, timesteps=timesteps, loss_type="l2")
    return scheduler


@contextmanager
def exact_schedule(schedule: nn.Module) -> Iterator[None]:
    """Within, weights may be loaded that hold the schedule too, and it stays: half precision rounds it to 0 and 1."""
    exact = {name: tensor.clone() for name, tensor in schedule.state_dict().items()}
    yield
    schedule.load_state_dict(exact)


def version() -> str:
    """The installed release."""
    from importlib.metadata import version

    return version("dalle2-pytorch")
