"""SLURM: one batch script a stage, handed over in one go, each to start when those before it have succeeded."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from logolib.config import Resources, load_profile
from logolib.pipeline.plan import STAGES, PipelineError, Plan, needed
from logolib.pipeline.run import write_plan
from logolib.results import write_text

# `singleton`: a stage that is handed over again waits for its earlier job, and then finds the work done.
SUBMIT = """#!/bin/bash
# Hands {name} to SLURM: a job a stage, each after those whose results it reads.
set -euo pipefail
cd "$(dirname "$0")/../../../.."
hand() {{ sbatch --parsable --kill-on-invalid-dep=yes "$@" | cut -d ';' -f 1; }}
"""
JOB = """#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --output={log}
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task={cpus}
#SBATCH --mem={mem_mb}M
#SBATCH --time={minutes}
{gpus}exec {command}
"""


def submit(plan: Plan, until: str | None = None) -> dict[str, str]:
    """Hand a run over to SLURM; return stage => job number, in the book's order.

    Writes the plan and the scripts into the run's folder `log/slurm`; `submit.sh` there does the rest, and may be
    run again by hand. A stage that is up to date costs a job of seconds. Account, partition and the like come
    from sbatch's own variables (SBATCH_ACCOUNT, SBATCH_PARTITION). Raises PipelineError.
    """
    write_plan(plan)
    return hand_over(write_scripts(plan, until))


def write_scripts(plan: Plan, until: str | None = None) -> Path:
    """Write `log/slurm/STAGE.sh` for each stage that is needed, and the `submit.sh` that hands them over."""
    folder = plan.run / "log" / "slurm"
    resources = load_profile(plan.profile, plan.changes).resources
    lines = [SUBMIT.format(name=plan.name)]
    for stage in needed(until or "book"):
        script = folder / f"{stage}.sh"
        command = [sys.executable, "-m", "logolib.cli", "job", str(plan.file), stage]
        asked = getattr(resources, stage)
        write_text(script, batch_script(f"{plan.name}-{stage}", script.with_suffix(".log"), asked, command))
        before = list(STAGES) if stage == "book" else STAGES[stage].after
        after = ["afterok" + "".join(f":${one}" for one in before)] if before else []
        lines.append(f"{stage}=$(hand --dependency={','.join([*after, 'singleton'])} {shlex.quote(str(script))})\n")
        lines.append(f'echo "{stage} ${stage}"\n')
    write_text(folder / "submit.sh", "".join(lines))
    return folder / "submit.sh"


def hand_over(script: Path) -> dict[str, str]:
    """Run a `submit.sh`; return what it prints, name => job number. Raises PipelineError with sbatch's own words."""
    if shutil.which("sbatch") is None:
        raise PipelineError(f"There is no sbatch on this machine; where there is one, `bash {script}` does the rest.")
    done = subprocess.run(["bash", str(script)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise PipelineError(f"SLURM does not take the jobs: {' '.join(done.stderr.split()) or 'sbatch says nothing'}")
    return dict(line.split() for line in done.stdout.splitlines())  # type: ignore[arg-type]


def batch_script(name: str, log: Path, asked: Resources, command: list[str]) -> str:
    """The text of a script for sbatch: what it asks for, and the one command that it becomes."""
    return JOB.format(
        name=name,
        log=log,
        cpus=asked.cpus,
        mem_mb=round(asked.mem_gb * 1000),
        minutes=asked.minutes,
        gpus=f"#SBATCH --gres=gpu:{asked.gpus}\n" if asked.gpus else "",
        command=shlex.join(command),
    )
