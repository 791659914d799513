"""Every stage of a run as one call on copies of the world, and what of its output two equal runs share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from faults.files import MODEL
from faults.judged import verb
from faults.subjects import lasting
from faults.world import World

# Not compared: times, `resumed_at`, which says that a run was interrupted, what goes on from a stop, and its leftovers.
LEFT_OUT = ("latest.pt", ".log", ".partial", ".logolib-cache", "changes.csv", ".building")
NEW = [
    "image_size=32",
    "factor=2",
    "crop=16",
    "dim=8",
    "dim_mults=[1]",
    "steps=4",
    "batch_size=4",
    "timesteps=20",
    "drawn=8",
]
UPSAMPLER = [f"upsampler.{word}" for word in (*NEW, "previews=2", "save_every=1", "log_every=1", "fold=2")]


@dataclass(frozen=True)
class Stage:
    """One stage: what it reads, where it writes, and the words that run it and go on where it stopped."""

    name: str
    needs: tuple[str, ...]
    out: str
    words: Callable[[World, Path], list[object]]

    def prepare(self, world: World, at: Path) -> None:
        """Its inputs, without its output."""
        world.copy(at, *self.needs)
        for file in sorted((at / self.out).rglob("*"), reverse=True) if (at / self.out).exists() else ():
            file.rmdir() if file.is_dir() else file.unlink()

    def run(self, world: World, at: Path) -> None:
        """From the beginning, or on from where it stopped."""
        verb(*self.words(world, at))

    def bytes(self, at: Path) -> dict[str, str]:
        """A hash of each file that it wrote, of results without times."""
        found = {}
        for file in sorted(path for path in (at / self.out).rglob("*") if path.is_file()):
            name = str(file.relative_to(at / self.out))
            if any(word in name for word in LEFT_OUT):
                continue
            data = file.read_bytes().replace(str(at).encode(), b"")  # tables for open_clip hold whole paths
            if file.name == "result.json":
                fields = lasting(json.loads(data))
                fields["values"].pop("resumed_at", None)
                fields["values"].pop("added", None)  # since the run before, which may be one that was killed
                data = json.dumps({k: v for k, v in fields.items() if k != "seal"}, sort_keys=True).encode()
            found[name] = hashlib.sha256(data).hexdigest()[:12]
        return found


def _train(part: str, *more: str) -> Callable[[World, Path], list[object]]:
    often = [word for name in ("save_every=1", "log_every=1") for word in ("--set", f"{part}.{name}")]

    def words(world: World, at: Path) -> list[object]:
        return ["train", part, "--data", at / "data", "--out", at / MODEL, "--resume", *world.short, *often, *more]

    return words


def stages() -> list[Stage]:
    """All of them, at the smoke profile."""
    smoke = ("--profile", "smoke")
    up = [word for one in UPSAMPLER for word in ("--set", one)]
    sets = ("--set", "evaluate.prompts=4", "--set", "evaluate.lettering=0")
    few = ("--set", "collect.crests=8")
    ours = ("--set", "baselines.models=[ours]")
    return [
        Stage("collect", (), "out", lambda w, at: ["collect", "demo", "--out", at / "out", *smoke, *few]),
        Stage(
            "dataset", ("collected",), "out", lambda w, at: ["dataset", at / "collected", "--out", at / "out", *smoke]
        ),
        Stage("clip", ("data", "run"), f"{MODEL}/clip", _train("clip")),
        Stage("prior", ("data", "run"), f"{MODEL}/prior", _train("prior")),
        Stage("decoder", ("data", "run"), f"{MODEL}/decoder", _train("decoder")),
        Stage("upsampler", ("data",), f"{MODEL}/upsampler", _train("upsampler", *up)),
        Stage(
            "generate",
            ("run",),
            "out",
            lambda w, at: ["generate", "a red lion", "a star", "--model", at / MODEL, "--out", at / "out", *smoke],
        ),
        Stage("vector", ("pics",), "out", lambda w, at: ["vector", at / "pics/0.png", "--out", at / "out", *smoke]),
        Stage(
            "baselines",
            ("run",),
            "out",
            lambda w, at: ["baselines", "--out", at / "out", *smoke, *ours, "--set", f"baselines.ours={at / MODEL}"],
        ),
        Stage(
            "evaluate",
            ("run", "data"),
            "out",
            lambda w, at: [
                "evaluate",
                "--model",
                at / MODEL,
                "--data",
                at / "data",
                "--out",
                at / "out",
                *smoke,
                *sets,
            ],
        ),
        Stage(
            "study",
            ("study", "votes"),
            "out",
            lambda w, at: ["study", "analyse", at / "study", at / "votes/votes.csv", "--out", at / "out", *smoke],
        ),
    ]
