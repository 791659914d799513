"""Whether a decoder keeps what a picture with a little noise still shows: its error, and that of the picture itself.

Crests that no training saw, told by their captions. Where the guess is further from the drawing than the noisy picture,
sampling cannot end with the drawing's finest lines. python benchmarks/low_noise.py --model default runs/mine/model
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from logolib.config import GenerateSettings, LogolibError
from logolib.emblems.corpus import draw_many, sample_many
from logolib.generate import LogoPipeline
from logolib.generate.draw import embed_prompts, guess_embeds
from logolib.images import to_float
from logolib.models.decoder import condition, fold
from logolib.report.benchmarks import keep
from logolib.seeds import derive

TIMES = (20, 50, 100, 200, 400, 600, 800)  # of 1000


def main() -> None:
    """Read the command line, measure and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", nargs="+", default=["default"])
    parser.add_argument("--prompts", type=int, default=96)
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/low-noise.json"))
    given = parser.parse_args()
    try:
        rows = [row for model in given.model for row in measure(model, given.prompts)]
    except LogolibError as error:
        sys.exit(str(error))
    keep(given.out, rows, f"{given.prompts} crests: mean squared error, pixels in -1 to 1.")
    print(given.out.read_text("utf8"))


@torch.no_grad()
def measure(model: str, n: int) -> list[dict[str, Any]]:
    """A row for each of `TIMES`."""
    pipe = LogoPipeline.from_pretrained(model)
    decoder: Any = pipe.decoder
    found = sample_many(n, derive(0, "low noise") % 2**32, for_judging=True)
    x0 = fold(to_float(draw_many([emblem for emblem, _ in found], pipe.image_size)), pipe.fold)
    texts, words = embed_prompts(pipe, [caption for _, caption in found])
    given = condition(decoder, guess_embeds(pipe, texts, list(range(n)), GenerateSettings()), words)
    rows = []
    for time in TIMES:
        kept = decoder.noise_schedulers[0].alphas_cumprod[time]
        noise = torch.randn(x0.shape, generator=torch.Generator().manual_seed(time))
        noisy = kept.sqrt() * x0 + (1 - kept).sqrt() * noise
        guess = decoder.unets[0](noisy, torch.full((n,), time), **given)
        error, without = F.mse_loss(guess, x0).item(), F.mse_loss(noisy / kept.sqrt(), x0).item()
        rows.append({"model": model, "time": time, "its guess": f"{error:.4f}", "the noisy picture": f"{without:.4f}"})
    return rows


if __name__ == "__main__":
    main()
