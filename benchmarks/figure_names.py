"""Whether a decoder uses a figure's name: its loss with the right prompt, and with another figure's name in it.

Crests with letters, large figures on a ground and figures alone, that no training saw; all else about a prompt, and
the noise, stays. Several models, one after the other:
python benchmarks/figure_names.py --model default runs/mine/model
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from logolib.config import GenerateSettings, LogolibError, Shares
from logolib.emblems import Emblem, describe
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
    parser.add_argument("--model", nargs="+", default=["default"])
    parser.add_argument("--prompts", type=int, default=96)
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/figure-names.json"))
    given = parser.parse_args()
    try:
        rows = [row for model in given.model for row in measure(model, given.prompts)]
    except LogolibError as error:
        sys.exit(str(error))
    note = f"{given.prompts} prompts: mean squared error of the predicted picture, and what another figure's name adds."
    keep(given.out, rows, note)
    print(given.out.read_text("utf8"))


def measure(model: str, n: int) -> list[dict[str, Any]]:
    """A row a kind of picture, with the loss at each time."""
    pipe, rows = LogoPipeline.from_pretrained(model), []
    kinds: list[tuple[str, float, Callable[[Emblem], bool]]] = [
        ("crests", 0.0, lambda emblem: emblem.charge is not None),
        ("large figures on a ground", 1.0, lambda emblem: emblem.shape != "free"),
        ("figures alone", 1.0, lambda emblem: emblem.shape == "free"),
    ]
    for kind, figures, wanted in kinds:
        drawn = sample_many(4 * n, derive(0, "figure names") % 2**32, for_judging=True, shares=Shares(figures=figures))
        emblems = [emblem for emblem, _ in drawn if wanted(emblem)][:n]
        others = [replace(emblem, charge=emblems[i - 7].charge) for i, emblem in enumerate(emblems)]
        x0 = fold((to_float(draw_many(emblems, pipe.image_size)) + 1) / 2, pipe.fold) * 2 - 1
        row: dict[str, Any] = {"model": model, "of": kind}
        for time in TIMES:
            right, wrong = (_loss(pipe, some, x0, time) for some in (emblems, others))
            row[f"at {time}"] = f"{right:.4f}, {wrong / right - 1:+.1%}"
        rows.append(row)
    return rows


def _loss(pipe: LogoPipeline, asked: list[Emblem], x0: Tensor, time: int) -> float:
    """The mean error of the decoder's guess at x0, told of `asked`, from x0 at that time."""
    texts, words = embed_prompts(pipe, [describe(emblem, np.random.default_rng(i)) for i, emblem in enumerate(asked)])
    embeds = guess_embeds(pipe, texts, list(range(len(asked))), GenerateSettings())
    torch.manual_seed(time)
    decoder: Any = pipe.decoder
    kept = decoder.noise_schedulers[0].alphas_cumprod[time]
    noisy = kept.sqrt() * x0 + (1 - kept).sqrt() * torch.randn_like(x0)
    with torch.no_grad():
        told = decoder.unets[0](noisy, torch.full((len(x0),), time), **condition(decoder, embeds, words))
    return F.mse_loss(told, x0).item()


if __name__ == "__main__":
    main()
