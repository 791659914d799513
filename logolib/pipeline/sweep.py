"""Sweeps: a grid over settings, seeds and data sizes as many runs of the same notebooks, and one table of them."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from logolib.config import Resources, Settings, load_profile, read_yaml
from logolib.pipeline.plan import STAGES, PipelineError, Plan, needed
from logolib.pipeline.run import make_plan, run_pipeline, write_plan
from logolib.pipeline.slurm import SUBMIT, batch_script, hand_over, write_scripts
from logolib.results import ResultError, StageResult, Stopwatch, read_result, write_result, write_text

MEASURE = "evaluate.fit_model"  # how often the judge picks the right caption: what the whole run is about


@dataclass(frozen=True)
class Sweep:
    """A grid as asked for; it lies as JSON in the run's folder `sweep`, beside its table."""

    name: str
    profile: str
    measure: str  # STAGE.NUMBER, of those that the report declares
    varied: list[str]  # settings with more than one value
    jobs: dict[str, dict[str, Any]]  # run's name => its settings
    source: str | None = None

    @property
    def folder(self) -> Path:
        """Where the plan and the table lie."""
        return Path("runs") / self.name / "sweep"

    @property
    def until(self) -> str:
        """The last stage that the measure needs."""
        return self.measure.partition(".")[0]

    def plan(self, job: str) -> Plan:
        """A job's plan, checked. Raises LogolibError."""
        return make_plan(self.profile, name=job, changes=self.words(job), until=self.until, source=self.source)

    def words(self, job: str) -> list[str]:
        """A job's settings as `--set` takes them."""
        return [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in self.jobs[job].items()]


def read_grid(words: Iterable[str], file: Path | None = None) -> dict[str, list[Any]]:
    """Setting => its values, from a YAML file of such lists and from words such as `clip.lr=1e-4,3e-4`.

    A word replaces what the file says of its setting. Raises PipelineError.
    """
    grid: dict[str, list[Any]] = {}
    if file is not None:
        try:
            read = read_yaml(file.read_text("utf8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise PipelineError(f"The grid {file} cannot be read: {' '.join(str(error).split())}.") from None
        if not isinstance(read, dict):
            raise PipelineError(f"The grid {file} must name settings and lists of values, as in `seed: [0, 1, 2]`.")
        grid = {str(name): values if isinstance(values, list) else [values] for name, values in read.items()}
    for word in words:
        name, equals, listed = word.partition("=")
        try:
            grid[name] = read_yaml(f"[{listed}]")
        except yaml.YAMLError:
            raise PipelineError(f"The values in {word!r} are not valid YAML; quote them.") from None
        if not equals or not name:
            raise PipelineError(f"{word!r} is not a setting; write it as stage.setting=value,value.")
    for name, values in grid.items():
        try:
            told = {json.dumps(value) for value in values}
        except (TypeError, ValueError):
            raise PipelineError(f"The grid's values for {name} must be numbers, words or lists of them.") from None
        if not values or len(told) < len(values):
            raise PipelineError(f"The grid needs values for {name}, each of them once.")
    return grid


def make_sweep(
    profile: str, grid: Mapping[str, list[Any]], *, name: str, measure: str = MEASURE, source: str | None = None
) -> Sweep:
    """Check a grid and every one of its combinations; a combination's run keeps its name when the grid grows.

    Raises LogolibError.
    """
    from logolib.report import tables  # late: it brings torch, which a job's shell does without

    stage, _, key = measure.partition(".")
    if stage not in STAGES or key not in tables.NUMBERS.get(stage, {}):
        known = tables.NUMBERS.get(stage)
        hint = f"the stage {stage} has" if known else "it is STAGE.NUMBER, of a stage such as"
        raise PipelineError(f"There is no measure {measure!r}; {hint} {', '.join(known or tables.NUMBERS)}.")
    varied = [setting for setting, values in grid.items() if len(values) > 1]
    if not varied:
        raise PipelineError("A sweep needs a setting with two values or more, as in --set seed=0,1,2.")
    jobs: dict[str, dict[str, Any]] = {}
    for values in itertools.product(*grid.values()):
        settings = dict(zip(grid, values, strict=True))
        told = json.dumps([profile, source, settings], sort_keys=True)
        jobs[f"{name}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"] = settings
    sweep = Sweep(name, profile, measure, varied, jobs, source)
    for job in jobs:
        sweep.plan(job)
    return sweep


def run_sweep(sweep: Sweep, say: Callable[[str], None] = print) -> StageResult:
    """Bring every job's run up to date on this machine, one after the other, and write the table after each.

    A job that fails does not lose the others: its sentence stands in the table, and the next call tries it again.
    """
    write_text(sweep.folder / "plan.json", json.dumps(asdict(sweep), indent=1) + "\n")
    for number, job in enumerate(sweep.jobs, 1):
        say(f"sweep: {number} of {len(sweep.jobs)}, {job}: {shlex.join(sweep.words(job))}")
        try:
            run_pipeline(sweep.profile, name=job, changes=sweep.words(job), until=sweep.until, source=sweep.source)
        except PipelineError as error:
            say(f"{job} failed: {error}")
        write_table(sweep)
    return write_table(sweep)


def submit_sweep(sweep: Sweep) -> dict[str, str]:
    """Hand every job's stages over to SLURM, and the table for when they have ended, well or not.

    Returns RUN/STAGE => job number. Raises PipelineError.
    """
    write_text(sweep.folder / "plan.json", json.dumps(asdict(sweep), indent=1) + "\n")
    lines, last = [SUBMIT.format(name=f"the sweep {sweep.name}")], needed(sweep.until)[-1]
    for number, job in enumerate(sweep.jobs):
        plan = sweep.plan(job)
        write_plan(plan)
        script = shlex.quote(str(write_scripts(plan, sweep.until)))
        lines.append(f"jobs{number}=$(bash {script})\n")
        lines.append(f'echo "$jobs{number}" | sed "s|^|{job}/|"\n')
        lines.append(f"""last{number}=$(awk '$1 == "{last}" {{ print $2 }}' <<< "$jobs{number}")\n""")
    folder = sweep.folder.parent / "log" / "slurm"
    command = [sys.executable, "-m", "logolib.cli", "sweep-table", str(sweep.folder / "plan.json")]
    table = batch_script(f"{sweep.name}-sweep", folder / "sweep.log", Resources(cpus=1, mem_gb=2, minutes=10), command)
    write_text(folder / "sweep.sh", table)
    after = "".join(f":$last{number}" for number in range(len(sweep.jobs)))
    lines.append(f"table=$(hand --dependency=afterany{after} {shlex.quote(str(folder / 'sweep.sh'))})\n")
    lines.append(f'echo "{sweep.name}/sweep $table"\n')
    write_text(folder / "submit.sh", "".join(lines))
    return hand_over(folder / "submit.sh")


def read_sweep(file: Path) -> Sweep:
    """Load the plan of a sweep."""
    return Sweep(**json.loads(file.read_text("utf8")))


def write_table(sweep: Sweep) -> StageResult:
    """Gather what the jobs have left: `result.json`, `table.csv` and `figure.png` in the run's folder `sweep`.

    `values` has jobs (run, settings, numbers by STAGE.NUMBER) and combinations (n, mean, low, high); a job without
    the measure's result is in `skipped`, with its sentence.
    """
    from logolib.report import sweeps  # late: it brings torch, which a job's shell does without

    watch = Stopwatch()
    settings = load_profile(sweep.profile)
    jobs: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    for name in sweep.jobs:
        numbers, problem = _numbers(sweep, name)
        jobs.append({"run": name, "settings": sweep.jobs[name], "numbers": numbers})
        if problem:
            words = shlex.join(sweep.words(name))
            skipped.append({"item": f"{name} ({words})", "reason": problem})
    values: dict[str, Any] = {
        "command": _command(sweep),
        "measure": sweep.measure,
        "varied": sweep.varied,
        "jobs": jobs,
    }
    found = sweeps.combinations(values)
    values["combinations"] = [
        {
            **{"settings": one.settings, "n": len(one.values), "mean": one.mean},
            **dict(zip(("low", "high"), one.ends or (None, None), strict=True)),
        }
        for one in found
    ]
    files = {"table": "table.csv"} | ({"figure": "figure.png"} if found else {})
    made = watch.provenance(_Asked(), settings.seed, "", sweep.profile)
    result = StageResult("sweep", values, files, made, tuple(skipped))
    sweeps.write_csv(sweep.folder / "table.csv", result)
    if found:
        partial = sweep.folder / "figure.png.partial"
        sweeps.figure(result).savefig(partial, format="png")
        partial.replace(sweep.folder / "figure.png")
    write_result(sweep.folder / "result.json", result)
    return result


class _Asked(Settings):
    """A sweep has no settings of its own: the grid stands in its values."""


def _numbers(sweep: Sweep, name: str) -> tuple[dict[str, float | None], str]:
    """A job's declared numbers, up to the first stage that has not ended well, and why the measure is missing."""
    from logolib.report import tables  # late: it brings torch, which a job's shell does without

    plan = Plan(name, sweep.profile, "", {})
    numbers: dict[str, float | None] = {}
    for stage in needed(sweep.until):
        if (said := plan.problem(stage)).exists():
            return numbers, said.read_text("utf8")
        folder = STAGES[stage].folder
        if folder is None:
            continue
        try:
            found = tables.numbers(stage, read_result(plan.run / folder / "result.json", stage))
        except ResultError as error:
            return numbers, str(error)
        numbers |= {f"{stage}.{key}": None if math.isnan(value) else value for key, value in found.items()}
    missing = numbers[sweep.measure] is None
    return numbers, f"Its {sweep.until} did not measure {sweep.measure}." if missing else ""


def _command(sweep: Sweep) -> str:
    grid: dict[str, list[str]] = {}
    for settings in sweep.jobs.values():
        for name, value in settings.items():
            word = json.dumps(value, ensure_ascii=False)
            if word not in grid.setdefault(name, []):
                grid[name].append(word)
    words = ["logolib", "sweep", "--profile", sweep.profile, "--name", sweep.name, "--measure", sweep.measure]
    words += ["--source", sweep.source] if sweep.source else []
    return shlex.join(words + [w for name, values in grid.items() for w in ("--set", f"{name}={','.join(values)}")])
