"""Nothing pickled is run, no secret is published, nothing is written outside, nobody is asked who was not named."""

from __future__ import annotations

import ast
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.network import asked_of, is_own, no_network
from loopback import png
from test_pipeline import ROOT, make_project, write_run

from logolib.collect import collect
from logolib.config import LogolibError, load_profile
from logolib.data import build_dataset
from logolib.generate.stage import generate
from logolib.pipeline import build_book
from logolib.pipeline.plan import PipelineError, read_plan
from logolib.study.sheets import StudyError, load_study

SECRET = "hf_PlantedForThisTestAndFoundNowhere"
CODE = [*sorted((ROOT / "logolib").rglob("*.py")), *sorted((ROOT / "benchmarks").glob("*.py")), ROOT / "Snakefile"]
RUNS_TEXT = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "eval", "exec"}
RUNS_PICKLES = {"pickle.load", "pickle.loads", "yaml.load", "yaml.unsafe_load", "pandas.read_pickle", "joblib.load"}


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call of a file with its name."""
    if path.name == "Snakefile":
        return
    for node in ast.walk(ast.parse(path.read_text("utf8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def given(call: ast.Call, name: str) -> object:
    return next((ast.literal_eval(word.value) for word in call.keywords if word.arg == name), None)


def test_weights_are_read_without_running_what_is_pickled_in_them() -> None:
    found = [(path.name, call) for path in CODE for name, call in calls(path) if name == "torch.load"]
    assert len(found) >= 4
    assert [path for path, call in found if given(call, "weights_only") is not True] == []


def test_nothing_that_was_read_is_run() -> None:
    used = {name for path in CODE for name, _ in calls(path)}
    assert not used & (RUNS_TEXT | RUNS_PICKLES)
    arrays = [call for path in CODE for name, call in calls(path) if name == "np.load"]
    assert not [call for call in arrays if given(call, "allow_pickle")]


def test_no_shell_is_built() -> None:
    started = [call for path in CODE for name, call in calls(path) if name.startswith("subprocess.")]
    assert started
    assert not [call for call in started if any(word.arg == "shell" for word in call.keywords)]
    assert "shell=True" not in (ROOT / "Snakefile").read_text("utf8")


def holding(folder: Path, secret: str) -> list[Path]:
    """The files below a folder that hold some words, as they are or in base 64's reach of UTF-16."""
    words = (secret.encode(), secret.encode("utf-16-le"))
    return [path for path in folder.rglob("*") if path.is_file() and any(word in path.read_bytes() for word in words)]


def test_a_token_reaches_neither_notebooks_nor_logs_nor_results_nor_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, home = tmp_path / "project", tmp_path / "home"
    make_project(project)
    (home / "huggingface").mkdir(parents=True)
    (home / "huggingface" / "token").write_text(SECRET, "utf8")
    monkeypatch.setenv("HF_TOKEN", SECRET)
    monkeypatch.setenv("HUGGING_FACE_HUB_TOKEN", SECRET)
    monkeypatch.setenv("HF_HOME", str(home / "huggingface"))
    monkeypatch.chdir(project)
    shutil.copy(ROOT / "notebooks" / "01_collect.ipynb", project / "notebooks")  # the true one
    command = [sys.executable, "-m", "logolib.cli"]
    words = ["run", "--profile", "smoke", "--until", "collect", "--set", "collect.crests=8"]
    done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    executed = (project / "runs/smoke/book/01_collect.ipynb").read_text("utf8")
    model = ["generate", "a lion", "--model", "owner/name", "--out", "drawn", "--profile", "smoke"]
    offline = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9"}
    failed = subprocess.run([*command, *model], capture_output=True, text=True, timeout=200, env=offline)
    assert failed.returncode == 1
    plan, page = write_run("smoke")
    page.write_text(executed, "utf8")
    build_book(plan.file)
    assert (project / "build/html-smoke/runs/01_collect.html").is_file()

    assert SECRET not in done.stdout + done.stderr + failed.stdout + failed.stderr
    assert holding(project, SECRET) == []
    assert holding(home, SECRET) == [home / "huggingface" / "token"]  # the search does find it


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def test_a_tar_writes_nothing_outside(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with tarfile.open(source / "00000.tar", "w") as tar:
        for name in ("../outside", "/tmp/logolib-absolute", "a/../../outside", "fine"):
            for suffix, data in (("png", png()), ("txt", b"a red square")):
                member = tarfile.TarInfo(f"{name}.{suffix}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    before = everything(tmp_path)
    settings = load_profile("smoke").collect.model_copy(update={"source": str(source)})
    collect(settings, tmp_path / "out", progress=False)
    new = everything(tmp_path) - before
    assert all(path.is_relative_to(tmp_path / "out") for path in new)
    assert not any(path.is_symlink() for path in new)
    assert not Path("/tmp/logolib-absolute.png").exists()


def test_a_table_reads_no_file_outside_its_folder(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (tmp_path / "secret.png").write_bytes(png("blue"))
    (source / "own.png").write_bytes(png())
    (source / "linked.png").symlink_to(tmp_path / "secret.png")
    rows = ["own.png,own", "../secret.png,theirs", f"{tmp_path}/secret.png,theirs", "linked.png,theirs"]
    (source / "captions.csv").write_text("\n".join(["file,caption", *rows]), "utf8")
    settings = load_profile("smoke").collect.model_copy(update={"source": str(source)})
    result = collect(settings, tmp_path / "out", progress=False)
    assert result.values["logos"] == 1
    assert {row["reason"] for row in result.skipped} == {"outside the folder"}


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "a/b", "", ".."])
def test_a_name_of_a_run_is_no_path(name: str, tmp_path: Path) -> None:
    plan = {"name": name, "profile": "smoke", "changes": "", "parameters": {}}
    (tmp_path / "plan.json").write_text(json.dumps(plan), "utf8")
    with pytest.raises(PipelineError, match="cannot name a run"):
        read_plan(tmp_path / "plan.json")


def test_a_study_shows_no_picture_outside_its_folder(tmp_path: Path) -> None:
    asked = {"id": "p1", "text": "t", "pictures": {"a": "../../secret", "b": "b"}}
    study = {"study": "0" * 12, "key": "k", "kind": "pairs", "title": "t", "question": "q", "arms": ["a", "b"]}
    study |= {"prompts": [asked], "checks": [], "per_rater": 1, "repeats": 0, "misses": 1, "size": 64, "power": {}}
    (tmp_path / "study.json").write_text(json.dumps(study), "utf8")
    with pytest.raises(StudyError, match="damaged"):
        load_study(tmp_path)


def test_stages_ask_no_host_but_this_machine(tmp_path: Path, tiny_model: Path) -> None:
    profile = load_profile("smoke", ["collect.crests=8"])
    asked = asked_of()
    with no_network():
        collect(profile.collect, tmp_path / "collected", progress=False)
        build_dataset(profile.dataset, tmp_path / "collected", tmp_path / "data", progress=False)
        generate(profile.generate, ["a lion"], tiny_model, tmp_path / "drawn", progress=False)
    assert asked  # the demo's own site is heard
    assert [host for host in asked if not is_own(host)] == []


def test_without_a_network_a_site_gets_one_sentence(tmp_path: Path) -> None:
    settings = load_profile("smoke").collect.model_copy(update={"source": "http://logos.example/"})
    with no_network(), pytest.raises(LogolibError, match="check address and network"):
        collect(settings, tmp_path, progress=False)
