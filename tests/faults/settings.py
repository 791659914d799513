"""Mad settings: each of a wrong type, out of range, empty, huge or unknown; and what runs with those accepted."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from faults.files import result
from faults.judged import Case, not_finite, verb
from faults.world import World
from logolib.config import Profile, load_profile, profile_from_dict, read_settings

VALUES = (
    "", "null", "true", "-1", "0", "1", "2", "3", "7", "1.5", "-0.5", "1e-300", "1e9", "1000000000000", "1e308",
    "9" * 400, ".nan",
    ".inf", "-.inf", "x", '""', '"\\0"', "default", "../../x", "/dev/null", "[]", "[1, 2, 3]", "[-1]", "[[1]]",
    "[x]", "{a: 1}",
    "'1'", "2020-01-01", "!!python/object/apply:os.system [ls]", "&a [*a]", "[" * 3000, "@", "🦁",
    "'#aa0000'", "['#aa0000']",
)  # fmt: skip
# How long or how large the work shall be is the user's to say: what is accepted is not run.
LENGTHS = (
    "steps",
    "delay_s",
    "timeout_s",
    "epochs",
    "crests",
    "drawn",
    "warmup",
    "bootstrap",
    "prompts",
    "lettering",
    "contact",
)
LENGTHS += (
    "prior_steps",
    "upsampler_steps",
    "per_prompt",
    "scripted",
    "preflight",
    "save_frequency",
    "candidates",
    "n",
    "repeat",
)
LENGTHS += ("prior_candidates", "resume", "model", "pretrained", "seed", "profile", "workers", "siblings")
RUNS = ("collect", "dataset", "clip", "prior", "decoder", "generate", "vector", "study")


def names() -> list[str]:
    """Every setting, as STAGE.NAME."""
    found = ["seed", "profile"]
    for stage, field in Profile.model_fields.items():
        fields = getattr(field.annotation, "model_fields", {})
        found += [f"{stage}.{name}" for name in fields]
    return found


def setting_cases(world: World, seeds: range) -> Iterator[Case]:
    """One setting changed to one value; runs its stage where that is accepted and takes no longer for it."""
    every = names()
    for seed in seeds:
        rng = random.Random(f"setting {seed}")
        word = f"{every[seed % len(every)]}={rng.choice(VALUES)}"
        if rng.random() < 0.05:
            word = rng.choice(
                (word.replace("=", ""), word.replace(".", ".x."), f"unknown.{word}", "=", ".=1", f"{word[:3]}=1")
            )
        yield Case("settings", f"{word[:80]!r} {seed}", _run_setting(world, word))


def _run_setting(world: World, word: str) -> Any:
    def run(folder: Path) -> str:
        profile = load_profile("smoke", [word])
        bad = not_finite(profile.model_dump(mode="json"))
        if bad:
            return f"{bad} is accepted and is no number"
        stage, _, name = word.partition("=")[0].partition(".")
        if stage in RUNS and name not in LENGTHS:
            return run_stage(world, folder, stage, word)
        return ""

    return run


def run_stage(world: World, at: Path, stage: str, word: str) -> str:
    """Run one stage with one setting changed; what is wrong with its result."""
    words = [*world.short, "--set", word]
    if stage == "collect":
        source = [] if word.startswith("collect.source") else ["--set", "collect.crests=8"]
        world.copy(at, "pics")
        verb("collect", "demo" if source else at / "pics", "--out", at / "out", *words, *source)
        return not_finite(result(at / "out"))
    if stage == "dataset":
        world.copy(at, "collected")
        verb("dataset", at / "collected", "--out", at / "out", *words)
        return not_finite(result(at / "out"))
    if stage in ("clip", "prior", "decoder"):
        world.copy(at, "run", "data")
        verb("train", stage, "--data", at / "data", "--out", at / "run/model", *words)
        return not_finite(result(at / "run/model" / stage))
    if stage == "generate":
        world.copy(at, "run")
        verb("generate", "a red lion", "--model", at / "run/model", "--out", at / "out", *words)
        return not_finite(result(at / "out"))
    if stage == "vector":
        world.copy(at, "pics")
        verb("vector", at / "pics/0.png", "--out", at / "out", *words)
        return not_finite(result(at / "out"))
    world.copy(at, "arms")
    arms = ["--arm", f"base={at / 'arms/base'}", "--arm", f"tuned={at / 'arms/tuned'}"]
    verb("study", "design", *arms, "--out", at / "out", *words)
    return not_finite(result(at / "out"))


def profile_cases(world: World, seeds: range) -> Iterator[Case]:
    """Whole profiles as YAML with values changed or bytes damaged."""
    from faults.damage import BYTES, mutated

    folder = Path(__file__).parents[2] / "logolib" / "profiles"
    shipped = sorted(folder.glob("*.yaml"))
    for seed in seeds:
        rng = random.Random(f"profile {seed}")
        text = rng.choice(shipped).read_text("utf8")
        if rng.random() < 0.6:
            changed = yaml.safe_dump(mutated(yaml.safe_load(text), rng))
        else:
            changed = rng.choice(list(BYTES.values()))(text.encode(), rng).decode("utf8", "replace")

        def run(_: Path, changed: str = changed) -> str:
            profile = profile_from_dict(read_settings(changed, "own"))
            again = Profile.model_validate(json.loads(profile.model_dump_json()))
            return "" if again == profile else "it is another profile when it is read again"

        yield Case("profile", f"{seed}", run)
