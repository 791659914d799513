"""Scripted raters: programs that answer a study by a rule that is told. No people, and every sentence says so."""

from __future__ import annotations

import random
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from logolib.config import StudySettings
from logolib.results import StageResult, read_json, read_result, write_result, write_text
from logolib.seeds import derive
from logolib.study.analyse import analyse
from logolib.study.design import design
from logolib.study.sheets import RIGHT, Question, StudyError, load_study, sheet
from logolib.study.votes import question_rows, to_csv

RULE = (
    "Of two pictures the better one is that in which the marker reads more of what it reads in the true logo; "
    "pictures alike in this are a tie; {slips} answers in 100 are drawn by lot."
)
READING_MS = 1000  # what a program notes as its time
Alike = Mapping[str, Mapping[str, float]]  # prompt => arm => share of attributes read as in the true logo


def scripted_study(
    settings: StudySettings, evaluation: Path, out: Path, *, seed: int = 0, profile: str = "custom"
) -> StageResult:
    """Build a study of an evaluation's arms in OUT/study, let programs answer it, and analyse; writes OUT/result.json.

    evaluation: a folder that `logolib evaluate` wrote. Its models are compared, a single one with the true logos.
    The same questions, checks and statistics as with people; the rule that the programs follow stands in the
    result. Raises StudyError or ResultError.
    """
    arms = [arm for arm in read_result(evaluation / "result.json", "evaluate").values["arms"] if arm != "shuffled"]
    if len(arms) > 2:
        arms.remove("real")
    alike = _alike(evaluation / "fit.json", arms)
    shutil.rmtree(out / "study", ignore_errors=True)
    folders = {arm: evaluation / "arms" / arm for arm in arms}
    design(settings, folders, out / "study", seed=seed, profile=profile)
    study = load_study(out / "study")
    texts = {asked.id: asked.text for asked in study.prompts}
    rows = [
        row
        for number in range(settings.scripted)
        for question in sheet(study, number)
        for row in question_rows(
            study,
            f"program-{number}",
            question,
            _answer(question, alike.get(texts.get(question.prompt_id, ""), {}), settings.slips, seed, number),
            READING_MS,
        )
    ]
    write_text(out / "votes.csv", to_csv(rows))
    judge = evaluation / "fit.json"
    found = analyse(
        settings, out / "study", [out / "votes.csv"], out, judge=judge, scripted=True, seed=seed, profile=profile
    )
    values = {**found.values, "rule": RULE.format(slips=f"{100 * settings.slips:.0f}")}
    result = replace(found, values=values, files={"votes": "votes.csv"})
    write_result(out / "result.json", result)
    return result


def _answer(question: Question, alike: Mapping[str, float], slips: float, seed: int, rater: int) -> int | None:
    """The place of the picture that a program takes; None for a tie."""
    coin = random.Random(derive(seed, "scripted", rater, question.prompt_id, question.kind, *sorted(question.arms)))
    if coin.random() < slips:
        return coin.randrange(len(question.arms))
    if question.kind == "check":
        return question.arms.index(RIGHT)
    reads = [alike[arm] for arm in question.arms]
    best = max(reads)
    return reads.index(best) if reads.count(best) == 1 else None


def _alike(file: Path, arms: list[str]) -> Alike:
    try:
        listed = list(read_json(file.read_text("utf8")))
        return {" ".join(row["prompt"].split()): {arm: float(row[arm]["alike"]) for arm in arms} for row in listed}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise StudyError(f"{file} is not the fit.json of `logolib evaluate`; evaluate again.") from None
