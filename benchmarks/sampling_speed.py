"""Our samplers against dalle2-pytorch's own, with the same weights on the same machine: time and quality.

All arms draw the same prompts, which no training sees, from the same embeddings of the prior. Writes OUT, the figure
FIGURE, and the times of the command beside them: python benchmarks/sampling_speed.py
dalle2-pytorch's default takes 1000 steps: its time is that of 50 steps times 20. Its pictures take an hour, so that
they are a call of their own, which adds what they show to OUT: python benchmarks/sampling_speed.py --default-quality
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from logolib.config import GenerateSettings, LogolibError
from logolib.emblems import Emblem
from logolib.emblems.corpus import draw_many, sample_many
from logolib.evaluate.attributes import attribute_table
from logolib.evaluate.judge import CHOICES, load_judge, load_shipped_marker, picked, similarity
from logolib.evaluate.marker import SIZE, asked
from logolib.generate import LogoPipeline
from logolib.generate.draw import embed_prompts, guess_embeds
from logolib.images import to_uint8
from logolib.models.decoder import condition, sample_decoder, unfold
from logolib.noise import SAMPLERS
from logolib.report.benchmarks import keep
from logolib.report.sampling import sampler_curve
from logolib.results import write_text
from logolib.seeds import SampleGenerators, derive

STOCK_STEPS, SCALED_FROM, STOCK_DDIM = 1000, 50, 25


@dataclass(frozen=True)
class Task:
    """What all arms are given."""

    pipe: LogoPipeline
    prompts: list[str]
    emblems: list[Emblem]
    seeds: list[int]
    embeds: Tensor  # (N, D)
    words: Tensor  # (N, L, W)
    batch: int
    scale: float


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--guidance", type=float, default=2.0)
    parser.add_argument("--steps", type=int, nargs="+", default=[5, 8, 12, 16, 25, 50])
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=list(SAMPLERS))
    parser.add_argument("--default-quality", action="store_true", help="only add what its 1000 steps draw to OUT")
    parser.add_argument("--peak-tflops", type=float, help="of the card, for its share; only with a GPU")
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/sampling.json"))
    parser.add_argument("--figure", type=Path, default=Path("book/_static/sampling-curve.png"))
    given = parser.parse_args()
    try:
        if given.default_quality:
            kept = json.loads(given.out.read_text("utf8"))
            task = _task(given)
            rows = [*kept["rows"][:-1], kept["rows"][-1] | _quality(task, _stock(task, None))]
            note = f"{kept['note']} Its pictures, in all those steps, came from a second call, batch {task.batch}."
            write_text(given.out, json.dumps({**kept, "note": note, "rows": rows}, indent=1, ensure_ascii=False) + "\n")
            sampler_curve(rows).savefig(given.figure)
            return
        rows = measure(given)
    except LogolibError as error:
        sys.exit(str(error))
    keep(given.out, rows, _note(given))
    sampler_curve(rows).savefig(given.figure)
    keep(given.out.with_stem("generate-times"), command_times(given.model))
    if torch.cuda.is_available():
        keep(given.out.with_stem("sampling-gpu"), [gpu_row(given)])


def measure(given: argparse.Namespace) -> list[dict[str, Any]]:
    """One row an arm: evaluations, seconds a picture, times faster than the default, judge's choice, attributes."""
    task = _task(given)
    _ours(task, "ddim", 2)  # warms up
    arms: list[tuple[str, int, Callable[[], np.ndarray]]] = []
    for name in given.samplers:
        arms += [(name, steps, lambda name=name, steps=steps: _ours(task, name, steps)) for steps in given.steps]  # type: ignore[misc]
    arms += [("dalle2-pytorch, DDIM", STOCK_DDIM, lambda: _stock(task, STOCK_DDIM))]
    rows = []
    for name, steps, draw in tqdm(arms, desc="arms"):
        start = time.perf_counter()
        pictures = draw()
        seconds = (time.perf_counter() - start) / len(pictures)
        rows.append({"sampler": name, "evaluations": steps, "seconds": round(seconds, 4)} | _quality(task, pictures))
    start = time.perf_counter()
    few = _stock(_first(task, task.batch), SCALED_FROM)
    default = (time.perf_counter() - start) / len(few) * STOCK_STEPS / SCALED_FROM
    rows.append({"sampler": "dalle2-pytorch, default", "evaluations": STOCK_STEPS, "seconds": round(default, 3)})
    return [{**row, "times_faster": round(default / row["seconds"], 1)} for row in rows]


def _task(given: argparse.Namespace) -> Task:
    pipe = LogoPipeline.from_pretrained(given.model)
    found = sample_many(given.prompts, derive(0, "sampling prompts") % 2**32, for_judging=True)
    emblems, prompts = [emblem for emblem, _ in found], [caption for _, caption in found]
    seeds = list(range(len(prompts)))
    texts, words = embed_prompts(pipe, prompts)
    embeds = guess_embeds(pipe, texts, seeds, GenerateSettings())
    return Task(pipe, prompts, emblems, seeds, embeds, words, given.batch, given.guidance)


def _first(task: Task, n: int) -> Task:
    parts = (task.prompts[:n], task.emblems[:n], task.seeds[:n], task.embeds[:n], task.words[:n])
    return Task(task.pipe, *parts, task.batch, task.scale)


def _ours(task: Task, sampler: str, steps: int) -> np.ndarray:
    drawn = []
    for first in range(0, len(task.prompts), task.batch):
        some = slice(first, first + task.batch)
        noise = SampleGenerators([derive(seed, "decoder") for seed in task.seeds[some]])
        given = (task.embeds[some], task.words[some], noise, steps, task.scale, task.pipe.fold)
        drawn.append(to_uint8(sample_decoder(task.pipe.decoder, *given, sampler=SAMPLERS[sampler])))
    return np.concatenate(drawn)


def _stock(task: Task, steps: int | None) -> np.ndarray:
    """What `Decoder.sample` draws; steps: its `sample_timesteps`, None for its default."""
    decoder: Any = task.pipe.decoder
    decoder.sample_timesteps = (steps,)
    drawn = []
    for first in range(0, len(task.prompts), task.batch):
        some = slice(first, first + task.batch)
        torch.manual_seed(first)
        given = condition(decoder, task.embeds[some], task.words[some])
        pixels = decoder.sample(**given, cond_scale=task.scale)  # [0, 1], folded
        drawn.append(to_uint8(unfold(pixels, task.pipe.fold) * 2 - 1))
    return np.concatenate(drawn)


def _quality(task: Task, pictures: np.ndarray) -> dict[str, Any]:
    judge, marker = load_judge(), load_shipped_marker()
    pool = list(dict.fromkeys(task.prompts))
    own = np.array([pool.index(prompt) for prompt in task.prompts])
    scores = similarity(judge, pictures, pool)
    read = marker.read(pictures)
    table = attribute_table(task.emblems, read, marker.read(draw_many(task.emblems, SIZE)))
    right = sum(
        answer[key] == value for e, answer in zip(task.emblems, read, strict=True) for key, value in asked(e).items()
    )
    return {
        "judge": round(float(picked(scores, own, min(CHOICES, len(pool))).mean()), 4),
        "similarity": round(float(scores[np.arange(len(scores)), own].mean()), 4),
        "attributes": round(right / sum(len(asked(e)) for e in task.emblems), 4),
        **{key: round(one["accuracy"], 3) for key, one in table.items()},
    }


def command_times(model: str) -> list[dict[str, Any]]:
    """Seconds of `logolib --help`, of four 256 px pictures by the command from cold, and again in a warm process."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        words = ["generate", "a red lion on a gold shield", "--model", model, "--n", "4", "--size", "256"]
        for name, command in (("logolib --help", ["--help"]), ("logolib generate, cold", [*words, "--out", folder])):
            start = time.perf_counter()
            run = [sys.executable, "-c", "from logolib.cli import main; main()", *command]
            subprocess.run(run, check=True, capture_output=True)
            rows.append({"what": name, "seconds": round(time.perf_counter() - start, 2)})
    pipe = LogoPipeline.from_pretrained(model)
    options: dict[str, Any] = {"size": 256, "num_inference_steps": 16, "guidance_scale": 2.0}  # as in profile demo
    pipe("a blue star", num_images_per_prompt=4, **options)
    start = time.perf_counter()
    pipe("a red lion on a gold shield", num_images_per_prompt=4, **options)
    return [*rows, {"what": "four pictures, warm", "seconds": round(time.perf_counter() - start, 2)}]


def gpu_row(given: argparse.Namespace, batch: int = 64, steps: int = 16) -> dict[str, Any]:
    """Pictures a second at 64 px in one batch, in bf16, and the share of the card's peak that is."""
    pipe = LogoPipeline.from_pretrained(given.model, torch_dtype=torch.bfloat16)
    words: dict[str, Any] = {"num_inference_steps": steps, "guidance_scale": 2.0, "batch_size": batch}
    prompts = ["a red lion on a gold shield"] * batch
    with FlopCounterMode(display=False) as counter:
        pipe(prompts, **words)
    torch.cuda.synchronize()
    start = time.perf_counter()
    pipe(prompts, **words)
    torch.cuda.synchronize()
    seconds = time.perf_counter() - start
    tflops = counter.get_total_flops() / seconds / 1e12
    row = {
        "batch": batch,
        "evaluations": steps,
        "pictures_a_second": round(batch / seconds, 1),
        "tflops": round(tflops, 2),
    }
    return row | ({"share_of_peak": f"{tflops / given.peak_tflops:.1%}"} if given.peak_tflops else {})


def _note(given: argparse.Namespace) -> str:
    return (
        f"{given.prompts} prompts that no training sees, {SIZE} px, batch {given.batch}, guidance {given.guidance}. "
        "judge: how often it picks the right one of ten prompts; attributes: share of all that is asked for which the "
        "marker reads. dalle2-pytorch takes two passes an evaluation, ours one of twice the rows. "
        f"Its default's time is that of {SCALED_FROM} of its steps, scaled."
    )


if __name__ == "__main__":
    main()
