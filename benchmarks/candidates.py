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
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--guidance", type=float, default=2.0)
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
    how = pipe.settings(
        {"num_inference_steps": given.steps, "guidance_scale": given.guidance, "size": SIZE, "num_candidates": n}
    )
    right, scores = [], []
    for i, (emblem, caption) in enumerate(tqdm(found, desc="draw", unit="prompt")):
        wishes = [candidate(Wish(caption, derive(0, "candidates", i) % 2**31), j) for j in range(n)]
        drawn, cosines = draw_batch(pipe, wishes, how)
        want = asked(emblem)
        right.append([[row[name] == value for name, value in want.items()] for row in marker.read(drawn)])
        scores.append(cosines)
    kept = {"the first": np.zeros(len(found), int), "the CLIP": np.argmax(scores, 1)}
    table = []
    for way, which in kept.items():
        row: dict[str, Any] = {"kept by": way}
        for name in SHOWN:
            places = [list(asked(emblem)).index(name) if name in asked(emblem) else None for emblem, _ in found]
            row[name] = _share([right[i][which[i]][at] for i, at in enumerate(places) if at is not None])
        table.append(row | {"all attributes": _share([all(right[i][k]) for i, k in enumerate(which)])})
    best = [any(all(one) for one in some) for some in right]
    return [*table, {"kept by": "whoever sees the answer", "all attributes": _share(best)}]


def _share(right: list[bool]) -> str:
    share = wilson(sum(right), len(right))
    return f"{share.mean:.0%} ({share.low * 100:.0f} to {share.high * 100:.0f})"


if __name__ == "__main__":
    main()
