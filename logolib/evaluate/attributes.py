"""Attributes one at a time: what the marker reads in pictures of prompts whose every part is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from logolib.emblems import Emblem
from logolib.evaluate.marker import ATTRIBUTES, asked
from logolib.evaluate.statistics import wilson


def attribute_table(
    emblems: Sequence[Emblem], read: Sequence[dict[str, str]], ceiling: Sequence[dict[str, str]]
) -> dict[str, dict[str, float]]:
    """Per attribute: share read as asked, its interval, chance, ceiling, and how many emblems have it.

    read: a whole number of rows for each emblem, in order; ceiling: what is read on the true drawings, one
    row each. Chance is the expected share when the same pictures are dealt out among the prompts at random.
    Attributes that no emblem has are left out.
    """
    each = len(read) // len(emblems)
    table = {}
    for name in ATTRIBUTES:
        having = [(i, asked(emblem)[name]) for i, emblem in enumerate(emblems) if name in asked(emblem)]
        if not having:
            continue
        n = len(having)
        answers = [read[i * each + j][name] for i, _ in having for j in range(each)]
        right = sum(read[i * each + j][name] == value for i, value in having for j in range(each)) / each
        given, wanted = Counter(answers), Counter(value for _, value in having)
        share = wilson(right, n)
        table[name] = {
            "accuracy": share.mean,
            "low": share.low,
            "high": share.high,
            "chance": sum(given[value] * count for value, count in wanted.items()) / (n * n * each),
            "ceiling": sum(ceiling[i][name] == value for i, value in having) / n,
            "n": n,
        }
    return table


def shares_right(emblems: Sequence[Emblem], read: Sequence[dict[str, str]]) -> np.ndarray:
    """Share of the asked attributes that are read, one number an emblem, over all of its pictures; (N,)."""
    each = len(read) // len(emblems)
    found = [
        np.mean([answer[name] == value for name, value in asked(emblem).items()])
        for emblem, answer in zip((e for e in emblems for _ in range(each)), read, strict=True)
    ]
    return np.array(found).reshape(-1, each).mean(1)


def shares_alike(read: Sequence[dict[str, str]], true: Sequence[dict[str, str]]) -> np.ndarray:
    """Share of all attributes read in a prompt's pictures as in its true logo, (N,)."""
    each = len(read) // len(true)
    found = [np.mean([read[k][name] == true[k // each][name] for name in ATTRIBUTES]) for k in range(len(read))]
    return np.array(found).reshape(-1, each).mean(1)


def attribute_rows(
    arm: str,
    prompts: Sequence[str],
    emblems: Sequence[Emblem],
    read: Sequence[dict[str, str]],
    seeds: Sequence[int],
) -> list[dict[str, Any]]:
    """One row a picture: what was asked and what was read."""
    each = len(read) // len(prompts)
    return [
        {
            "arm": arm,
            "prompt": prompts[k // each],
            "seed": seeds[k],
            "asked": (wanted := asked(emblems[k // each])),
            "read": {name: answer[name] for name in wanted},
        }
        for k, answer in enumerate(read)
    ]
