"""How true the vector drawings are: the first 20 of a seeded list, drawn by the base, cleaned, traced, lettered.

Writes the table, and the book's picture of bare, cleaned, vector and lettered logos side by side.
python benchmarks/vector_quality.py
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import median
from typing import Any
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from logolib.config import load_profile
from logolib.emblems import Club, clubs
from logolib.generate import generate
from logolib.generate.brand import brand_sheet
from logolib.generate.drawing import Drawing, render, save_pdf, save_svg, to_svg
from logolib.generate.lettering import WAYS, letter, without_words
from logolib.generate.usable import read_picture
from logolib.generate.vector import difference, over_white, vectorise
from logolib.images import save_png, sheet
from logolib.report.benchmarks import keep

SIDE = 220  # of a picture on the sheet, pixels
SHOWN = 6  # the first of the list, whatever they look like


def main() -> None:
    """Read the command line, draw what is not there yet, keep the table and the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--n", type=int, default=20)
    parser.add_argument("--work", type=Path, default=Path("runs/usable"))
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/vector.json"))
    given = parser.parse_args()
    listed = clubs(given.n, given.seed)
    files = sorted(given.work.glob("bare/[0-9]*.png"))
    if len(files) != given.n:
        prompts = [without_words(club.caption) for club in listed]
        generate(load_profile("base").generate, prompts, "default", given.work / "bare", seed=given.seed)
        files = sorted(given.work.glob("bare/[0-9]*.png"))
    found = [_one(file, club, place, given.work) for place, (file, club) in enumerate(zip(files, listed, strict=True))]
    rows = [row for row, _ in found]
    table = [
        {
            "logos": len(rows),
            "valid SVG": sum(row["valid"] for row in rows),
            "paths, median": median(row["paths"] for row in rows),
            "paths, most": max(row["paths"] for row in rows),
            "difference, median": f"{median(row['difference'] for row in rows):.1%}",
            "difference, most": f"{max(row['difference'] for row in rows):.1%}",
            "from the bare picture, median": f"{median(row['bare'] for row in rows):.1%}",
            "SVG, kB, median": round(median(row["kilobytes"] for row in rows), 1),
        }
    ]
    keep(given.out, table, "Differences are means over all pixels on white, of the full range of a channel.")
    shown = sheet([cell for _, cells in found[:SHOWN] for cell in cells], 4)
    save_png(shown.quantize(128), Path("book/_static/usable.png"))


def _one(file: Path, club: Club, place: int, work: Path) -> tuple[dict[str, Any], list[np.ndarray]]:
    """What was measured of one logo, and its four pictures."""
    settings = load_profile("base").vector
    pixels, prompt = read_picture(file)
    mark, cleaned = vectorise(pixels, settings)
    svg = to_svg(mark, prompt)
    paths = [e for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("}path")]
    save_svg(mark, work / "vector" / f"{file.stem}.svg", prompt)
    save_pdf(mark, work / "vector" / f"{file.stem}.pdf", prompt)
    way = WAYS[place % len(WAYS)]
    lettered = letter(mark, club.town.upper(), way, cleaned.palette, prompt)
    save_svg(lettered.drawing, work / "lettered" / f"{file.stem}.svg", club.town)
    if place == 0:
        page = brand_sheet(mark, cleaned, club.town.upper(), "ribbon", prompt)
        save_svg(page, work / "brand.svg", club.town, "mm")
        save_pdf(page, work / "brand.pdf", club.town, page.width)
        save_png(Image.fromarray(render(page, 1400)).convert("RGB").quantize(64), Path("book/_static/brand.png"))
    seen = over_white(render(mark, pixels.shape[1]))
    row = {
        "valid": len(paths) == len(mark.shapes),
        "paths": len(paths),
        "difference": difference(mark, cleaned),
        "bare": float(np.abs(seen - over_white(np.dstack([pixels, np.full(pixels.shape[:2], 255)]))).mean() / 255),
        "kilobytes": len(svg.encode()) / 1000,
    }
    clean = over_white(cleaned.rgba(SIDE)).astype(np.uint8)
    bare = np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE)))
    return row, [bare, clean, _fitted(mark), _fitted(lettered.drawing)]


def _fitted(drawing: Drawing) -> np.ndarray:
    """A drawing in the middle of a white square, uint8 (SIDE, SIDE, 3)."""
    side = max(drawing.width, drawing.height)
    shapes = drawing.placed(0.03 * side, 0.03 * side, 0.94 * side, 0.94 * side)
    return over_white(render(Drawing(side, side, shapes), SIDE)).astype(np.uint8)


if __name__ == "__main__":
    main()
