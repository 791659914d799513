"""What each stage costs by picture and by parameter: measured at three sizes, a line through them, and how far it goes.

Drawn clubs stand for logos. Stages that work through pictures are timed on three numbers of them, trainings on networks
of three sizes. Writes three tables to OUT: stage-costs.json, training-costs.json, and reach.json, which extends the
lines to other numbers of pictures on this machine. python benchmarks/stage_costs.py
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from logolib.caption import caption
from logolib.collect import collect
from logolib.config import CollectSettings, DatasetSettings, LogolibError, TrainSettings, load_profile
from logolib.data import build_dataset
from logolib.emblems import clubs, draw
from logolib.generate import LogoPipeline
from logolib.report.benchmarks import keep
from logolib.results import StageResult
from logolib.train import train_clip, train_decoder, train_prior

DAY = 24 * 3600.0
PASSES = 10  # how often a training sees each picture, in the table of reach
REACH = (500, 50_000, 5_000_000, 500_000_000)
CLIP_WIDTHS = (16, 32, 64)
PRIOR_DEPTHS = (2, 4, 8)
DECODER_WIDTHS = (32, 64, 128)


@dataclass(frozen=True)
class Line:
    """Seconds = fixed + slope * size, through three measured points."""

    stage: str
    sizes: tuple[float, ...]  # pictures, or parameters
    seconds: tuple[float, ...]  # of the whole stage, or of a picture
    slope: float
    fixed: float


def main() -> None:
    """Read the command line, measure, and keep the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, nargs=3, default=[150, 300, 600])
    parser.add_argument("--steps", type=int, default=12, help="of each training")
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks"))
    given = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            worked = by_pictures(given.pictures, work)
            trained = by_parameters(given.steps, work / f"data-{given.pictures[0]}", work)
    except LogolibError as error:
        sys.exit(str(error))
    keep(given.out / "stage-costs.json", [_of_pictures(line) for line in worked])
    keep(given.out / "training-costs.json", [_of_parameters(line) for line in trained])
    note = f"From the lines above; a training of the middle size sees each picture {PASSES} times."
    keep(given.out / "reach.json", reach(worked, trained), note)


def by_pictures(numbers: Sequence[int], work: Path) -> list[Line]:
    """Collecting a folder, writing shards, captioning and drawing."""
    pipe = LogoPipeline.from_pretrained("default")
    settings = load_profile("demo").caption.model_copy(update={"limit": 0})
    took: dict[str, list[float]] = {}

    def timed(stage: str, do: Callable[[], object]) -> None:
        start = time.perf_counter()
        do()
        took.setdefault(stage, []).append(time.perf_counter() - start)

    for name, n in tqdm([("first", min(numbers)), *((str(n), n) for n in numbers)], desc="pictures"):
        source, collected, data = (work / f"{kind}-{name}" for kind in ("source", "collected", "data"))
        _write_clubs(source, n)
        collecting, shards = CollectSettings(source=str(source)), DatasetSettings(workers=1)
        few, prompts = settings.model_copy(update={"limit": n // 5}), ["a red lion on a gold shield"] * (n // 5)
        timed("collect a folder", lambda s=collecting, c=collected: collect(s, c, progress=False))
        timed("dataset", lambda s=shards, c=collected, d=data: build_dataset(s, c, d, progress=False))
        timed("caption", lambda s=few, c=collected, o=work / f"captions-{name}": caption(s, c, o, progress=False))
        timed("generate, 64 px, 16 steps", lambda p=prompts: pipe(p, size=64, num_inference_steps=16))
    fifth = [n // 5 for n in numbers]  # the dear ones
    return [
        _line(stage, numbers if stage in ("collect a folder", "dataset") else fifth, seconds[1:])
        for stage, seconds in took.items()
    ]


def by_parameters(steps: int, data: Path, work: Path) -> list[Line]:
    """The three trainings, in networks of three sizes: seconds a picture, once forward and back."""
    profile, crest = load_profile("demo"), json.loads(_crest().read_text("utf8"))
    every: dict[str, Any] = {"steps": steps, "batch_size": 32, "start": None, "drawn": 0, "log_every": steps}
    every["preview_every"] = steps
    found: dict[str, list[tuple[float, float]]] = {"clip": [], "prior": [], "decoder": []}
    for clip_width, depth, width in tqdm(
        list(zip(CLIP_WIDTHS, PRIOR_DEPTHS, DECODER_WIDTHS, strict=True)), desc="sizes"
    ):
        run, model = work / f"run-{width}", work / f"crest-{width}.json"
        crest["vision_cfg"]["width"], crest["text_cfg"]["width"] = clip_width, 5 * clip_width
        model.write_text(json.dumps(crest), "utf8")
        for name, train, settings in (
            ("clip", train_clip, profile.clip.model_copy(update=_known(profile.clip, every) | {"model": str(model)})),
            ("prior", train_prior, profile.prior.model_copy(update=_known(profile.prior, every) | {"depth": depth})),
            (
                "decoder",
                train_decoder,
                profile.decoder.model_copy(update=_known(profile.decoder, every) | {"dim": width, "preflight": 0}),
            ),
        ):
            result: StageResult = train(settings, data, run, progress=False)
            found[name].append((result.values["parameters"], 1 / result.values["images_per_s"]))
    return [_line(f"train {name}", *zip(*points, strict=True)) for name, points in found.items()]


def reach(worked: Sequence[Line], trained: Sequence[Line]) -> list[dict[str, str]]:
    """What each stage would take on this machine, by the number of pictures."""
    costs = [(line.stage, line.fixed, line.slope) for line in worked]
    costs += [(line.stage, 0.0, PASSES * line.seconds[1]) for line in trained]
    return [{"stage": stage} | {f"{n:,}": _time(fixed + n * slope) for n in REACH} for stage, fixed, slope in costs]


def _known(settings: TrainSettings, changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in changes.items() if name in type(settings).model_fields}


def _crest() -> Path:
    return Path(__file__).parents[1] / "logolib" / "models" / "crest.json"


def _line(stage: str, sizes: Sequence[float], seconds: Sequence[float]) -> Line:
    slope, fixed = np.polyfit(sizes, seconds, 1)
    return Line(stage, tuple(sizes), tuple(seconds), max(float(slope), 0.0), max(float(fixed), 0.0))


def _write_clubs(folder: Path, n: int) -> None:
    """Drawn clubs as a folder of pictures with a table of captions."""
    folder.mkdir()
    with (folder / "captions.csv").open("w", encoding="utf8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "caption", "team"])
        for number, club in enumerate(clubs(n, 0)):
            Image.fromarray(draw(club.emblem, 256)).save(folder / f"{number}.png")
            table.writerow([f"{number}.png", club.caption, club.name])


def _of_pictures(line: Line) -> dict[str, str]:
    return {
        "stage": line.stage,
        "pictures": ", ".join(f"{size:,}" for size in line.sizes),
        "seconds": ", ".join(map(_short, line.seconds)),
        "a picture more": f"{_short(1000 * line.slope)} ms",
        "to begin with": f"{line.fixed:.1f} s",
    }


def _of_parameters(line: Line) -> dict[str, str]:
    return {
        "stage": line.stage,
        "parameters": ", ".join(f"{_short(size / 1e6)} M" for size in line.sizes),
        "a picture, once": ", ".join(f"{_short(1000 * one)} ms" for one in line.seconds),
        "a million parameters more": f"{_short(1e9 * line.slope)} ms a picture",
    }


def _short(value: float) -> str:
    """Two digits, without an exponent."""
    return f"{float(f'{value:.2g}'):g}"


def _time(seconds: float) -> str:
    for unit, length in (("years", 365 * DAY), ("days", DAY), ("h", 3600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds:.0f} s"


if __name__ == "__main__":
    main()
