"""What the numbers of an evaluation say, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from logolib.evaluate.measures import MEASURES, MOST


def verdict(names: Sequence[str], values: Mapping[str, Any]) -> str:
    """One plain paragraph: do the first arm's pictures fit, how do other arms compare, does it draw from memory.

    `values` holds measures, comparisons, attributes, choices and chance.
    """
    first = names[0]
    rows = {other: [row for row in values["comparisons"] if row["second"] == other] for other in names[1:]}
    sentences = [
        _fits(first, len(names) == 1, values),
        *(_compared(first, other, found) for other, found in rows.items()),
    ]
    if first in (copied := values["measures"].get("copied", {})):
        sentences.append(_memory(copied[first], copied["real"]))
    return " ".join(sentences)


def _fits(first: str, alone: bool, values: Mapping[str, Any]) -> str:
    fit, chance = values["measures"]["fit"], values["chance"]
    own, real = fit[first], fit["real"]["mean"]
    subject = "The generated pictures" if alone else f"The pictures of {first}"
    if own["low"] > chance:
        says = "fit their captions better than chance"
    elif own["high"] < chance:
        says = "fit their captions worse than chance"
    else:
        says = "cannot be told from chance at this size"
    text = (
        f"{subject} {says}: the judge picks the right caption of {values['choices']} "
        f"for {_of_100(own['mean'])} in 100 "
        f"({_of_100(own['low'])} to {_of_100(own['high'])}, 95% interval; chance {_of_100(chance)}, "
        f"true logos {_of_100(real)})"
    )
    if read := values["attributes"].get(first):
        beyond = [name for name, row in read.items() if row["low"] > row["chance"]]
        text += f", and {len(beyond)} of {len(read)} attributes are read as asked above chance"
    return text + "."


def _compared(first: str, other: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Better, worse, the same, or how many prompts it would take, measure by measure."""
    parts = [
        f"{verb} {', '.join(_change(row) for row in found)}"
        for verb, found in (
            ("better in", [row for row in rows if row["verdict"] == "better"]),
            ("worse in", [row for row in rows if row["verdict"] == "worse"]),
            ("the same in", [row for row in rows if row["verdict"] == "the same"]),
        )
        if found
    ]
    open_ = [row for row in rows if row["verdict"] == "can't tell"]
    said = f"Compared with {other}, {first} is {'; '.join(parts)}" if parts else f"Compared with {other}:"
    if open_:
        said += f"{';' if parts else ''} we can't tell at this size for {', '.join(_untold(open_))}"
    return said + "."


def _change(row: Mapping[str, Any]) -> str:
    measure = MEASURES[row["measure"]]
    if row["verdict"] == "the same":
        return measure.words
    ends = (row["difference"], row["low"], row["high"])
    digits = 1 if any(abs(value) < 0.005 for value in ends) else 0  # an end at 0.4 points is not "+0"
    middle, low, high = (f"{100 * value:+.{digits}f}" if measure.share else f"{value:+.2g}" for value in ends)
    return f"{measure.words} ({middle}{' points' if measure.share else ''}, {low} to {high})"


def _untold(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The measures that more prompts would decide, each with their number, then those out of reach."""
    said = [
        f"{MEASURES[row['measure']].words} (it would take about {row['prompts_needed']} prompts)"
        for row in rows
        if row["prompts_needed"]
    ]
    far = [MEASURES[row["measure"]].words for row in rows if not row["prompts_needed"]]
    if far:
        far[-1] += f" ({'for these ' if far[1:] else ''}more than {MOST} prompts would not be enough)"
    return said + far


def _memory(own: Mapping[str, float], real: Mapping[str, float]) -> str:
    """Whether the pictures lie nearer to training logos than true held-out logos do."""
    numbers = (
        f"the nearest logo is one it was trained on, and not a held-out one, for {_of_100(own['mean'])} in 100 "
        f"pictures ({_of_100(own['low'])} to {_of_100(own['high'])}; {_of_100(real['mean'])} for true logos, "
        f"{_of_100(real['low'])} to {_of_100(real['high'])})"
    )
    if own["low"] > real["high"]:
        return f"It draws from memory: {numbers}."
    return f"There is no sign that it draws from memory: {numbers}."


def _of_100(share: float) -> str:
    return f"{100 * share:.0f}"
