"""What the numbers of an evaluation say, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def verdict(names: Sequence[str], fit: Mapping[str, Any], attributes: Mapping[str, Mapping[str, Any]]) -> str:
    """One plain sentence: do the pictures fit, above chance or not, and which of two models fits better.

    `fit` holds the tables fit and differences, and choices and chance.
    """
    first = names[0]
    own, chance = fit["fit"][first], fit["chance"]
    subject = "The generated pictures" if len(names) == 1 else f"The pictures of {first}"
    if own["low"] > chance:
        says = "fit their captions better than chance"
    elif own["high"] < chance:
        says = "fit their captions worse than chance"
    else:
        says = "cannot be told from chance at this size"
    real = fit["fit"]["real"]["mean"]
    text = (
        f"{subject} {says}: the judge picks the right caption of {fit['choices']} "
        f"for {_of_100(own['mean'])} in 100 "
        f"({_of_100(own['low'])} to {_of_100(own['high'])}, 95% interval; chance {_of_100(chance)}, "
        f"true logos {_of_100(real)})"
    )
    if read := attributes.get(first):
        beyond = [name.replace("_", " ") for name, row in read.items() if row["low"] > row["chance"]]
        text += f", and {len(beyond)} of {len(read)} attributes are read as asked above chance"
    for other in names[1:]:
        change = fit["differences"][other]
        if change["low"] > 0:
            says = "fits better than it"
        elif change["high"] < 0:
            says = "fits worse than it"
        else:
            says = "cannot be told from it at this size"
        ends = f"{100 * change['low']:+.0f} to {100 * change['high']:+.0f}"
        text += f"; {other} {says} ({100 * change['mean']:+.0f} points, {ends})"
    return text + "."


def _of_100(share: float) -> str:
    return f"{100 * share:.0f}"
