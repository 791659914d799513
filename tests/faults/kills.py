"""`kill -9` at random moments, and full disks: run again, a stage leaves the bytes of one that was never stopped."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from faults.judged import Case, WrongError, unclear
from faults.stages import Stage, stages
from faults.world import World
from logolib.config import LogolibError

TEN = 10  # times that one run is killed in the longest cases
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
EVENTS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "shutil.rmtree"}


class Killer:
    """Ends its own process by SIGKILL when it is about to change the disk for the nth time; counts where n is 0."""

    def __init__(self, at: int) -> None:
        self.seen, self._at = 0, at

    def __call__(self, event: str, values: tuple[Any, ...]) -> None:
        """What `sys.addaudithook` calls."""
        if event in EVENTS or (event == "open" and isinstance(values[2], int) and values[2] & WRITES):
            self.seen += 1
            if self.seen == self._at:
                os.kill(os.getpid(), signal.SIGKILL)


def attempt(stage: Stage, world: World, at: Path, *, event: int = 0, limit: int | None = None) -> tuple[int, bytes]:
    """Run a stage in a forked process: its exit status and its sentence or, where it ended well, how often it changed
    the disk."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        _in_child(stage, world, at, theirs, event, limit)
    os.close(theirs)
    with open(ours, "rb") as told:
        said = told.read()
    return os.waitpid(child, 0)[1], said


def _in_child(stage: Stage, world: World, at: Path, pipe: int, event: int, limit: int | None) -> None:
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    tqdm.set_lock(threading.RLock())  # its own is shared by processes: one killed while it holds it stops the next
    killer, code, said = Killer(event), 0, b""
    sys.addaudithook(killer)
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        stage.run(world, at)
        said = str(killer.seen).encode()
    except LogolibError as error:
        code, said = 3, str(error).encode()
    except BaseException as error:
        code, said = 4, repr(error).encode()
    os.write(pipe, said[:4000])
    os._exit(code)


def killed_in_time(stage: Stage, world: World, at: Path, seconds: float) -> None:
    """Start a stage and kill it after some seconds."""
    child = os.fork()
    if child == 0:
        _in_child(stage, world, at, os.open(os.devnull, os.O_WRONLY), 0, None)
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


_WHOLE: dict[str, tuple[dict[str, str], int, float]] = {}


def learn(stage: Stage, world: World, at: Path) -> None:
    """One uninterrupted run: its bytes, how often it changes the disk, and how long it takes."""
    stage.prepare(world, at)
    start = time.perf_counter()
    status, said = attempt(stage, world, at)
    if status != 0:
        raise RuntimeError(f"{stage.name} does not run: {said.decode()}")
    _WHOLE[stage.name] = (stage.bytes(at), int(said), time.perf_counter() - start)


def kill_cases(stage: Stage, world: World, seeds: range) -> Iterator[Case]:
    """A run killed once, half the time at a random change of the disk, else at a random moment; the last, ten times."""
    for seed in seeds:
        times = TEN if seed == seeds[-1] else 1
        yield Case(f"kill {stage.name}", f"{times} times, {seed}", _killed(stage, world, times, seed))


def _killed(stage: Stage, world: World, times: int, seed: int) -> Callable[[Path], str]:
    def run(at: Path) -> str:
        rng = random.Random(f"{stage.name} {seed}")
        bytes_of_one, events, seconds = _WHOLE[stage.name]
        stage.prepare(world, at)
        for _ in range(times):
            if rng.random() < 0.5:
                attempt(stage, world, at, event=rng.randint(1, max(1, events)))
            else:
                killed_in_time(stage, world, at, rng.uniform(0, seconds))
        return _again(stage, world, at, bytes_of_one)

    return run


def _again(stage: Stage, world: World, at: Path, whole: dict[str, str]) -> str:
    status, said = attempt(stage, world, at)
    if status != 0:
        raise (LogolibError if os.waitstatus_to_exitcode(status) == 3 else WrongError)(
            f"it does not go on: {said.decode('utf8', 'replace')}"
        )
    made = stage.bytes(at)
    differ = sorted(name for name in {*made, *whole} if made.get(name) != whole.get(name))
    return f"{', '.join(differ[:5])} differ from those of an unbroken run" if differ else ""


def full_cases(stage: Stage, world: World, seeds: range) -> Iterator[Case]:
    """A disk that fills up while a stage writes; with room again, it leaves the bytes of one that had room."""
    for seed in seeds:
        yield Case("disk full", f"{stage.name} {seed}", _full(stage, world, seed))


def can_mount() -> bool:
    """Whether a small file system can be made here."""
    return os.geteuid() == 0 and shutil.which("mount") is not None


def _full(stage: Stage, world: World, seed: int) -> Callable[[Path], str]:
    def run(at: Path) -> str:
        rng = random.Random(f"full {stage.name} {seed}")
        whole = _WHOLE[stage.name][0]
        stage.prepare(world, at)
        out = at / stage.out
        out.mkdir(parents=True, exist_ok=True)
        if seed % 2 and can_mount():
            with _small_disk(out) as resize:
                resize(rng.choice((4, 16, 64, 256, 1024)))
                status, said = attempt(stage, world, at)
                resize(1 << 20)
                return _after(stage, world, at, whole, status, said)
        largest = max((file.stat().st_size for file in at.rglob("*") if file.is_file()), default=1 << 16)
        status, said = attempt(stage, world, at, limit=rng.randrange(1, max(2, min(largest, 1 << 18))))
        return _after(stage, world, at, whole, status, said)

    return run


def _after(stage: Stage, world: World, at: Path, whole: dict[str, str], status: int, said: bytes) -> str:
    sentence = said.decode("utf8", "replace")
    if status != 0:
        if os.waitstatus_to_exitcode(status) != 3:
            raise WrongError(f"exit {os.waitstatus_to_exitcode(status)}: {sentence[:400]}")
        if bad := unclear(sentence):
            raise WrongError(bad)
    wrong = _again(stage, world, at, whole)
    if not wrong and status != 0:
        raise LogolibError(sentence)
    return wrong


@contextlib.contextmanager
def _small_disk(folder: Path) -> Iterator[Callable[[int], None]]:
    """A file system of its own in a folder; gives what sets its size in KiB."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "none", str(folder)], check=True)

    def resize(kib: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={kib}k", str(folder)], check=True)

    try:
        yield resize
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


__all__ = ["full_cases", "kill_cases", "learn", "stages"]
