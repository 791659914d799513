"""Faults on purpose: damaged files, mad settings, kills, full disks, no network; what becomes of them?

    python benchmarks/faults.py [KIND...] [--short]     # or: make faults, make faults KIND=json

Each kind leaves build/faults/KIND.json, so that all may be done one by one; the table of those that are done goes to
book/benchmarks/faults.json. Ends with 1 when there is a violation.
"""

from __future__ import annotations

import os

os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}  # processes are forked: no threads before

import argparse
import json
import logging
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from faults.files import subjects
from faults.judged import CLEAR, RIGHT, Case, Outcome, judge, judge_all
from faults.kills import full_cases, kill_cases, learn, stages
from faults.network import network_cases
from faults.settings import profile_cases, setting_cases
from faults.subjects import whole_of
from faults.world import World, make_world

from logolib.config import load_profile
from logolib.report.benchmarks import keep
from logolib.results import write_text

DONE = Path("build/faults")
TABLE = Path("book/benchmarks/faults.json")
NAMES = {
    "html": "web pages", "image": "pictures", "text": "text files", "tar": "tar shards and embeddings", "csv": "tables",
    "parquet": "Parquet manifests", "safetensors": "weights", "checkpoint": "checkpoints", "notebook": "notebooks",
    "votes": "votes", "yaml": "site descriptions", "json": "JSON: results, configs, studies, plans",
    "settings": "one setting changed", "profile": "whole profiles changed", "kill": "kill -9, then the same again",
    "full": "the disk full, then room again", "network": "no network",
}  # fmt: skip
NOTE = (
    "Each case follows from a seed. Right: what an undamaged run gives; or what is left out is listed; or a file "
    "without checksums, such as a caption or a table, is read as it now stands. Clear: one sentence, exit 1. After a "
    "kill or a full disk the same command must leave the bytes of an unbroken run; times, measured memory and logs are "
    "not compared. A stage is killed 20 times: ten runs once, one run ten times."
)


def run(kind: str, world: World, *, short: bool) -> list[Outcome]:
    """All cases of one kind."""
    if kind == "settings":
        return judge_all([*setting_cases(world, range(40 if short else 500))])
    if kind == "profile":
        return judge_all([*profile_cases(world, range(40 if short else 400))])
    if kind == "network":
        return _one_by_one(network_cases(world))
    if kind in ("kill", "full"):
        return [one for stage in stages() for one in _stage(kind, stage, world, short)]
    outcomes: list[Outcome] = []
    for subject in subjects():
        if subject.kind == kind:
            with tempfile.TemporaryDirectory() as folder:
                whole_of(subject, world, Path(folder))
            costly = {"run", "web"} & set(subject.needs) and not subject.name.startswith("parse")
            outcomes += judge_all([*subject.cases(world, range(4 if short else 14 if costly else 36))])
    return outcomes


def _stage(kind: str, stage: object, world: World, short: bool) -> list[Outcome]:
    cases: Callable = kill_cases if kind == "kill" else full_cases
    with tempfile.TemporaryDirectory() as folder:  # in this process, so that all that is imported is there
        stage.prepare(world, Path(folder))  # type: ignore[attr-defined]
        stage.run(world, Path(folder))  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as folder:
        learn(stage, world, Path(folder))  # type: ignore[arg-type]
    return _one_by_one(cases(stage, world, range(2 if short else 11 if kind == "kill" else 8)))


def _one_by_one(cases: Iterable[Case]) -> list[Outcome]:
    outcomes = []
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            outcomes.append(judge(case, Path(folder)))
    return outcomes


def row(kind: str, outcomes: list[dict[str, str]]) -> dict[str, object]:
    """One line of the table."""
    what = [one["what"] for one in outcomes]
    right, clear = what.count(RIGHT), what.count(CLEAR)
    found = {"fault": NAMES[kind], "cases": len(what), "right_result": right, "clear_error": clear}
    return {**found, "violations": len(what) - right - clear}


def main() -> int:
    """Run some kinds or all, print violations, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", choices=[*NAMES, []], help="all unless told")
    parser.add_argument("--short", action="store_true", help="a few cases of each, and no table")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.raiseExceptions = False  # a log line after its captured stream was closed is no finding
    root = (DONE / "world").resolve()
    if not (root / "whole").exists():
        make_world(root)
        (root / "whole").touch()
    world = World(root, load_profile("smoke"))
    for kind in given.kinds or NAMES:
        outcomes = [asdict(one) for one in run(kind, world, short=given.short)]
        print(json.dumps(row(kind, outcomes)), flush=True)
        for one in outcomes:
            if one["what"] not in (RIGHT, CLEAR):
                print(f"  {one['kind']} {one['name']}: {one['what']}", flush=True)
        if not given.short:
            write_text(DONE / f"{kind}.json", json.dumps(outcomes, indent=1) + "\n")
    done = {kind: json.loads((DONE / f"{kind}.json").read_text()) for kind in NAMES if (DONE / f"{kind}.json").exists()}
    rows = [row(kind, outcomes) for kind, outcomes in done.items()]
    if rows and not given.short:
        sums = {
            key: sum(int(str(one[key])) for one in rows)
            for key in ("cases", "right_result", "clear_error", "violations")
        }
        sys.argv[1:] = []  # the table is of all kinds, whichever were run last
        keep(TABLE, [*rows, {"fault": "all", **sums}], NOTE)
    return int(any(one["violations"] for one in rows))


if __name__ == "__main__":
    sys.exit(main())
