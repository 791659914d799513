"""What a user may rely on when running the whole pipeline; tiny notebooks stand in for the long ones."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import grimp
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from project import ROOT, add_cell, make_project, write_notebook

from logolib.pipeline import build_book, run_pipeline
from logolib.pipeline.book import refuse_failed
from logolib.pipeline.plan import STAGES, PipelineError, Plan
from logolib.results import write_text

SLOW_CELL = """
import os, time
with (out / "begun").open("a") as file:
    print(os.getpid(), file=file)
if not (Path(run) / "go").exists():
    time.sleep(300)
"""


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "logolib.cli", "run", "--profile", "smoke", *words]


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), cwd=root, capture_output=True, text=True, timeout=280)


def executed(done: subprocess.CompletedProcess[str]) -> set[str]:
    """The stages that a run executed to their end."""
    return {line.split(":")[0] for line in done.stdout.splitlines() if ": done in" in line}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_does_what_is_out_of_date_and_no_more(project: Path) -> None:
    first = run(project, "--until", "clip")
    assert first.returncode == 0, first.stderr
    assert executed(first) == {"collect", "dataset", "clip"}
    assert "wrote runs/smoke" in first.stdout
    for page in (project / "runs/smoke/book").glob("*.ipynb"):
        assert str(project) not in page.read_text()

    second = run(project, "--until", "clip", "--json")
    assert second.returncode == 0, second.stderr
    assert executed(second) == set()
    assert json.loads(second.stdout.splitlines()[-1])["run"] == "runs/smoke"

    third = run(project, "--until", "clip", "--set", "clip.steps=7", "--set", "decoder.steps=7")
    assert third.returncode == 0, third.stderr
    assert executed(third) == {"clip"}
    result = json.loads((project / "runs/smoke/model/clip/result.json").read_text())
    assert result["provenance"]["settings"]["steps"] == 7


def test_an_interrupted_and_a_killed_run_resume(project: Path) -> None:
    add_cell(project / "notebooks" / "01_collect.ipynb", SLOW_CELL)
    begun = project / "runs/smoke/collected/begun"

    def start(times: int) -> tuple[subprocess.Popen[str], int]:
        job = subprocess.Popen(command("--until", "collect"), stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 120
        while not begun.exists() or len(begun.read_text().split()) < times:
            assert job.poll() is None, job.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return job, int(begun.read_text().split()[-1])

    job, kernel = start(1)
    job.send_signal(signal.SIGINT)
    assert "next run resumes" in job.communicate(timeout=60)[1]
    assert job.returncode == 130
    wait_for_end(kernel)

    job, kernel = start(2)
    job.kill()
    job.communicate(timeout=60)
    wait_for_end(kernel)

    (project / "runs/smoke/go").touch()
    done = run(project, "--until", "collect")
    assert done.returncode == 0, done.stderr
    assert len(begun.read_text().split()) == 3  # the folder was kept for the stage to resume in


def test_training_that_is_killed_goes_on_from_its_last_checkpoint(project: Path) -> None:
    for name in ("01_collect", "02_dataset", "04_clip"):  # the true ones: this is about real training
        shutil.copy(ROOT / "notebooks" / f"{name}.ipynb", project / "notebooks")
    words = ("--until", "clip", "--set", "clip.steps=60", "--set", "clip.save_every=2")
    folder = project / "runs/smoke/model/clip"
    job = subprocess.Popen(command(*words), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 180
    while not (folder / "latest.pt").exists():
        assert job.poll() is None, job.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    job.kill()
    job.communicate(timeout=60)
    assert not (folder / "result.json").exists()
    done = run(project, *words)
    assert done.returncode == 0, done.stderr
    values = json.loads((folder / "result.json").read_text())["values"]
    assert 0 < values["resumed_at"] < 60
    assert values["curve"][-1]["step"] == 60


def wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline, "the notebook's process outlives its run"
        time.sleep(0.1)


def test_a_failing_notebook_ends_the_run_with_one_sentence(project: Path) -> None:
    add_cell(
        project / "notebooks" / "01_collect.ipynb",
        "from logolib.config import LogolibError\nraise LogolibError('The folder is empty; choose another.')",
    )
    done = run(project)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "01_collect.ipynb stopped: The folder is empty; choose another" in line
    assert "runs/smoke/log/01_collect.ipynb" in line
    assert (project / "runs/smoke/log/01_collect.ipynb").exists()
    assert not (project / "build").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"parameters": ["chnges=x"]}, "no parameter 'chnges'; did you mean 'changes'?"),
        ({"parameters": ["changes"]}, "write it as NAME=VALUE"),
        ({"parameters": ["run=x"]}, "give --name"),
        ({"changes": ["clip.stesp=3"]}, "clip.stesp"),
        ({"until": "decodr"}, "did you mean 'decoder'?"),
        ({"name": "../x"}, "cannot name a run"),
        ({"name": "notebooks"}, "cannot name a run"),
        ({"source": "nowhere"}, "no folder nowhere"),
    ],
)
def test_nothing_runs_when_the_request_is_wrong(project: Path, words: dict, sentence: str) -> None:
    with pytest.raises(Exception, match=".") as error:
        run_pipeline("smoke", **words)
    assert sentence in str(error.value)
    assert not (project / "runs").exists()


def test_a_run_needs_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("logolib.pipeline.run.PACKAGE", tmp_path / "logolib")
    with pytest.raises(PipelineError, match="project's folder"):
        run_pipeline("smoke")


def write_run(name: str) -> tuple[Plan, Path]:
    """A run whose stages have all ended; its plan and its first page."""
    plan = Plan(name, "smoke", "", {})
    write_text(plan.file, json.dumps({"name": name, "profile": "smoke", "changes": "", "parameters": {}}))
    for stage in STAGES.values():
        write_text(plan.run / "book" / stage.notebook, (Path("notebooks") / stage.notebook).read_text())
        if stage.folder:
            write_text(plan.run / stage.folder / "result.json", "{}")
    return plan, plan.run / "book" / "01_collect.ipynb"


def test_a_book_is_built_where_its_run_says(project: Path) -> None:
    plan, _ = write_run("demo")
    assert build_book(plan.file) == Path("build/html/index.html")
    assert "The report" in Path("build/html/index.html").read_text()
    assert Path("build/html/runs/01_collect.html").exists()
    assert Path("build/demo/src/results/clip.json").exists()

    Path("book/index.md").write_text("# The report\n\n{ref}`nowhere`\n")
    with pytest.raises(PipelineError, match="does not build.*nowhere"):
        build_book(plan.file)
    assert "The report" in Path("build/html/index.html").read_text()  # the old book stays


def test_a_failed_notebook_stops_the_book(project: Path) -> None:
    plan, page = write_run("smoke")
    failed = new_code_cell("1 / 0", outputs=[new_output("error", ename="E", evalue="e", traceback=[])])
    write_notebook(page, [failed])
    with pytest.raises(PipelineError, match=r"01_collect\.ipynb failed"):
        build_book(plan.file)

    notebook = new_notebook(metadata={"papermill": {"exception": True}})
    nbformat.write(notebook, page)
    with pytest.raises(PipelineError, match=r"01_collect\.ipynb failed"):
        refuse_failed([page])

    page.write_text("{")
    with pytest.raises(PipelineError, match="is no notebook"):
        refuse_failed([page])


def test_every_stage_names_the_rooms_it_uses() -> None:
    """A change in any of them makes it run again; settings are parameters of the rule."""
    graph = grimp.build_graph("logolib")
    entry = {"dataset": "data", "clip": "train", "prior": "train", "decoder": "train"}
    for name, stage in STAGES.items():
        if stage.folder is None:
            continue
        modules = graph.find_upstream_modules(f"logolib.{entry.get(name, name)}", as_package=True)
        rooms = {module.split(".")[1] for module in modules if "." in module} - {"config", "results"}
        assert rooms <= set(stage.rooms), name


@pytest.mark.parametrize(("expected", "code"), [("2", 0), ("3", 1)])
def test_nbval_compares(tmp_path: Path, expected: str, code: int) -> None:
    cell = new_code_cell("print(1 + 1)", execution_count=1, metadata={"tags": ["nbval-check-output"]})
    cell.outputs = [new_output("stream", name="stdout", text=f"{expected}\n")]
    write_notebook(tmp_path / "n.ipynb", [cell])
    words = ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", str(ROOT / "tests/sanitize.cfg")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words, "n.ipynb"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTEST_ADDOPTS": ""},
    )
    assert done.returncode == code, done.stdout


def test_every_notebook_has_a_cell_that_is_compared() -> None:
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, 4)
        if not any("Path(run)" in cell.source for cell in notebook.cells):
            continue  # a page that says what is to come
        compared = [c for c in notebook.cells if "nbval-check-output" in c.metadata.get("tags", ())]
        assert any(c.outputs and c.execution_count for c in compared), f"{path.name} asserts nothing"
