"""How well set lettering reads: 50 names of a seeded list, straight, on an arc and on a ribbon, read by Tesseract.

Arcs and ribbons are unrolled first. Beside them, what the base draws when it is asked for the same words.
python benchmarks/lettering_ocr.py
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from logolib.config import load_profile
from logolib.emblems import Club, clubs, draw
from logolib.generate import LogoPipeline
from logolib.generate.lettering import WAYS, letter
from logolib.generate.reading import read_line, unrolled
from logolib.generate.vector import vectorise
from logolib.report.benchmarks import keep


def main() -> None:
    """Read the command line, set and read every name, keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=50)
    parser.add_argument("--n", type=int, default=50, help="names")
    parser.add_argument("--bare", type=int, default=50, help="names that the base is asked to draw")
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/lettering.json"))
    given = parser.parse_args()
    named = list({club.town: club for club in clubs(3 * given.n, given.seed)}.values())[: given.n]
    settings = load_profile("base").vector
    wordless = [club for club in clubs(60, given.seed) if club.emblem.wordmark is None][:5]
    marks = [vectorise(draw(club.emblem, 256), settings) for club in wordless]
    rows: list[dict[str, Any]] = []
    for way in WAYS:
        wrong = []
        for i, club in enumerate(named):
            mark, cleaned = marks[i % len(marks)]
            read = read_line(unrolled(letter(mark, club.town.upper(), way, cleaned.palette)))
            if read != club.town.upper():
                wrong.append(f"{club.town.upper()} as {read or 'nothing'}")
        rows.append(_row(f"set, {way}", len(named), len(named) - len(wrong), wrong))
    note = "A name counts when every letter of it is read, and nothing besides."
    keep(given.out, rows, note)
    if given.bare:
        keep(given.out.with_name("lettering-base.json"), [_bare(named[: given.bare], given.seed)], note)


def _bare(named: list[Club], seed: int) -> dict[str, Any]:
    """The base, asked for each name in the words of a caption; the lower half and the whole are read."""
    asked = [
        f'A red roundel with a white star, the wordmark "{club.town.upper()}" in red underneath.' for club in named
    ]
    pixels = LogoPipeline.from_pretrained("default")(
        asked, seeds=[seed + i for i in range(len(asked))], size=256, num_inference_steps=12
    ).pixels
    right = 0
    for picture, club in zip(pixels, named, strict=True):
        grey = np.asarray(Image.fromarray(picture).convert("L").resize((1024, 1024)))
        found = [re.sub(r"\W", "", read_line(part)) for part in (grey[512:], grey[768:], grey[820:1000])]
        right += re.sub(r"\W", "", club.town.upper()) in found
    return _row("drawn by the base", len(named), right, [])


def _row(name: str, names: int, right: int, wrong: list[str]) -> dict[str, Any]:
    return {"lettering": name, "names": names, "read right": f"{right / names:.0%}", "misread": "; ".join(wrong[:4])}


if __name__ == "__main__":
    main()
