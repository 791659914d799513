"""Repeat the base's recipe at a small size: the same seed twice, and other seeds, from the first picture on.

Keeps the held-out loss of every decoder at each measured step and its spread over seeds; two runs of one seed are to
agree in every digit. python benchmarks/repeat_base.py runs/base/data --steps 120
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from logolib.config import LogolibError, load_profile
from logolib.report.benchmarks import keep
from logolib.results import read_result
from logolib.train import train_clip, train_decoder, train_prior


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--drawn", type=int, default=2000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="the first is run twice")
    parser.add_argument("--work", type=Path, default=Path("build/repeat"))
    parser.add_argument("--resume", action="store_true", help="take the curves that an interrupted call left in WORK")
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/repeat.json"))
    given = parser.parse_args()
    try:
        seeds = [given.seeds[0], *given.seeds]
        curves = [_curve(given, seed, given.work / str(place)) for place, seed in enumerate(seeds)]
    except LogolibError as error:
        sys.exit(str(error))
    names = [f"seed {seeds[0]}", f"seed {seeds[0]} again", *(f"seed {seed}" for seed in seeds[2:])]
    rows = []
    for place, (step, _) in enumerate(curves[0]):
        losses = np.array([curve[place][1] for curve in curves])
        row: dict[str, Any] = {"step": step} | dict(zip(names, losses.round(4).tolist(), strict=True))
        rows.append(row | {"mean and deviation over seeds": f"{losses[1:].mean():.4f} ± {losses[1:].std(ddof=1):.4f}"})
    keep(given.out, rows, "Held-out loss of a decoder trained from nothing, with a CLIP and a prior of its own.")
    print(json.dumps(rows, indent=1))


def _curve(given: argparse.Namespace, seed: int, run: Path) -> list[tuple[int, float]]:
    """(step, held-out loss) of a decoder trained from nothing, with a CLIP and a prior of its own."""
    if given.resume and (run / "decoder" / "result.json").exists():
        return _measured(read_result(run / "decoder" / "result.json", "decoder").values["curve"])
    warm, every = given.steps // 10, max(1, given.steps // 6)
    short = {"drawn": given.drawn, "steps": given.steps, "warmup": warm, "save_every": given.steps}
    profile = load_profile("base")
    clip = profile.clip.model_copy(update={**short, "batch_size": 64, "attribute_steps": given.steps})
    train_clip(clip, given.data, run, seed=seed)
    train_prior(profile.prior.model_copy(update={**short, "batch_size": 64}), given.data, run, seed=seed)
    settings = profile.decoder.model_copy(update={**short, "batch_size": 16, "preview_every": every})
    return _measured(train_decoder(settings, given.data, run, seed=seed).values["curve"])


def _measured(curve: list[dict[str, Any]]) -> list[tuple[int, float]]:
    return [(point["step"], point["val_loss"]) for point in curve if "val_loss" in point]


if __name__ == "__main__":
    main()
