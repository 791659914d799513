"""Evaluation: the pictures of every arm against their prompts, between chance and what true logos reach."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from logolib.config import EvaluateSettings
from logolib.data import HeldOut, data_hash_of, held_out_prompts, load_pairs, prompt_seeds
from logolib.emblems.corpus import draw_many, sample_many
from logolib.evaluate.arms import Arm, EvaluateError, able_baselines, load_arms
from logolib.evaluate.attributes import attribute_rows, attribute_table, shares_right
from logolib.evaluate.fit import fit_scores
from logolib.evaluate.judge import load_judge, load_shipped_marker, refuse_kin, shipped_lineage
from logolib.evaluate.lettering import words_read
from logolib.evaluate.marker import SIZE, Marker
from logolib.evaluate.measures import MEASURES, Scores, compare, described
from logolib.evaluate.verdict import verdict
from logolib.evaluate.whole import gallery_roles, set_scores
from logolib.generate.drawing import DrawingError
from logolib.images import save_png, sheet
from logolib.results import CAPTIONS, StageResult, Stopwatch, write_result, write_text
from logolib.seeds import derive

SHOWN = 32  # pictures on a sheet


def evaluate(
    settings: EvaluateSettings,
    models: Sequence[Path | str],
    data: Path,
    out: Path,
    *,
    baselines: Path | None = None,
    seed: int = 0,
    profile: str = "custom",
    progress: bool = True,
) -> StageResult:
    """Judge every arm's pictures; writes OUT/{result,fit,attributes}.json, pictures*.png, nearest*.png and arms/.

    `models` are folders with clip, prior and decoder, or `default`; `settings.against` names further ones or
    folders of pictures; of `baselines`, a folder that `logolib baselines` wrote, those join that drew all prompts.
    Every arm has the same held-out captions of DATA, seeds and size. The judge and the marker must share no
    training set and no weights with any arm. Intervals are 95 %: bootstrap over prompts, half samples for whole
    sets, Wilson for single attributes.
    Raises LogolibError.
    """
    watch = Stopwatch()
    judge, marker = load_judge(settings.judge), load_shipped_marker()
    arms = load_arms(settings, [*models, *settings.against], progress)
    held = held_out_prompts(data, settings.prompts, settings.size, seed)
    able, skipped = able_baselines(baselines, held.captions, settings.size) if baselines is not None else ([], [])
    arms += [arm for arm in able if arm.name not in {known.name for known in arms}]
    marks = shipped_lineage("marker")
    for arm in arms:
        refuse_kin(judge.name, judge.lineage, arm.name, arm.lineage)
        refuse_kin("marker", marks, arm.name, arm.lineage)

    seeds = prompt_seeds(len(held.captions), settings.per_prompt, seed)
    drawn = {arm.name: arm.pictures(held.captions, seeds) for arm in arms}
    _keep(out / "arms", {**drawn, "real": held.pairs.images[held.rows]}, held.captions)
    scores, values, rows = fit_scores(settings, judge, marker, held, drawn, seeds)
    files = {"fit": "fit.json", "attributes": "attributes.json"}
    values |= _attributes(settings, marker, arms, scores, out, files, seed)
    skipped += _lettering(settings, held, drawn, scores)
    values["nearest"] = set_scores(judge, held, load_pairs(data, "train", settings.size), drawn, scores, out, seed)
    files |= {name: f"{name.replace(' ', '-')}.png" for name in gallery_roles(list(drawn))}
    write_text(out / "fit.json", json.dumps(rows, indent=1, ensure_ascii=False) + "\n")

    names = list(drawn)
    values["measures"] = _measures(settings, scores, seed)
    values["comparisons"] = [
        row for other in names[1:] for row in compare(names[0], other, scores, settings.bootstrap, seed)
    ]
    values |= {
        "judge": judge.name,
        "lineage": {"judge": judge.lineage.record(), **{arm.name: arm.lineage.record() for arm in arms}},
        "verdict": verdict(names, values),
        "prompts": len(held.captions),
        "per_prompt": settings.per_prompt,
    }
    provenance = watch.provenance(settings, seed, data_hash_of(data), profile)
    result = StageResult("evaluate", values, files, provenance, tuple(skipped))
    write_result(out / "result.json", result)
    return result


def _attributes(
    settings: EvaluateSettings,
    marker: Marker,
    arms: Sequence[Arm],
    scores: Scores,
    out: Path,
    files: dict[str, str],
    seed: int,
) -> dict[str, Any]:
    """Tables of what the marker reads in pictures of drawn prompts, of combinations that no training sees."""
    asked_pairs = sample_many(settings.prompts, derive(seed, "attribute prompts") % 2**32, for_judging=True)
    emblems, prompts = [emblem for emblem, _ in asked_pairs], [caption for _, caption in asked_pairs]
    seeds = [derive(seed, "attributes", i, j) for i in range(len(prompts)) for j in range(settings.per_prompt)]
    ceiling = marker.read(draw_many(emblems, SIZE))
    scores["real"]["attributes"] = shares_right(emblems, ceiling)
    tables: dict[str, Any] = {}
    rows: list[dict[str, Any]] = []
    for arm in arms:
        if not arm.draws:
            continue
        pictures = arm.pictures(prompts, seeds)
        read = marker.read(pictures)
        tables[arm.name] = attribute_table(emblems, read, ceiling)
        scores[arm.name]["attributes"] = shares_right(emblems, read)
        rows += attribute_rows(arm.name, prompts, emblems, read, seeds)
        role = f"pictures {arm.name}" if tables.keys() - {arm.name} else "pictures"
        files[role] = role.replace(" ", "-") + ".png"
        save_png(sheet(list(pictures[:: settings.per_prompt][:SHOWN]), columns=8, gap=4), out / files[role])
    write_text(out / "attributes.json", json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    return {"attributes": tables, "attribute_prompts": len(prompts)}


def _lettering(
    settings: EvaluateSettings, held: HeldOut, drawn: Mapping[str, np.ndarray], scores: Scores
) -> list[dict[str, str]]:
    """Read the words of the first picture of each prompt; why not, where it could not be done."""
    true = held.pairs.images[held.rows]
    try:
        for arm, pictures in {**drawn, "real": true}.items():
            first = pictures[:: len(pictures) // len(true)]
            scores[arm]["lettering"] = words_read(first, held.captions, settings.lettering)
    except DrawingError as error:
        return [{"item": "lettering", "reason": str(error)}]
    return []


def _measures(settings: EvaluateSettings, scores: Scores, seed: int) -> dict[str, dict[str, dict[str, float]]]:
    table: dict[str, dict[str, dict[str, float]]] = {}
    for name in MEASURES:
        for arm, found in scores.items():
            row = described(name, found[name], settings.bootstrap, seed) if name in found else None
            if row is not None:
                table.setdefault(name, {})[arm] = row
    return table


def _keep(folder: Path, pictures: Mapping[str, np.ndarray], prompts: Sequence[str]) -> None:
    """Each arm's first picture of every prompt as files with captions.csv: what `logolib study design` takes."""
    shutil.rmtree(folder, ignore_errors=True)
    for arm, drawn in pictures.items():
        (folder / arm).mkdir(parents=True)
        files = [f"{i:04d}.png" for i in range(len(prompts))]
        for file, picture in zip(files, drawn[:: len(drawn) // len(prompts)], strict=True):
            Image.fromarray(picture).save(folder / arm / file)
        pd.DataFrame({"file": files, "caption": list(prompts)}).to_csv(folder / arm / CAPTIONS, index=False)


__all__ = ["EvaluateError", "evaluate"]
