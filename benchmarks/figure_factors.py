"""What makes a figure in a crest hard to learn: the same short training on drawings that vary more, or less.

A decoder is taught from nothing. In place of an embedding it is told a fixed random vector for each of: figure, its
colour, ground, its colour. So no CLIP and no prior can be at fault. As in figure_names.py, what another figure's vector
adds to the loss on held-out drawings says how much of it is used. Appends to OUT:
python benchmarks/figure_factors.py --only "one ground, any pair" --optimizer adamw muon --dim 64 128
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from logolib.config import DecoderSettings, LogolibError, load_profile
from logolib.emblems import CHARGES, RESERVED_CHARGES, Emblem
from logolib.emblems.corpus import draw_many
from logolib.emblems.palette import COLOURS, legible
from logolib.emblems.sample import pick
from logolib.emblems.shapes import RESERVED_SHAPES, SHAPES
from logolib.generate import LogoPipeline
from logolib.images import to_float
from logolib.models.decoder import build_decoder, decoder_config, draw_times, fold
from logolib.report.benchmarks import keep
from logolib.seeds import derive
from logolib.train.loop import autocast, keep_memory
from logolib.train.muon import OPTIMIZERS

TIMES = (950, 900, 800, 600)  # of 1000
HELD_OUT = 96
WIDTH = 256  # of the vectors
INNER = 128  # channels of the inner layers
BATCH, WARM_UP, RATE = 32, 20, 1e-3
LIGHT, DARK = ("white", "gold", "silver", "sky blue"), ("black", "navy", "maroon", "green", "purple")
Sampler = Callable[[np.random.Generator], tuple[str, str, str]]  # => ground, its colour, the figure's


def main() -> None:
    """Read the command line, train and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--only", choices=KINDS, nargs="+", default=list(KINDS))
    parser.add_argument("--optimizer", choices=OPTIMIZERS, nargs="+", default=["adamw"])
    parser.add_argument("--dim", choices=(64, 128), type=int, nargs="+", default=[64])
    parser.add_argument("--drawings", type=int, default=8000)
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/figure-factors.json"))
    given = parser.parse_args()
    keep_memory()
    rows = json.loads(given.out.read_text("utf8"))["rows"] if given.out.exists() else []
    known = {tuple(row[key] for key in ("drawings", "optimizer", "dim")) for row in rows}
    note = (
        f"{given.steps} steps of {BATCH} from nothing: mean squared error of the guess at held-out drawings "
        f"and what another figure's vector adds. dim: channels of the outer layers; the inner ones have {INNER}."
    )
    try:
        for case in product(given.only, given.optimizer, given.dim):
            if case not in known:
                rows.append(_row(*case, given))
                keep(given.out, rows, note)
    except LogolibError as error:
        sys.exit(str(error))
    print(given.out.read_text("utf8"))


def _any(rng: np.random.Generator, grounds: tuple[str, ...]) -> tuple[str, str, str]:
    """Any two colours of which one reads on the other."""
    while True:
        ground, figure = pick(rng, list(COLOURS)), pick(rng, list(COLOURS))
        if legible(figure, ground):
            return pick(rng, grounds), ground, figure


GROUNDS = tuple(shape for shape in SHAPES if shape not in RESERVED_SHAPES and shape != "free")
KINDS: dict[str, Sampler] = {
    "one ground, one pair of colours": lambda rng: ("heater", "gold", "black"),
    "one ground, dark on light": lambda rng: ("heater", pick(rng, LIGHT), pick(rng, DARK)),
    "one ground, any pair": lambda rng: _any(rng, ("heater",)),
    f"{len(GROUNDS)} grounds, one pair of colours": lambda rng: (pick(rng, GROUNDS), "gold", "black"),
    f"{len(GROUNDS)} grounds, any pair": lambda rng: _any(rng, GROUNDS),
}


def _emblem(ground: str, colour: str, figures: str, charge: str) -> Emblem:
    """A crest without letters or divisions."""
    absent: dict[str, None] = dict.fromkeys(("second", "initials", "wordmark", "wordmark2", "letter_colour"))
    parts = {"charge": charge, "charge_colour": figures, "border": "black", "division": "plain", "style": "flat"}
    return Emblem(shape=ground, field=colour, **parts, **absent)


def _row(name: str, optimizer: str, dim: int, given: argparse.Namespace) -> dict[str, Any]:
    sampler, rng = KINDS[name], np.random.default_rng(0)
    charges = [charge for charge in CHARGES if charge not in RESERVED_CHARGES]
    emblems = [_emblem(*sampler(rng), pick(rng, charges)) for _ in range(given.drawings + HELD_OUT)]
    settings = load_profile("base").decoder.model_copy(update={"dim": dim, "dim_mults": (1, INNER // dim)})
    x0 = fold((to_float(draw_many(emblems, settings.image_size, os.cpu_count() or 1)) + 1) / 2, settings.fold)
    known, held_out = emblems[:-HELD_OUT], emblems[-HELD_OUT:]
    decoder = _trained(settings, x0[:-HELD_OUT], _told(known), optimizer, given.steps)
    others = [replace(one, charge=held_out[i - 7].charge) for i, one in enumerate(held_out)]
    row: dict[str, Any] = {"drawings": name, "optimizer": optimizer, "dim": dim}
    for time in TIMES:
        right, wrong = (_loss(decoder, x0[-HELD_OUT:], _told(some), time) for some in (held_out, others))
        row[f"at {time}"] = f"{right:.4f}, {wrong / right - 1:+.1%}"
    return row


def _told(emblems: list[Emblem]) -> Tensor:
    """The sum of the four vectors of each emblem, (N, D)."""
    parts = [
        [f"{part} {getattr(one, part)}" for part in ("shape", "field", "charge", "charge_colour")] for one in emblems
    ]
    words = sorted({word for some in parts for word in some})
    vectors = {word: torch.randn(WIDTH, generator=torch.Generator().manual_seed(derive(0, word))) for word in words}
    return torch.stack([sum((vectors[word] for word in some), torch.zeros(WIDTH)) for some in parts]) / WIDTH**0.5


def _trained(settings: DecoderSettings, x0: Tensor, told: Tensor, kind: str, steps: int) -> Any:
    """The base's decoder, told of nothing but `told`."""
    clip = LogoPipeline.from_pretrained("default").clip
    torch.manual_seed(0)
    config = decoder_config(settings.model_copy(update={"text_encodings": False}), clip)
    config["unets"][0]["image_embed_dim"] = WIDTH
    decoder: Any = build_decoder(config).to(memory_format=torch.contiguous_format).train()
    draw_times(decoder, settings.logit_mean, settings.logit_std)
    optimizer = OPTIMIZERS[kind](decoder.parameters(), lr=RATE, betas=(0.9, settings.beta2), weight_decay=settings.wd)
    shares = [min((step + 1) / WARM_UP, 0.5 + 0.5 * math.cos(math.pi * step / steps)) for step in range(steps)]
    order = np.random.default_rng(0)
    for share in tqdm(shares):
        rows = torch.as_tensor(order.integers(len(x0), size=BATCH))
        optimizer.param_groups[0]["lr"] = RATE * share
        with autocast(settings, torch.device("cpu")):
            loss = decoder(x0[rows], image_embed=told[rows])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
        optimizer.step()
    return decoder.eval()


def _loss(decoder: Any, pictures: Tensor, told: Tensor, time: int) -> float:
    """The mean error of the decoder's guess at the pictures from their noisy versions at that time."""
    torch.manual_seed(time)
    x0 = pictures * 2 - 1
    kept = decoder.noise_schedulers[0].alphas_cumprod[time]
    noisy = kept.sqrt() * x0 + (1 - kept).sqrt() * torch.randn_like(x0)
    with torch.no_grad():
        guess = decoder.unets[0](noisy, torch.full((len(x0),), time), image_embed=told)
    return F.mse_loss(guess, x0).item()


if __name__ == "__main__":
    main()
