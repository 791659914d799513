"""The recipe for few pairs against that of 2022 on the same held-out clubs, and each of its parts switched off.

FOLDER holds captions.csv and images/. Each arm's result is kept in WORK, so that a second call goes on where the
first ended. python benchmarks/clip_small_data.py FOLDER
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import torch

from logolib.collect import collect
from logolib.config import ClipSettings, CollectSettings, LogolibError, load_profile
from logolib.data import build_dataset
from logolib.report.benchmarks import keep
from logolib.results import StageResult, read_result, write_result
from logolib.train import train_clip

# Parts of the default recipe, and what is set to do without each.
PARTS: dict[str, dict[str, Any]] = {
    "given weights": {"start": None},
    "drawn emblems beside": {"drawn": 0},
    "layer-wise rates": {"layer_decay": 1.0},
    "frozen BatchNorm": {"freeze_bn": False},
    "unique captions": {"unique_captions": False},
    "early stop": {"patience": 0},
    "interpolation": {"wise_ft": "off"},
    "average of weights": {"ema": 0.0},
}
# Parts that the recipe leaves out, and what sets each.
FURTHER: dict[str, dict[str, Any]] = {
    "several positives": {"unique_captions": False, "multi_positive": True},
    "locked pictures": {"lock_image": True},
    "locked words": {"lock_text": True},
    "three times the steps": {"steps": 120},
}


def main() -> None:
    """Read the command line, train what is missing, keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--work", type=Path, default=Path("build/clip_small_data"))
    parser.add_argument("--only", nargs="*", help="names of arms; all unless told")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="of the default recipe; the demo profile's unless told")
    parser.add_argument("--ema", type=float, default=0.98)
    parser.add_argument("--epochs", type=int, help="of the recipe of 2022; its own unless told")
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/clip_small_data.json"))
    given = parser.parse_args()
    try:
        data = _data(given)
        arms = _arms(given)
        unknown = set(given.only or ()) - set(arms)
        if unknown:
            sys.exit(f"There is no arm {sorted(unknown)[0]!r}; there are {', '.join(arms)}.")
        chosen = {name: arms[name] for name in (given.only or arms)}
        rows = [_row(name, _trained(name, settings, data, given)) for name, settings in chosen.items()]
    except LogolibError as error:
        sys.exit(str(error))
    keep(given.out, rows, "Clubs that no arm has seen, the same for all; 95 % bootstrap intervals over them.")
    print(given.out.read_text("utf8"))


def _data(given: argparse.Namespace) -> Path:
    """The collection, split by club once."""
    data: Path = given.work / "data"
    if not (data / "result.json").exists():
        collect(CollectSettings(source=str(given.folder)), given.work / "collected", progress=False)
        build_dataset(load_profile("demo").dataset, given.work / "collected", data, progress=False)
    return data


def _arms(given: argparse.Namespace) -> dict[str, ClipSettings]:
    old = load_profile("demo", recipe="clip_2022", gpu=torch.cuda.is_available()).clip
    old = old.model_copy(update={"save_frequency": 0, **({"epochs": given.epochs} if given.epochs else {})})
    changed = {"ema": given.ema, **({"steps": given.steps} if given.steps else {})}
    ours = load_profile("demo").clip.model_copy(update=changed)
    arms = {"clip_2022": old, "default": ours}
    arms |= {f"without {name}": ours.model_copy(update=update) for name, update in PARTS.items()}
    return arms | {f"with {name}": ours.model_copy(update=update) for name, update in FURTHER.items()}


def _trained(name: str, settings: ClipSettings, data: Path, given: argparse.Namespace) -> StageResult:
    """The arm's kept result, or that of training it now."""
    kept = given.work / f"{name.replace(' ', '_')}-{given.seed}.json"
    if kept.exists():
        found = read_result(kept, "clip")
        same = {"steps": 0} if settings.epochs else {}  # epochs decide how many
        if found.provenance["settings"] | same == settings.model_dump(mode="json") | same:
            return found
    run = given.work / "runs" / f"{name.replace(' ', '_')}-{given.seed}"
    result = train_clip(settings, data, run, seed=given.seed, resume=True)
    write_result(kept, result)
    return result


def _row(name: str, result: StageResult) -> dict[str, Any]:
    values = result.values
    row: dict[str, Any] = {"arm": name, "pairs": values["pairs"], "steps": values["tune"]["stopped_at"]}
    for key in ("text_to_image_R@1", "text_to_image_R@10", "image_to_text_R@10"):
        low, high = values["retrieval_interval"][key]
        row[key] = f"{values['retrieval'][key]:.0%} ({low:.0%} to {high:.0%})"
    row["median_rank"] = values["retrieval"]["text_to_image_median_rank"]
    row["chance R@10"] = f"{values['chance']['R@10']:.0%} of {values['n_val']}"
    return row


if __name__ == "__main__":
    main()
