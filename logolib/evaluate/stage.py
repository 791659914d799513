"""Evaluation: generated pictures against their prompts, between chance and what true pictures reach."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from logolib.config import EvaluateSettings, LogolibError
from logolib.data import data_hash_of, load_pairs
from logolib.emblems import Emblem
from logolib.emblems.corpus import draw_many, sample_many
from logolib.evaluate.judge import (
    CHOICES,
    Judge,
    load_judge,
    load_shipped_marker,
    picked,
    refuse_kin,
    shuffled,
    similarity,
)
from logolib.evaluate.marker import ATTRIBUTES, SIZE, asked
from logolib.evaluate.statistics import Interval, bootstrap_mean, paired_difference, wilson
from logolib.evaluate.verdict import verdict
from logolib.generate import LogoPipeline
from logolib.images import save_png, sheet
from logolib.models.weights import model_folder
from logolib.results import StageResult, Stopwatch, write_result, write_text
from logolib.seeds import derive

SHOWN = 32  # pictures on a sheet
REFERENCES = ("shuffled", "real")  # chance and ceiling; no model may take their names


class EvaluateError(LogolibError):
    """An evaluation that cannot be made, and why."""


@dataclass(frozen=True)
class _Arm:
    name: str
    draw: Callable[[Sequence[str], Sequence[int]], np.ndarray]  # prompts, seeds => uint8 (N, SIZE, SIZE, 3)


@dataclass(frozen=True)
class _Held:
    """Held-out captions that are drawn from, the true logos, and every different caption to choose among."""

    captions: list[str]
    images: np.ndarray  # uint8 (N, SIZE, SIZE, 3)
    pool: list[str]
    own: np.ndarray  # column of each caption in the pool


def evaluate(
    settings: EvaluateSettings,
    models: Sequence[Path | str],
    data: Path,
    out: Path,
    *,
    seed: int = 0,
    profile: str = "custom",
    progress: bool = True,
) -> StageResult:
    """Judge each model's pictures; writes OUT/result.json, pictures*.png, fit.json and attributes.json.

    `models` are folders with clip, prior and decoder, or `default`; `settings.against` names further ones.
    Every model draws the same prompts from the same seeds. `fit` is the probability that the judge picks the
    right one of ten held-out captions of DATA, `similarity` the cosine, `attributes` what the marker reads in
    pictures of drawn prompts, of combinations that no training sees. Intervals are 95 %: bootstrap over
    prompts for fit, Wilson for attributes.
    Raises LogolibError.
    """
    watch = Stopwatch()
    models = [*models, *settings.against]
    if not models:
        raise EvaluateError("There is no model to judge; name at least one folder with --model.")
    judge, marker = load_judge(settings.judge), load_shipped_marker()
    names = arm_names(models)
    arms = [_load(name, model, judge, settings.steps, progress) for name, model in zip(names, models, strict=True)]
    held = _held_out(settings, data, seed)
    asked_pairs = sample_many(settings.prompts, derive(seed, "attribute prompts") % 2**32, for_judging=True)
    emblems, prompts = [emblem for emblem, _ in asked_pairs], [caption for _, caption in asked_pairs]

    fit_values, fit_rows = _fit(settings, judge, held, arms, seed)
    ceiling = marker.read(draw_many(emblems, SIZE))
    attributes, rows, files = {}, [], {"fit": "fit.json", "attributes": "attributes.json"}
    out.mkdir(parents=True, exist_ok=True)
    for arm in arms:
        seeds = [derive(seed, "attributes", i, j) for i in range(len(prompts)) for j in range(settings.per_prompt)]
        pictures = arm.draw(prompts, seeds)
        read = marker.read(pictures)
        attributes[arm.name] = attribute_table(emblems, read, ceiling)
        rows += _attribute_rows(arm.name, prompts, emblems, read, seeds)
        role = "pictures" if arm is arms[0] else f"pictures {arm.name}"
        files[role] = role.replace(" ", "-") + ".png"
        save_png(sheet(list(pictures[:: settings.per_prompt][:SHOWN]), columns=8, gap=4), out / files[role])
    write_text(out / "fit.json", json.dumps(fit_rows, indent=1, ensure_ascii=False) + "\n")
    write_text(out / "attributes.json", json.dumps(rows, indent=1, ensure_ascii=False) + "\n")

    values = {
        "arms": [*names, *REFERENCES],
        **fit_values,
        "attributes": attributes,
        "judge": judge.name,
        "verdict": verdict(names, fit_values, attributes),
        "prompts": len(held.captions),
        "attribute_prompts": len(prompts),
        "per_prompt": settings.per_prompt,
    }
    provenance = watch.provenance(settings, seed, data_hash_of(data), profile)
    result = StageResult("evaluate", values, files, provenance)
    write_result(out / "result.json", result)
    return result


def arm_names(models: Sequence[Path | str]) -> list[str]:
    """`generated` for one model; for several `base` for what ships and the names of runs, numbered where they agree."""
    if len(models) == 1:
        return ["generated"]
    names: list[str] = []
    for place in (model_folder(model).resolve() for model in models):
        stem = name = place.parent.name if place.name == "model" else place.name
        number = 1
        while name in names or name in REFERENCES:
            number += 1
            name = f"{stem} {number}"
        names.append(name)
    return names


def attribute_table(
    emblems: Sequence[Emblem], read: Sequence[dict[str, str]], ceiling: Sequence[dict[str, str]]
) -> dict[str, dict[str, float]]:
    """Per attribute: share read as asked, its interval, chance, ceiling, and how many emblems have it.

    read: a whole number of rows for each emblem, in order; ceiling: what is read on the true drawings, one
    row each. Chance is the expected share when the same pictures are dealt out among the prompts at random.
    Attributes that no emblem has are left out.
    """
    each = len(read) // len(emblems)
    table = {}
    for name in ATTRIBUTES:
        having = [(i, asked(emblem)[name]) for i, emblem in enumerate(emblems) if name in asked(emblem)]
        if not having:
            continue
        n = len(having)
        answers = [read[i * each + j][name] for i, _ in having for j in range(each)]
        right = sum(read[i * each + j][name] == value for i, value in having for j in range(each)) / each
        given, wanted = Counter(answers), Counter(value for _, value in having)
        share = wilson(right, n)
        table[name] = {
            "accuracy": share.mean,
            "low": share.low,
            "high": share.high,
            "chance": sum(given[value] * count for value, count in wanted.items()) / (n * n * each),
            "ceiling": sum(ceiling[i][name] == value for i, value in having) / n,
            "n": n,
        }
    return table


def _load(name: str, model: Path | str, judge: Judge, steps: int, progress: bool) -> _Arm:
    pipe = LogoPipeline.from_pretrained(model)
    refuse_kin(judge, name, pipe.fingerprint())

    def draw(prompts: Sequence[str], seeds: Sequence[int]) -> np.ndarray:
        each = len(seeds) // len(prompts)
        with tqdm(total=len(seeds), desc=name, unit="picture", disable=not progress) as bar:

            def count(done: int, _total: int) -> None:
                bar.update(done - bar.n)

            drawn = pipe(
                prompts,
                num_images_per_prompt=each,
                seeds=seeds,
                size=SIZE,
                num_inference_steps=steps,
                callback=count,
            )
            return drawn.pixels

    return _Arm(name, draw)


def _held_out(settings: EvaluateSettings, data: Path, seed: int) -> _Held:
    pairs = load_pairs(data, "val", SIZE)
    pool = list(dict.fromkeys(pairs.captions))
    if len(pool) < 2:
        raise EvaluateError(f"{data} holds out {len(pool)} caption; collect more logos.")
    chosen = np.random.default_rng(derive(seed, "fit prompts")).permutation(len(pairs))[: settings.prompts]
    captions = [pairs.captions[i] for i in chosen]
    place = {caption: column for column, caption in enumerate(pool)}
    return _Held(captions, pairs.images[chosen], pool, np.array([place[caption] for caption in captions]))


def _fit(
    settings: EvaluateSettings, judge: Judge, held: _Held, arms: Sequence[_Arm], seed: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Fit and similarity of every arm with intervals, differences between models, and one row per prompt."""
    choices = min(CHOICES, len(held.pool))
    n, each = len(held.captions), settings.per_prompt
    by_arm: dict[str, tuple[np.ndarray, np.ndarray]] = {}  # (picked, cosine) per prompt, (n,) each
    chance: list[tuple[np.ndarray, np.ndarray]] = []
    seeds = [derive(seed, "fit", i, j) for i in range(n) for j in range(each)]
    for arm in arms:
        scores = similarity(judge, arm.draw(held.captions, seeds), held.pool)  # (n each, pool)
        own = held.own.repeat(each)
        by_arm[arm.name] = _per_prompt(picked(scores, own, choices), scores[np.arange(len(scores)), own], each)
        chance.append(_per_prompt(*shuffled(scores, own, choices), each))
    by_arm["shuffled"] = (np.mean([c[0] for c in chance], 0), np.mean([c[1] for c in chance], 0))
    scores = similarity(judge, held.images, held.pool)
    by_arm["real"] = (picked(scores, held.own, choices), scores[np.arange(n), held.own])

    def table(which: int) -> dict[str, dict[str, float]]:
        return {arm: _row(bootstrap_mean(found[which], settings.bootstrap, seed)) for arm, found in by_arm.items()}

    first = by_arm[arms[0].name][0]
    values = {
        "fit": table(0),
        "similarity": table(1),
        "differences": {
            arm.name: _row(paired_difference(by_arm[arm.name][0], first, settings.bootstrap, seed)) for arm in arms[1:]
        },
        "choices": choices,
        "chance": 1 / choices,
    }
    rows = [
        {"prompt": caption, "seed": seeds[i * each]}
        | {arm: {"picked": float(found[0][i]), "similarity": float(found[1][i])} for arm, found in by_arm.items()}
        for i, caption in enumerate(held.captions)
    ]
    return values, rows


def _per_prompt(first: np.ndarray, second: np.ndarray, each: int) -> tuple[np.ndarray, np.ndarray]:
    return first.reshape(-1, each).mean(1), second.reshape(-1, each).mean(1)


def _row(interval: Interval) -> dict[str, float]:
    return {"mean": interval.mean, "low": interval.low, "high": interval.high}


def _attribute_rows(
    arm: str,
    prompts: Sequence[str],
    emblems: Sequence[Emblem],
    read: Sequence[dict[str, str]],
    seeds: Sequence[int],
) -> list[dict[str, Any]]:
    each = len(read) // len(prompts)
    return [
        {
            "arm": arm,
            "prompt": prompts[k // each],
            "seed": seeds[k],
            "asked": (wanted := asked(emblems[k // each])),
            "read": {name: answer[name] for name in wanted},
        }
        for k, answer in enumerate(read)
    ]
