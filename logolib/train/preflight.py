"""Before a long run: can the network learn eight pictures by heart? What fails here fails there, hours later."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from logolib.config import TrainSettings
from logolib.seeds import derive
from logolib.train.loop import TrainError, autocast

PICTURES = 8
FALL = 0.5  # of its first loss, a healthy network loses at least this part by heart
HEALTHY = 0.1  # a loss that begins below needs no such fall: weights that are fine-tuned
ENDS = 5  # losses averaged at either end


def preflight(
    network: nn.Module, loss: Callable[[nn.Module], Tensor], settings: TrainSettings, steps: int, seed: int, label: str
) -> dict[str, float]:
    """Train a copy of `network` for `steps` steps on `loss(copy)`, which draws the same pictures every time.

    Returns its mean loss at the start and at the end. Raises TrainError, saying what to look at, when the loss
    neither halves nor ends below 0.1, or is no longer finite.
    """
    pupil = copy.deepcopy(network).train()
    optimizer = torch.optim.AdamW([p for p in pupil.parameters() if p.requires_grad], lr=settings.lr, betas=(0.9, 0.98))
    device = next(pupil.parameters()).device
    losses: list[float] = []
    for step in range(steps):
        torch.manual_seed(derive(seed, label, "preflight", step))
        with autocast(settings, device):
            value = loss(pupil)
        losses.append(value.item())
        if not math.isfinite(losses[-1]):
            break
        value.backward()
        nn.utils.clip_grad_norm_(pupil.parameters(), settings.clip_norm or math.inf)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    ends = min(ENDS, max(1, len(losses) // 2))
    first, last = sum(losses[:ends]) / ends, sum(losses[-ends:]) / ends
    if not last < max(HEALTHY, FALL * first):
        raise TrainError(
            f"The {label} cannot learn {PICTURES} pictures by heart (loss {first:.3g}, after {len(losses)} steps "
            f"{last:.3g}), so a long run would teach it nothing: look at the rate ({label}.lr={settings.lr:g}; try "
            f"{settings.lr / 3:.1g} and {settings.lr * 3:.1g}), then at the data and the widths with `logolib doctor`."
        )
    return {"first": first, "last": last, "steps": len(losses)}
