"""A run on SLURM: the scripts, their order, and, where Debian's SLURM is installed, a cluster of one node."""

import getpass
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from project import add_cell, make_project

from logolib.config import ConfigError, load_profile
from logolib.pipeline import make_plan, run_job, submit
from logolib.pipeline.plan import STAGES, PipelineError, Plan, needed
from logolib.pipeline.run import write_plan
from logolib.pipeline.slurm import write_scripts

DAEMONS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel")
# A scheduler without a queue: each job runs when it is handed over, unless one before it has failed.
SBATCH = """#!/bin/bash
number=$(($(ls "$QUEUE" | wc -l) + 1))
state=0
for word in "$@"; do
    if [[ $word == --dependency=* ]]; then
        for before in $(grep -o ':[0-9]*' <<< "$word" | tr -d :); do
            [ "$(cat "$QUEUE/$before")" = 0 ] || state=cancelled
        done
    fi
done
if [ "$state" = 0 ]; then
    bash "${@: -1}" > "$QUEUE.$number.log" 2>&1 < /dev/null || state=$?
fi
echo "$state" > "$QUEUE/$number"
echo "$number;here"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_project(tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in's folder of exit states, one file a job."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sbatch").write_text(SBATCH)
    (tmp_path / "bin" / "sbatch").chmod(0o755)
    (tmp_path / "queue").mkdir()
    monkeypatch.setenv("QUEUE", str(tmp_path / "queue"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return tmp_path / "queue"


def engine(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "logolib.cli", "run", "--engine", "slurm", "--profile", "smoke", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=280)


def directives(script: Path) -> dict[str, str]:
    return dict(re.findall(r"^#SBATCH --([\w-]+)=(.*)$", script.read_text(), re.M))


def states(queue: Path) -> list[str]:
    return [(queue / str(i + 1)).read_text().strip() for i in range(len(list(queue.iterdir())))]


def test_every_script_is_valid_bash_and_asks_for_what_the_table_says(project: Path) -> None:
    plan = make_plan("gpu", changes=["resources.decoder.gpus=4", "resources.clip.mem_gb=12.5"])
    folder = write_scripts(plan).parent
    scripts = {path.stem: path for path in folder.glob("*.sh")}
    assert set(scripts) == {*STAGES, "book", "submit"}
    for path in scripts.values():
        subprocess.run(["bash", "-n", str(path)], check=True)
    table = load_profile("gpu").resources
    decoder = directives(scripts["decoder"])
    assert decoder["gres"] == "gpu:4"
    assert decoder["time"] == str(table.decoder.minutes)
    assert decoder["cpus-per-task"] == str(table.decoder.cpus)
    assert directives(scripts["clip"])["mem"] == "12500M"
    assert directives(scripts["clip"])["gres"] == "gpu:1"
    assert "gres" not in directives(scripts["collect"])
    assert str(project) not in "".join(path.read_text() for path in scripts.values())


def test_a_row_of_the_table_keeps_the_columns_that_a_change_does_not_name() -> None:
    changed = load_profile("demo", "resources.decoder.mem_gb=12").resources.decoder
    assert changed == load_profile("demo").resources.decoder.model_copy(update={"mem_gb": 12.0})
    with pytest.raises(ConfigError, match="did you mean 'decoder'"):
        load_profile("demo", "resources.decodr.mem_gb=12")
    with pytest.raises(ConfigError, match=r"resources\.decoder\.gpus cannot be -1"):
        load_profile("demo", "resources.decoder.gpus=-1")


def test_each_job_waits_for_those_whose_results_it_reads(project: Path) -> None:
    text = write_scripts(make_plan("smoke")).read_text()
    after = dict(re.findall(r"^(\w+)=\$\(hand --dependency=(\S+) ", text, re.M))
    assert list(after) == [*STAGES, "book"]
    assert after["collect"] == "singleton"
    for name, stage in STAGES.items():
        assert re.findall(r"\$(\w+)", after[name]) == list(stage.after)
    assert re.findall(r"\$(\w+)", after["book"]) == list(STAGES)
    assert needed("clip") == ["collect", "dataset", "clip"]
    assert "clip.sh" not in write_scripts(make_plan("smoke"), "caption").read_text()


def test_the_scripts_make_the_run_in_order_and_a_second_time_nothing(project: Path, at_once: Path) -> None:
    done = engine("--until", "clip", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["jobs"] == {"collect": "1", "dataset": "2", "clip": "3"}
    assert states(at_once) == ["0", "0", "0"]
    results = [project / "runs/smoke" / STAGES[s].folder / "result.json" for s in ("collect", "dataset", "clip")]
    made = [path.stat().st_mtime_ns for path in results]
    assert made == sorted(made)
    assert not (project / "runs/smoke/model/prior").exists()

    assert engine("--until", "clip").returncode == 0
    assert states(at_once) == ["0"] * 6
    assert [path.stat().st_mtime_ns for path in results] == made

    here = [sys.executable, "-m", "logolib.cli", "run", "--profile", "smoke", "--until", "clip"]
    local = subprocess.run(here, capture_output=True, text=True, timeout=280)  # one machine goes on from there
    assert local.returncode == 0, local.stderr
    assert "done in" not in local.stdout


def test_a_stage_that_fails_stops_those_after_it_and_no_other(project: Path, at_once: Path) -> None:
    whole = (project / "notebooks/02_dataset.ipynb").read_text()
    add_cell(
        project / "notebooks/02_dataset.ipynb",
        "from logolib.config import LogolibError\nraise LogolibError('No logo is usable; collect others.')",
    )
    plan = make_plan("smoke")
    jobs = submit(plan, "clip")
    assert states(at_once) == ["0", "1", "cancelled"]
    assert "No logo is usable" in Path(f"{at_once}.{jobs['dataset']}.log").read_text()
    assert "No logo is usable" in plan.problem("dataset").read_text()

    (project / "notebooks/02_dataset.ipynb").write_text(whole)
    submit(plan, "clip")
    assert states(at_once)[3:] == ["0", "0", "0"]


def test_a_job_does_no_stage_but_its_own(project: Path) -> None:
    plan = make_plan("smoke")
    write_plan(plan)
    with pytest.raises(PipelineError, match=r"snakemake-dataset\.log says why"):
        run_job(plan.file, "dataset")
    assert "MissingInput" in (plan.run / "log" / "snakemake-dataset.log").read_text()
    assert not (plan.run / "collected").exists()


def test_without_sbatch_the_scripts_are_there_and_a_sentence_says_what_to_do(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(PipelineError, match=r"no sbatch.*bash runs/smoke/log/slurm/submit\.sh"):
        submit(make_plan("smoke"))
    assert Path("runs/smoke/log/slurm/submit.sh").exists()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_until(what: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.3)
    return True


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """munged, slurmctld and slurmd on loopback, all their files in one folder; skipped where they are not installed."""
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if missing := [name for name in DAEMONS if shutil.which(name) is None]:
        pytest.skip(f"no SLURM on this machine ({', '.join(missing)}): apt-get install slurm-wlm munge")
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # a short path: it holds a socket
    host, user = socket.gethostname().split(".")[0], getpass.getuser()
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o600)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    (folder / "slurm.conf").write_text(f"""
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={free_port()}
SlurmdPort={free_port()}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=1
ReturnToService=2
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} RealMemory=16000 Gres=gpu:1 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
""")
    (folder / "gres.conf").write_text("Name=gpu File=/dev/null\n")
    monkeypatch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
    munge = ["munged", "--foreground", "--force", f"--key-file={folder}/munge.key", f"--socket={folder}/munge.socket"]
    munge += [f"--{name}-file={folder}/munge.{name}" for name in ("pid", "log", "seed")]
    started: list[subprocess.Popen[bytes]] = []
    try:
        for command in (munge, ["slurmctld", "-D"], ["slurmd", "-D", "-N", host]):
            with (folder / f"{command[0]}.out").open("wb") as out:
                started.append(subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT))
            if command is munge:
                assert wait_until((folder / "munge.socket").exists)
        idle = ["sinfo", "--noheader", "--format=%T"]
        ready = wait_until(lambda: subprocess.run(idle, capture_output=True, text=True).stdout.strip() == "idle")
        assert ready, "".join(log.read_text() for log in sorted(folder.glob("slurm*.log")))
        yield folder
    finally:
        if len(started) == 3:  # a job would outlive its cluster
            subprocess.run(["scancel", "--full", "--user", user])
            wait_until(lambda: not subprocess.run(["squeue", "-h"], capture_output=True).stdout, 40)
        for daemon in reversed(started):
            daemon.terminate()
            daemon.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def job_record(number: str) -> dict[str, str]:
    done = subprocess.run(["scontrol", "show", "job", "--oneliner", number], capture_output=True, text=True, check=True)
    return dict(re.findall(r"(\S+?)=(\S*)", done.stdout))


def said(plan: Plan) -> str:
    return "".join(path.read_text() for path in sorted((plan.run / "log" / "slurm").glob("*.log")))


def ended(jobs: dict[str, str]) -> bool:
    running = {"PENDING", "RUNNING", "COMPLETING", "CONFIGURING"}
    return all(job_record(number)["JobState"] not in running for number in jobs.values())


def test_a_cluster_of_one_node_makes_the_run(project: Path, cluster: Path) -> None:
    words = ["resources.collect.mem_gb=2", "resources.dataset.mem_gb=2", "resources.clip.mem_gb=2"]
    plan = make_plan("smoke", changes=[*words, "resources.clip.gpus=1", "resources.collect.cpus=1"])
    jobs = submit(plan, "clip")
    assert wait_until(lambda: ended(jobs), 200), said(plan)
    records = {stage: job_record(number) for stage, number in jobs.items()}
    assert {stage: record["JobState"] for stage, record in records.items()} == dict.fromkeys(jobs, "COMPLETED"), said(
        plan
    )
    assert records["collect"]["EndTime"] <= records["dataset"]["StartTime"]
    assert records["dataset"]["EndTime"] <= records["clip"]["StartTime"]
    assert records["clip"]["TresPerNode"] == "gres:gpu:1"
    assert "TresPerNode" not in records["collect"]
    assert records["collect"]["NumCPUs"] == "1"
    assert json.loads((plan.run / "model/clip/result.json").read_text())["stage"] == "clip"
