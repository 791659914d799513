"""Batches in which no caption stands twice."""

from __future__ import annotations

from collections import deque

import numpy as np

from logolib.train.loop import TrainError


class UniqueFeed:
    """The rows of a step, whichever step is asked for first, as `BatchFeed`; no caption twice in a batch.

    Each epoch is a fresh permutation, taken in order; a pair whose caption is in the batch already waits for the
    next one, and what an epoch's last batches lack is taken from its beginning again.
    order: rows (groups, rows of a group); captions: for each row of the corpus a number, equal for equal captions.
    Raises TrainError when there are fewer different captions than a batch has pairs.
    """

    def __init__(self, order: np.ndarray, captions: np.ndarray, batch_size: int, seed: int) -> None:
        self._order, self._captions, self._seed = order, captions, seed
        self._size = max(1, batch_size // order.shape[1])
        self.steps_per_epoch = max(1, len(order) // self._size)
        self._epoch = -1
        self._batches: list[np.ndarray] = []
        different = len(np.unique(captions[order]))
        if different < self._size * order.shape[1]:
            raise TrainError(
                f"{different} different captions cannot fill a batch of {batch_size}; "
                f"set clip.batch_size={max(2, different)} or clip.unique_captions=false."
            )

    def __call__(self, step: int) -> np.ndarray:
        """The rows of one step, int64 (batch_size,)."""
        epoch, k = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._batches, self._epoch = self._arranged(epoch), epoch
        return self._batches[k]

    def _arranged(self, epoch: int) -> list[np.ndarray]:
        shuffled = np.random.default_rng([self._seed, epoch]).permutation(len(self._order))
        waiting = deque(int(group) for group in shuffled)
        return [self._next(waiting, shuffled) for _ in range(self.steps_per_epoch)]

    def _next(self, waiting: deque[int], again: np.ndarray) -> np.ndarray:
        taken: set[int] = set()
        batch: list[int] = []
        later: list[int] = []
        while waiting and len(batch) < self._size:
            group = waiting.popleft()
            (batch if self._fits(group, taken) else later).append(group)
        waiting.extendleft(reversed(later))
        for group in again:
            if len(batch) == self._size:
                break
            if self._fits(int(group), taken):
                batch.append(int(group))
        if len(batch) < self._size:
            raise TrainError(
                "Batches without repeated captions cannot be filled from these families of drawings; "
                "set clip.unique_captions=false or a smaller clip.batch_size."
            )
        return self._order[batch].reshape(-1)

    def _fits(self, group: int, taken: set[int]) -> bool:
        """Whether a group's captions are new to the batch; they count as taken from now on."""
        captions = [int(c) for c in self._captions[self._order[group]]]
        if taken.intersection(captions):
            return False
        taken.update(captions)
        return True
