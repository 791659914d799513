"""Whether a study finds what is there: 200 studies each of scripted raters without, and with, a known preference.

python benchmarks/study_power.py
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from study_load import make_study

from logolib.config import StudySettings
from logolib.report.benchmarks import keep
from logolib.study import Study, load_study, sheet
from logolib.study.analyse import findings
from logolib.study.power import majority, sign_test_power
from logolib.study.votes import COLUMNS, question_rows

RATERS, FIRST, SECOND = 3, "base", "tuned"


def main() -> None:
    """Read the command line, simulate, keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--prompts", type=int, default=60)
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/study.json"))
    given = parser.parse_args()
    settings = StudySettings(bootstrap=100)
    with tempfile.TemporaryDirectory() as folder:
        study = load_study(make_study(Path(folder), given.prompts))
    rows: list[dict[str, Any]] = []
    for share in (0.5, 0.6, 0.65, 0.75):
        verdicts = [_verdict(settings, study, share, seed) for seed in range(given.studies)]
        beforehand = sign_test_power(given.prompts, majority(share, RATERS)[0], settings.alpha)
        rows.append(
            {
                "votes for one arm": f"{share:.0%}" + (" (no preference)" if share == 0.5 else ""),
                "studies": given.studies,
                "it is preferred": sum(found == SECOND for found in verdicts),
                "the other is": sum(found == FIRST for found in verdicts),
                "can't tell": sum(found is None for found in verdicts),
                "a difference, expected": f"{beforehand:.0%}",
            }
        )
    note = f"{RATERS} scripted raters answer for {given.prompts} prompts in each study; no people took part."
    keep(given.out, rows, note)


def _verdict(settings: StudySettings, study: Study, share: float, seed: int) -> str | None:
    """The arm that the analysis calls preferred."""
    rows = []
    for number in range(RATERS):
        coin = random.Random(f"{seed} {number} {share}")
        for question in sheet(study, number):
            choice = question.arms.index(SECOND if coin.random() < share else FIRST)
            rows += question_rows(study, f"r{number}", question, choice, 1500)
    found = findings(settings, study, pd.DataFrame(rows, columns=list(COLUMNS)), scripted=True, seed=seed)
    preferred: str | None = found["pairs"][0]["preferred"]
    return preferred


if __name__ == "__main__":
    main()
