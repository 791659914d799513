"""What an evaluation found, on one page: a table, a figure with intervals, the comparisons, the nearest logos."""

from __future__ import annotations

import textwrap
from html import escape
from pathlib import Path
from typing import Any

from IPython.display import HTML
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from logolib.evaluate.measures import MEASURES
from logolib.report.figures import BLUE, GREY, ORANGE, STYLE, WIDTH, data_uri, interval
from logolib.report.tables import Source, arm_name, load, table
from logolib.results import ResultError

COLUMNS = 2  # of panels
LEFT_OUT = ("shuffled",)  # chance stands in the figure of fit


def measures(source: Source) -> HTML:
    """Every measure of every arm with its 95 % interval; a dash where it was not measured."""
    values = load(source).values
    arms = [arm for arm in values["arms"] if arm not in LEFT_OUT]
    rows = [
        [_label(name), *(_cell(name, found.get(arm)) for arm in arms)] for name, found in values["measures"].items()
    ]
    return table(["measure", *map(arm_name, arms)], rows)


def comparisons(source: Source) -> HTML:
    """The differences of the first arm from each other one, with what they say and what it would take to know."""
    values = load(source).values
    rows = []
    for row in values["comparisons"]:
        ends = f"{_signed(row, 'low')} to {_signed(row, 'high')}"
        needed = "–"
        if row["verdict"] == "can't tell":
            needed = f"about {row['prompts_needed']}" if row["prompts_needed"] else "out of reach"
        rows.append(
            [
                f"{arm_name(row['first'])} against {arm_name(row['second'])}",
                MEASURES[row["measure"]].words,
                _signed(row, "difference"),
                ends,
                row["verdict"],
                needed,
            ]
        )
    return table(["arms", "measure", "difference", "95 % interval", "first is", "prompts it would take"], rows)


def overview(source: Source) -> Figure:
    """One panel a measure: every arm with its 95 % interval."""
    values = load(source).values
    found = values["measures"]
    if not found:
        raise ResultError("The evaluation has no measures; evaluate again.")
    arms = [arm for arm in reversed(values["arms"]) if arm not in LEFT_OUT]
    lines = -(-len(found) // COLUMNS)
    with plt.rc_context({**STYLE, "font.size": 7.5, "axes.titlesize": 7.5}):
        figure, grid = plt.subplots(
            lines,
            COLUMNS,
            figsize=(WIDTH, lines * (0.55 + 0.32 * len(arms))),
            layout="constrained",
            sharey=True,
            squeeze=False,
        )
        for axes, (name, rows) in zip(grid.flat, found.items(), strict=False):
            for place, arm in enumerate(arms):
                if arm in rows:
                    colour = GREY if arm == "real" else BLUE if arm == values["arms"][0] else ORANGE
                    interval(axes, place, rows[arm]["mean"], (rows[arm]["low"], rows[arm]["high"]), colour)
            axes.set_title(textwrap.fill(_label(name), 28))
            axes.set_ylim(-0.6, len(arms) - 0.4)
            axes.set_yticks(range(len(arms)), [textwrap.fill(arm_name(arm), 16) for arm in arms])
            axes.grid(axis="y", visible=False)
            if MEASURES[name].share:
                axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        for axes in grid.flat[len(found) :]:
            axes.set_visible(False)
        plt.close(figure)
    return figure


def nearest(folder: Path) -> HTML:
    """For each model the pictures most like a training logo, each beside that logo and the nearest held-out one."""
    result = load(folder)
    figures = []
    for role, file in result.files.items():
        if role.split(" ")[0] == "nearest":
            arm = role.partition(" ")[2] or result.values["arms"][0]
            alt = f"Pictures of {arm_name(arm)} in threes: drawn, the nearest training logo, the nearest held-out logo"
            picture = f'<img alt="{escape(alt)}" src="{data_uri(folder / file, 900)}">'
            figures.append(f"<figure>{picture}<figcaption>{escape(arm_name(arm))}</figcaption></figure>")
    return HTML("".join(figures))


def _label(name: str) -> str:
    return MEASURES[name].words + (", less is better" if MEASURES[name].sign < 0 else "")


def _cell(name: str, row: dict[str, Any] | None) -> str:
    if row is None:
        return "–"
    form = ".0%" if MEASURES[name].share else ".2f"
    return f"{row['mean']:{form}} ({row['low']:{form}} to {row['high']:{form}})"


def _signed(row: dict[str, Any], key: str) -> str:
    return f"{100 * row[key]:+.0f} points" if MEASURES[row["measure"]].share else f"{row[key]:+.2g}"
