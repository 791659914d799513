"""Numbers, tables and provenance lines, each read from a stage's result."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.display import HTML

from logolib.results import ResultError, StageResult, read_result

Source = StageResult | Path | str  # a result, its file, or the folder that holds result.json
REFERENCES = ("shuffled", "real")  # arms of an evaluation that are no model: chance and ceiling


@dataclass(frozen=True)
class Number:
    """One number of a result: where it stands, what it is called and how it is written."""

    where: str | Callable[[Mapping[str, Any]], float | None]  # path of keys and indices, parted by "/"
    label: str
    form: str = ",.0f"


def _best(values: Mapping[str, Any], key: str) -> float | None:
    """`step` or `val_loss` of the curve's lowest held-out loss; None when none was measured."""
    measured = [point for point in values["curve"] if point.get("val_loss") is not None]
    return min(measured, key=lambda point: point["val_loss"])[key] if measured else None


def _model_fit(values: Mapping[str, Any], key: str) -> float | None:
    model = next((arm for arm in values["arms"] if arm not in REFERENCES), None)
    return None if model is None else values["measures"]["fit"][model][key]


def _attributes(values: Mapping[str, Any], beyond_chance: bool) -> int:
    model = next((arm for arm in values["arms"] if arm not in REFERENCES), None)
    rows = values["attributes"].get(model, {}).values()
    return sum(not beyond_chance or row["low"] > row["chance"] for row in rows)


_CURVE = {
    "steps": Number("curve/-1/step", "training steps"),
    "loss_first": Number("curve/0/loss", "training loss, first measured", ".3f"),
    "loss_last": Number("curve/-1/loss", "training loss, last measured", ".3f"),
    "val_best": Number(lambda v: _best(v, "val_loss"), "lowest held-out loss", ".3f"),
    "val_best_step": Number(lambda v: _best(v, "step"), "step of the lowest held-out loss"),
    "parameters": Number("parameters", "parameters"),
}

NUMBERS: dict[str, dict[str, Number]] = {
    "collect": {
        "logos": Number("logos", "captioned logos"),
        "clubs": Number("clubs", "clubs"),
        "leagues": Number("leagues", "leagues"),
        "pages": Number("pages", "pages read"),
        "distinct_images": Number("distinct_images", "distinct pictures"),
        "truncated": Number("truncated", "captions cut by the page"),
        "skipped": Number("skipped", "cards left out"),
        "caption_words_median": Number("caption_words_median", "words in the median caption"),
    },
    "dataset": {
        "train": Number("train", "pairs to train on"),
        "val": Number("val", "pairs held out"),
        "clubs_train": Number("clubs_train", "clubs to train on"),
        "clubs_val": Number("clubs_val", "clubs held out"),
        "duplicates": Number("duplicates", "repeats of a picture left out"),
        "near_duplicates": Number(lambda v: v.get("near_duplicates"), "near-duplicates left out"),
        "collapsed": Number(lambda v: v.get("collapsed"), "repeats of a club's caption left out"),
        "kin": Number(lambda v: v.get("kin"), "pairs of clubs that share a drawing and so a side"),
        "augmented": Number(lambda v: v.get("augmented"), "augmented versions to train on"),
        "skipped": Number("skipped", "rows left out"),
        "caption_words_median": Number("caption_words_median", "words in the median caption"),
        "shards": Number("shards", "tar files"),
    },
    "caption": {
        "logos": Number("logos", "logos captioned"),
        "candidates": Number("candidates", "captions proposed"),
        "accepted": Number("accepted", "logos with a caption that the gate accepts"),
        "accepted_share": Number("accepted_share/0", "their share", ".0%"),
        "true_passed": Number("gate/with_club/passed/true/0", "people's captions that pass", ".0%"),
        "shuffled_passed": Number("gate/with_club/passed/shuffled/0", "other clubs' captions that pass", ".0%"),
        "false_passed": Number("gate/with_club/false_passed/0", "false captions that pass", ".1%"),
        "precision": Number("gate/with_club/precision", "share of true ones among what passes, one to one", ".0%"),
    },
    "clip": {
        **_CURVE,
        **{
            f"{way}_r{k}": Number(
                f"retrieval/{way}_R@{k}", f"{way.replace('_', ' ')}, right one in the first {k}", ".1%"
            )
            for way in ("text_to_image", "image_to_text")
            for k in (1, 5, 10)
        },
        "median_rank": Number("retrieval/text_to_image_median_rank", "median rank of the right picture", ".0f"),
        **{f"chance_r{k}": Number(f"chance/R@{k}", f"chance, right one in the first {k}", ".1%") for k in (1, 5, 10)},
        "n_val": Number("n_val", "held-out pairs"),
        "images_per_s": Number("images_per_s", "pictures a second", ".1f"),
    },
    "prior": {
        **_CURVE,
        "cosine": Number("cosine", "cosine of predicted and true image embedding", ".3f"),
        "cosine_baseline": Number("cosine_baseline", "cosine of text and true image embedding", ".3f"),
    },
    "decoder": {**_CURVE, "images_per_s": Number("images_per_s", "pictures a second", ".1f")},
    "generate": {
        "pictures": Number("pictures", "pictures drawn"),
        "seconds_per_picture": Number("seconds_per_picture", "seconds a picture", ".2f"),
    },
    "baselines": {
        "models_drawn": Number(lambda v: len({r["model"] for r in v["rows"] if not r["absent"]}), "models that drew"),
        "models_absent": Number(lambda v: len({r["model"] for r in v["rows"] if r["absent"]}), "models not there"),
        "seconds_ours": Number("rows/0/seconds", "seconds a picture, ours, on the CPU", ".2f"),
    },
    "evaluate": {
        "choices": Number("choices", "captions that the judge picks among"),
        "chance": Number("chance", "right caption picked by drawing lots", ".0%"),
        "fit_model": Number(lambda v: _model_fit(v, "mean"), "right caption picked, drawn pictures", ".0%"),
        "fit_low": Number(lambda v: _model_fit(v, "low"), "lower end of its interval", ".0%"),
        "fit_high": Number(lambda v: _model_fit(v, "high"), "upper end of its interval", ".0%"),
        "fit_shuffled": Number("measures/fit/shuffled/mean", "right caption picked, shuffled captions", ".0%"),
        "fit_real": Number("measures/fit/real/mean", "right caption picked, true pictures", ".0%"),
        "attributes": Number(lambda v: _attributes(v, False), "attributes judged"),
        "attributes_beyond": Number(lambda v: _attributes(v, True), "attributes beyond chance"),
        "prompts": Number("prompts", "held-out captions that every arm drew"),
    },
    "study": {
        "raters": Number("raters/counted", "raters that count, programs or people"),
        "prompts": Number("prompts", "descriptions asked about"),
        "votes": Number("votes", "votes"),
        "win_rate": Number("pairs/0/win_rate", "votes that the second arm wins", ".0%"),
        "judge_agrees": Number(lambda v: v["judge"][0]["share"] if v["judge"] else None, "the judge agrees", ".0%"),
    },
}

MODELS_2022: tuple[dict[str, str], ...] = (
    {
        "model": "Stable Diffusion v1-4",
        "trained on": "LAION-5B",
        "time a picture": "45 min on a Core i5, 10 s on a Tesla T4",
        "asked for": "a fireman saving a child from a burning castle; a smurf riding a dog",
    },
    {
        "model": "DALL-E Mini",
        "trained on": "Conceptual Captions 3M and 12M, 2 M pictures of YFCC100M",
        "time a picture": "several minutes",
        "asked for": "a sunset on a lake; the Eiffel tower at night",
    },
    {
        "model": "dalle2-laion",
        "trained on": "LAION",
        "time a picture": "several minutes",
        "asked for": "a corgi playing soccer",
    },
)  # what the report of 2022/23 states; nothing here was measured again


def load(source: Source) -> StageResult:
    """A result as it is, or read from its file or folder. Raises ResultError when there is none."""
    if isinstance(source, StageResult):
        return source
    path = Path(source)
    return read_result(path / "result.json" if path.suffix != ".json" else path)


def number(stage: str, key: str, source: Source) -> float:
    """One declared number as a float; NaN when the stage did not measure it.

    Raises ResultError when the result lacks its place altogether.
    """
    where, values = NUMBERS[stage][key].where, load(source).values
    try:
        found = where(values) if callable(where) else _follow(values, where)
    except (KeyError, IndexError, TypeError, ValueError):
        raise ResultError(
            f"The {stage} result has no {NUMBERS[stage][key].label} ({key}); run its stage again."
        ) from None
    if isinstance(found, list | tuple | dict):
        return float(len(found))
    return math.nan if found is None else float(found)


def numbers(stage: str, source: Source) -> dict[str, float]:
    """All declared numbers of a stage (`NUMBERS`), by key."""
    result = load(source)
    return {key: number(stage, key, result) for key in NUMBERS[stage]}


def glue_numbers(stage: str, source: Source) -> None:
    """Store a stage's numbers in the running notebook, for the book's `glue:text` roles.

    An evaluation also stores its `verdict` and the `judge` in words, a study its `verdict` and the `rule` of
    scripted raters; every stage its `seconds`.
    """
    from myst_nb import glue  # type: ignore[import-untyped]

    result = load(source)
    for key, value in numbers(stage, result).items():
        glue(key, value, display=False)
    glue("seconds", float(result.provenance.get("seconds", math.nan)), display=False)
    for key in ("verdict", "judge", "rule"):
        if isinstance(result.values.get(key), str):
            glue(key, str(result.values[key]), display=False)


def summary(stage: str, source: Source) -> HTML:
    """What a stage counted and measured, one row a number."""
    found = numbers(stage, source)
    rows = [[NUMBERS[stage][key].label, written(stage, key, value)] for key, value in found.items()]
    return table(["what", "value"], rows)


def written(stage: str, key: str, value: float) -> str:
    """A number as the book writes it; a dash when it was not measured."""
    return "–" if math.isnan(value) else format(value, NUMBERS[stage][key].form)


def retrieval(source: Source) -> HTML:
    """Held-out retrieval of a CLIP with 95 % intervals, beside chance."""
    values = load(source).values
    rows = []
    for way, name in (("text_to_image", "caption to picture"), ("image_to_text", "picture to caption")):
        for k in (1, 5, 10):
            low, high = values["retrieval_interval"][f"{way}_R@{k}"]
            share = values["retrieval"][f"{way}_R@{k}"]
            rows.append(
                [
                    name,
                    str(k),
                    f"{share:.1%}",
                    f"{low:.1%} to {high:.1%}",
                    f"{values['chance'][f'R@{k}']:.1%}",
                ]
            )
    return table(["search", "among the first", "found", "95 % interval", "chance"], rows)


def fit(source: Source) -> HTML:
    """How often the judge picks the right caption for each arm, with its 95 % interval."""
    values = load(source).values
    rows = []
    for arm in values["arms"]:
        score = values["measures"]["fit"][arm]
        rows.append([arm_name(arm), f"{score['mean']:.0%}", f"{score['low']:.0%} to {score['high']:.0%}"])
    return table(["pictures", f"right one of {values['choices']} captions", "95 % interval"], rows)


def attributes(source: Source) -> HTML:
    """How often the judge reads each asked-for attribute in the pictures, beside chance and ceiling."""
    values = load(source).values
    rows = []
    for arm, found in values["attributes"].items():
        for name, row in found.items():
            interval = f"{row['low']:.0%} to {row['high']:.0%}"
            verdict = "above chance" if row["low"] > row["chance"] else "not told from chance"
            ends = [_share(row["chance"]), _share(row.get("ceiling")), f"{row['n']:.0f}"]
            rows.append([arm_name(arm), name.replace("_", " "), _share(row["accuracy"]), interval, *ends, verdict])
    return table(["pictures", "attribute", "right", "95 % interval", "chance", "ceiling", "n", "reading"], rows)


def arm_name(arm: str) -> str:
    """What an arm of an evaluation is called in the book."""
    return {
        "generated": "drawn pictures",
        "base": "the base, not fine-tuned",
        "shuffled": "shuffled captions (chance)",
        "real": "true pictures (ceiling)",
    }.get(arm, arm)


def skipped(source: Source, most: int = 12) -> HTML:
    """What a stage left out and why, at most `most` rows."""
    left_out = load(source).skipped
    rows = [[str(entry.get("item", "")), str(entry.get("reason", ""))] for entry in left_out[:most]]
    if len(left_out) > most:
        rows.append(["…", f"and {len(left_out) - most} more"])
    return table(["left out", "reason"], rows or [["nothing", ""]])


def models_2022() -> HTML:
    """The models that the report of 2022/23 tried, as it states them."""
    return table(list(MODELS_2022[0]), [list(row.values()) for row in MODELS_2022])


def baselines(source: Source) -> HTML:
    """What each model of the comparison took on each device; those that were not there are marked absent."""
    header = ["model", "device", "seconds a picture", "peak memory", "CPU to GPU", "remark"]
    rows = []
    for row in load(source).values["rows"]:
        seconds = "–" if row["seconds"] is None else f"{row['seconds']:.2f}"
        peak = "–" if row["peak_gb"] is None else f"{row['peak_gb']:.1f} GB"
        ratio = "–" if row["cpu_to_gpu"] is None else f"{row['cpu_to_gpu']:.0f} times"
        rows.append([row["model"], row["device"], seconds, peak, ratio, "absent" if row["absent"] else ""])
    return table(header, rows)


def provenance(source: Source) -> HTML:
    """One line: stage, profile, seed, data hash, commit, seconds."""
    result = load(source)
    of = result.provenance
    parts = [f"{name} {of[key]}" for name, key in _PROVENANCE if of.get(key) not in (None, "")]
    return HTML(f'<p class="provenance">{escape(" · ".join([result.stage, *parts]))}</p>')


_PROVENANCE = (
    ("profile", "profile"),
    ("seed", "seed"),
    ("data", "data_hash"),
    ("commit", "commit"),
    ("seconds", "seconds"),
)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> HTML:
    """Escaped cells as an HTML table that scrolls by itself on a narrow page, by keyboard too; name every column."""
    frame = pd.DataFrame([list(row) for row in rows], columns=list(header), dtype=object)
    with pd.option_context("display.max_colwidth", None):
        body = frame.to_html(index=False, border=0, classes="plain", justify="left")
    return HTML(f'<div class="scroll" tabindex="0" role="group" aria-label="Table">{body}</div>')


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _follow(values: Any, path: str) -> Any:
    for step in path.split("/"):
        values = values[int(step)] if isinstance(values, list) else values[step]
    return values
