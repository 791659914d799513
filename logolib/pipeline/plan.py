"""What a run is: its stages in order, their folders, and the rooms whose code each stage uses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logolib.config import LogolibError
from logolib.results import read_json, reason_of

PACKAGE = Path(__file__).resolve().parents[1]
DRAWING = ("data", "models", "records", "images", "text", "noise", "seeds")
TRAINING = ("train", "emblems", "weights", *DRAWING)  # weights: the base they start from
NAME = r"[A-Za-z0-9][\w.-]*"  # of a run: a folder's name and no path
MODEL = ("model.safetensors",)


class PipelineError(LogolibError):
    """A run that cannot start or that stopped; the text says where and why."""


@dataclass(frozen=True)
class Stage:
    """One notebook of a run."""

    notebook: str
    folder: str | None = None  # in the run's folder; None for a page without results
    files: tuple[str, ...] = ()  # what later stages read, besides result.json
    after: tuple[str, ...] = ()  # the stages whose results it reads
    rooms: tuple[str, ...] = ()  # a change in their code makes the stage run again


STAGES: dict[str, Stage] = {
    "collect": Stage(
        "01_collect.ipynb",
        "collected",
        ("manifest.parquet",),
        rooms=("collect", "data", "emblems", "records", "images", "seeds"),
    ),
    "dataset": Stage(
        "02_dataset.ipynb",
        "data",
        ("clip_train.csv", "clip_val.csv"),
        after=("collect",),
        rooms=("data", "records", "images", "text", "seeds"),
    ),
    "caption": Stage(
        "03_caption.ipynb",
        "captions",
        ("captions.csv", "verdicts.csv"),
        after=("collect",),
        rooms=("caption", "emblems", "weights", *DRAWING),
    ),
    "clip": Stage("04_clip.ipynb", "model/clip", MODEL, ("dataset",), TRAINING),
    "prior": Stage("05_prior.ipynb", "model/prior", MODEL, ("dataset", "clip"), TRAINING),
    "decoder": Stage("06_decoder.ipynb", "model/decoder", MODEL, ("dataset", "clip", "prior"), TRAINING),
    "generate": Stage(
        "07_generate.ipynb",
        "samples",
        ("sheet.png",),
        after=("dataset", "clip", "prior", "decoder"),
        rooms=("generate", "weights", *DRAWING),
    ),
    "baselines": Stage(
        "08_baselines.ipynb",
        "baselines",
        ("sheet.png",),
        after=("dataset",),
        rooms=("baselines", "generate", "emblems", "weights", *DRAWING),
    ),
    "evaluate": Stage(
        "09_evaluate.ipynb",
        "evaluation",
        after=("dataset", "clip", "prior", "decoder", "baselines"),
        rooms=("evaluate", "generate", *TRAINING),
    ),
    "study": Stage("10_study.ipynb", "study", after=("evaluate",), rooms=("study", "emblems", "images", "seeds")),
}


@dataclass(frozen=True)
class Plan:
    """One run as asked for; it lies as JSON in the run's folder, where every job reads it."""

    name: str
    profile: str
    changes: str  # `stage.setting=value` words, quoted as in a shell
    parameters: dict[str, Any]  # further parameters of every notebook

    @property
    def run(self) -> Path:
        """The run's folder, relative to the project."""
        return Path("runs") / self.name

    @property
    def file(self) -> Path:
        """Where the plan lies."""
        return self.run / "log" / "plan.json"

    def problem(self, stage: str) -> Path:
        """Where a stage that stopped, or the book, leaves its sentence."""
        return self.run / "log" / f"problem-{stage}.txt"

    @property
    def html(self) -> Path:
        """Where the run's book goes: the demo's is the book, others stand beside it."""
        return Path("build") / ("html" if self.name == "demo" else f"html-{self.name}")


def read_plan(file: Path) -> Plan:
    """Load a plan that `run_pipeline` wrote. Raises PipelineError when it is missing or damaged."""
    try:
        plan = Plan(**read_json(file.read_text("utf8")))
        if not re.fullmatch(NAME, plan.name):
            raise ValueError(f"{plan.name!r} cannot name a run")
        if not (isinstance(plan.profile, str) and isinstance(plan.changes, str) and isinstance(plan.parameters, dict)):
            raise ValueError("its settings are of another type")
    except (OSError, ValueError, TypeError) as error:
        raise PipelineError(f"The plan {file} is damaged ({reason_of(error)}); run `logolib run` again.") from None
    return plan


def needed(stage: str) -> list[str]:
    """A stage and all whose results it reads, directly or not, in the book's order; `book` reads all."""
    found = set(STAGES) if stage == "book" else {stage}
    while more := {one for name in found for one in STAGES[name].after} - found:
        found |= more
    return [name for name in STAGES if name in found] + (["book"] if stage == "book" else [])


def sources(rooms: Iterable[str]) -> list[Path]:
    """The files of some rooms of the package, sorted."""
    found: list[Path] = []
    for room in rooms:
        files = [PACKAGE / f"{room}.py", *(PACKAGE / room).rglob("*")]
        found += [f for f in files if f.is_file() and f.suffix != ".pyc" and not f.name.startswith(".")]
    return sorted(found)
