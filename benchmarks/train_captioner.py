"""Train the captioner that ships, on drawn emblems alone.

Writes OUT as Hugging Face's folder in half precision, with measured.json: what it gets right of fresh drawings, of
combinations never trained on. The drawings and the checkpoint lie in WORK; a second call resumes. Its captions say
nothing of lettering where there is a figure: at 64 pixels no one can read it.
What ships: python benchmarks/train_captioner.py
"""

from __future__ import annotations

import argparse
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from logolib.config import CaptionerSettings
from logolib.data.colours import COLOUR_WORD
from logolib.emblems import Emblem, describe
from logolib.emblems.corpus import draw_many, sample_many
from logolib.emblems.phrases import CHARGE_WORDS, SHAPE_WORDS
from logolib.evaluate.statistics import wilson
from logolib.models.captioner import SHIPPED, Captioner, load_captioner, save_captioner
from logolib.models.lineage import Lineage, drawn_set
from logolib.report.benchmarks import keep
from logolib.results import data_hash, write_text
from logolib.seeds import derive
from logolib.train.captioner import fit_captioner, fresh
from logolib.train.corpus import Corpus
from logolib.train.job import Job

LIMIT = 5_000_000  # bytes of the whole folder
MEASURED = ("figure", "figure, whatever colour", "shape", "all colours")


def main() -> None:
    """Read the command line, train, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1.2e-3)
    parser.add_argument("--drawn", type=int, default=16000)
    parser.add_argument("--held-out", type=int, default=300)
    parser.add_argument("--layers", type=int, default=5)
    parser.add_argument("--patch", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--work", type=Path, default=Path("build/captioner"))
    parser.add_argument("--snapshot", action="store_true", help="write what the last checkpoint holds; no training")
    parser.add_argument("--out", type=Path, default=SHIPPED)
    parser.add_argument("--card", type=Path, default=Path("book/benchmarks/captioner.json"))
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    settings = CaptionerSettings(
        steps=given.steps, batch_size=given.batch, lr=given.lr, warmup=max(1, given.steps // 20), ema=0.995,
        layers=given.layers, patch=given.patch, log_every=20, save_every=25, wd=0.05,
    )  # fmt: skip
    size = settings.image_size
    taught = derive(given.seed, "captioner") % 2**32
    train, images = drawings(given.work, given.drawn, taught, size, given.threads)
    unseen = derive(given.seed, "captioner held out") % 2**32
    held_out, val_images = drawings(given.work, given.held_out, unseen, size, given.threads, for_judging=True)
    corpus = Corpus(
        images,
        [caption for _, caption in train],
        np.arange(len(train)).reshape(-1, 1),
        val_images,
        [caption for _, caption in held_out],
        data_hash([f"{given.drawn} {given.held_out} {size} {given.seed}"]),
    )
    job = Job("captioner", settings, given.work, given.work, given.seed, "base", True, True, corpus.hash)
    captioner = fresh(settings, corpus.captions, given.seed)
    if given.snapshot:
        saved = torch.load(job.checkpoint, map_location="cpu", weights_only=True)
        captioner.model.load_state_dict(saved["average"])
        curve, steps = saved["curve"], saved["step"]
    else:
        fitted = fit_captioner(job, captioner, corpus)
        curve, steps = fitted.curve, fitted.last
    lineage = Lineage(frozenset({drawn_set(taught)}))
    save_captioner(captioner, given.out, lineage, half=True)
    measured = {
        "held out": measure(load_captioner(str(given.out)), [e for e, _ in held_out], val_images),
        "curve": curve,
        "steps": steps,
        "parameters": sum(p.numel() for p in captioner.model.parameters()),
        "pairs": len(train),
        "provenance": job.watch.provenance(settings, given.seed, corpus.hash, "base"),
    }
    write_text(given.out / "measured.json", json.dumps(measured, indent=1) + "\n")
    if given.out == SHIPPED:
        shares = [(name, found) for name, found in measured["held out"].items() if name in MEASURED]
        rows = [{"named right": name, "share": "{:.0%} ({:.0%} to {:.0%})".format(*found)} for name, found in shares]
        note = f"{len(held_out)} drawn crests of combinations never trained on; 95 % intervals by Wilson."
        keep(given.card, rows, f"{note} {steps} steps of {given.batch} out of {len(train)} drawn crests.")
    size = sum(file.stat().st_size for file in given.out.iterdir())
    print(json.dumps(measured["held out"], indent=1), f"{size / 1e6:.2f} MB of {LIMIT / 1e6:.0f}")


def drawings(
    work: Path, n: int, seed: int, size: int, workers: int, for_judging: bool = False
) -> tuple[list[tuple[Emblem, str]], np.ndarray]:
    """Emblems with a caption that can be seen at this size, and their pictures, drawn once and kept in WORK."""
    emblems = [emblem for emblem, _ in sample_many(n, seed, for_judging=for_judging)]
    rng = np.random.default_rng([seed, 1])
    pairs = [(emblem, describe(seen(emblem), rng)) for emblem in emblems]
    kept = work / f"{size}-{seed}-{n}.npy"
    if not kept.exists():
        work.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(".partial")
        with partial.open("wb") as file:
            np.save(file, draw_many(emblems, size, workers))
        partial.replace(kept)
    return pairs, np.load(kept, mmap_mode="r")


def seen(emblem: Emblem) -> Emblem:
    """An emblem of which only what can be seen is said: colours, and the figure or else the initials."""
    if emblem.charge is None:
        return replace(emblem, wordmark=None, wordmark2=None)
    return replace(emblem, initials=None, wordmark=None, wordmark2=None, letter_colour=None)


def measure(captioner: Captioner, emblems: list[Emblem], images: np.ndarray) -> dict[str, Any]:
    """Shares of captions that name the right figure, the right shape and exactly its colours; Wilson's 95 %."""
    captions: list[str] = []
    for i in range(0, len(emblems), 64):
        part = list(images[i : i + 64])
        captions += [found[0] if found else "" for found in captioner.write(part, [0] * len(part))]
    charged = [(c, e) for c, e in zip(captions, emblems, strict=True) if e.charge]
    shaped = [(c, e) for c, e in zip(captions, emblems, strict=True) if e.shape != "free"]
    right = {
        "figure": [_named(c, [w.format(c=e.charge_colour) for w in CHARGE_WORDS[e.charge or ""]]) for c, e in charged],
        "figure, whatever colour": [
            _named(c, [w.format(c="").strip() for w in CHARGE_WORDS[e.charge or ""]]) for c, e in charged
        ],
        "shape": [_named(c, list(SHAPE_WORDS[e.shape])) for c, e in shaped],
        "all colours": [colours(c) == colours(_sentence(e)) for c, e in zip(captions, emblems, strict=True)],
    }
    shares = {name: [round(v, 4) for v in wilson(sum(hits), len(hits))] for name, hits in right.items()}
    return {**shares, "emblems": len(emblems), "examples": captions[:12]}


def colours(caption: str) -> set[str]:
    """The colours that a caption names, styles' phrases aside."""
    return set(COLOUR_WORD.findall(re.sub(r"(outlines|outlined in) black|black outlines", "", caption.lower())))


def _sentence(emblem: Emblem) -> str:
    return describe(seen(emblem), np.random.default_rng(0))


def _named(caption: str, phrases: list[str]) -> bool:
    return any(re.search(rf"\b{re.escape(phrase.lower())}\b", caption.lower()) for phrase in phrases)


if __name__ == "__main__":
    main()
