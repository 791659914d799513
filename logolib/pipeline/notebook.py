"""Execute one notebook of a run with papermill."""

from __future__ import annotations

import ast
import builtins
import difflib
import hashlib
import json
import logging
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from logolib.config import LogolibError, load_profile
from logolib.pipeline.plan import PACKAGE, STAGES, PipelineError, Plan, read_plan
from logolib.results import read_json, reason_of, write_text

TIMES = re.compile(r"second|per_s$")  # values that differ between two equal runs


def check_parameters(notebook: Path, names: Iterable[str]) -> None:
    """Raise PipelineError for the first name that the notebook's parameters cell does not assign."""
    known = _parameters(notebook)
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}?" if near else f"known ones are {', '.join(known) or 'none'}."
            raise PipelineError(f"The notebook {notebook.name} has no parameter {name!r}; {hint}")


def _parameters(notebook: Path) -> list[str]:
    """What the cell tagged `parameters` assigns; papermill can tell too, but takes seconds to load."""
    try:
        cells = read_json(notebook.read_text("utf8"))["cells"]
        texts = ["".join(c["source"]) for c in cells if "parameters" in c["metadata"].get("tags", ())]
        lines = [line for text in texts for line in ast.parse(text).body]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SyntaxError, RecursionError) as error:
        raise PipelineError(f"The notebook {notebook} cannot be read ({reason_of(error)}); restore it.") from None
    return [t.id for line in lines if isinstance(line, ast.Assign) for t in line.targets if isinstance(t, ast.Name)]


def run_notebook(source: Path, target: Path, stage: str, plan_file: Path, needs: Iterable[Path]) -> None:
    """Execute `source` for a run and move it to `target` when every cell succeeded.

    The working copy lies in the run's `log` folder and stays there on failure. A stage that was interrupted
    keeps its folder, so that it resumes; one whose code, settings or inputs have changed starts afresh.
    Raises PipelineError with the notebook's last error.
    """
    plan = read_plan(plan_file)
    with problem_noted(plan, stage):
        parameters = {
            **plan.parameters,
            "profile": plan.profile,
            "run": os.path.relpath(plan.run, source.parent),
            "changes": plan.changes,
        }
        check_parameters(source, parameters)
        _clear_if_changed(plan, stage, needs)
        print(f"{stage}: {source}", flush=True)
        start = time.perf_counter()
        working = plan.run / "log" / source.name
        with _end_with_parent():
            _execute(source, working, parameters)
        target.parent.mkdir(parents=True, exist_ok=True)
        working.replace(target)
        print(f"{stage}: done in {time.perf_counter() - start:.0f} s", flush=True)


@contextmanager
def problem_noted(plan: Plan, stage: str) -> Iterator[None]:
    """Leave a failure's sentence where the command that started the stage, two processes up, finds it."""
    try:
        yield
    except Exception as error:
        text = str(error) if isinstance(error, LogolibError) else f"{type(error).__name__}: {error}"
        write_text(plan.problem(stage), text)
        raise


def _execute(source: Path, working: Path, parameters: Mapping[str, Any]) -> None:
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    logging.getLogger("papermill").setLevel(logging.ERROR)
    working.parent.mkdir(parents=True, exist_ok=True)
    try:
        papermill.execute_notebook(
            str(source),
            str(working),
            dict(parameters),
            cwd=str(source.parent),
            progress_bar=False,
            stderr_file=_Progress(),
        )
    except PapermillExecutionError as error:
        text = " ".join(str(error.evalue).split()).rstrip(".")
        known = error.ename in ("", "KeyboardInterrupt") or not hasattr(builtins, error.ename)
        what = text if known and text else f"{error.ename}: {text}".rstrip(": ")
        raise PipelineError(f"{source.name} stopped: {what} (as far as it came: {working}).") from None
    except DeadKernelError:
        raise PipelineError(
            f"{source.name} stopped: its process was ended from outside, most often for want of memory "
            f"(as far as it came: {working}); run the same command again to resume."
        ) from None


class _Progress:
    """Passes the progress bars of a notebook on to the terminal, and nothing else."""

    def write(self, text: str) -> None:
        if "\r" in text and sys.stdout.isatty():
            sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


@contextmanager
def _end_with_parent() -> Iterator[None]:
    """Interrupt this process when the command that started the run is gone: its end of stdin closes."""
    if os.environ.get("LOGOLIB_RUN_PIPE") != "1":
        yield
        return

    def watch() -> None:
        if not os.read(0, 1):  # unbuffered: a buffer's lock would stop the interpreter from ending
            os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=watch, daemon=True).start()
    yield


def _clear_if_changed(plan: Plan, stage: str, needs: Iterable[Path]) -> None:
    """Remove a stage's folder unless it was begun with the same code, settings and inputs."""
    folder = STAGES[stage].folder
    if folder is None:
        return
    mark = plan.run / "log" / f"{stage}.fingerprint"
    now = _fingerprint(plan, stage, needs)
    if not mark.exists() or mark.read_text("utf8") != now:
        shutil.rmtree(plan.run / folder, ignore_errors=True)
        write_text(mark, now)


def _fingerprint(plan: Plan, stage: str, needs: Iterable[Path]) -> str:
    settings = load_profile(plan.profile, plan.changes)
    own = getattr(settings, stage).model_dump(mode="json")
    digest = hashlib.sha256(json.dumps([settings.seed, own]).encode())
    for path in sorted(needs):
        if path.suffix == ".ipynb" or path.resolve().is_relative_to(PACKAGE / "report"):
            continue  # they draw and explain; they do not decide the numbers
        digest.update(_lasting(path) if path.name == "result.json" else path.read_bytes())
    return digest.hexdigest()


def _lasting(path: Path) -> bytes:
    """The part of a result that two equal runs share."""
    result = read_json(path.read_text("utf8"))
    values = {k: v for k, v in result["values"].items() if not TIMES.search(k)}
    made = {k: result["provenance"].get(k) for k in ("seed", "settings", "data_hash")}
    return json.dumps([values, made], sort_keys=True).encode()
