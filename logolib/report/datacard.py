"""The data card's tables and plots, from the data set stage's result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from IPython.display import HTML
from matplotlib.figure import Figure

from logolib.data.colours import COLOURS
from logolib.report.figures import BLUE, GREY, ORANGE, chart, picture
from logolib.report.tables import Source, load, table
from logolib.results import ResultError


def counts(source: Source) -> HTML:
    """Logos and clubs of each side."""
    rows = [[str(cell) for cell in row.values()] for row in _card(source)["splits"]]
    return table(["split", "logos", "clubs"], rows)


def left_out(source: Source) -> HTML:
    """What stands in the manifest and not in the data set, and why."""
    _card(source)
    values = load(source).values
    rows = [
        ["a picture of exactly the same pixels", values["duplicates"]],
        ["a near-duplicate: the same drawing in the same colours", values["near_duplicates"]],
        ["a caption that its club's logos repeat", values["collapsed"]],
        *([["more training logos than asked for", values["beyond_limit"]]] if values.get("beyond_limit") else []),
        *([f"unusable: {reason}", count] for reason, count in values["skipped_reasons"].items()),
    ]
    return _counted(["left out for", "rows"], rows)


def removed(source: Source) -> HTML:
    """What was taken out of captions, the most frequent first."""
    return _counted(["taken out of captions", "times"], _card(source)["removed"])


def origins(source: Source) -> HTML:
    """Logos by source and by licence."""
    card = _card(source)
    rows = [
        *(["source", name, count] for name, count in card["sources"]),
        *(["licence", name, count] for name, count in card["licences"]),
    ]
    return table(["kind", "what", "logos"], [[str(cell) for cell in row] for row in rows])


def faults(source: Source) -> HTML:
    """What is known to be wrong, with how many logos it concerns."""
    return _counted(["fault", "logos"], _card(source)["faults"])


def leagues(source: Source) -> HTML:
    """Logos by league."""
    return _counted(["league", "logos"], _card(source)["leagues"])


def caption_words(source: Source) -> Figure:
    """How many captions have how many words, after cleaning."""
    words, captions = np.array(_card(source)["words"], int).T
    median = load(source).values["caption_words_median"]
    with chart(2.6) as (figure, axes):
        axes.bar(words, captions, width=1.0, color=BLUE, edgecolor="white")
        axes.axvline(median, color=ORANGE, label=f"median: {median:g}")
        axes.set(xlabel="words in the caption", ylabel="captions")
        axes.grid(axis="x", visible=False)
        axes.legend()
    return figure


def colours(source: Source, most: int = 16) -> Figure:
    """How many captions name each colour."""
    found = _card(source)["colours"][:most] or [["none", 0]]
    return _bars(found[::-1], "captions that name it", [COLOURS.get(word, GREY) for word, _ in found[::-1]])


def sizes(source: Source) -> Figure:
    """How large the pictures were when collected."""
    return _bars(_card(source)["longest_sides"][::-1], "pictures, by their longest side", BLUE)


def plots(source: Source) -> HTML:
    """All plots of the card in one piece of HTML, for a page that shows them beside its prose."""
    shown = (
        ("Histogram of the number of words in a caption", caption_words(source)),
        ("Bars of the number of captions that name each colour", colours(source)),
        ("Bars of the number of pictures by longest side", sizes(source)),
    )
    return HTML("".join(picture(figure, alt).data for alt, figure in shown))


def _bars(rows: Sequence[Sequence[Any]], label: str, colour: str | list[str]) -> Figure:
    with chart(0.9 + 0.24 * len(rows)) as (figure, axes):
        names, values = [str(row[0]) for row in rows], [row[1] for row in rows]
        axes.barh(names, values, color=colour, edgecolor=GREY, linewidth=0.6)
        axes.set(xlabel=label)
        axes.grid(axis="y", visible=False)
    return figure


def _counted(head: list[str], rows: Sequence[Sequence[Any]]) -> HTML:
    return table(head, [[str(cell) for cell in row] for row in rows] or [["none", "0"]])


def _card(source: Source) -> dict[str, Any]:
    card = load(source).values.get("card")
    if card is None:
        raise ResultError("The dataset result has no card; run the dataset stage again.")
    return dict(card)
