"""Every kind of file that the package reads: who reads it, and how a right result is told from a wrong one."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from faults.damage import BYTES, mutated
from faults.judged import Case, not_finite
from faults.world import World

TIMES = re.compile(r"second|per_s$|^peak_gb$|ratio$|^started$|^commit$|^versions$|^seal$")  # of two equal runs
Honest = Callable[[Any, Any], str]


@dataclass(frozen=True)
class Subject:
    """One file of the world and what reads it.

    `use` works in a folder with copies of `needs`, and returns what the package made of the file: of an undamaged
    copy that is the whole. `honest` compares the two: what is wrong, "" for a right result. `free`: a changed file
    that is still one of its kind says something else, and is read as it stands; else its damage must be seen.
    """

    kind: str
    name: str
    needs: tuple[str, ...]
    file: str
    use: Callable[[World, Path], Any]
    honest: Honest | None = None
    free: bool = False
    values: bool = False  # values of JSON or YAML are changed too

    def cases(self, world: World, seeds: range) -> Iterator[Case]:
        """A case for each seed; the damages take turns."""
        ways = [*BYTES, "gone", "folder"] + (["value"] * 6 if self.values else [])
        for seed in seeds:
            way = ways[seed % len(ways)]
            yield Case(self.kind, f"{self.name}: {way} {seed}", self._run(world, way, seed))

    def _run(self, world: World, way: str, seed: int) -> Callable[[Path], str]:
        def run(folder: Path) -> str:
            world.copy(folder, *self.needs)
            path = folder / self.file
            data = path.read_bytes()
            changed = harm(path, data, way, random.Random(f"{self.name} {way} {seed}"))
            if changed == data:
                return ""
            made = self.use(world, folder)
            bad = not_finite(made)
            if bad:
                return f"{bad} is no number"
            whole = _whole(self, world)
            if made == whole:
                return ""
            if self.honest is not None:
                return self.honest(made, whole)
            if self.free and changed is not None and still_one(path.suffix, changed):
                return ""
            return f"{_short(made)} instead of {_short(whole)}"

        return run


def harm(path: Path, data: bytes, way: str, rng: random.Random) -> bytes | None:
    """Damage a file; its new bytes, None where there is none any more."""
    path.unlink()
    if way == "gone":
        return None
    if way == "folder":
        path.mkdir()
        return None
    changed = _with_values(path.suffix, data, rng) if way == "value" else BYTES[way](data, rng)
    path.write_bytes(changed)
    return changed


def _with_values(suffix: str, data: bytes, rng: random.Random) -> bytes:
    text = data.decode("utf8")
    if suffix in (".yaml", ".yml"):
        return yaml.safe_dump(mutated(yaml.safe_load(text), rng)).encode("utf8", "surrogatepass")
    return json.dumps(mutated(json.loads(text), rng)).encode("utf8")


def still_one(suffix: str, data: bytes) -> bool:
    """Whether changed bytes are still a file of their kind, as other programs than ours see it."""
    if suffix in (".json", ".ipynb"):
        try:
            json.loads(data)
        except (ValueError, RecursionError):
            return False
    if suffix in (".yaml", ".yml"):
        try:
            yaml.safe_load(data)
        except (yaml.YAMLError, ValueError, RecursionError):
            return False
    return True


_WHOLE: dict[tuple[str, str], Any] = {}


def whole_of(subject: Subject, world: World, folder: Path) -> None:
    """Find out what an undamaged file gives."""
    world.copy(folder, *subject.needs)
    _WHOLE[subject.kind, subject.name] = subject.use(world, folder)


def _whole(subject: Subject, world: World) -> Any:
    return _WHOLE[subject.kind, subject.name]


def lasting(value: Any) -> Any:
    """A value of JSON without what differs between two equal runs."""
    if isinstance(value, dict):
        return {key: lasting(one) for key, one in value.items() if not TIMES.search(str(key))}
    return [lasting(one) for one in value] if isinstance(value, list) else value


def result(out: Path) -> dict[str, Any]:
    """What of a stage's result two equal runs share; every file that it names is there, and opens."""
    read = json.loads((out / "result.json").read_text("utf8"))
    for name in read["files"].values():
        if not (out / name).exists():
            raise AssertionError(f"{name} is named and is not there")
    return lasting({"values": read["values"], "data": read["provenance"]["data_hash"], "skipped": read["skipped"]})


def digest(path: Path) -> str:
    """A short hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def fewer(made: Any, whole: Any) -> str:
    """Rows {name: what it says} with a count of those left out: what is there is right, and no row is lost silently."""
    wrong = [name for name, row in made["rows"].items() if name in whole["rows"] and row != whole["rows"][name]]
    if wrong:
        return f"{wrong[0]} says {_short(made['rows'][wrong[0]])}"
    lost = set(whole["rows"]) - set(made["rows"])
    return f"{sorted(lost)[0]} is lost without a word" if lost and not made["skipped"] else ""


def _short(value: Any) -> str:
    return str(value)[:300]
