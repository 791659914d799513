"""A study as it lies on disk, and the sheet of questions that each rater gets from it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from logolib.config import LogolibError, Settings
from logolib.results import unsealed

STUDY = "study.json"  # holds which picture is whose: never shown to raters
PICTURES = "pictures"
RIGHT, WRONG = "check-right", "check-wrong"  # the arms of attention checks, `check-wrong-2` and so on in rows
MAX_ROW = 5
CODE = re.compile(r"[\w-]+")

Item = TypeVar("Item")


class StudyError(LogolibError):
    """A study that cannot be made, served or read, and why."""


class Asked(Settings):
    """One description and a picture for it from every arm."""

    id: str
    text: str
    pictures: dict[str, str]  # arm => code, the picture's name


class Study(Settings):
    """Everything about a study but its votes."""

    study: str  # public name, 12 hex digits
    key: str  # decides sides and orders; from the arms' own files, which raters do not have
    kind: Literal["pairs", "rows"]
    title: str
    question: str
    arms: tuple[str, ...]
    prompts: tuple[Asked, ...]
    checks: tuple[Asked, ...]
    per_rater: int = Field(ge=1, le=1_000_000)
    repeats: int = Field(ge=0, le=1_000_000)  # questions of a sheet that come twice
    misses: int = Field(ge=0)
    size: int  # side of every picture, pixels
    power: dict[str, Any]  # what `design` calculated before the first vote

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        """Every prompt has a picture of every arm, and every check the pictures that are shown at once."""
        own = set(self.arms)
        if len(own) < 2 or len(own) < len(self.arms) or not self.prompts:
            raise ValueError("a study has prompts and two arms")
        if any(set(asked.pictures) != own for asked in self.prompts):
            raise ValueError("a prompt lacks an arm's picture")
        if any(len(asked.pictures) != self.shown or RIGHT not in asked.pictures for asked in self.checks):
            raise ValueError("a check lacks a picture")
        names = [asked.id for asked in (*self.prompts, *self.checks)]
        if len(set(names)) < len(names) or any(not CODE.fullmatch(code) for code in self.codes()):
            raise ValueError("two questions have one name, or a picture's name is a path")
        return self

    @property
    def shown(self) -> int:
        """Pictures a question."""
        return 2 if self.kind == "pairs" else len(self.arms)

    @property
    def length(self) -> int:
        """Questions a sheet, repeats and checks included."""
        return self.per_rater + self.repeats + len(self.checks)

    def codes(self) -> set[str]:
        """The names of all pictures."""
        return {code for asked in (*self.prompts, *self.checks) for code in asked.pictures.values()}


@dataclass(frozen=True)
class Question:
    """One question as one rater sees it: arms and pictures from left to right."""

    prompt_id: str
    text: str
    arms: tuple[str, ...]
    pictures: tuple[str, ...]
    kind: Literal["main", "repeat", "check"]


def load_study(folder: Path) -> Study:
    """Read what `design` wrote. Raises StudyError when it is missing, damaged or lacks pictures."""
    try:
        study = Study.model_validate(unsealed((folder / STUDY).read_text("utf8")))
    except FileNotFoundError:
        raise StudyError(f"There is no study in {folder}; `logolib study design` makes one.") from None
    except (ValidationError, ValueError, OSError):
        raise StudyError(f"{folder / STUDY} is damaged; design the study again.") from None
    missing = sorted(code for code in study.codes() if not (folder / PICTURES / f"{code}.png").is_file())
    if missing:
        raise StudyError(f"{folder} lacks {len(missing)} pictures, {missing[0]}.png first; design the study again.")
    return study


@lru_cache(maxsize=1024)
def _units(key: str, kind: str, arms: tuple[str, ...], prompts: tuple[str, ...]) -> list[tuple[int, tuple[str, ...]]]:
    """What there is to ask: (number of the prompt, arms to compare), in an order that the key decides."""
    groups = list(combinations(arms, 2)) if kind == "pairs" else [arms]
    return shuffled([(i, group) for i in range(len(prompts)) for group in groups], key, "units")


def sheet(study: Study, number: int) -> tuple[Question, ...]:
    """The questions of rater `number`, from 0, in order; equal on every machine.

    Raters take turns through all units, so that each unit is asked about equally often; each time a unit comes
    round its pictures move on by one place, so that each arm is on each side equally often. Repeats are taken
    from the first half and come in the last third, moved on by one place; checks are spread over the sheet.
    """
    units = _units(study.key, study.kind, study.arms, tuple(asked.id for asked in study.prompts))
    main = []
    for turn in range(number * study.per_rater, (number + 1) * study.per_rater):
        rounds, place = divmod(turn, len(units))
        i, arms = units[place]
        main.append(_question(study.prompts[i], _turned(shuffled(arms, study.key, "sides", place), rounds), "main"))
    main = shuffled(main, study.key, "order", number)
    early = shuffled(main[: len(main) // 2], study.key, "repeats", number)[: study.repeats]
    asked = {prompt.id: prompt for prompt in study.prompts}
    again = [_question(asked[q.prompt_id], _turned(q.arms, 1), "repeat") for q in early]
    cut = -(-2 * len(main) // 3)
    questions = main[:cut] + shuffled(main[cut:] + again, study.key, "late", number)
    for i, check in enumerate(shuffled(study.checks, study.key, "checks", number)):
        start, end = (j * len(questions) // len(study.checks) for j in (i, i + 1))
        place = start + _digest(study.key, "check", number, i) % max(end - start, 1)
        questions.insert(
            place, _question(check, shuffled(list(check.pictures), study.key, "check sides", number, i), "check")
        )
    return tuple(questions)


def shuffled(items: Sequence[Item], *names: object) -> list[Item]:
    """The items in an order that depends on `names` alone, whatever the library's version."""
    return [items[i] for i in sorted(range(len(items)), key=lambda i: _digest(*names, i))]


def _turned(arms: Sequence[str], by: int) -> list[str]:
    by %= len(arms)
    return [*arms[by:], *arms[:by]]


def _question(asked: Asked, arms: Sequence[str], kind: Literal["main", "repeat", "check"]) -> Question:
    return Question(asked.id, asked.text, tuple(arms), tuple(asked.pictures[arm] for arm in arms), kind)


def _digest(*names: object) -> int:
    return int.from_bytes(hashlib.sha256(repr(tuple(map(str, names))).encode()).digest(), "big")
