"""WiSE-FT: between the weights that were given and those that training made of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

SHARES = tuple(i / 10 for i in range(11))


def interpolate(network: nn.Module, given: dict[str, Tensor], trained: dict[str, Tensor], share: float) -> None:
    """Set `network` to (1 - share) given + share trained (Wortsman et al. 2022, equation 1); counters are the trained.

    A share of 0 or 1 gives either state dict bit for bit.
    """
    mixed = {}
    for name, new in trained.items():
        old = given[name].to(new.device)
        mixed[name] = torch.lerp(old, new, share) if new.is_floating_point() else new
    network.load_state_dict(mixed)


def best_share(
    network: nn.Module, given: dict[str, Tensor], score: Callable[[nn.Module], float]
) -> tuple[float, list[dict[str, float]]]:
    """Set `network`, which holds the trained weights, to the share with the highest score; of equal ones the largest.

    Choose on pairs that are neither trained on nor reported: a share chosen on what is reported flatters it.
    Returns the share and what each of them scored.
    """
    trained = {name: value.detach().clone() for name, value in network.state_dict().items()}
    curve = []
    for share in SHARES:
        interpolate(network, given, trained, share)
        curve.append({"share": share, "score": score(network)})
    best = max(curve, key=lambda point: (point["score"], point["share"]))["share"]
    interpolate(network, given, trained, best)
    return best, curve
