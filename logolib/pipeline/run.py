"""Start the pipeline: everything is validated here, before the first stage."""

from __future__ import annotations

import difflib
import fcntl
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import yaml

from logolib.config import load_profile, read_yaml
from logolib.pipeline.notebook import check_parameters
from logolib.pipeline.plan import NAME, PACKAGE, STAGES, PipelineError, Plan, read_plan
from logolib.results import write_text


def run_pipeline(
    profile: str,
    *,
    source: str | None = None,
    name: str | None = None,
    changes: Iterable[str] = (),
    parameters: Iterable[str] = (),
    until: str | None = None,
) -> Path:
    """Bring a run up to date on this machine; return its book's first page (with `until`, the run's folder).

    Works in the project's folder. Settings, changes and notebook parameters are refused before anything runs.
    Raises PipelineError when a stage stops, and KeyboardInterrupt after ending what it started.
    """
    plan = make_plan(profile, source=source, name=name, changes=changes, parameters=parameters, until=until)
    with _alone(plan) as lock:
        write_plan(plan)
        asked = ["--until", until] if until else []
        _snakemake(plan, "local", asked, [*STAGES, "book"], len(os.sched_getaffinity(0)), lock)
    return plan.run if until else plan.html / "index.html"


def run_job(plan_file: Path, stage: str) -> None:
    """Bring one stage of a run up to date, or its book, and nothing else: what a scheduler's job does.

    Jobs of one run may work side by side. Takes the cores that SLURM gave. Raises as `run_pipeline`.
    """
    plan = read_plan(plan_file)
    cores = int(os.environ.get("SLURM_CPUS_PER_TASK", len(os.sched_getaffinity(0))))
    with _alone(plan, shared=True) as lock:
        _snakemake(plan, "slurm", [stage, "--allowed-rules", stage], [stage], cores, lock)


def make_plan(
    profile: str,
    *,
    source: str | None = None,
    name: str | None = None,
    changes: Iterable[str] = (),
    parameters: Iterable[str] = (),
    until: str | None = None,
) -> Plan:
    """Change to the project's folder and check everything that a run is asked for. Raises LogolibError."""
    os.chdir(_project())
    given = dict(map(_parameter, parameters))
    profile = str(given.pop("profile", profile))
    more = shlex.split(str(given.pop("changes", "")))
    words = [_from_notebooks(change) for change in (*changes, *more)]
    if source is not None:
        words.append(_source(source))
    load_profile(profile, words)
    plan = Plan(_name(name or profile), profile, shlex.join(words), given)
    if until is not None and until not in STAGES:
        near = difflib.get_close_matches(until, STAGES, n=1, cutoff=0) or ["clip"]
        raise PipelineError(f"There is no stage {until!r}; did you mean {near[0]!r}?")
    if "run" in given:
        raise PipelineError("The parameter 'run' follows from the run's name; give --name instead.")
    for stage in STAGES.values():
        check_parameters(Path("notebooks") / stage.notebook, ["profile", "run", "changes", *given])
    return plan


def write_plan(plan: Plan) -> None:
    """Leave a plan where its jobs read it."""
    write_text(plan.file, json.dumps(asdict(plan), indent=1) + "\n")


def _snakemake(plan: Plan, how: str, asked: list[str], stages: list[str], cores: int, lock: IO[str]) -> None:
    """Run Snakemake with one of our profiles; `stages` are those whose sentence tells why it stopped."""
    command = [sys.executable, "-m", "snakemake", *asked, "--snakefile", "Snakefile", "--cores", str(cores)]
    command += ["--profile", str(PACKAGE / "pipeline" / "profiles" / how), "--config", f"plan={plan.file}"]
    problems = [plan.problem(stage) for stage in stages]
    log = plan.run / "log" / ("snakemake.log" if len(stages) > 1 else f"snakemake-{stages[0]}.log")
    for problem in problems:
        problem.unlink(missing_ok=True)
    with (
        log.open("w") as noise,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,  # never written to: the jobs see it close when this process ends
            stderr=noise,
            start_new_session=True,
            pass_fds=[lock.fileno()],
            env={**os.environ, "LOGOLIB_RUN_PIPE": "1", "PYTHONUNBUFFERED": "1"},
        ) as job,
    ):
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            code = job.wait()
        except KeyboardInterrupt:
            _end(job)
            raise
        finally:
            signal.signal(signal.SIGTERM, before)
    if code != 0:
        said = [problem.read_text("utf8") for problem in problems if problem.exists()]
        raise PipelineError(said[0] if said else f"The pipeline stopped; {log} says why.")


def _end(job: subprocess.Popen[bytes]) -> None:
    """Ask the whole group to stop, and insist after a while."""
    for ask, patience_s in ((signal.SIGINT, 20), (signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        try:
            os.killpg(job.pid, ask)
            job.wait(patience_s)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


@contextmanager
def _alone(plan: Plan, *, shared: bool = False, patience_s: float = 15) -> Iterator[IO[str]]:
    """Hold the run's lock, jobs with each other; the pipeline's processes inherit it, so it waits for orphans too."""
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    path = plan.run / "log" / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        deadline = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(lock, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    text = f"Another command is making the run {plan.name!r}; wait for it, or give --name."
                    raise PipelineError(text) from None
                time.sleep(0.2)
        yield lock


def _project() -> Path:
    for folder in (Path.cwd(), PACKAGE.parent):
        if (folder / "Snakefile").exists() and (folder / "notebooks").is_dir():
            return folder
    raise PipelineError("There is no Snakefile here; run this command in the project's folder.")


def _name(name: str) -> str:
    if not re.fullmatch(NAME, name) or name == "notebooks":
        raise PipelineError(f"{name!r} cannot name a run; use letters, digits, '.', '_', '-', not 'notebooks'.")
    return name


def _parameter(word: str) -> tuple[str, Any]:
    name, equals, value = word.partition("=")
    if not equals or not name:
        raise PipelineError(f"{word!r} is not a parameter; write it as NAME=VALUE.")
    try:
        return name, read_yaml(value)
    except yaml.YAMLError:
        raise PipelineError(f"The value in {word!r} is not valid YAML; quote it.") from None


def _source(source: str) -> str:
    """The change for `--source`; a folder is named as the notebooks see it: no machine's path is kept."""
    if source != "demo" and not re.match(r"https?://", source):
        if not Path(source).is_dir():
            raise PipelineError(f"There is no folder {source}; a source is demo, an http(s) address or a folder.")
        source = os.path.relpath(source, "notebooks")
    return f"collect.source={json.dumps(source, ensure_ascii=False)}"


def _from_notebooks(change: str) -> str:
    """A change whose value is an existing path, as the notebooks see that path."""
    name, _, value = change.partition("=")
    if "/" in value and not Path(value).is_absolute() and Path(value).exists():
        return f"{name}={json.dumps(os.path.relpath(value, 'notebooks'), ensure_ascii=False)}"
    return change
