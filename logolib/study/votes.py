"""Votes as files: CSV with the arms' names, and the answers that come back from the exported page."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from logolib.config import Settings
from logolib.results import read_json
from logolib.study.sheets import Question, Study, StudyError, sheet

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("study", "rater", "prompt_id", "left_arm", "right_arm", "winner", "ms")
WINNERS = ("left", "right", "tie")
MAX_MS = 3_600_000  # an hour: longer is a rater who went away
MAX_SHEET = 1_000_000


class _Given(Settings):
    choice: int | None
    ms: int = Field(ge=0, le=MAX_MS)


class Answers(Settings):
    """The file that the exported page saves."""

    study: str
    rater: str = Field(pattern=r"^f-[0-9a-f]{8,32}$")
    sheet: int = Field(ge=0, le=MAX_SHEET)
    answers: tuple[_Given, ...]


def question_rows(
    study: Study, rater: str, question: Question, choice: int | None, ms: int
) -> Iterator[dict[str, Any]]:
    """One answer as rows of the CSV: a pair is one; a row of pictures is its winner against each of the others.

    choice: picture from the left, from 0; None for a tie, which in a row is one between all pictures.
    """
    places = range(len(question.arms))
    for i in places:
        for j in places[i + 1 :]:
            if choice is None or choice in (i, j):
                winner = "tie" if choice is None else "left" if choice == i else "right"
                values = (study.study, rater, question.prompt_id, question.arms[i], question.arms[j], winner, ms)
                yield dict(zip(COLUMNS, values, strict=True))


def to_csv(rows: Iterable[dict[str, Any]]) -> str:
    """Rows as CSV text with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def read_votes(study: Study, files: Sequence[Path]) -> pd.DataFrame:
    """CSV files and saved answers of this study => one table with COLUMNS, in the files' order.

    Raises StudyError with file and line for votes of another study, unknown arms or prompts, values out of
    range, and raters who stand in two files.
    """
    if not files:
        raise StudyError("There are no votes to read; name at least one file.")
    seen: dict[str, Path] = {}
    tables = []
    for file in files:
        rows = _from_answers(study, file) if file.suffix.lower() == ".json" else _from_csv(study, file)
        for rater in dict.fromkeys(row["rater"] for row in rows):
            if rater in seen:
                raise StudyError(f"Rater {rater} stands in {seen[rater]} and in {file}; give each file once.")
            seen[rater] = file
        tables += rows
    if not tables:
        raise StudyError(f"There is no vote in {', '.join(map(str, files))}; wait for the first rater.")
    import pandas as pd  # here: the web page starts without it

    return pd.DataFrame(tables, columns=list(COLUMNS))


def _from_csv(study: Study, file: Path) -> list[dict[str, Any]]:
    try:
        reader = csv.DictReader(io.StringIO(file.read_text("utf-8-sig")), strict=True)
        if set(reader.fieldnames or ()) != set(COLUMNS):
            raise StudyError(f"{file} is no file of votes; its first line must be {','.join(COLUMNS)}.")
        rows: list[dict[str, Any]] = list(reader)
    except FileNotFoundError:
        raise StudyError(f"There is no file {file}.") from None
    except (OSError, UnicodeDecodeError, csv.Error):
        raise StudyError(f"{file} cannot be read as CSV; save it again as UTF-8.") from None
    arms = {asked.id: set(asked.pictures) for asked in (*study.prompts, *study.checks)}
    for line, row in enumerate(rows, 2):
        fault = _fault(study, row, arms)
        if fault:
            raise StudyError(f"{file}, line {line}: {fault}.")
        row["ms"] = int(row["ms"])
    return rows


def _fault(study: Study, row: dict[str, Any], arms: dict[str, set[str]]) -> str | None:
    """What is wrong with one line, in words."""
    if None in row or None in row.values():
        return f"it has not {len(COLUMNS)} values"
    if row["study"] != study.study:
        return f"a vote of study {row['study'][:40]!r}, not of {study.study}"
    if not row["rater"].strip():
        return "the rater is missing"
    if row["prompt_id"] not in arms:
        return f"this study has no prompt {row['prompt_id'][:40]!r}"
    pair = {row["left_arm"], row["right_arm"]}
    if len(pair) != 2 or not pair <= arms[row["prompt_id"]]:
        return f"{row['left_arm'][:40]!r} and {row['right_arm'][:40]!r} are no two arms of {row['prompt_id']}"
    if row["winner"] not in WINNERS:
        return f"the winner is {row['winner'][:40]!r}, not one of {', '.join(WINNERS)}"
    if not (row["ms"].isascii() and row["ms"].isdigit() and int(row["ms"][:10]) <= MAX_MS):
        return f"ms is {row['ms'][:40]!r}, not a whole number up to {MAX_MS}"
    return None


def _from_answers(study: Study, file: Path) -> list[dict[str, Any]]:
    try:
        saved = Answers.model_validate(read_json(file.read_text("utf8")))
    except FileNotFoundError:
        raise StudyError(f"There is no file {file}.") from None
    except (OSError, ValueError, ValidationError):
        raise StudyError(f"{file} holds no answers of an exported page; ask for it again.") from None
    if saved.study != study.study:
        raise StudyError(f"{file} has answers of study {saved.study!r}, not of {study.study}.")
    questions = sheet(study, saved.sheet)
    if len(saved.answers) > len(questions) or any(
        given.choice is not None and not 0 <= given.choice < study.shown for given in saved.answers
    ):
        raise StudyError(f"{file} answers questions that the study does not ask; ask for it again.")
    pairs = zip(questions, saved.answers, strict=False)  # a rater may stop early
    return [row for q, given in pairs for row in question_rows(study, saved.rater, q, given.choice, given.ms)]
