"""Decoders of different design, trained for the same minutes, judged by what the marker reads in their pictures.

Every design starts from nothing in the space of one run's CLIP and prior, on the same pictures in the same order.
Appends to OUT, so that designs can be added: python benchmarks/designs.py runs/base --minutes 8 --only folded noise
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from logolib.config import DecoderSettings, LogolibError, load_profile
from logolib.emblems.corpus import draw_many, sample_many
from logolib.evaluate.attributes import attribute_table
from logolib.evaluate.judge import load_shipped_marker
from logolib.evaluate.marker import SIZE
from logolib.generate import LogoPipeline
from logolib.report.benchmarks import keep
from logolib.seeds import derive
from logolib.train import train_decoder

PROBE = 12  # steps that tell how long one takes
FOLDED_BY_2: dict[str, Any] = {"fold": 2, "dim": 48, "dim_mults": (1, 2, 4)}
DESIGNS: dict[str, dict[str, Any]] = {
    "the recipe": {},
    "plain pixels": {"fold": 1, "dim": 24, "dim_mults": (1, 2, 4, 8), "attention": (False, False, True, True)},
    "folded by 2": {**FOLDED_BY_2, "attention": (False, True, True)},
    "folded by 2, no early downsampling": {
        **FOLDED_BY_2,
        "attention": (False, False, True),
        "memory_efficient": False,
    },
    "no early downsampling": {"memory_efficient": False, "attention": (False, True)},
    "v-prediction": {"objective": "v"},
    "min-SNR": {"min_snr_gamma": 5.0},
    "truncated SNR": {"min_snr_gamma": 5.0, "snr_floor": 1.0},
    "noise prediction": {"objective": "noise"},
    "half the rate": {"lr": 5e-4},
    "AdamW": {"optimizer": "adamw"},
    "narrower": {"dim": 64, "dim_mults": (1, 2)},
    "narrower, AdamW": {"dim": 64, "dim_mults": (1, 2), "optimizer": "adamw", "lr": 2e-3},
    "even noise levels": {"weighting_scheme": "none"},
    "no text": {"text_encodings": False},
    "true embeddings only": {"prior_share": 0.0},
    "guesses only": {"prior_share": 1.0},
    "no large figures": {"figures": 0.0},
    "long average": {"ema": 0.9995},
    "short average": {"ema": 0.98},
}


def main() -> None:
    """Read the command line; train and judge what is not in OUT yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--only", nargs="+", choices=DESIGNS, default=list(DESIGNS))
    parser.add_argument("--work", type=Path, default=Path("build/designs"))
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/designs.json"))
    given = parser.parse_args()
    found = json.loads(given.out.read_text("utf8"))["rows"] if given.out.exists() else []
    known = {row["design"] for row in found if row["minutes"] == given.minutes}
    try:
        for name in (name for name in given.only if name not in known):
            found.append(_try(given, name))
            keep(given.out, found)
            print(json.dumps(found[-1]))
    except LogolibError as error:
        sys.exit(str(error))


def _try(given: argparse.Namespace, name: str) -> dict[str, Any]:
    """Train one design for the given minutes and read its pictures."""
    run = given.work / name.replace(" ", "-")
    run.mkdir(parents=True, exist_ok=True)
    for part in ("clip", "prior", "drawn", "embeddings"):
        if not (run / part).exists():
            (run / part).symlink_to((given.run / "model" / part).resolve())
    whole = load_profile("base").decoder.model_copy(update={"warmup": 20, "ema": 0.99, **DESIGNS[name]})
    probe = train_decoder(_for(whole, PROBE), given.run / "data", run)
    steps = max(PROBE, int(given.minutes * 60 * probe.values["images_per_s"] / whole.batch_size))
    shutil.rmtree(run / "decoder")
    values = train_decoder(_for(whole, steps), given.run / "data", run).values
    asked_for = sample_many(given.prompts, derive(0, "designs") % 2**32, for_judging=True)
    emblems, prompts = [emblem for emblem, _ in asked_for], [caption for _, caption in asked_for]
    marker, pipe = load_shipped_marker(), LogoPipeline.from_pretrained(run)
    made = pipe(prompts, size=SIZE, num_inference_steps=16, guidance_scale=2.0).pixels
    table = attribute_table(emblems, marker.read(made), marker.read(draw_many(emblems, SIZE)))
    return {
        "design": name,
        "minutes": given.minutes,
        "steps": steps,
        "parameters": values["parameters"],
        "pictures_a_second": values["images_per_s"],
        "held_out_loss": round(values["curve"][-1]["val_loss"], 4),
        **{
            key: f"{row['accuracy']:.0%} ({row['low']:.0%} to {row['high']:.0%}; chance {row['chance']:.0%})"
            for key, row in table.items()
        },
    }


def _for(settings: DecoderSettings, steps: int) -> DecoderSettings:
    return settings.model_copy(update={"steps": steps, "preview_every": steps, "save_every": steps})


if __name__ == "__main__":
    main()
