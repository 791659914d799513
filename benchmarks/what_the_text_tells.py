"""What a linear reader finds in the three things a prompt becomes (its embedding, the tower's states, its words),
and in the embedding of the picture that it describes.

Prompts are of drawn emblems, whose attributes are known; a sixth of them is held out of the ridge regression.
python benchmarks/what_the_text_tells.py
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from logolib.config import LogolibError
from logolib.emblems.corpus import draw_many, sample_many
from logolib.generate import LogoPipeline
from logolib.generate.draw import embed_prompts
from logolib.models.clip import embed_images
from logolib.report.benchmarks import keep
from logolib.seeds import derive

ATTRIBUTES = ("shape", "division", "field", "second", "border", "charge", "charge_colour", "style")
RIDGE = 10.0


def main() -> None:
    """Read the command line, fit and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--prompts", type=int, default=6000)
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/text.json"))
    given = parser.parse_args()
    try:
        pipe = LogoPipeline.from_pretrained(given.model)
    except LogolibError as error:
        sys.exit(str(error))
    found = sample_many(given.prompts, derive(0, "what the text tells") % 2**32)
    parts = [embed_prompts(pipe, [words for _, words in found[i : i + 256]]) for i in range(0, len(found), 256)]
    embeddings = torch.cat([embedding for embedding, _ in parts])
    states, words = torch.cat([encodings.sum(1) for _, encodings in parts]).chunk(2, -1)
    pictures = draw_many([emblem for emblem, _ in found], pipe.clip.image_size, os.cpu_count() or 1)
    inputs = {
        "picture": embed_images(pipe.clip, pictures),
        "embedding": embeddings,
        "states": F.normalize(states, dim=-1),
        "words": F.normalize(words, dim=-1),
        "states and words": F.normalize(torch.cat([states, words], -1), dim=-1),
    }
    rows = []
    for name in ATTRIBUTES:
        answers = [str(getattr(emblem, name)) for emblem, _ in found]
        classes = sorted(set(answers))
        wanted = torch.tensor([classes.index(answer) for answer in answers])
        chance = wanted.bincount().max().item() / len(wanted)
        read = {key: f"{read_off(x, wanted):.0%}" for key, x in inputs.items()}
        rows.append({"attribute": name, "answers": len(classes), "commonest": f"{chance:.0%}", **read})
    keep(given.out, rows, f"{given.prompts} prompts; the share that a linear reader gets right on the held-out sixth.")
    print(given.out.read_text("utf8"))


def read_off(inputs: Tensor, wanted: Tensor) -> float:
    """Share of the last sixth of `wanted` (N,) that ridge regression from `inputs` (N, D) on the rest gets right."""
    x = torch.cat([(inputs - inputs.mean(0)) / (inputs.std(0) + 1e-6), torch.ones(len(inputs), 1)], 1)
    fitted = len(x) * 5 // 6
    gram = x[:fitted].T @ x[:fitted] + RIDGE * torch.eye(x.shape[1])
    weights = torch.linalg.solve(gram, x[:fitted].T @ F.one_hot(wanted[:fitted]).float())
    return ((x[fitted:] @ weights).argmax(1) == wanted[fitted:]).float().mean().item()


if __name__ == "__main__":
    main()
