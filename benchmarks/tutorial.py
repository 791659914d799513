"""Run the commands of the book's tutorial on a folder of logos, and keep how long each took.

The commands are read from the page, and what the page shows of their output is compared with what they print,
numbers aside. python benchmarks/tutorial.py FOLDER
"""

from __future__ import annotations

import argparse
import re
import resource
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logolib.report.benchmarks import keep

PAGE = Path(__file__).parents[1] / "book" / "tutorial.md"
FOLDER = "my-logos"  # what the page calls the reader's pictures
NUMBER = re.compile(r"\d[\d,.]*(?<![.,])")


@dataclass(frozen=True)
class Step:
    """A command, and the lines that the page shows of its output."""

    command: str
    shown: tuple[str, ...]

    def missing(self, printed: str) -> list[str]:
        """The shown lines that were not printed; numbers may differ, and ` ...` stands for anything."""
        there = [_bare(line) for line in printed.splitlines()]
        lines = [line for line in self.shown if line.strip() != "..."]
        return [line for line in lines if not any(_pattern(line).fullmatch(other) for other in there)]


def main() -> None:
    """Read the command line, run every step, keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--work", type=Path, default=Path("build/tutorial"), help="is emptied first")
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/tutorial.json"))
    given = parser.parse_args()
    if not given.folder.is_dir():
        sys.exit(f"There is no folder {given.folder}; name one of pictures.")
    prepare(given.folder, given.work)
    rows: list[dict[str, Any]] = []
    for step in steps(PAGE.read_text("utf8")):
        print(f"$ {step.command}", flush=True)
        start, worked = time.perf_counter(), _processor_s()
        done = run(step.command, given.work)
        took, worked = time.perf_counter() - start, _processor_s() - worked
        rows.append({"command": _short(step.command), "minutes": took / 60, "minutes of one core": worked / 60})
        print(f"{done.stdout}[{took:.0f} s, {worked:.0f} s of one core]\n", flush=True)
        if done.returncode != 0:
            sys.exit(f"{done.stderr}\nThe step above ended {done.returncode}; the table is left as it was.")
        for line in step.missing(done.stdout + done.stderr):
            print(f"The page shows what was not printed: {line}", flush=True)
    rows.append({"command": "all of it", **{name: sum(row[name] for row in rows) for name in list(rows[0])[1:]}})
    keep(given.out, rows, "Other work on the machine lengthens the minutes, and hardly those of one core.")


def steps(page: str) -> list[Step]:
    """The commands of a page's console blocks, in order."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", page, re.M | re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, *shown = part.strip().splitlines()
            found.append(Step(command, tuple(shown)))
    return found


def prepare(folder: Path, work: Path) -> None:
    """An empty place for the steps, where `my-logos` is a folder elsewhere."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    (work / FOLDER).symlink_to(folder.resolve(), target_is_directory=True)


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


def _pattern(line: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(_bare(part)) for part in line.split("...")))


def _bare(line: str) -> str:
    return NUMBER.sub("#", line.rstrip())


def _short(command: str) -> str:
    """A command without its options."""
    words = shlex.split(command)
    first = next((i for i, word in enumerate(words) if word.startswith("-")), len(words))
    return " ".join(words[: min(first, 3)])


if __name__ == "__main__":
    main()
