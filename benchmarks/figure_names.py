"""Whether the decoder uses a figure's name: its loss with the right prompt, and with another figure's name in it.

Plain and lettered crests that no training saw; all else about a prompt, and the noise, stays.
python benchmarks/figure_names.py
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from logolib.config import GenerateSettings, LogolibError
from logolib.emblems import describe
from logolib.emblems.corpus import draw_many, sample_many
from logolib.generate import LogoPipeline
from logolib.generate.draw import embed_prompts, guess_embeds
from logolib.images import to_float
from logolib.models.decoder import condition, fold
from logolib.report.benchmarks import keep
from logolib.seeds import derive

TIMES = (950, 900, 800, 600)  # of 1000


def main() -> None:
    """Read the command line, measure and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--prompts", type=int, default=96)
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/figure-names.json"))
    given = parser.parse_args()
    try:
        pipe = LogoPipeline.from_pretrained(given.model)
    except LogolibError as error:
        sys.exit(str(error))
    drawn = sample_many(2 * given.prompts, derive(0, "figure names") % 2**32, for_judging=True)
    emblems = [emblem for emblem, _ in drawn if emblem.charge is not None][: given.prompts]
    others = [replace(emblem, charge=emblems[i - 7].charge) for i, emblem in enumerate(emblems)]
    right, wrong = (
        embed_prompts(pipe, [describe(emblem, np.random.default_rng(i)) for i, emblem in enumerate(some)])[1]
        for some in (emblems, others)
    )
    texts = embed_prompts(pipe, [describe(emblem, np.random.default_rng(i)) for i, emblem in enumerate(emblems)])[0]
    embeds = guess_embeds(pipe, texts, list(range(len(emblems))), GenerateSettings())
    x0 = fold((to_float(draw_many(emblems, pipe.image_size)) + 1) / 2, pipe.fold) * 2 - 1
    rows = []
    for time in TIMES:
        torch.manual_seed(time)
        kept = pipe.decoder.noise_schedulers[0].alphas_cumprod[time]  # type: ignore[index,union-attr]
        noisy = kept.sqrt() * x0 + (1 - kept).sqrt() * torch.randn_like(x0)
        row: dict[str, float] = {"time": time}
        for name, words in (("right figure", right), ("another figure", wrong)):
            with torch.no_grad():
                times = torch.full((len(x0),), time)
                told = pipe.decoder.unets[0](noisy, times, **condition(pipe.decoder, embeds, words))  # type: ignore[index,operator]
            row[name] = round(F.mse_loss(told, x0).item(), 4)
        rows.append(row)
    keep(given.out, rows, f"Mean squared error of the predicted picture; {len(emblems)} prompts.")
    print(given.out.read_text("utf8"))


if __name__ == "__main__":
    main()
