"""Sheets for the book: variations, the way between two, a part drawn anew, a palette; the first of a seeded list.

The prompts are of combinations that no training sees; nothing is picked. Variations and inpainting start from true
drawings of those prompts, the way between two from prompts. python benchmarks/sampling_sheets.py
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from logolib.config import LogolibError
from logolib.emblems.corpus import draw_many, sample_many
from logolib.generate import LogoPipeline
from logolib.images import sheet
from logolib.seeds import derive

PALETTES = (["#0b3d91", "#fc3d21", "#111111"], ["#14532d", "#facc15", "#0f172a"])
COLUMNS = 6


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--rows", type=int, default=6)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--shown", type=int, default=128, help="side of a picture on the sheet, pixels")
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--guidance", type=float, default=2.0)
    parser.add_argument("--book", type=Path, default=Path("book/_static"))
    given = parser.parse_args()
    try:
        draw(given)
    except LogolibError as error:
        sys.exit(str(error))


def draw(given: argparse.Namespace) -> None:
    """Write sampling-{variations,between,inpainting,palette}.webp; one row of each for each of the first prompts."""
    pipe = LogoPipeline.from_pretrained(given.model)
    found = sample_many(given.rows + 1, derive(0, "sheet prompts") % 2**32, for_judging=True)
    prompts = [caption for _, caption in found]
    true = [Image.fromarray(picture) for picture in draw_many([emblem for emblem, _ in found], 256)]
    words: dict[str, Any] = {"num_inference_steps": given.steps, "guidance_scale": given.guidance, "size": given.size}
    mask = Image.new("L", (256, 256))
    ImageDraw.Draw(mask).ellipse((72, 72, 184, 184), fill=255)  # the middle, where the figure stands
    sheets: dict[str, list[np.ndarray]] = {"variations": [], "between": [], "inpainting": [], "palette": []}
    for i in range(given.rows):
        picture, prompt, following = true[i], prompts[i], prompts[i + 1]
        shown = np.asarray(picture)
        sheets["variations"] += [shown, *pipe.vary(picture, prompt, num_images=COLUMNS - 1, **words).pixels]
        sheets["between"] += list(pipe.interpolate(prompt, following, COLUMNS, seed=i, **words).pixels)
        anew = pipe.inpaint(picture, mask, following, num_images=COLUMNS - 2, **words).pixels
        sheets["inpainting"] += [shown, _greyed(shown, np.asarray(mask)), *anew]
        plain = [pipe(prompt, seed=seed, **words).pixels[0] for seed in (i, i + given.rows)]
        for seed, one in zip((i, i + given.rows), plain, strict=True):
            sheets["palette"] += [
                one,
                *(pipe(prompt, seed=seed, palette=colours, **words).pixels[0] for colours in PALETTES),
            ]
    for name, pictures in sheets.items():
        small = [np.asarray(Image.fromarray(one).resize((given.shown, given.shown))) for one in pictures]
        path = given.book / f"sampling-{name}.webp"
        sheet(small, columns=COLUMNS, gap=6).save(path, quality=88, method=6)  # a page holds 5 MB
    for number, prompt in enumerate(prompts):
        print(f"{number}: {prompt}")


def _greyed(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """What is kept, the rest grey."""
    return np.where(mask[..., None] > 127, np.uint8(128), picture)


if __name__ == "__main__":
    main()
