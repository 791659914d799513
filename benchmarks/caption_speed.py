"""Captions a second: batches of ours against a plain loop over `VisionEncoderDecoderModel.generate`, the same model.

Both decode by the same number of beams and must write the same captions. Turns alternate, so that a machine that is
slower for a while is so for both. python benchmarks/caption_speed.py
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from logolib.config import LogolibError
from logolib.emblems.corpus import drawn
from logolib.models.captioner import Captioner, load_captioner
from logolib.report.benchmarks import keep


def main() -> None:
    """Read the command line, take turns, keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--size", type=int, default=128, help="side of the pictures, pixels")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16, 32, 64])
    parser.add_argument("--beams", type=int, default=1)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/caption_speed.json"))
    given = parser.parse_args()
    try:
        captioner = load_captioner(given.model, "cuda" if torch.cuda.is_available() else "cpu")
    except LogolibError as error:
        sys.exit(str(error))
    pictures = list(drawn(given.pictures, 7, given.size).images)
    arms: dict[str, Callable[[], list[str]]] = {"plain loop": lambda: plain(captioner, pictures, given.beams)}
    for batch in given.batches:
        arms[f"batches of {batch}"] = lambda batch=batch: ours(captioner, pictures, given.beams, batch)
    written = {name: arm() for name, arm in arms.items()}  # also warms up
    took: dict[str, list[float]] = {name: [] for name in arms}
    for _ in range(given.turns):
        for name, arm in arms.items():
            start = time.perf_counter()
            arm()
            took[name].append(time.perf_counter() - start)
    slow = took["plain loop"]
    rows: list[dict[str, Any]] = []
    for name, seconds in took.items():
        ratios = sorted(a / b for a, b in zip(slow, seconds, strict=True))
        same = sum(a == b for a, b in zip(written[name], written["plain loop"], strict=True))
        rows.append({
            "arm": name,
            "pictures a second": len(pictures) / statistics.median(seconds),
            "times the plain loop": f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})",
            "same captions": f"{same} of {len(pictures)}",
        })  # fmt: skip
    note = f"{given.turns} turns in alternation; median, and the least and most of the turns; {given.beams} beams."
    keep(given.out, rows, note)
    print(given.out.read_text("utf8"))


def plain(captioner: Captioner, pictures: list[np.ndarray], beams: int) -> list[str]:
    """What the model's documentation shows: one picture after the other."""
    found = []
    for picture in pictures:
        pixels = captioner.processor(images=picture, return_tensors="pt")["pixel_values"].to(captioner.device)
        tokens = captioner.model.generate(pixels, max_new_tokens=64, num_beams=beams, do_sample=False)
        found.append(captioner.tokenizer.batch_decode(tokens, skip_special_tokens=True)[0].strip())
    return found


def ours(captioner: Captioner, pictures: list[np.ndarray], beams: int, batch: int) -> list[str]:
    """The captioner's own way, so many pictures at once."""
    found: list[str] = []
    for i in range(0, len(pictures), batch):
        part = pictures[i : i + batch]
        found += [texts[0] if texts else "" for texts in captioner.write(part, [0] * len(part), beams=beams)]
    return found


if __name__ == "__main__":
    main()
