"""What became of a case: a clear sentence, a right result, or a violation of one of the two."""

from __future__ import annotations

import math
import multiprocessing
import os
import re
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from logolib import cli
from logolib.config import LogolibError

RIGHT, CLEAR = "right", "clear"
LONGEST = 1500  # characters of a sentence; longer ones are dumps
PATIENCE_S = 180  # of one case
MEMORY = 6 << 30  # bytes that a case may take beyond those at its start


class WrongError(Exception):
    """A violation: a traceback, a sentence that is none, a wrong result."""


@dataclass(frozen=True)
class Case:
    """One fault; `run` returns what is wrong with the result, "" for a right one, and raises LogolibError for a clear
    refusal."""

    kind: str
    name: str
    run: Callable[[Path], str]


@dataclass(frozen=True)
class Outcome:
    """What became of one case: `right`, `clear`, or a violation in words."""

    kind: str
    name: str
    what: str
    sentence: str = ""

    @property
    def violation(self) -> bool:
        """Neither right nor clear."""
        return self.what not in (RIGHT, CLEAR)


def verb(*words: object) -> str:
    """What a verb of the command line prints. Raises LogolibError with its sentence, WrongError for anything else."""
    done = CliRunner().invoke(cli.app, [str(word) for word in words])
    if done.exit_code == 0:
        return done.stdout
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise WrongError(f"traceback {done.exception!r}") from done.exception
    if done.exit_code == 1 and words[0] == "doctor" and done.stdout.strip():
        return done.stdout  # its findings
    if done.exit_code == 1 and done.stderr.strip():
        raise LogolibError(done.stderr.strip().splitlines()[-1])
    raise WrongError(f"exit {done.exit_code}: {done.stderr.strip()[-300:]}")


def judge(case: Case, folder: Path) -> Outcome:
    """Run one case in a folder of its own."""

    def late(*_: object) -> None:
        raise WrongError(f"hangs: more than {PATIENCE_S} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(PATIENCE_S)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wrong = case.run(folder)
        return Outcome(case.kind, case.name, f"wrong result: {wrong}" if wrong else RIGHT)
    except LogolibError as error:
        return Outcome(case.kind, case.name, unclear(str(error)) or CLEAR, str(error))
    except WrongError as error:
        return Outcome(case.kind, case.name, str(error)[:600])
    except Exception as error:
        at = _last_line(error)
        return Outcome(case.kind, case.name, f"traceback {type(error).__name__}: {str(error)[:300]} at {at}")
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def unclear(sentence: str) -> str:
    """What is wrong with a sentence; "" for a clear one."""
    if sentence.startswith("Unexpected "):
        named = re.search(r"traceback in (\S+)\.$", sentence)
        where = ""
        if named and Path(named[1]).is_file():
            trace = Path(named[1]).read_text("utf8")
            where = " ".join(
                re.findall(r'File "[^"]*/((?:logolib|tests)/[^"]+)", line (\d+)', trace)[-1] if trace else ()
            )
            Path(named[1]).unlink()
        return f"unforeseen: {sentence[:300]} at {where}"
    if not sentence.strip():
        return "an empty sentence"
    if len(sentence) > LONGEST:
        return f"no sentence but {len(sentence)} characters: {sentence[:100]}"
    if "\n" in sentence.strip() or "Traceback" in sentence:
        return f"more than a sentence: {sentence[:200]!r}"
    return ""


def _last_line(error: BaseException) -> str:
    found, trace = "", error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if "/logolib/" in name or "/tests/" in name:
            found = f"{name.rpartition('/logolib/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


def judge_all(cases: Sequence[Case], at_once: int = 50) -> list[Outcome]:
    """Judge cases in forked processes, `at_once` in each: one that dies takes no other with it."""
    outcomes: list[Outcome] = []
    todo = list(cases)
    while todo:
        some = todo[:at_once]
        ours, theirs = multiprocessing.Pipe()
        child = os.fork()
        if child == 0:
            _child(some, theirs)
        theirs.close()
        got: list[Outcome] = []
        try:
            while len(got) < len(some) and ours.poll(PATIENCE_S + 60):
                got.append(ours.recv())
        except EOFError:
            pass
        if len(got) < len(some):
            if _alive(child):
                os.kill(child, signal.SIGKILL)
            case = some[len(got)]
            got.append(Outcome(case.kind, case.name, "the process died or hung"))
        os.waitpid(child, 0)
        outcomes += got
        todo = todo[len(got) :]
    return outcomes


def _alive(child: int) -> bool:
    try:
        os.kill(child, 0)
    except ProcessLookupError:
        return False
    return True


def _child(cases: Sequence[Case], pipe: Any) -> None:
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    for case in cases:
        with tempfile.TemporaryDirectory(prefix="fault-") as folder:
            pipe.send(judge(case, Path(folder)))
    sys.stdout.flush()
    os._exit(0)


def seconds(function: Callable[[], object]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def not_finite(value: Any, at: str = "") -> str:
    """The place of the first number in a value of JSON that is none; "" where all are."""
    if isinstance(value, float) and not math.isfinite(value):
        return at or "the value"
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return next((found for key, one in items if (found := not_finite(one, f"{at}.{key}"))), "")
