"""Scripted raters follow the rule that is told, are found out by the analysis, and are never called people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from logolib.config import EvaluateSettings, StudySettings
from logolib.results import CAPTIONS, StageResult, Stopwatch, read_result, write_result
from logolib.study import StudyError
from logolib.study.scripted import scripted_study

QUICK = StudySettings(bootstrap=100, scripted=4)


def evaluation(folder: Path, alike: dict[str, list[float]], prompts: int = 20) -> Path:
    """What `logolib evaluate` leaves: pictures of each arm, and how alike each is to the true logo."""
    for arm in (*alike, "real"):
        (folder / "arms" / arm).mkdir(parents=True)
        lines = ["file,caption"]
        for i in range(prompts):
            Image.new("RGB", (32, 32), (7 * i, len(arm) * 20, 90)).save(folder / "arms" / arm / f"{i}.png")
            lines.append(f"{i}.png,a lion number {i}")
        (folder / "arms" / arm / CAPTIONS).write_text("\n".join(lines), "utf8")
    rows = [
        {"prompt": f"a lion number {i}", "seed": i, "shuffled": {"similarity": 0.0}}
        | {
            arm: {"similarity": values[i], "alike": values[i]}
            for arm, values in ({**alike, "real": [1.0] * prompts}).items()
        }
        for i in range(prompts)
    ]
    (folder / "fit.json").write_text(json.dumps(rows), "utf8")
    provenance = Stopwatch().provenance(EvaluateSettings(), 0, "0")
    values = {"arms": [*alike, "shuffled", "real"]}
    write_result(folder / "result.json", StageResult("evaluate", values, {}, provenance))
    return folder


def test_programs_prefer_what_their_rule_says_and_the_judge_is_compared(tmp_path: Path) -> None:
    better = [0.9] * 18 + [0.1] * 2
    found = scripted_study(QUICK, evaluation(tmp_path / "e", {"tuned": better, "base": [0.5] * 20}), tmp_path / "out")
    (pair,) = found.values["pairs"]
    assert pair["preferred"] == "tuned"
    assert found.values["judge"][0]["share"] > 0.9
    assert found.values["verdict"].startswith("4 scripted raters, no people answered")
    assert "10 answers in 100" in found.values["rule"]
    assert found.values == read_result(tmp_path / "out" / "result.json", "study").values
    again = scripted_study(QUICK, tmp_path / "e", tmp_path / "again")
    assert again.values == found.values


def test_without_a_difference_none_is_found(tmp_path: Path) -> None:
    found = scripted_study(
        QUICK, evaluation(tmp_path / "e", {"tuned": [0.5] * 20, "base": [0.5] * 20}), tmp_path / "out"
    )
    assert found.values["pairs"][0]["preferred"] is None
    assert found.values["ties"] > 0.8


def test_a_single_model_is_compared_with_the_true_logos(tmp_path: Path) -> None:
    found = scripted_study(QUICK, evaluation(tmp_path / "e", {"generated": [0.4] * 20}), tmp_path / "out")
    assert set(found.values["arms"]) == {"generated", "real"}
    assert found.values["pairs"][0]["preferred"] == "real"


def test_an_evaluation_of_an_older_version_is_one_sentence(tmp_path: Path) -> None:
    folder = evaluation(tmp_path / "e", {"tuned": [0.5] * 20, "base": [0.5] * 20})
    rows = json.loads((folder / "fit.json").read_text("utf8"))
    del rows[3]["tuned"]["alike"]
    (folder / "fit.json").write_text(json.dumps(rows), "utf8")
    with pytest.raises(StudyError, match="evaluate again") as raised:
        scripted_study(QUICK, folder, tmp_path / "out")
    assert "\n" not in str(raised.value)
