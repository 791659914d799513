"""The best weights of a training by a number that is measured on the way, and when to stop waiting for better ones."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class Best:
    """Keeps the weights at which `point[name]` was highest.

    There is `enough` after `patience` measurements without a higher one; with a patience of 0 there never is.
    """

    def __init__(self, name: str, patience: int) -> None:
        self.name, self.patience = name, patience
        self.score, self.step, self.waited = float("-inf"), 0, 0
        self._weights: dict[str, Tensor] = {}

    @property
    def enough(self) -> bool:
        """Whether training shall stop."""
        return 0 < self.patience <= self.waited

    def offer(self, network: nn.Module, step: int, point: dict[str, Any]) -> None:
        """Look at one measurement of `network`; a copy of its weights is kept when it is the highest so far."""
        score = float(point[self.name])
        if score > self.score:
            self.score, self.step, self.waited = score, step, 0
            self._weights = {name: value.detach().clone() for name, value in network.state_dict().items()}
        else:
            self.waited += 1

    def restore(self, network: nn.Module) -> None:
        """Give `network` the best weights; without a measurement it stays as it is."""
        if self._weights:
            network.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"score": self.score, "step": self.step, "waited": self.waited, "weights": self._weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From a checkpoint."""
        self.score, self.step, self.waited = state["score"], state["step"], state["waited"]
        self._weights = state["weights"]
