"""Build a run's book: the pages, the executed notebooks and the results, staged and published."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from logolib.pipeline.notebook import problem_noted
from logolib.pipeline.pdf import print_page
from logolib.pipeline.plan import STAGES, PipelineError, Plan, read_plan
from logolib.results import read_json, reason_of

PDF = "logos-from-words.pdf"  # the whole book, beside its pages


def build_book(plan_file: Path, *, pdf: bool = False) -> Path:
    """Stage and build the book of a run, on request as one PDF too; return its first page.

    Raises PipelineError when a notebook failed, when Jupyter Book warns of anything or when nothing here can print.
    """
    plan = read_plan(plan_file)
    with problem_noted(plan, "book"):
        print("book: book/", flush=True)
        refuse_failed(sorted((plan.run / "book").glob("*.ipynb")))
        build = Path("build") / plan.name
        _stage(plan, build / "src")
        if pdf:
            _jupyter_book(plan, build, "singlehtml")
            print_page(build / "_build" / "singlehtml" / "index.html", build / "src" / "results" / PDF)
        _jupyter_book(plan, build, "html")
        if pdf:
            shutil.copy(build / "src" / "results" / PDF, build / "_build" / "html")
        _publish(build / "_build" / "html", plan.html)
        return plan.html / "index.html"


def refuse_failed(notebooks: Iterable[Path]) -> None:
    """Raise PipelineError for the first notebook that holds an error."""
    for path in notebooks:
        try:
            book = read_json(path.read_text("utf8"))
            outputs = [o["output_type"] for cell in book["cells"] for o in cell.get("outputs", ())]
            exception = book["metadata"].get("papermill", {}).get("exception")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise PipelineError(f"{path} is no notebook ({reason_of(error)}); remove it and run again.") from None
        if exception or "error" in outputs:
            raise PipelineError(f"{path} failed, so there is no book; mend its cause and run again.")


def _stage(plan: Plan, src: Path) -> None:
    """Copy what the book is made of into one folder of its own."""
    shutil.rmtree(src, ignore_errors=True)
    shutil.copytree("book", src, ignore=shutil.ignore_patterns("_build", ".ipynb_checkpoints", "__pycache__"))
    shutil.copytree(plan.run / "book", src / "runs", dirs_exist_ok=True)
    (src / "results").mkdir(exist_ok=True)
    shutil.copy("CHANGELOG.md", src / "results" / "changelog.txt")  # text: a page includes it, and it is none itself
    if (plan.run / "sweep" / "result.json").is_file():
        (src / "results" / "sweep").mkdir()
        shutil.copy(plan.run / "sweep" / "result.json", src / "results" / "sweep")
    for name, stage in STAGES.items():
        if stage.folder is not None:
            shutil.copy(plan.run / stage.folder / "result.json", src / "results" / f"{name}.json")
            for picture in (plan.run / stage.folder).glob("*.png"):
                (src / "results" / name).mkdir(exist_ok=True)
                shutil.copy(picture, src / "results" / name)
    if (arms := plan.run / "evaluation" / "arms").is_dir():
        shutil.copytree(arms, src / "results" / "evaluate" / "arms")


def _jupyter_book(plan: Plan, build: Path, builder: str) -> None:
    main = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", main, "build", str(build / "src"), "--config", "_config.yml"]
    command += ["--path-output", str(build), "--builder", builder, "-W", "-n", "--keep-going", "-q", "--all"]
    env = {**os.environ, "LOGOLIB_RUN": str(plan.run.resolve())}
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    log = plan.run / "log" / "book.log"
    log.write_text(done.stdout + done.stderr, "utf8")
    if done.returncode != 0:
        lines = re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr).splitlines()
        first = next((line for line in lines if re.search(r"WARNING|ERROR|Error", line)), "")
        first = first.replace(f"{Path.cwd()}/", "").strip()
        raise PipelineError(f"The book does not build: {first or 'Jupyter Book stopped'} (all of it: {log}).")


def _publish(built: Path, html: Path) -> None:
    """Put the built pages in place of the old ones; a reader sees one or the other."""
    partial, old = html.with_name(html.name + ".partial"), html.with_name(html.name + ".old")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(built, partial)
    shutil.rmtree(old, ignore_errors=True)
    if html.exists():
        html.rename(old)
    partial.rename(html)
    shutil.rmtree(old, ignore_errors=True)
