"""The held-out captions that every model is asked for, and the seeds that it draws them from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from logolib.data.batches import Pairs, load_pairs
from logolib.data.clean import DataError
from logolib.seeds import derive


@dataclass(frozen=True)
class HeldOut:
    """Different held-out captions in a seeded order, nobody's choice, and the whole held-out split."""

    captions: list[str]
    rows: np.ndarray  # of the captions' true logos in `pairs`, (N,)
    pairs: Pairs
    pool: list[str]  # every different held-out caption
    own: np.ndarray  # column of each caption in the pool, (N,)


def held_out_prompts(data: Path, n: int, size: int, seed: int) -> HeldOut:
    """At most `n` different held-out captions of DATA; fewer are the first of more. Pictures of `size` pixels.

    Raises DataError where fewer than two captions are held out: from one prompt nothing follows.
    """
    pairs = load_pairs(data, "val", size)
    first: dict[str, int] = {}
    for row, caption in enumerate(pairs.captions):
        first.setdefault(caption, row)
    pool = list(first)
    if len(pool) < 2:
        raise DataError(f"{data} holds out {len(pool)} caption, from which nothing follows; collect more logos.")
    own = np.random.default_rng(derive(seed, "fit prompts")).permutation(len(pool))[:n]
    captions = [pool[column] for column in own]
    return HeldOut(captions, np.array([first[caption] for caption in captions]), pairs, pool, own)


def prompt_seeds(prompts: int, each: int, seed: int) -> list[int]:
    """The seeds of `each` pictures for every held-out prompt, in order."""
    return [derive(seed, "fit", i, j) for i in range(prompts) for j in range(each)]
