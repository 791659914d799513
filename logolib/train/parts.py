"""A diffusion batch in parts: one after the other for its memory's sake, or shared by several processes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, distributed, nn

from logolib.config import DiffusionSettings
from logolib.seeds import derive
from logolib.train import processes
from logolib.train.corpus import BatchFeed
from logolib.train.loop import Loss, TrainError

LossOf = Callable[[nn.Module, np.ndarray], Tensor]  # (network, rows of the corpus) -> their mean loss


def in_parts(loss_of: LossOf, rows_of: BatchFeed, settings: DiffusionSettings, seed: int, label: str) -> Loss:
    """The loss of a step from the loss of some rows.

    The batch is cut into `settings.accum_freq` parts, and at least one for each process. Each part draws its
    times and noise from (seed, label, step, part), so that the number of processes does not matter: one process
    with two parts and two processes with one each take the same step, within rounding.
    Raises TrainError when the parts cannot be shared.
    """
    parts, count = max(settings.accum_freq, processes.count()), processes.count()
    if parts % count or settings.batch_size < parts:
        raise TrainError(
            f"{parts} parts of a batch of {settings.batch_size} cannot be shared among {count} processes; "
            f"set {label}.accum_freq={count} and {label}.batch_size to a multiple of it."
        )

    def loss(network: nn.Module, step: int) -> Tensor:
        rows = rows_of(step)
        if parts == 1:
            return loss_of(network, rows)
        total = torch.zeros((), device=next(network.parameters()).device)
        for part, some in enumerate(np.array_split(rows, parts)):
            if part % count == processes.rank():
                torch.manual_seed(derive(seed, label, step, part))
                value = loss_of(network, some) * (len(some) / len(rows))
                value.backward()
                total += value.detach()
        if count > 1:
            distributed.all_reduce(total)
        return total

    return loss
