"""Small arms and simulated raters for the tests of the study."""

from __future__ import annotations

import importlib.util
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

import pandas as pd
from PIL import Image

from logolib.config import StudySettings
from logolib.study.design import design
from logolib.study.sheets import RIGHT, WRONG, Asked, Question, Study
from logolib.study.votes import COLUMNS, question_rows

Rater = Callable[[Question], int | None]


def write_arms(root: Path, prompts: int, names: Sequence[str] = ("base", "tuned"), size: int = 48) -> dict[str, Path]:
    """One flat picture a prompt and arm, each arm in a colour of its own."""
    colours = ("red", "blue", "green", "gold", "black")
    for name, colour in zip(names, colours, strict=False):
        folder = root / name
        folder.mkdir(parents=True)
        lines = ["file,caption"]
        for i in range(prompts):
            Image.new("RGB", (size, size), colour).save(folder / f"{name}-{i}.png")
            lines.append(f"{name}-{i}.png,a {colour_word(i)} lion number {i}")
        (folder / "captions.csv").write_text("\n".join(lines), "utf8")
    return {name: root / name for name in names}


def colour_word(i: int) -> str:
    return ("red", "blue", "green")[i % 3]


def small_study(root: Path, prompts: int = 6, names: Sequence[str] = ("base", "tuned"), **settings: object) -> Path:
    """A study on disk."""
    arms = write_arms(root / "arms", prompts, names)
    design(StudySettings.model_validate(settings), arms, root / "study")
    return root / "study"


def paper_study(prompts: int, arms: Sequence[str] = ("base", "tuned"), kind: str = "pairs", checks: int = 3) -> Study:
    """A study without pictures, for statistics."""
    names = [RIGHT, WRONG, *(f"{WRONG}-{i}" for i in range(2, len(arms)))]
    shown = names[: 2 if kind == "pairs" else len(arms)]
    units = prompts * (len(arms) * (len(arms) - 1) // 2 if kind == "pairs" else 1)
    return Study.model_validate(
        {
            "study": "0123456789ab",
            "key": "ab" * 32,
            "kind": kind,
            "title": "t",
            "question": "q",
            "arms": arms,
            "prompts": [
                Asked(id=f"p{i:03d}", text=f"text {i}", pictures={arm: f"{i}-{arm}" for arm in arms})
                for i in range(prompts)
            ],
            "checks": [
                Asked(id=f"check-{i}", text=f"check {i}", pictures={a: f"c{i}-{a}" for a in shown})
                for i in range(checks)
            ],
            "per_rater": units,
            "repeats": round(0.1 * units),
            "misses": 1,
            "size": 64,
            "power": {},
        }
    )


def load_tool() -> ModuleType:
    """benchmarks/study_load.py as a module."""
    path = Path(__file__).parents[1] / "benchmarks" / "study_load.py"
    spec = importlib.util.spec_from_file_location("study_load", path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules["study_load"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def votes_of(study: Study, raters: Mapping[str, Rater], sheets: Callable[[int], Sequence[Question]]) -> pd.DataFrame:
    """Every rater answers a whole sheet."""
    rows = [
        row
        for number, (name, answer) in enumerate(raters.items())
        for question in sheets(number)
        for row in question_rows(study, name, question, answer(question), 1500)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def prefers(arm: str, share: float, seed: object) -> Rater:
    """A rater who passes checks and takes `arm`, where it is shown, on `share` of the prompts, whoever is asked."""

    def answer(question: Question) -> int | None:
        if question.kind == "check":
            return question.arms.index(RIGHT)
        coin = random.Random(f"{seed} {question.prompt_id} {sorted(question.arms)}")
        others = sorted(set(question.arms) - {arm})
        wanted = arm if arm in question.arms and coin.random() < share else coin.choice(others)
        return question.arms.index(wanted)

    return answer
