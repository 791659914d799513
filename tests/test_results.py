"""A result is whole or absent, and says where its numbers come from."""

import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logolib.config import ClipSettings
from logolib.results import (
    ResultError,
    StageResult,
    Stopwatch,
    data_hash,
    finite,
    read_result,
    sha256_file,
    write_result,
    write_text,
)


def some_result() -> StageResult:
    provenance = Stopwatch().provenance(ClipSettings(), 3, "abc", "smoke")
    skipped = ({"item": "a.png", "reason": "animated"},)
    return StageResult("clip", {"loss": 0.5, "name": "Lövens"}, {"model": "model.safetensors"}, provenance, skipped)


def test_a_result_comes_back_as_written(tmp_path: Path) -> None:
    write_result(tmp_path / "new" / "result.json", some_result())
    read = read_result(tmp_path / "new" / "result.json", "clip")
    assert read.values == {"loss": 0.5, "name": "Lövens"}
    assert read.skipped == ({"item": "a.png", "reason": "animated"},)
    assert {"profile", "seed", "settings", "data_hash", "commit", "versions", "started", "seconds"} == set(
        read.provenance
    )
    assert read.provenance["settings"]["steps"] == 100


def test_nan_is_no_result_and_leaves_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    write_result(file, some_result())
    before = file.read_text()
    with pytest.raises(ValueError, match="JSON"):
        write_result(file, StageResult("clip", {"loss": math.nan}, {}, {}))
    assert file.read_text() == before


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_text(tmp_path / "a", "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_text(tmp_path / "a", "new")
    assert [f.name for f in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"stage": "clip"}', "\0"])
def test_a_damaged_result_gets_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(ResultError, match="damaged"):
        read_result(tmp_path / "result.json")


def test_a_missing_or_foreign_result_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="run the stage"):
        read_result(tmp_path / "result.json")
    write_result(tmp_path / "result.json", some_result())
    with pytest.raises(ResultError, match="not of 'prior'"):
        read_result(tmp_path / "result.json", "prior")


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\n", exclude_categories=("Cs",)))))
def test_a_data_hash_ignores_order(parts: list[str]) -> None:
    assert data_hash(parts) == data_hash(reversed(parts))
    assert data_hash(parts) != data_hash([*parts, "more"])


def test_hashes_and_finite(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_file(tmp_path / "a").startswith("ba7816bf")
    assert finite({"a": 1.0, "b": math.inf}) == {"a": 1.0, "b": None}
