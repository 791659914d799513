"""A sweep's table and figure: one row a combination of settings, with its interval across seeds."""

from __future__ import annotations

import csv
import io
import json
import math
import statistics
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes  # type: ignore[import-untyped]
from matplotlib.figure import Figure
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from logolib.report import tables
from logolib.report.figures import BLUE, GREY, chart, interval, picture
from logolib.results import StageResult, read_result, write_text

NONE = "This run has no sweep; `logolib sweep` with the run's name makes one."


@dataclass(frozen=True)
class Combination:
    """One combination of settings; `values` are the measure's, one a seed."""

    settings: dict[str, Any]  # without the seed
    values: list[float]

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return statistics.fmean(self.values)

    @property
    def ends(self) -> tuple[float, float] | None:
        """The 95 % interval of the mean over seeds, by Student's t; None for a single seed, which tells of none."""
        n = len(self.values)
        if n < 2:
            return None
        from scipy.stats import t

        half = float(t.ppf(0.975, n - 1)) * statistics.stdev(self.values) / math.sqrt(n)
        return self.mean - half, self.mean + half

    @property
    def label(self) -> str:
        """The settings as one writes them after --set."""
        return ", ".join(f"{name}={value}" for name, value in self.settings.items()) or "as the profile has it"


def combinations(values: Mapping[str, Any]) -> list[Combination]:
    """A sweep's jobs by combination, in the grid's order; jobs without a number for the measure are not counted."""
    found: dict[str, Combination] = {}
    for job in values["jobs"]:
        settings = {name: job["settings"][name] for name in values["varied"] if name != "seed"}
        one = found.setdefault(json.dumps(settings), Combination(settings, []))
        if (number := job["numbers"].get(values["measure"])) is not None:
            one.values.append(number)
    return [one for one in found.values() if one.values]


def table(source: tables.Source) -> str:
    """The combinations as HTML: settings, seeds, mean and interval of the measure."""
    values = tables.load(source).values
    stage, _, key = values["measure"].partition(".")
    rows = []
    for one in combinations(values):
        ends = (
            " to ".join(tables.written(stage, key, end) for end in one.ends) if one.ends else "one seed tells of none"
        )
        rows.append([one.label, str(len(one.values)), tables.written(stage, key, one.mean), ends])
    label = tables.NUMBERS[stage][key].label
    return str(tables.table(["settings", "seeds", label, "95 % interval across seeds"], rows).data)


def figure(source: tables.Source) -> Figure:
    """One row a combination: each seed a grey dot, the mean and its interval in blue."""
    values = tables.load(source).values
    stage, _, key = values["measure"].partition(".")
    rows = combinations(values)
    with chart(1.0 + 0.4 * len(rows)) as (drawn, axes):
        for place, one in enumerate(reversed(rows)):
            axes.plot(one.values, [place] * len(one.values), "o", color=GREY, markersize=3.5)
            interval(axes, place, one.mean, one.ends or (one.mean, one.mean), BLUE)
        labels = [textwrap.fill(one.label, 26) for one in reversed(rows)]
        axes.set_yticks(range(len(rows)), labels, fontsize=8)
        axes.set(xlabel=textwrap.fill(tables.NUMBERS[stage][key].label, 48), ylim=(-0.6, len(rows) - 0.4))
        if tables.NUMBERS[stage][key].form.endswith("%"):
            axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axes.grid(axis="y", visible=False)
    return drawn


def write_csv(path: Path, result: StageResult) -> None:
    """One line a job: its run, the swept settings, every number that its stages declare."""
    names = list(dict.fromkeys(name for job in result.values["jobs"] for name in job["numbers"]))
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(["run", *result.values["varied"], *names])
    for job in result.values["jobs"]:
        settings = [json.dumps(job["settings"][name]).strip('"') for name in result.values["varied"]]
        numbers = ["" if job["numbers"].get(name) is None else job["numbers"][name] for name in names]
        out.writerow([job["run"], *settings, *numbers])
    write_text(path, text.getvalue())


def to_html(result: StageResult) -> str:
    """Figure, table, failed jobs and provenance, as a section of a page."""
    if not combinations(result.values):
        return "<p>No job of this run's sweep has a number yet.</p>"
    best = max(combinations(result.values), key=lambda one: one.mean)
    alt = f"Each combination of the sweep with its interval across seeds; the largest mean is that of {best.label}."
    failed = tables.skipped(result).data if result.skipped else ""
    return (
        f"{picture(figure(result), alt).data}{table(result)}{failed}"
        f'<p class="provenance"><code>{escape(result.values["command"])}</code></p>{tables.provenance(result).data}'
    )


class SweepDirective(SphinxDirective):
    """`sweep FILE`: a sweep's result, or one sentence where the run has none."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Raw HTML, or a paragraph."""
        file = Path(self.env.relfn2path(self.arguments[0])[1])
        self.env.note_dependency(str(file))
        if not file.is_file():
            return [nodes.paragraph(text=NONE.replace("`", ""))]
        return [nodes.raw("", to_html(read_result(file, "sweep")), format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive with Sphinx."""
    app.add_directive("sweep", SweepDirective)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
