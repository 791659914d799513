"""What a user may rely on in a sweep: every combination, one table, failures named, nothing done twice."""

import csv
import json
import os
import shlex
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from project import add_cell, make_project

from logolib.config import ConfigError, LogolibError
from logolib.pipeline import make_sweep, read_grid, run_sweep
from logolib.pipeline.plan import PipelineError
from logolib.report import sweeps
from logolib.results import read_result

MEASURED = """
from logolib.results import read_result
import dataclasses
settings = load_profile(profile, changes)
if settings.dataset.size == 96 and settings.seed == 1:
    raise LogolibError("The disk of this machine is on fire; buy another.")
result = read_result(out / "result.json")
names = ["train", "val", "clubs_train", "clubs_val", "duplicates", "skipped", "shards", "caption_words_median"]
values = dict.fromkeys(names, 1) | {"train": settings.dataset.size + settings.seed}
write_result(out / "result.json", dataclasses.replace(result, values=values))
"""
COLLECTED = """
import dataclasses
from logolib.results import read_result
names = ["logos", "clubs", "leagues", "pages", "distinct_images", "truncated", "skipped", "caption_words_median"]
result = read_result(out / "result.json")
write_result(out / "result.json", dataclasses.replace(result, values=dict.fromkeys(names, 1)))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its data set's number of pairs is the size plus the seed, and one combination fails."""
    make_project(tmp_path)
    add_cell(tmp_path / "notebooks/01_collect.ipynb", COLLECTED)
    add_cell(tmp_path / "notebooks/02_dataset.ipynb", "from logolib.config import LogolibError\n" + MEASURED)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sweep(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "logolib.cli", "sweep", "--profile", "smoke", "--measure", "dataset.train"]
    return subprocess.run([*command, *words], capture_output=True, text=True, timeout=280)


@pytest.mark.skipif("LOGOLIB_LONG" not in os.environ, reason="takes minutes; set LOGOLIB_LONG=1")
def test_a_sweep_makes_one_table_names_what_failed_and_does_nothing_twice(project: Path) -> None:
    words = ("--name", "sizes", "--set", "dataset.size=64,96", "--set", "seed=0,1")
    first = sweep(*words)
    assert first.returncode == 1
    (line,) = first.stderr.splitlines()
    assert "1 of 4 jobs have no result" in line
    assert "dataset.size=96 seed=1" in line
    assert "buy another" in line
    rows = list(csv.DictReader((project / "runs/sizes/sweep/table.csv").read_text("utf8").splitlines()))
    told = {(row["dataset.size"], row["seed"]): row["dataset.train"] for row in rows}
    assert told == {("64", "0"): "64.0", ("64", "1"): "65.0", ("96", "0"): "96.0", ("96", "1"): ""}
    result = read_result(project / "runs/sizes/sweep/result.json", "sweep")
    small, large = result.values["combinations"]
    assert (small["n"], small["mean"], large["n"], large["low"]) == (2, 64.5, 1, None)
    assert small["low"] < 64 < 65 < small["high"]
    assert (project / "runs/sizes/sweep/figure.png").read_bytes()[:4] == b"\x89PNG"
    html = sweeps.to_html(result)
    assert "buy another" in html
    assert 'alt="Each combination' in html

    notebook = project / "notebooks/02_dataset.ipynb"
    notebook.write_text(notebook.read_text().replace("settings.dataset.size == 96 and", "False and"))
    for path in (project / "runs").glob("sizes-*/collected/result.json"):
        os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    second = sweep(*words, "--json")
    assert second.returncode == 0, second.stderr
    assert "collect: done" not in second.stdout
    assert len(json.loads(second.stdout.splitlines()[-1])["values"]["jobs"]) == 4


def test_the_command_in_a_sweeps_record_asks_for_the_same_sweep(project: Path) -> None:
    grid = read_grid(["clip.lr=1e-4,3e-4", "decoder.dim_mults=[1,2],[1,2,4]", "collect.contact='a, b'", "seed=0"])
    asked = make_sweep("smoke", grid, name="again", measure="clip.text_to_image_r5")
    assert len(asked.jobs) == 4
    assert asked.varied == ["clip.lr", "decoder.dim_mults"]
    from logolib.pipeline.sweep import _command

    words = shlex.split(_command(asked))
    told = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    assert make_sweep("smoke", read_grid(told), name="again", measure="clip.text_to_image_r5") == asked


def test_a_grid_that_grows_keeps_its_runs(project: Path) -> None:
    small = make_sweep("smoke", read_grid(["seed=0,1"]), name="s", measure="dataset.train")
    large = make_sweep("smoke", read_grid(["seed=0,1,2"]), name="s", measure="dataset.train")
    assert set(small.jobs) < set(large.jobs)
    other = make_sweep("demo", read_grid(["seed=0,1"]), name="s", measure="dataset.train")
    assert not set(other.jobs) & set(small.jobs)


def test_a_grid_comes_from_a_file_and_words_replace_its_rows(tmp_path: Path) -> None:
    file = tmp_path / "grid.yaml"
    file.write_text("clip.steps: [10, 20]\nseed: 3\n")
    assert read_grid(["seed=0,1"], file) == {"clip.steps": [10, 20], "seed": [0, 1]}
    file.write_text("- clip.steps\n")
    with pytest.raises(PipelineError, match="must name settings"):
        read_grid([], file)
    with pytest.raises(PipelineError, match="cannot be read"):
        read_grid([], tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("words", "measure", "sentence"),
    [
        (["clip.stesp=1,2"], "clip.steps", "did you mean 'steps'"),
        (["clip.steps=1,0"], "clip.steps", "clip.steps cannot be 0"),
        (["seed=0"], "clip.steps", "two values or more"),
        (["seed=0,0"], "clip.steps", "each of them once"),
        (["seed="], "clip.steps", "needs values"),
        (["seed"], "clip.steps", "stage.setting=value"),
        (["seed=[0"], "clip.steps", "not valid YAML"),
        (["seed=0,1"], "clip.beauty", "no measure 'clip.beauty'"),
        (["seed=0,1"], "caption.words", "no measure"),
    ],
)
def test_a_wrong_grid_runs_nothing(project: Path, words: list[str], measure: str, sentence: str) -> None:
    with pytest.raises((PipelineError, ConfigError)) as error:
        run_sweep(make_sweep("smoke", read_grid(words), name="s", measure=measure))
    assert sentence in str(error.value)
    assert not (project / "runs").exists()


@given(st.text(max_size=30))
def test_any_word_is_a_grid_or_a_sentence(word: str) -> None:
    with suppress(LogolibError):  # and nothing else
        assert all(read_grid([word]).values())


def test_intervals_are_students() -> None:
    one = sweeps.Combination({"clip.lr": 0.1}, [1.0, 2.0, 3.0])
    low, high = one.ends or (0.0, 0.0)
    assert (low + high) / 2 == pytest.approx(2)
    assert high - 2 == pytest.approx(4.302653 * 1 / 3**0.5, rel=1e-5)
    assert sweeps.Combination({}, [1.0]).ends is None


def test_slurm_gets_every_job_and_the_table_last(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    from logolib.pipeline import submit_sweep

    asked = make_sweep("smoke", read_grid(["seed=0,1"]), name="s", measure="dataset.train")
    with pytest.raises(PipelineError, match=r"bash runs/s/log/slurm/submit\.sh"):
        submit_sweep(asked)
    monkeypatch.undo()
    stand_in = project / "bin" / "sbatch"
    stand_in.parent.mkdir()
    stand_in.write_text(
        '#!/bin/bash\necho "$@" >> calls\nbash "${@: -1}" >> out 2>&1 < /dev/null || true\nwc -l < calls\n'
    )
    stand_in.chmod(0o755)
    environment = {**os.environ, "PATH": f"{stand_in.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", str(project / "runs/s/log/slurm/submit.sh")], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    first, second = asked.jobs
    assert done.stdout.splitlines() == [f"{first}/collect 1", f"{first}/dataset 2", f"{second}/collect 3"] + [
        f"{second}/dataset 4",
        "s/sweep 5",
    ]
    assert "--dependency=afterany:2:4 " in (project / "calls").read_text().splitlines()[-1]
    assert len((project / "runs/s/sweep/table.csv").read_text().splitlines()) == 3, (project / "out").read_text()
