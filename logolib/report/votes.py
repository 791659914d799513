"""What the votes of a study say: who is preferred, how surely, and whether the automatic judge agrees."""

from __future__ import annotations

from IPython.display import HTML
from matplotlib.figure import Figure

from logolib.report.figures import BLUE, chart, interval
from logolib.report.tables import Source, arm_name, load, table


def pairs(source: Source) -> HTML:
    """Each pair of arms: share of votes won with its interval, the sign test, agreement with the judge."""
    values = load(source).values
    agreed = {(row["first"], row["second"]): row for row in values["judge"] or ()}
    rows = []
    for row in values["pairs"]:
        same = agreed.get((row["first"], row["second"]))
        rows.append(
            [
                f"{arm_name(row['second'])} over {arm_name(row['first'])}",
                f"{row['win_rate']:.0%} ({row['low']:.0%} to {row['high']:.0%})",
                f"{row['won']} : {row['lost']} : {row['tied']}",
                f"{row['p_holm']:.3g}",
                "–" if same is None else f"{same['share']:.0%} ({same['low']:.0%} to {same['high']:.0%})",
            ]
        )
    header = ["arms", "votes won (95 % interval)", "prompts won : lost : tied", "sign test, p", "the judge agrees"]
    return table(header, rows)


def preference(source: Source) -> Figure:
    """Share of votes that the second arm of each pair wins, with its interval; one half is no preference."""
    values = load(source).values
    with chart(1.0 + 0.36 * len(values["pairs"])) as (figure, axes):
        for row, pair in enumerate(reversed(values["pairs"])):
            interval(axes, row, pair["win_rate"], (pair["low"], pair["high"]), BLUE)
        axes.axvline(0.5, color="#8a8f98", linewidth=1, linestyle=":")
        axes.set_yticks(
            range(len(values["pairs"])),
            [f"{arm_name(pair['second'])}\nover {arm_name(pair['first'])}" for pair in reversed(values["pairs"])],
        )
        who = "scripted raters, no people" if values["scripted"] else "raters"
        axes.set(xlabel=f"votes won ({who})", xlim=(0, 1), ylim=(-0.6, len(values["pairs"]) - 0.4))
        axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axes.grid(axis="y", visible=False)
    return figure
