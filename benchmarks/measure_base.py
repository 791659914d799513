"""What the shipped base reaches: attributes of prompts it never saw, a sheet, its nearest training pictures.

Writes OUT/measured.json, and to BOOK two pictures: the first 64 prompts of the seeded list, and those pictures
beside the training drawings that lie nearest to them. python benchmarks/measure_base.py
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from tqdm import tqdm

from logolib.config import GenerateSettings, LogolibError, Shares
from logolib.emblems.corpus import draw_many, sample_many
from logolib.emblems.model import Emblem
from logolib.evaluate.attributes import attribute_table
from logolib.evaluate.judge import load_shipped_marker
from logolib.evaluate.marker import SIZE, asked
from logolib.evaluate.statistics import wilson
from logolib.generate import LogoPipeline
from logolib.images import save_png, sheet, to_float
from logolib.models.weights import BASE, model_folder
from logolib.results import Stopwatch, write_text
from logolib.seeds import derive
from logolib.train.corpus import kept_drawings

TOGETHER = ("shape", "field", "second", "charge", "charge_colour")
SHOWN = 64


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--beside", type=Path, help="the run before it was packed, measured too")
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--guidance", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=BASE)
    parser.add_argument("--book", type=Path, default=Path("book/_static"))
    parser.add_argument("--drawings", type=Path, default=Path("runs/base/model/drawn"), help="made when not there")
    parser.add_argument("--no-pictures", action="store_true", help="only the table")
    given = parser.parse_args()
    try:
        measure(given)
    except LogolibError as error:
        sys.exit(str(error))


def measure(given: argparse.Namespace) -> None:
    """Draw, read and write."""
    watch, pipe, marker = Stopwatch(), LogoPipeline.from_pretrained(given.model), load_shipped_marker()
    asked_for = sample_many(given.prompts, derive(given.seed, "base prompts") % 2**32, for_judging=True)
    emblems, prompts = [emblem for emblem, _ in asked_for], [caption for _, caption in asked_for]
    seeds = [derive(given.seed, "base", i) % 2**31 for i in range(len(prompts))]
    options: dict[str, Any] = {"num_inference_steps": given.steps, "guidance_scale": given.guidance}
    made, ceiling = _drawn(pipe, prompts, seeds, options), marker.read(draw_many(emblems, SIZE))
    values = _read(emblems, marker.read(made), ceiling)
    if given.beside is not None:
        before = _drawn(LogoPipeline.from_pretrained(given.beside), prompts, seeds, options)
        values["before_packing"] = _read(emblems, marker.read(before), ceiling)
        values["levels_moved"] = float(np.abs(made.astype(np.int16) - before).mean())
    settings = GenerateSettings(steps=given.steps, guidance_scale=given.guidance, size=SIZE)
    values |= {
        "together_of": list(TOGETHER),
        "prompts": len(prompts),
        "provenance": watch.provenance(settings, given.seed, pipe.fingerprint(), "base"),
    }
    write_text(given.out / "measured.json", json.dumps(values, indent=1) + "\n")
    for name, row in [*values["attributes"].items(), ("together", values["together"])]:
        print(f"{name:14s} {row['accuracy']:.0%} ({row['low']:.0%}-{row['high']:.0%})")  # type: ignore[index]
    if model_folder(given.model) == given.out:
        _keep_reached(given.out / "base.json", values)
    if not given.no_pictures:
        _pictures(given, pipe, prompts[:SHOWN], seeds[:SHOWN], options)


def _drawn(pipe: LogoPipeline, prompts: list[str], seeds: list[int], options: dict[str, Any]) -> np.ndarray:
    with tqdm(total=len(prompts), desc="draw", unit="picture") as bar:
        drawn: np.ndarray = pipe(
            prompts, seeds=seeds, size=SIZE, callback=lambda done, _: bar.update(done - bar.n), **options
        ).pixels
    return drawn


def _read(emblems: list[Emblem], read: list[dict[str, Any]], ceiling: list[dict[str, Any]]) -> dict[str, Any]:
    """Each attribute's row, and how often all of TOGETHER are right."""
    right = [all(r[k] == v for k, v in asked(e).items() if k in TOGETHER) for e, r in zip(emblems, read, strict=True)]
    all_right = wilson(sum(right), len(right))
    return {
        "attributes": attribute_table(emblems, read, ceiling),
        "together": {"accuracy": all_right.mean, "low": all_right.low, "high": all_right.high, "n": len(right)},
    }


def _keep_reached(file: Path, values: dict[str, Any]) -> None:
    """Put what the base reaches beside its last sitting: right, low and high of each attribute."""
    record = json.loads(file.read_text("utf8"))
    rows = values["attributes"] | {"together": values["together"]}
    reached = {name: [row["accuracy"], row["low"], row["high"]] for name, row in rows.items()}
    record["decoder"]["sittings"][-1]["reached"] = reached
    write_text(file, json.dumps(record, indent=1) + "\n")


def _pictures(
    given: argparse.Namespace, pipe: LogoPipeline, prompts: list[str], seeds: list[int], options: dict[str, Any]
) -> None:
    large = pipe(prompts, seeds=seeds, size=256, batch_size=16, **options).pixels
    shown = [_resized(picture, 128) for picture in large]
    save_png(sheet(shown, columns=8, gap=6), given.book / "base-64.png")
    made = json.loads((model_folder(given.model) / "base.json").read_text("utf8"))["decoder"]["provenance"]
    taught, seed = made["settings"], derive(made["seed"], "drawn") % 2**32
    shares = Shares(*(taught.get(name, 0) for name in Shares._fields))
    training, _ = kept_drawings(given.drawings, SIZE, seed, taught["drawn"], taught["siblings"], shares)
    nearest = _nearest(np.stack([_resized(picture, SIZE) for picture in large]), training)
    pairs = [picture for i in range(len(shown)) for picture in (shown[i], _resized(training[nearest[i]], 128))]
    sheet(pairs, columns=8, gap=6).save(given.book / "base-nearest.webp", quality=88, method=6)  # a page holds 5 MB


def _nearest(pictures: np.ndarray, training: np.ndarray) -> np.ndarray:
    """The row of the training picture nearest to each picture, by pixels at a quarter of the side."""
    small = F.avg_pool2d(to_float(pictures), 4).flatten(1)
    best, rows = torch.full((len(small),), torch.inf), torch.zeros(len(small), dtype=torch.long)
    for first in range(0, len(training), 1000):
        part = F.avg_pool2d(to_float(training[first : first + 1000]), 4).flatten(1)
        distance, row = torch.cdist(small, part).min(1)
        rows = torch.where(distance < best, row + first, rows)
        best = torch.minimum(best, distance)
    return rows.numpy()


def _resized(picture: np.ndarray, size: int) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS))


if __name__ == "__main__":
    main()
