"""Several processes on one training: `torchrun` starts them, each takes its part of every batch.

The pictures of a step do not depend on how many there are, nor does the loss: features are gathered, every process
computes the loss of the whole batch, and the gradients are summed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed, nn


def join() -> None:
    """Join the group that torchrun's variables describe: NCCL on GPUs, gloo on CPUs. Alone, nothing happens."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or distributed.is_initialized():
        return
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    # An hour: the first process may measure or draw while the others wait.
    distributed.init_process_group("nccl" if cuda else "gloo", timeout=timedelta(hours=1))


def count() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """This process's number; 0 measures and writes."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def wait() -> None:
    """Until all processes are here."""
    if count() > 1:
        distributed.barrier()


@contextmanager
def first_goes_ahead() -> Iterator[None]:
    """Process 0 does what follows before the others, who then find its files."""
    if rank() > 0:
        wait()
    yield
    if rank() == 0:
        wait()


def own_part(rows: np.ndarray) -> np.ndarray:
    """This process's consecutive share of a batch; all shares are of one size."""
    return np.split(rows, count())[rank()]


def from_first(value: Any) -> Any:
    """What process 0 has, in every process."""
    if count() == 1:
        return value
    box = [value]
    distributed.broadcast_object_list(box, src=0)
    return box[0]


def gather(features: Tensor) -> Tensor:
    """Features (B / processes, D) => those of all processes (B, D); the gradient reaches one's own part.

    Every process computes the same loss of all features, so the sum over processes of the gradients that come
    back through its own part is the gradient of that loss (`sum_gradients`).
    """
    if count() == 1:
        return features
    parts = [torch.empty_like(features) for _ in range(count())]
    distributed.all_gather(parts, features.detach().contiguous())
    parts[rank()] = features
    return torch.cat(parts)


def once(value: Tensor) -> Tensor:
    """A parameter that every process uses in the same loss: its gradient counts in process 0 only."""
    return value if rank() == 0 else value.detach()


def sum_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace each gradient by the sum over all processes, in one message."""
    if count() == 1:
        return
    trained = list(parameters)
    flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in trained])
    distributed.all_reduce(flat)
    for parameter, total in zip(trained, flat.split([p.numel() for p in trained]), strict=True):
        parameter.grad = total.view_as(parameter)


def each_its_share(work: Callable[[Tensor], Tensor], tensors: list[Tensor], dtype: torch.dtype) -> list[Tensor]:
    """`work` of every tensor, which keeps its shape and gives `dtype`: each process does its share, and all get all.

    One message carries it. The others' places are zero before they are added up, so that no digit is lost.
    """
    if count() == 1:
        return [work(tensor) for tensor in tensors]
    parts = [
        work(tensor) if place % count() == rank() else torch.zeros_like(tensor, dtype=dtype)
        for place, tensor in enumerate(tensors)
    ]
    flat = torch.cat([part.flatten() for part in parts])
    distributed.all_reduce(flat)
    return [total.view_as(part) for part, total in zip(parts, flat.split([p.numel() for p in parts]), strict=True)]
