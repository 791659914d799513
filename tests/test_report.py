"""The report room: every figure and table can be made from what the stages leave on disk."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from IPython.display import HTML
from matplotlib.figure import Figure
from PIL import Image

from logolib.records import MANIFEST_COLUMNS
from logolib.report import evaluation, figures, measured, tables, votes
from logolib.report.api import listed, to_rst
from logolib.report.benchmarks import keep, to_html
from logolib.report.sentences import said
from logolib.results import ResultError, StageResult

PROVENANCE = {"profile": "smoke", "seed": 3, "data_hash": "feed", "commit": "c0ffee", "seconds": 1.5}
CURVE = [
    {"step": 2, "loss": 3.0},
    {"step": 4, "loss": 2.0, "val_loss": 2.5, "cosine": 0.4},
    {"step": 6, "loss": 1.0, "val_loss": 2.8, "cosine": 0.6},
]
SHARES = {f"{way}_R@{k}": k / 20 for way in ("text_to_image", "image_to_text") for k in (1, 5, 10)}
SHAPE = {"accuracy": 0.8, "low": 0.7, "high": 0.9, "chance": 0.3, "ceiling": 1.0, "n": 50}
CHARGE = {"accuracy": 0.2, "low": 0.1, "high": 0.3, "chance": 0.2, "ceiling": None, "n": 50}
VALUES: dict[str, dict[str, Any]] = {
    "collect": {
        "logos": 6, "clubs": 3, "leagues": 1, "pages": 4, "distinct_images": 6, "truncated": 1, "skipped": 1,
        "caption_words_median": 7,
    },
    "dataset": {
        "train": 4, "val": 2, "clubs_train": 2, "clubs_val": 1, "duplicates": 0, "skipped": 0, "shards": 2,
        "caption_words_median": 7,
    },
    "caption": {
        "logos": 5, "left": 2, "candidates": 15, "accepted": 4, "accepted_share": [0.8, 0.4, 0.9],
        "gate": {"with_club": {
            "passed": {"true": [0.9, 0.8, 1.0], "shuffled": [0.1, 0.0, 0.2]},
            "false_passed": [0.05, 0.0, 0.1],
            "precision": 0.95,
        }},
    },
    "clip": {
        "curve": CURVE,
        "retrieval": {**SHARES, "text_to_image_median_rank": 2, "image_to_text_median_rank": 2},
        "retrieval_interval": {name: [share / 2, share] for name, share in SHARES.items()},
        "chance": {"R@1": 0.01, "R@5": 0.05, "R@10": 0.1},
        "n_val": 98, "parameters": 1000, "images_per_s": 20.0,
    },
    "prior": {"curve": CURVE, "cosine": 0.6, "cosine_baseline": 0.3, "parameters": 1000},
    "decoder": {
        "curve": CURVE, "previews": [{"step": s, "file": f"previews/{s}.png"} for s in range(1, 9)],
        "parameters": 1000, "images_per_s": 20.0,
    },
    "generate": {
        "pictures": [
            {"prompt": f"A <b>{word}</b> star", "seed": seed, "file": "a.png"}
            for word in ("red", "blue")
            for seed in (0, 1)
        ],
        "sheet": "sheet.png", "seconds_per_picture": 0.1,
    },
    "baselines": {
        "rows": [{"model": "logolib", "absent": "", "seconds": 1.5}, {"model": "Other", "absent": "not here"}],
    },
    "evaluate": {
        "arms": ["generated", "shuffled", "real"],
        "choices": 10,
        "chance": 0.1,
        "prompts": 20,
        "measures": {
            name: {
                arm: {"mean": mean, "low": mean - 0.1, "high": mean + 0.1, "n": 20}
                for arm, mean in (("generated", 0.5), ("shuffled", 0.2), ("real", 0.8))
            }
            for name in ("fit", "kid")
        },
        "comparisons": [
            {
                "first": "generated", "second": "base", "measure": "fit", "difference": 0.04, "low": -0.02,
                "high": 0.1, "n": 20, "verdict": "can't tell", "prompts_needed": 90,
            },
            {
                "first": "generated", "second": "base", "measure": "kid", "difference": -0.4, "low": -0.6,
                "high": -0.2, "n": 20, "verdict": "better", "prompts_needed": None,
            },
        ],
        "attributes": {"generated": {"shape": SHAPE, "charge": CHARGE}},
        "verdict": "It fits better than chance.", "judge": "a stranger",
    },
    "study": {
        "scripted": True, "raters": {"counted": 5, "excluded": []}, "prompts": 20, "votes": 100,
        "pairs": [
            {
                "first": "base", "second": "demo", "win_rate": 0.7, "low": 0.6, "high": 0.8, "won": 14, "lost": 4,
                "tied": 2, "p": 0.03, "p_holm": 0.03, "preferred": "demo", "prompts_needed": None,
            }
        ],
        "judge": [{"first": "base", "second": "demo", "same": 9, "n": 12, "share": 0.75, "low": 0.5, "high": 0.9}],
        "verdict": "5 scripted raters, no people answered.", "rule": "The better one is better.",
    },
}  # fmt: skip


def result(stage: str) -> StageResult:
    left_out = ({"item": "bad.png", "reason": "animated"},) if stage == "collect" else ()
    return StageResult(stage, VALUES[stage], {}, PROVENANCE, left_out)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder with a result of each stage and the pictures they name."""
    for stage, folder in measured.FOLDERS.items():
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        fields = {
            "stage": stage,
            "values": VALUES[stage],
            "files": {},
            "provenance": PROVENANCE,
            "skipped": [],
        }
        (tmp_path / folder / "result.json").write_text(json.dumps(fields))
    picture = Image.new("RGBA", (32, 24), (200, 30, 30, 128))
    (tmp_path / "collected" / "images").mkdir()
    (tmp_path / "model" / "decoder" / "previews").mkdir()
    for name in (
        "collected/images/a.png",
        "samples/a.png",
        *(f"model/decoder/previews/{s}.png" for s in range(1, 9)),
    ):
        picture.save(tmp_path / name)
    row = dict.fromkeys(MANIFEST_COLUMNS, "") | {
        "image": "images/a.png",
        "caption": 'A red & "gold" star on navy',
    }
    pd.DataFrame([row] * 6).to_parquet(tmp_path / "collected" / "manifest.parquet")
    return tmp_path


@pytest.mark.parametrize("stage", tables.NUMBERS)
def test_every_declared_number_is_found_as_a_plain_float(stage: str) -> None:
    found = tables.numbers(stage, result(stage))
    assert set(found) == set(tables.NUMBERS[stage])
    assert all(type(value) is float for value in found.values())
    assert "nan" not in tables.summary(stage, result(stage)).data


def test_numbers_mean_what_they_say() -> None:
    assert tables.number("clip", "val_best_step", result("clip")) == 4
    assert tables.number("collect", "skipped", result("collect")) == 1
    assert tables.number("evaluate", "attributes_beyond", result("evaluate")) == 1
    never = StageResult("prior", {**VALUES["prior"], "curve": [{"step": 1, "loss": 1.0}]}, {}, PROVENANCE)
    assert math.isnan(tables.number("prior", "val_best", never))
    assert tables.written("prior", "val_best", math.nan) == "–"


def test_a_result_without_a_declared_number_is_refused_by_name() -> None:
    values = {key: value for key, value in VALUES["clip"].items() if key != "n_val"}
    with pytest.raises(ResultError, match=r"clip result has no .*n_val"):
        tables.numbers("clip", StageResult("clip", values, {}, PROVENANCE))


@pytest.mark.parametrize(
    ("draw", "stage"),
    [
        (figures.learning_curve, "clip"),
        (figures.learning_curve, "decoder"),
        (figures.retrieval, "clip"),
        (figures.cosine_curve, "prior"),
        (figures.fit, "evaluate"),
        (figures.attributes, "evaluate"),
        (votes.preference, "study"),
    ],
)
def test_charts_are_drawn_from_a_result(draw: Any, stage: str) -> None:
    chart = draw(result(stage))
    assert isinstance(chart, Figure)
    chart.canvas.draw()
    assert chart.axes[0].get_xlabel()


def test_the_overview_has_a_panel_a_measure_and_a_row_an_arm() -> None:
    figure = evaluation.overview(result("evaluate"))
    figure.canvas.draw()
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in shown] == [
        "right captions picked",
        "distance from true logos,\nless is better",
    ]
    assert [label.get_text() for label in shown[0].get_yticklabels()] == ["true pictures\n(ceiling)", "drawn pictures"]


def test_a_curve_without_held_out_losses_is_still_drawn() -> None:
    bare = StageResult("clip", {"curve": [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}]}, {}, PROVENANCE)
    assert len(figures.learning_curve(bare).axes[0].lines) == 1


def test_charts_of_captions(run: Path) -> None:
    assert figures.caption_lengths(run / "collected").axes[0].patches
    named = [label.get_text() for label in figures.colour_words(run / "collected").axes[0].get_yticklabels()]
    assert set(named) == {"red", "gold", "navy"}


def test_picture_walls_carry_their_captions_escaped(run: Path) -> None:
    wall = figures.logos(run / "collected").data
    assert wall.count("<img") == 6
    assert 'alt="A red &amp; &quot;gold&quot; star on navy"' in wall
    assert figures.captioned(run / "collected", 2).data.count("<figcaption>") == 2
    drawn = figures.pictures(run / "samples").data
    assert drawn.count("<figure>") == 2
    assert drawn.count("<img") == 4
    assert "<b>" not in drawn


def test_previews_keep_the_first_and_the_last_step(run: Path) -> None:
    strip = figures.previews(run / "model" / "decoder", 6).data
    assert strip.count("<figure>") == 6
    assert "after 1 steps" in strip
    assert "after 8 steps" in strip


@pytest.mark.parametrize(
    ("make", "stage", "words"),
    [
        (tables.retrieval, "clip", ["caption to picture", "50.0%", "1.0%"]),
        (tables.fit, "evaluate", ["50%", "shuffled captions"]),
        (tables.attributes, "evaluate", ["above chance", "not told from chance", "70% to 90%"]),
        (evaluation.measures, "evaluate", ["50% (40% to 60%)", "distance from true logos, less is better", "0.80"]),
        (evaluation.comparisons, "evaluate", ["+4 points", "about 90", "better", "-0.6 to -0.2"]),
        (votes.pairs, "study", ["70% (60% to 80%)", "14 : 4 : 2", "0.03", "75%"]),
        (tables.skipped, "collect", ["bad.png", "animated"]),
        (tables.provenance, "clip", ["profile smoke", "seed 3", "data feed", "commit c0ffee", "seconds 1.5"]),
    ],
)
def test_tables_hold_what_the_result_holds(make: Any, stage: str, words: list[str]) -> None:
    html = make(result(stage))
    assert isinstance(html, HTML)
    assert [word for word in words if word not in html.data] == []


def test_a_folder_without_results_or_pictures_is_named(run: Path) -> None:
    with pytest.raises(ResultError, match="run the stage"):
        tables.load(run / "nowhere")
    (run / "samples" / "a.png").unlink()
    with pytest.raises(ResultError, match=r"a\.png is missing"):
        figures.pictures(run / "samples")
    with pytest.raises(ResultError, match="run the collect stage"):
        figures.logos(run / "samples")


def test_a_measured_run_keeps_numbers_and_no_captions(run: Path) -> None:
    kept = measured.measure(run, "Real <logos>", "logolib run --source ../logos", "A note.")
    text = json.dumps(kept, allow_nan=False)
    assert "<b>" not in text
    assert kept["commit"] == "c0ffee"
    html = measured.to_html(json.loads(text))
    assert "Real &lt;logos&gt;" in html
    assert "logolib run --source ../logos" in html
    assert "captioned logos" in html
    with pytest.raises(ResultError, match="no results"):
        measured.measure(run / "nowhere", "", "")


def test_a_kept_benchmark_is_shown_with_its_command_and_commit(tmp_path: Path) -> None:
    keep(tmp_path / "speed.json", [{"way": "<one>", "seconds": 1.25}, {"way": "many", "rows": 12000}], "a note")
    kept = json.loads((tmp_path / "speed.json").read_text("utf8"))
    html = to_html(kept)
    assert "&lt;one&gt;" in html
    assert "12,000" in html
    assert "1.25" in html
    assert "a note" in html
    assert kept["commit"]
    assert kept["machine"] in html


@pytest.mark.parametrize("stage", [stage for stage in VALUES if stage != "baselines"])
def test_a_command_says_in_one_sentence_what_its_stage_found(stage: str) -> None:
    sentence = said(result(stage))
    assert re.fullmatch(r"[^\n]+\.", sentence)


def test_names_are_told_from_captions_and_logos_that_wait_are_counted() -> None:
    collected = {**VALUES["collect"], "caption_words_median": 2.0}
    assert "the median caption has 2 words, as a name has" in said(StageResult("collect", collected, {}, PROVENANCE))
    assert "name" not in said(result("collect"))
    assert "2 more wait" in said(result("caption"))
    assert "wait" not in said(StageResult("caption", {**VALUES["caption"], "left": 0}, {}, PROVENANCE))


def test_a_docstring_s_code_is_code_and_its_other_marks_are_text() -> None:
    told = ["Writes `a*.png` for `x_`s, *not* emphasis, name_ and |bar|; one ` alone."]
    (line,) = to_rst(told)
    assert line == (r"Writes \ ``a*.png``\  for \ ``x_``\ s, \*not\* emphasis, name\_ and \|bar\|; one \` alone.")


def test_a_long_signature_s_parameters_are_a_list_and_definitions_stay() -> None:
    signature = "<dt>f(\n<dl>\n<dd>one,</dd>\n<dd>two,</dd>\n</dl>\n)</dt>"
    defined = '<dl class="simple">\n<dt>word</dt><dd>meaning</dd>\n</dl>'
    assert listed(signature + defined) == "<dt>f(\n<ul><li>one,</li>\n<li>two,</li>\n</ul>\n)</dt>" + defined
