"""The data card's tables and plots can be made from the stage's result, and say what it says."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.figure import Figure

from logolib.report import datacard, tables
from logolib.results import ResultError, StageResult

VALUES: dict[str, Any] = {
    "train": 3,
    "val": 1,
    "clubs_train": 2,
    "clubs_val": 1,
    "duplicates": 1,
    "near_duplicates": 2,
    "collapsed": 1,
    "kin": 1,
    "augmented": 6,
    "skipped": 1,
    "skipped_reasons": {"animated": 1},
    "caption_words_median": 5.5,
    "shards": 2,
    "card": {
        "splits": [{"split": "train", "logos": 3, "clubs": 2}, {"split": "val", "logos": 1, "clubs": 1}],
        "words": [[4, 1], [5, 1], [6, 2]],
        "words_mean": 5.2,
        "vocabulary": 12,
        "colours": [["red", 3], ["plum", 1]],
        "leagues": [["<North>", 4]],
        "kinds": [["primary", 4]],
        "sources": [["folder", 4]],
        "licences": [["none stated", 4]],
        "longest_sides": [["1 to 64 px", 4]],
        "cleaned": 1,
        "removed": [],
        "faults": [["pictures that vanish on white", 2]],
    },
}
RESULT = StageResult("dataset", VALUES, {}, {})


def test_every_table_says_what_the_result_says() -> None:
    for made, says in (
        (datacard.counts(RESULT), "train"),
        (datacard.left_out(RESULT), "animated"),
        (datacard.removed(RESULT), "none"),
        (datacard.origins(RESULT), "none stated"),
        (datacard.faults(RESULT), "vanish on white"),
        (datacard.leagues(RESULT), "&lt;North&gt;"),
    ):
        assert says in made.data
    assert tables.number("dataset", "near_duplicates", RESULT) == 2


def test_every_plot_is_drawn_and_described() -> None:
    for plot in (datacard.caption_words, datacard.colours, datacard.sizes):
        assert isinstance(plot(RESULT), Figure)
    assert datacard.plots(RESULT).data.count("alt=") == 3


def test_an_older_result_is_one_sentence() -> None:
    older = StageResult("dataset", {"train": 1}, {}, {})
    with pytest.raises(ResultError, match="run the dataset stage again"):
        datacard.counts(older)
