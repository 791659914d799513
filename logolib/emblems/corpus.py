"""Many drawn emblems at once, and which combinations no training ever sees."""

from __future__ import annotations

import hashlib
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from logolib.config import AS_THEY_COME, Shares
from logolib.emblems.describe import describe
from logolib.emblems.draw import draw
from logolib.emblems.model import Emblem
from logolib.emblems.sample import Ground, sample_emblem, sample_figure, sibling

HELD_OUT_SHARE = 10  # one combination in ten is kept for judging


@dataclass(frozen=True)
class Drawn:
    """Drawn emblems in one array."""

    images: np.ndarray  # uint8 (N, size, size, 3), on white
    captions: list[str]
    emblems: list[Emblem]


def held_out(emblem: Emblem) -> bool:
    """Whether a combination of shape, division, colours and charge is kept for judging, by its hash."""
    parts = (emblem.shape, emblem.division, emblem.field, emblem.second, emblem.charge, emblem.charge_colour)
    return hashlib.sha256(repr(parts).encode()).digest()[0] % HELD_OUT_SHARE == 0


def sample_many(
    n: int,
    seed: int,
    *,
    for_judging: bool = False,
    reserved: float = 0.0,
    siblings: int = 0,
    shares: Shares = AS_THEY_COME,
) -> list[tuple[Emblem, str]]:
    """`n` emblems with one caption each, all from the training side, or all from the judging side.

    Each is followed by `siblings` that differ from it in one thing. `shares` says how often which of them come up; the
    emblems are the same for any share of brief captions.
    """
    rng = np.random.default_rng([seed, int(for_judging)])
    briefly = np.random.default_rng([seed, int(for_judging), 1])
    found: list[tuple[Emblem, str]] = []
    while len(found) < n:
        place = len(found) % (siblings + 1)  # in its family, whose first is the one that the others resemble
        if place:
            emblem = sibling(found[-place][0], rng)
        else:
            ground: Ground = "divided" if shares.divided and rng.random() < shares.divided else "any"
            if ground == "any" and shares.light and rng.random() < shares.light:
                ground = "light"
            from_alike = bool(shares.alike) and rng.random() < shares.alike
            if shares.figures and rng.random() < shares.figures:
                emblem = sample_figure(rng, ground=ground, alike=from_alike)
            else:
                emblem = sample_emblem(rng, reserved=reserved, ground=ground, alike=from_alike)
        if held_out(emblem) == for_judging:
            caption = describe(emblem, rng)
            if shares.brief and briefly.random() < shares.brief:
                caption = describe(emblem, briefly, brief=True)
            found.append((emblem, caption))
    return found


def draw_many(emblems: list[Emblem], size: int, workers: int = 1) -> np.ndarray:
    """Draw on white, uint8 (N, size, size, 3); the result does not depend on the number of workers."""
    if workers <= 1 or len(emblems) < 200:
        return _draw_chunk(emblems, size)
    chunks = [emblems[i : i + 100] for i in range(0, len(emblems), 100)]
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        return np.concatenate(list(pool.map(_draw_chunk, chunks, [size] * len(chunks))))


def drawn(
    n: int,
    seed: int,
    size: int,
    *,
    for_judging: bool = False,
    reserved: float = 0.0,
    siblings: int = 0,
    shares: Shares = AS_THEY_COME,
    workers: int = 1,
) -> Drawn:
    """`n` drawn emblems with captions (see `sample_many`); deterministic by seed."""
    pairs = sample_many(n, seed, for_judging=for_judging, reserved=reserved, siblings=siblings, shares=shares)
    emblems = [emblem for emblem, _ in pairs]
    return Drawn(draw_many(emblems, size, workers), [caption for _, caption in pairs], emblems)


def _draw_chunk(emblems: list[Emblem], size: int) -> np.ndarray:
    out = np.empty((len(emblems), size, size, 3), np.uint8)
    for i, emblem in enumerate(emblems):
        rgba = draw(emblem, size).astype(np.uint16)
        alpha = rgba[..., 3:]
        out[i] = (rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return out
