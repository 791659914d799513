"""The curve of quality against network evaluations, one line a sampler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from logolib.report.figures import BLUE, GREY, INK, ORANGE, chart

COLOURS = {"dpm++": BLUE, "heun": ORANGE, "ddim": INK, "ddpm": GREY}


def sampler_curve(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """`rows` of benchmarks/sampling_speed.py => share of attributes as asked, by evaluations a picture.

    What dalle2-pytorch's own samplers reach stands as crosses.
    """
    with chart(3.0) as (figure, axes):
        for name, colour in COLOURS.items():
            mine = sorted((row["evaluations"], row["attributes"]) for row in rows if row["sampler"] == name)
            if mine:
                axes.plot(*zip(*mine, strict=True), color=colour, marker="o", markersize=3.5, label=name)
        for row in rows:
            if row["sampler"] not in COLOURS and row.get("attributes") is not None:
                axes.plot([row["evaluations"]], [row["attributes"]], "x", color=GREY, markersize=7)
                axes.annotate(row["sampler"], (row["evaluations"], row["attributes"]), fontsize=7.5, color=GREY)
        axes.set(xscale="log", xlabel="network evaluations a picture", ylabel="attributes as asked")
        axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axes.legend(fontsize=8.5)
    return figure
