"""What augmentation does to retrieval: a CLIP trained from nothing on a collection as it is and with versions of it.

Every arm takes the same number of steps and is asked for the same held-out pairs, which are never augmented.
python benchmarks/augmentation.py runs/demo/collected
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from logolib.config import LogolibError, load_profile
from logolib.data import build_dataset
from logolib.report.benchmarks import keep
from logolib.train import train_clip

KEYS = ("text_to_image_R@1", "text_to_image_R@10", "image_to_text_R@1", "image_to_text_R@10")


def main() -> None:
    """Read the command line, train every arm with every seed, keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collected", type=Path)
    parser.add_argument("--augment", type=int, nargs="+", default=[0, 1, 3], help="versions of each training logo")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/augmentation.json"))
    given = parser.parse_args()
    try:
        found = [_arm(given, augment) for augment in given.augment]
    except LogolibError as error:
        sys.exit(str(error))
    note = f"{given.steps} steps of {given.batch_size}; means over {given.seeds} seeds, and the range of those."
    keep(given.out, found, note)
    print(given.out.read_text("utf8"))


def _arm(given: argparse.Namespace, augment: int) -> dict[str, Any]:
    """Mean and range of retrieval over the seeds, at one number of versions."""
    profile = load_profile("demo")
    plain = {
        "start": None,
        "drawn": 0,
        "steps": given.steps,
        "batch_size": given.batch_size,
        "ema": 0.99,
        "patience": 0,
    }
    settings = profile.clip.model_copy(update={**plain, "lr": 1e-3, "warmup": 20, "save_every": given.steps})
    results = []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        built = build_dataset(
            profile.dataset.model_copy(update={"augment": augment}), given.collected, data, progress=False
        )
        for seed in range(given.seeds):
            run = Path(folder) / str(seed)
            results.append(train_clip(settings, data, run, seed=seed, progress=False).values)
    row: dict[str, Any] = {"versions_of_each_logo": augment, "training_logos": built.values["train"]}
    for key in KEYS:
        recalls = np.array([values["retrieval"][key] for values in results])
        row[key] = f"{recalls.mean():.0%} ({recalls.min():.0%} to {recalls.max():.0%})"
    row["chance R@1, R@10"] = f"{results[0]['chance']['R@1']:.0%}, {results[0]['chance']['R@10']:.0%}"
    return row


if __name__ == "__main__":
    main()
