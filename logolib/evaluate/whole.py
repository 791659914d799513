"""What is measured of a whole set of pictures: distance from true logos, variety, nearness to training logos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from logolib.data import HeldOut, Pairs
from logolib.evaluate import memory, sets
from logolib.evaluate.judge import Judge
from logolib.evaluate.measures import Scores
from logolib.images import save_png
from logolib.seeds import derive


def set_scores(
    judge: Judge,
    held: HeldOut,
    train: Pairs,
    drawn: Mapping[str, np.ndarray],
    scores: Scores,
    out: Path,
    seed: int,
) -> dict[str, list[dict[str, Any]]]:
    """Distances between sets of pictures in the judge's features, the first picture of each prompt; galleries.

    The floor, as arm `real`: as many other true logos, from the training side.
    """
    n = len(held.captions)
    held_all, taught = (judge.images(pairs.images).double().numpy() for pairs in (held.pairs, train))
    real = held_all[held.rows]
    halves = sets.half_samples(n, derive(seed, "halves"))
    others = np.random.default_rng(derive(seed, "floor")).permutation(len(taught))[:n]
    made = {name: pictures[:: len(pictures) // n] for name, pictures in drawn.items()}
    embedded = {name: judge.images(pictures).double().numpy() for name, pictures in made.items()}
    shown: dict[str, list[dict[str, Any]]] = {}
    for name, found in [*embedded.items(), ("real", real)]:
        near = memory.nearest(found, taught, held_all, held.rows)
        scores[name]["copied"] = near.copied
        features, truth = sets.features(found), sets.features(real)
        if n >= sets.LEAST:
            scores[name]["variety"] = sets.variety(features, halves)
            compared = features if name != "real" else sets.features(taught[others])
            if len(compared) == n:
                for measure in (sets.kid, sets.precision, sets.recall):
                    scores[name][measure.__name__] = measure(compared, truth, halves)
        if name != "real":
            rows = memory.most_copied(near)
            role = gallery_roles(list(drawn))[list(drawn).index(name)]
            wall = memory.gallery(rows, made[name], near, train.images, held.pairs.images)
            save_png(Image.fromarray(wall), out / f"{role.replace(' ', '-')}.png")
            shown[name] = [
                {
                    "prompt": held.captions[i],
                    "train": train.ids[near.train[i]],
                    "held_out": held.pairs.ids[near.held[i]],
                }
                | {"train_distance": float(near.train_distance[i]), "held_distance": float(near.held_distance[i])}
                for i in rows
            ]
    return shown


def gallery_roles(arms: Sequence[str]) -> list[str]:
    """What the galleries of some models are called: the first one plainly, the others by their names."""
    return ["nearest", *(f"nearest {arm}" for arm in arms[1:])]
