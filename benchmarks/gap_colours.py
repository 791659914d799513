"""What lies behind dark figures: white, or a ground with a colour of its own, in the base's drawings and in pictures.

A decoder that mostly sees white in the gaps of dark figures draws white lines on gold as well. Counts drawings, then
how many pictures show white, of plain grounds, light but not white, under darker figures, that no training saw:
python benchmarks/gap_colours.py --model default runs/mine/model
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import binary_erosion

from logolib.config import LogolibError, load_profile
from logolib.emblems import Emblem
from logolib.emblems.corpus import draw_many, sample_many
from logolib.emblems.layout import crest_box, trim_colour
from logolib.emblems.palette import is_light
from logolib.evaluate.judge import load_shipped_marker
from logolib.evaluate.marker import SIZE
from logolib.evaluate.statistics import wilson
from logolib.generate import LogoPipeline
from logolib.report.benchmarks import keep
from logolib.seeds import derive

SEEN = 4  # pixels of 64 by 64 that make a line


def main() -> None:
    """Read the command line, count drawings and pictures, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", nargs="+", default=["default"])
    parser.add_argument("--drawings", type=int, default=20_000)
    parser.add_argument("--prompts", type=int, default=600)
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/gap-colours.json"))
    given = parser.parse_args()
    now = load_profile("base").decoder.shares
    try:
        rows = [drawings(share, given.drawings) for share in (0.0, now.light)]
        rows += pictures(given.model, given.prompts)
    except LogolibError as error:
        sys.exit(str(error))
    keep(given.out, rows, f"{given.drawings:,} drawings each, without black outlines; {given.prompts} pictures each.")
    print(given.out.read_text("utf8"))


def drawings(light: float, n: int) -> dict[str, Any]:
    """What is behind the dark figures of drawings with that share of light grounds."""
    shares = load_profile("base").decoder.shares._replace(light=light)
    seen = Counter(behind(e) for e, _ in sample_many(n, derive(0, "gaps") % 2**32, siblings=3, shares=shares))
    dark = sum(seen.values()) - seen[None]
    white = seen["white"] / dark
    light_ones = sum(count for colour, count in seen.items() if colour is not None and is_light(colour)) / dark
    return {"what": f"drawings, light {light:g}", "white behind": f"{white:.0%}", "light": f"{light_ones - white:.0%}"}


def behind(emblem: Emblem) -> str | None:
    """The colour in the gaps of the emblem's figure; None without a figure, for a light one, and for black outlines."""
    colour = emblem.charge_colour
    if colour is None or is_light(colour) or emblem.style == "outlined":
        return None
    return "white" if emblem.shape == "free" else trim_colour(emblem, colour) or emblem.field


def pictures(models: list[str], n: int) -> list[dict[str, Any]]:
    """How many crests without white show white, and how many figures the marker reads right, a row a model."""
    shares = load_profile("base").decoder.shares._replace(light=1.0, divided=0.0, figures=0.0, brief=1.0)
    drawn = sample_many(8 * n, derive(0, "gap pictures") % 2**32, for_judging=True, shares=shares)
    chosen = [
        (emblem, caption)
        for emblem, caption in drawn
        if emblem.shape != "free" and emblem.charge is not None and emblem.style in ("flat", "stencil")
        if "white" not in (emblem.charge_colour, emblem.letter_colour, emblem.border)
    ][:n]
    true = draw_many([emblem for emblem, _ in chosen], SIZE)
    inside = np.stack([binary_erosion(picture.min(axis=-1) < 200, iterations=5) for picture in true])
    for mask, (emblem, _) in zip(inside, chosen, strict=True):
        mask[round(crest_box(emblem)[1] * SIZE / 256) :] = False
    marker, found = load_shipped_marker(), []
    prompts, options = [caption for _, caption in chosen], {"num_inference_steps": 16, "guidance_scale": 2.0}
    made = {
        model: LogoPipeline.from_pretrained(model)(prompts, seeds=list(range(n)), size=SIZE, **options).pixels
        for model in models
    }
    for name, shown in [("true drawings", true), *made.items()]:
        read = marker.read(shown)
        right = sum(row["charge"] == emblem.charge for row, (emblem, _) in zip(read, chosen, strict=True))
        white = ((np.asarray(shown).min(axis=-1) > 215) & inside).sum(axis=(1, 2)) >= SEEN
        found.append(
            {
                "what": f"pictures, {name}",
                "with white": _share(int(white.sum()), n),
                "figure right": _share(right, n),
            }
        )
    return found


def _share(k: int, n: int) -> str:
    share = wilson(k, n)
    return f"{share.mean:.0%} ({share.low:.0%} to {share.high:.0%})"


if __name__ == "__main__":
    main()
