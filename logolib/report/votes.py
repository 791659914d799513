"""What a study's raters said: tables, figures, and a page that goes into the book."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from logolib.report.figures import BLUE, GREY, ORANGE, chart
from logolib.report.tables import Source, load, table
from logolib.results import write_text

PAGE = "verdict.md"


def pairs(source: Source) -> HTML:
    """Each pair of arms: how often the second wins, on how many prompts, and the corrected sign test."""
    rows = []
    for row in load(source).values["pairs"]:
        prompts = f"{row['won']} won, {row['lost']} lost, {row['tied']} tied"
        reading = f"{row['preferred']} is preferred" if row["preferred"] else "can't tell"
        rate = f"{row['win_rate']:.0%} ({row['low']:.0%} to {row['high']:.0%})"
        rows.append([f"{row['second']} against {row['first']}", rate, prompts, f"{row['p_holm']:.2g}", reading])
    return table(["pair", "votes won, 95 % interval", "prompts", "p, sign test, Holm", "reading"], rows)


def raters(source: Source) -> HTML:
    """Who was counted, and how far they agree with themselves, with each other and with the judge."""
    values = load(source).values
    counted, left_out = values["raters"]["counted"], len(values["raters"]["excluded"])
    kind = "programs, no people" if values["scripted"] else "people"
    rows = [
        ["raters", f"{counted} {kind}; {left_out} left out, who missed too many checks"],
        ["votes", f"{values['votes']} on {values['prompts']} prompts, {values['median_s']:.1f} s each (median)"],
        ["ties", f"{values['ties']:.0%}"],
        ["the left picture won", _interval(values["left_wins"])],
        ["the same answer twice", _interval(values["same_answer_twice"])],
        ["Krippendorff's alpha", "not defined" if values["alpha"] is None else f"{values['alpha']:.2f}"],
    ]
    judge = values["judge"] or ()
    rows += [[f"agree with the judge on {row['second']} and {row['first']}", _interval(row)] for row in judge]
    return table(["", ""], rows)


def win_rates(source: Source) -> Figure:
    """Share of votes that the second arm of each pair wins, with its interval."""
    values = load(source).values
    rows = list(reversed(values["pairs"]))
    with chart(1.0 + 0.5 * len(rows)) as (figure, axes):
        for place, row in enumerate(rows):
            _whisker(axes, place, row["win_rate"], row["low"], row["high"], BLUE if row["preferred"] else GREY)
        axes.axvline(0.5, color=ORANGE, linewidth=1, linestyle="--")
        axes.set_yticks(range(len(rows)), [f"{row['second']}\nagainst {row['first']}" for row in rows])
        axes.set(xlabel=f"votes won{_of_whom(values)}", xlim=(0, 1), ylim=(-0.6, len(rows) - 0.4))
        axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axes.grid(axis="y", visible=False)
    return figure


def strengths(source: Source) -> Figure:
    """Bradley and Terry's strength of each arm, with its interval; all sum to 1."""
    values = load(source).values
    found = sorted(values["strengths"].items(), key=lambda item: item[1]["strength"])
    with chart(1.0 + 0.4 * len(found)) as (figure, axes):
        for place, (_, row) in enumerate(found):
            _whisker(axes, place, row["strength"], row["low"], row["high"], BLUE)
        axes.set_yticks(range(len(found)), [arm for arm, _ in found])
        axes.set(xlabel=f"strength{_of_whom(values)}", xlim=(0, 1), ylim=(-0.6, len(found) - 0.4))
        axes.grid(axis="y", visible=False)
    return figure


def write_page(folder: Path) -> Path:
    """Write a page for the book beside the study's result, with its figures; programs are called programs."""
    result = load(folder)
    title = "What scripted raters said" if result.values["scripted"] else "What people said"
    lines = [f"# {title}", ""]
    if result.values["scripted"]:
        lines += [
            ":::{warning}",
            "Programs answered, no people: this shows the method at work, and nothing else.",
            ":::",
        ]
    lines += ["", result.values["verdict"], ""]
    drawn = {"win-rates.png": (win_rates, "Share of votes won, pair by pair, with 95 % intervals.")}
    if len(result.values["strengths"]) > 2:
        drawn["strengths.png"] = (strengths, "Strengths of the arms after Bradley and Terry, with 95 % intervals.")
    for name, (draw, says) in drawn.items():
        draw(result).savefig(folder / name)
        lines += [f":::{{figure}} {name}", f":alt: {says}", says, ":::", ""]
    for html in (pairs(result), raters(result)):
        lines += ["```{raw} html", html.data, "```", ""]
    write_text(folder / PAGE, "\n".join(lines))
    return folder / PAGE


def _of_whom(values: dict[str, Any]) -> str:
    return ", scripted raters" if values["scripted"] else ""


def _whisker(axes: Axes, place: float, middle: float, low: float, high: float, colour: str) -> None:
    axes.plot([low, high], [place, place], color=colour, linewidth=2.6, alpha=0.45, solid_capstyle="round")
    axes.plot([middle], [place], "o", color=colour, markersize=5.5)


def _interval(row: dict[str, float] | None) -> str:
    return "–" if row is None else f"{row['share']:.0%} ({row['low']:.0%} to {row['high']:.0%})"
