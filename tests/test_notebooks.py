"""The notebooks are thin, alike, portable, and compare something when nbval runs them."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
NAMES = [
    "01_collect", "02_dataset", "03_caption", "04_clip", "05_prior", "06_decoder", "07_generate",
    "08_baselines", "09_evaluate", "10_study",
]  # fmt: skip
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, tag: str = "") -> list[dict[str, Any]]:
    found = json.loads(path.read_text("utf8"))["cells"]
    return [cell for cell in found if not tag or tag in cell["metadata"].get("tags", [])]


def code(path: Path) -> list[tuple[dict[str, Any], ast.Module]]:
    return [(cell, ast.parse("".join(cell["source"]))) for cell in cells(path) if cell["cell_type"] == "code"]


def test_there_is_one_notebook_a_stage() -> None:
    assert [path.stem for path in NOTEBOOKS] == NAMES


@every_notebook
def test_opens_with_a_title_and_its_question(path: Path) -> None:
    first = cells(path)[0]
    assert first["cell_type"] == "markdown"
    assert "".join(first["source"]).startswith("# ")
    assert "?" in "".join(first["source"])


@every_notebook
def test_has_the_same_three_parameters(path: Path) -> None:
    (cell,) = cells(path, "parameters")
    statements = ast.parse("".join(cell["source"])).body
    values = {ast.unparse(one.targets[0]): ast.literal_eval(one.value) for one in statements}  # type: ignore[attr-defined]
    assert values == {"profile": "smoke", "run": "../runs/notebooks", "changes": ""}


@every_notebook
def test_is_thin(path: Path) -> None:
    refused = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.While, ast.With, ast.Try)
    refused += (ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp, ast.Lambda)
    for _, tree in code(path):
        assert not [node for node in ast.walk(tree) if isinstance(node, refused)]
        assert len(tree.body) <= 8


@every_notebook
def test_is_stripped_but_for_what_is_compared(path: Path) -> None:
    compared = 0
    for cell, _ in code(path):
        tags = cell["metadata"].get("tags", [])
        if cell["outputs"] or cell["execution_count"] is not None:
            assert {"keep_output", "nbval-check-output"} <= set(tags)
            assert all(output["output_type"] == "stream" for output in cell["outputs"])
        compared += bool(cell["outputs"]) and cell["execution_count"] is not None
    assert compared >= 1, "nbval would compare nothing: a cell without execution_count is skipped"


@every_notebook
def test_names_no_place_of_one_machine(path: Path) -> None:
    text = path.read_text("utf8")
    assert not re.search(r'["\s(](/(home|root|tmp|work|usr|Users)/|[A-Z]:\\\\)', text)
    assert json.loads(text)["metadata"]["kernelspec"]["name"] == "python3"


@every_notebook
def test_pictures_have_an_alternative_text(path: Path) -> None:
    charts = "learning_curve|retrieval|cosine_curve|fit|attributes|caption_lengths|colour_words"
    drawn = rf"figures\.({charts})\(|evaluation\.overview\(|votes\.preference\("
    for cell, _ in code(path):
        if re.match(drawn, "".join(cell["source"])):
            assert cell["metadata"]["mystnb"]["image"]["alt"]
