"""What keeping one of several candidates gives: attributes read in the picture that the pipeline's CLIP keeps.

Prompts of a seeded list of combinations never trained on, other ones than benchmarks/measure_base.py asks.
python benchmarks/candidates.py
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from logolib.config import LogolibError
from logolib.emblems.corpus import sample_many
from logolib.evaluate.judge import load_shipped_marker
from logolib.evaluate.marker import SIZE, asked
from logolib.evaluate.statistics import wilson
from logolib.generate import LogoPipeline
from logolib.generate.draw import Wish, candidate, draw_batch
from logolib.report.benchmarks import keep
from logolib.seeds import derive

SHOWN = ("second", "charge")


def main() -> None:
    """Read the command line, draw, read and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--prompts", type=int, default=120)
    parser.add_argument("--candidates", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/candidates.json"))
    given = parser.parse_args()
    try:
        rows = measure(given)
    except LogolibError as error:
        sys.exit(str(error))
    keep(given.out, rows, f"{given.prompts} prompts, {given.candidates} candidates each; share right, 95% interval.")
    print(given.out.read_text("utf8"))


def measure(given: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each way to choose."""
    pipe, marker, n = LogoPipeline.from_pretrained(given.model), load_shipped_marker(), given.candidates
    found = sample_many(given.prompts, derive(0, "candidates") % 2**32, for_judging=True)
    how = pipe.settings({"num_inference_steps": 16, "guidance_scale": 2.0, "size": SIZE, "num_candidates": n})
    right, scores = [], []  # of each prompt's candidates: which attributes are right, the CLIP's cosine
    for i, (emblem, caption) in enumerate(tqdm(found, desc="draw", unit="prompt")):
        wishes = [candidate(Wish(caption, derive(0, "candidates", i) % 2**31), j) for j in range(n)]
        drawn, cosines = draw_batch(pipe, wishes, how)
        right.append(
            [{name: row[name] == value for name, value in asked(emblem).items()} for row in marker.read(drawn)]
        )
        scores.append(cosines)
    kept = {"the first": np.zeros(len(found), int), "the CLIP": np.argmax(scores, 1)}
    table = []
    for way, which in kept.items():
        chosen = [some[k] for some, k in zip(right, which, strict=True)]
        shown = {name: _share([one[name] for one in chosen if name in one]) for name in SHOWN}
        table.append({"kept by": way, **shown, "all attributes": _share([all(one.values()) for one in chosen])})
    best = [any(all(one.values()) for one in some) for some in right]
    return [*table, {"kept by": "whoever sees the answer", "all attributes": _share(best)}]


def _share(right: list[bool]) -> str:
    share = wilson(sum(right), len(right))
    return f"{share.mean:.0%} ({share.low * 100:.0f} to {share.high * 100:.0f})"


if __name__ == "__main__":
    main()
