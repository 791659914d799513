"""Whether pictures fit their captions: what the judge picks and how near it finds them, caption by caption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from logolib.config import EvaluateSettings
from logolib.data import HeldOut
from logolib.evaluate.attributes import shares_alike
from logolib.evaluate.judge import CHOICES, Judge, picked, shuffled
from logolib.evaluate.marker import Marker
from logolib.evaluate.measures import Scores


def fit_scores(
    settings: EvaluateSettings,
    judge: Judge,
    marker: Marker,
    held: HeldOut,
    drawn: Mapping[str, np.ndarray],
    seeds: Sequence[int],
) -> tuple[Scores, dict[str, Any], list[dict[str, Any]]]:
    """Fit and similarity of every arm and of chance and ceiling, one number a prompt, and a row for each prompt."""
    each, choices = settings.per_prompt, min(CHOICES, len(held.pool))
    captions = judge.texts(held.pool).double().numpy()
    true = held.pairs.images[held.rows]
    read_true = marker.read(true)
    scores: Scores = {}
    chance: list[tuple[np.ndarray, np.ndarray]] = []
    alike = {"real": np.ones(len(true))}
    for name, pictures in {**drawn, "real": true}.items():
        own = held.own.repeat(len(pictures) // len(true))
        cosines = judge.images(pictures).double().numpy() @ captions.T
        per = [picked(cosines, own, choices), cosines[np.arange(len(own)), own], *shuffled(cosines, own, choices)]
        fit, similarity, *lots = (values.reshape(len(true), -1).mean(1) for values in per)
        scores[name] = {"fit": fit, "similarity": similarity}
        if name != "real":
            chance.append((lots[0], lots[1]))
            alike[name] = shares_alike(marker.read(pictures), read_true)
    scores["shuffled"] = {"fit": np.mean([c[0] for c in chance], 0), "similarity": np.mean([c[1] for c in chance], 0)}
    rows = [
        {"prompt": caption, "seed": seeds[i * each]}
        | {
            arm: {"picked": float(found["fit"][i]), "similarity": float(found["similarity"][i])}  # type: ignore[index]
            | ({"alike": float(alike[arm][i])} if arm in alike else {})
            for arm, found in scores.items()
        }
        for i, caption in enumerate(held.captions)
    ]
    arms = [*drawn, "shuffled", "real"]
    return {arm: scores[arm] for arm in arms}, {"arms": arms, "choices": choices, "chance": 1 / choices}, rows
