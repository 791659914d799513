"""Images a second of CLIP training: this package against open_clip's trainer, at its defaults and at its best flags.

Same model from nothing, same pictures, batch and machine; no row counts the start: ours is timed over the steps after
the first, open_clip's from the lines of its log. python benchmarks/clip_speed.py
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from logolib.config import ClipSettings, LogolibError
from logolib.emblems.corpus import drawn
from logolib.models.precision import native_bf16
from logolib.report.benchmarks import keep
from logolib.train import train_clip

THEIR_TRAINER = """
import sys, open_clip
if sys.argv[1]:
    open_clip.add_model_config(sys.argv[1])
from open_clip_train.main import main
main(sys.argv[2:])
"""
OUR_RATE = re.compile(r"images_per_s: ([\d.]+)")
RATE = re.compile(r"Batch \(t\): [\d.]+, ([\d.]+)/s")
BEST = {"cpu": ("--workers", "2"), "cuda": ("--workers", "8", "--torchcompile")}


def main() -> None:
    """Read the command line, time the three rows, keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="RN50", help="a zoo name, or a JSON file")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=8, help="timed ones; one more warms up")
    parser.add_argument("--default-steps", type=int, default=2, help="of open_clip's defaults, minutes each on a CPU")
    parser.add_argument("--size", type=int, default=256, help="side of the stored pictures, pixels")
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/clip_speed.json"))
    given = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    best = ("--precision", "amp_bf16" if native_bf16(torch.device(device)) else "fp32", *BEST[device])
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            table = _pictures(folder, given.batch_size * (given.steps + 1), given.size)
            short = _head(table, given.batch_size * (given.default_steps + 1), "short.csv")
            rows = [
                {"trainer": "open_clip_train, defaults", **_theirs(given, folder / "a", short, device, ())},
                {"trainer": "open_clip_train, best flags", **_theirs(given, folder / "b", table, device, best)},
                {"trainer": "logolib", **_ours(given, folder / "c", table)},
            ]
    except LogolibError as error:
        sys.exit(str(error))
    slowest = rows[0]["images_a_second"]
    rows = [{**row, "times_the_default": round(row["images_a_second"] / slowest, 2)} for row in rows]
    timed = f"{given.steps} steps timed, {given.default_steps} of the defaults'."
    keep(given.out, rows, f"{given.model} from nothing, batches of {given.batch_size}; {timed}")
    print(given.out.read_text("utf8"))


def _pictures(folder: Path, n: int, size: int) -> Path:
    """Drawn emblems as PNG files, and the table that both trainers read."""
    made = drawn(n, 0, size, workers=os.cpu_count() or 1)
    lines = ["filepath\ttitle"]
    for i, (picture, caption) in enumerate(zip(made.images, made.captions, strict=True)):
        Image.fromarray(picture).save(folder / f"{i}.png")
        lines.append(f"{folder / f'{i}.png'}\t{caption}")
    (folder / "train.csv").write_text("\n".join(lines) + "\n", "utf8")
    return folder / "train.csv"


def _theirs(given: argparse.Namespace, logs: Path, table: Path, device: str, flags: tuple[str, ...]) -> dict[str, Any]:
    """open_clip's trainer over one epoch: the median of the rates that its log gives, without the first."""
    config = str(Path(given.model).resolve()) if given.model.endswith(".json") else ""
    name = Path(given.model).stem if config else given.model
    options = ["--model", name, "--train-data", str(table), "--batch-size", str(given.batch_size), "--device", device]
    options += ["--epochs", "1", "--warmup", "10", "--lr", "1e-3", "--wd", "0.1", "--log-every-n-steps", "1"]
    command = [sys.executable, "-c", THEIR_TRAINER, config, *options, "--logs", str(logs), "--name", "run", *flags]
    done = subprocess.run(command, capture_output=True, text=True)
    log = logs / "run" / "out.log"
    rates = [float(rate) for rate in RATE.findall(log.read_text("utf8"))] if log.exists() else []
    if done.returncode or len(rates) < 2:
        sys.exit(f"open_clip's trainer failed: {done.stderr[-1500:]}")
    return {"images_a_second": round(float(np.median(rates[1:])), 2), "flags": " ".join(flags)}


def _ours(given: argparse.Namespace, run: Path, table: Path) -> dict[str, Any]:
    """Our trainer over the same epoch: the median rate between its steps, and where a whole run's time goes."""
    settings = ClipSettings(
        model=given.model, train_data=str(table), val_data=str(_head(table, given.batch_size, "val.csv")), epochs=1,
        batch_size=given.batch_size, lr=1e-3, wd=0.1, patience=0, log_every=1, save_every=10_000,
        unique_captions=False,
    )  # fmt: skip
    began = time.perf_counter()
    result = train_clip(settings, table, run, progress=False)
    whole = time.perf_counter() - began
    rates = [float(rate) for rate in OUR_RATE.findall((run / "clip" / "out.log").read_text("utf8"))]
    inside = sum(given.batch_size / rate for rate in rates)
    return {
        "images_a_second": round(float(np.median(rates[1:])), 2),
        "flags": f"precision {result.provenance['settings']['precision']}",
        "share_outside_the_steps": round(1 - inside / whole, 2),
    }


def _head(table: Path, n: int, name: str) -> Path:
    path = table.with_name(name)
    path.write_text("\n".join(table.read_text("utf8").splitlines()[: n + 1]) + "\n", "utf8")
    return path


if __name__ == "__main__":
    main()
