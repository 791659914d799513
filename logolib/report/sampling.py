"""The curve of quality against network evaluations, one line a sampler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from logolib.report.figures import BLUE, GREY, INK, ORANGE, chart

COLOURS = {"dpm++": BLUE, "heun": ORANGE, "ddim": INK, "ddpm": GREY}


def sampler_curve(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """`rows` of benchmarks/sampling_speed.py => share of attributes as asked, by evaluations a picture.

    What dalle2-pytorch's own samplers reach stands as single marks.
    """
    with chart(3.0) as (figure, axes):
        for name, colour in COLOURS.items():
            mine = sorted((row["evaluations"], row["attributes"]) for row in rows if row["sampler"] == name)
            if mine:
                axes.plot(*zip(*mine, strict=True), color=colour, marker="o", markersize=3.5, label=name)
        for row, marker in zip((one for one in rows if one["sampler"] not in COLOURS), "xsv", strict=False):
            if row.get("attributes") is not None:
                axes.plot([row["evaluations"]], [row["attributes"]], marker, color=GREY, label=row["sampler"])
        ticks = sorted({row["evaluations"] for row in rows if row.get("attributes") is not None})
        axes.set_xscale("log")
        axes.set_xticks(ticks, [str(tick) for tick in ticks], fontsize=8)
        axes.minorticks_off()
        axes.set(xlabel="network evaluations a picture", ylabel="attributes as asked")
        axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axes.legend(fontsize=8)
    return figure
