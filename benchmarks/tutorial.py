"""Run the commands of the book's tutorial on a folder of logos, and keep how long each computed.

The commands are read from the page, and what the page shows of their output is compared with what they print,
numbers aside. Stopped, it goes on after the last command that ended. python benchmarks/tutorial.py FOLDER
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logolib.report.benchmarks import keep
from logolib.results import write_text

PAGE = Path(__file__).parents[1] / "book" / "tutorial.md"
FOLDER = "my-logos"  # what the page calls the reader's pictures
COLUMN = "minutes of one core"
NOTE = "Processor time: what one waits on one core that has nothing else to do; several cores shorten the trainings."
NUMBER = re.compile(r"\d[\d,.]*(?<![.,])")


@dataclass(frozen=True)
class Step:
    """A command, and the lines that the page shows of its output."""

    command: str
    shown: tuple[str, ...]

    def missing(self, printed: str) -> list[str]:
        """The shown lines that were not printed, whole or in one; numbers may differ, and `...` ends what is cut."""
        there = _bare(printed)
        return [line for line in self.shown if _bare(line.strip().removesuffix("...")) not in there]


def main() -> None:
    """Read the command line, run every step, keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--work", type=Path, default=Path("build/tutorial"))
    parser.add_argument("--again", action="store_true", help="from the first command on")
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/tutorial.json"))
    given = parser.parse_args()
    if not given.folder.is_dir():
        sys.exit(f"There is no folder {given.folder}; name one of pictures.")
    prepare(given.folder, given.work, given.again)
    rows = [timed(step, given.work) for step in steps(PAGE.read_text("utf8"))]
    rows.append({"command": "all of it", COLUMN: round(sum(row[COLUMN] for row in rows), 1)})
    keep(given.out, rows, NOTE)


def timed(step: Step, work: Path) -> dict[str, Any]:
    """Run a step, unless it was run before, and say what the page shows of it and it did not print; its row."""
    kept = work / "done.json"
    done: dict[str, dict[str, Any]] = json.loads(kept.read_text("utf8")) if kept.exists() else {}
    if step.command not in done:
        print(f"$ {step.command}", flush=True)
        before = _processor_s()
        ran = run(step.command, work)
        minutes = (_processor_s() - before) / 60
        print(ran.stdout, flush=True)
        if ran.returncode != 0:
            sys.exit(f"{ran.stderr}\nThe command above ended {ran.returncode}; mend its cause and run this again.")
        for line in step.missing(ran.stdout + ran.stderr):
            print(f"The page shows what was not printed: {line}", flush=True)
        done[step.command] = {"command": _short(step.command), COLUMN: round(minutes, 1)}
        write_text(kept, json.dumps(done, indent=1) + "\n")
    return done[step.command]


def steps(page: str) -> list[Step]:
    """The commands of a page's console blocks, in order; a command may go on after a backslash."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", page, re.M | re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, *shown = re.sub(r"\s*\\\n\s*", " ", part.strip()).splitlines()
            found.append(Step(command, tuple(shown)))
    return found


def prepare(folder: Path, work: Path, again: bool = True) -> None:
    """A place for the steps, where `my-logos` is a folder elsewhere; emptied where that is another, or on request."""
    link = work / FOLDER
    if again or not link.is_symlink() or link.resolve() != folder.resolve():
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        link.symlink_to(folder.resolve(), target_is_directory=True)


def run(command: str, work: Path) -> subprocess.CompletedProcess[str]:
    """Run one command of `logolib` there, with this interpreter and without a shell."""
    verb, *words = shlex.split(command)
    if verb != "logolib":
        raise ValueError(f"{command!r} is no command of logolib")
    asked = [sys.executable, "-m", "logolib.cli", *words]
    return subprocess.run(asked, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def _processor_s() -> float:
    """Seconds that ended processes of this one have computed, on all cores together."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _bare(text: str) -> str:
    """A text on one line, each number a #: what two runs of one command have in common."""
    return " ".join(NUMBER.sub("#", text).split())


def _short(command: str) -> str:
    """A command without its options."""
    words = shlex.split(command)
    first = next((i for i, word in enumerate(words) if word.startswith("-")), len(words))
    return " ".join(words[: min(first, 3)])


if __name__ == "__main__":
    main()
