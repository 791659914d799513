"""Votes become a verdict; careless raters, foreign files and thin data are told apart from a result."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from study_world import Rater, paper_study, prefers, small_study, votes_of

from logolib.config import StudySettings
from logolib.results import read_result
from logolib.study import Question, Study, StudyError, load_study, sheet
from logolib.study.analyse import analyse, findings
from logolib.study.sheets import WRONG
from logolib.study.votes import COLUMNS, question_rows, read_votes, to_csv

QUICK = StudySettings(bootstrap=100)


def whole(study: Study, raters: dict[str, Rater]) -> pd.DataFrame:
    return votes_of(study, raters, lambda number: sheet(study, number))


def careless(question: Question) -> int | None:
    return question.arms.index(WRONG) if question.kind == "check" else 0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_study(tmp_path_factory.mktemp("study"), prompts=8, checks=2, repeats=0.25)


@pytest.mark.parametrize(
    ("kind", "arms"),
    [("pairs", ("base", "tuned")), ("pairs", ("base", "real", "tuned")), ("rows", ("base", "real", "tuned"))],
)
def test_a_known_preference_is_found_in_pairs_and_in_rows(kind: str, arms: tuple[str, ...]) -> None:
    study = paper_study(30, arms, kind)
    found = findings(QUICK, study, whole(study, {f"r{i}": prefers("tuned", 0.9, i) for i in range(3)}))
    against = [pair for pair in found["pairs"] if pair["second"] == "tuned"]
    assert len(against) == len(arms) - 1
    assert {pair["preferred"] for pair in against} == {"tuned"}
    assert max(found["strengths"], key=lambda arm: found["strengths"][arm]["strength"]) == "tuned"
    assert "tuned is preferred to base" in found["verdict"]
    assert found["prompts"] == 30
    assert found["same_answer_twice"]["share"] == 1.0
    assert all(row["low"] <= row["strength"] <= row["high"] for row in found["strengths"].values())


def test_careless_raters_are_left_out_by_the_rule_fixed_before() -> None:
    study = paper_study(20)
    raters = {"r0": prefers("tuned", 1, 0), "r1": prefers("tuned", 1, 1), "r2": careless}
    found = findings(QUICK, study, whole(study, raters))
    assert found["raters"] == {"counted": 2, "excluded": ["r2"]}
    assert found["pairs"][0]["win_rate"] == 1.0
    lenient = study.model_copy(update={"misses": 3})
    assert findings(QUICK, lenient, whole(study, raters))["raters"]["counted"] == 3
    with pytest.raises(StudyError, match="No vote is left: 1 raters missed"):
        findings(QUICK, study, whole(study, {"r2": careless}))


def test_only_ties_one_rater_or_one_prompt_give_no_verdict_but_a_sentence() -> None:
    study = paper_study(10)
    ties = findings(
        QUICK, study, whole(study, {"r0": lambda q: prefers("tuned", 1, 0)(q) if q.kind == "check" else None})
    )
    assert ties["ties"] == 1.0
    assert ties["pairs"][0]["win_rate"] == 0.5
    assert "can't be told apart" in ties["verdict"]
    assert ties["strengths"]["base"]["strength"] == pytest.approx(0.5)
    lonely = findings(QUICK, study, whole(study, {"r0": prefers("tuned", 0.6, 0)}))
    assert lonely["alpha"] is None
    table = whole(study, {f"r{i}": prefers("tuned", 1, i) for i in range(3)})
    single = findings(QUICK, study, table[table["prompt_id"].isin(["p001", "check-0", "check-1"])])
    assert single["pairs"][0]["p"] == 1.0
    assert "can't be told apart" in single["verdict"]


def test_scripted_raters_are_never_called_people() -> None:
    study = paper_study(10)
    table = whole(study, {"r0": prefers("tuned", 1, 0)})
    found = findings(QUICK, study, table, scripted=True)
    assert found["scripted"]
    assert found["verdict"].startswith("1 scripted raters, no people answered")
    assert "scripted" not in findings(QUICK, study, table)["verdict"]


def test_an_analysis_reads_csv_and_saved_answers_and_compares_with_a_judge(made: Path, tmp_path: Path) -> None:
    study = load_study(made)
    rater = prefers("tuned", 1, 0)
    rows = [row for q in sheet(study, 0) for row in question_rows(study, "r0000", q, rater(q), 900)]
    (tmp_path / "votes.csv").write_text(to_csv(rows), "utf8")
    answers = [{"choice": rater(q), "ms": 800} for q in sheet(study, 5)]
    saved = {"study": study.study, "rater": "f-00112233", "sheet": 5, "answers": answers}
    (tmp_path / "answers.json").write_text(json.dumps(saved), "utf8")
    judged = [
        {"prompt": asked.text, "seed": 0, "base": {"similarity": 0.4 if i else 0.1}, "tuned": {"similarity": 0.3}}
        for i, asked in enumerate(study.prompts)
    ]
    (tmp_path / "fit.json").write_text(json.dumps(judged), "utf8")
    files = [tmp_path / "votes.csv", tmp_path / "answers.json"]
    analyse(QUICK, made, files, tmp_path / "out", judge=tmp_path / "fit.json")
    values = read_result(tmp_path / "out" / "result.json", "study").values
    assert values["raters"]["counted"] == 2
    assert (values["pairs"][0]["won"], values["pairs"][0]["p"]) == (8, 2 / 2**8)
    assert (values["judge"][0]["same"], values["judge"][0]["n"]) == (1, 8)


def test_unfit_files_are_refused_with_their_line(made: Path, tmp_path: Path) -> None:
    study = load_study(made)
    good = dict(zip(COLUMNS, (study.study, "r0", "p001", "base", "tuned", "left", "12"), strict=True))

    def refused(sentence: str, text: str, name: str = "votes.csv") -> None:
        (tmp_path / name).write_text(text, "utf8")
        with pytest.raises(StudyError, match=sentence) as raised:
            read_votes(study, [tmp_path / name])
        assert "\n" not in str(raised.value)

    refused("a vote of study 'other', not of", to_csv([good, good | {"study": "other"}]))
    refused("line 2: this study has no prompt 'p999'", to_csv([good | {"prompt_id": "p999"}]))
    refused("are no two arms", to_csv([good | {"left_arm": "tuned"}]))
    refused("the winner is 'base'", to_csv([good | {"winner": "base"}]))
    refused("ms is '-3'", to_csv([good | {"ms": "-3"}]))
    refused("ms is '99999999'", to_csv([good | {"ms": "99999999"}]))
    refused("its first line must be", "a,b\n1,2\n")
    refused("not 7 values", ",".join(COLUMNS) + "\nx,y\n")
    refused("no vote in", ",".join(COLUMNS) + "\n")
    refused("no answers of an exported page", "[]", "answers.json")
    foreign = {"study": "other", "rater": "f-00112233", "sheet": 0, "answers": []}
    refused("answers of study 'other'", json.dumps(foreign), "answers.json")
    bold = foreign | {"study": study.study, "answers": [{"choice": 7, "ms": 1}]}
    refused("does not ask", json.dumps(bold), "answers.json")
    (tmp_path / "a.csv").write_text(to_csv([good]), "utf8")
    (tmp_path / "b.csv").write_text(to_csv([good]), "utf8")
    with pytest.raises(StudyError, match="stands in"):
        read_votes(study, [tmp_path / "a.csv", tmp_path / "b.csv"])
    with pytest.raises(StudyError, match="There is no file"):
        read_votes(study, [tmp_path / "none.csv"])


def test_doubled_lines_are_no_further_votes() -> None:
    study = paper_study(10)
    table = whole(study, {"r0": prefers("tuned", 1, 0)})
    with pytest.raises(StudyError, match="more often than the study asks"):
        findings(QUICK, study, pd.concat([table, table], ignore_index=True))


@settings(max_examples=25, deadline=None)
@given(text=st.text(max_size=200), cells=st.lists(st.text(max_size=12), max_size=9))
def test_wild_files_end_in_a_sentence(
    text: str, cells: list[str], made: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    study = load_study(made)
    folder = tmp_path_factory.getbasetemp()
    for content in (text, ",".join(COLUMNS) + "\n" + ",".join(cells) + "\n"):
        for name in ("wild.csv", "wild.json"):
            (folder / name).write_bytes(content.encode("utf8", "surrogatepass"))
            with pytest.raises(StudyError):
                read_votes(study, [folder / name])
