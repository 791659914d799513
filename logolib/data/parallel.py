"""Independent pieces of work, spread over processes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from tqdm import tqdm

from logolib.data.clean import DataError

Piece = TypeVar("Piece")
Done = TypeVar("Done")
ENOUGH = 6  # pieces: fewer are done sooner than new processes start


def spread(
    work: Callable[[Piece], Done], pieces: Sequence[Piece], workers: int, *, label: str, progress: bool
) -> Iterator[Done]:
    """`work` on each piece, results in the pieces' order; the same whatever the number of workers (0: one a core).

    Raises DataError when a process is stopped from outside.
    """
    count = min(workers or os.cpu_count() or 1, len(pieces))
    if count < 2 or (not workers and len(pieces) < ENOUGH):
        yield from map(work, tqdm(pieces, label, disable=not progress, unit=""))
        return
    try:
        with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
            yield from tqdm(pool.map(work, pieces), label, len(pieces), disable=not progress, unit="")
    except BrokenProcessPool:
        raise DataError("A worker was stopped, perhaps for want of memory; set dataset.workers=1.") from None
