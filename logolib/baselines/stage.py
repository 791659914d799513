"""The stage that draws the same prompts with every model at hand, on every device, and keeps the times."""

from __future__ import annotations

import gc
import re
import time
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from logolib.baselines.known import KNOWN, Known
from logolib.baselines.models import Drawn, Model
from logolib.baselines.prompts import pick_prompts
from logolib.baselines.timing import PeakMemory
from logolib.baselines.weights import BaselineError
from logolib.config import BaselineSettings
from logolib.data import held_out_prompts, prompt_seeds
from logolib.images import save_png, sheet
from logolib.models.weights import ModelError
from logolib.results import StageResult, Stopwatch, data_hash, write_result
from logolib.seeds import derive

HELD_OUT = "held-out"  # prompts: the captions that `evaluate` asks every model for
SMALL = 16  # pixels; only the captions are read


def baselines(
    settings: BaselineSettings,
    out: Path,
    *,
    data: Path | None = None,
    seed: int = 0,
    profile: str = "custom",
    echo: bool = False,
) -> StageResult:
    """Draw `settings.n` prompts with each of `settings.models` into OUT, with sheet.png and result.json.

    data: the data set of which `held-out` prompts are taken, the same as `evaluate` takes, from the same seeds.
    A model that is not there, damaged, of another class or too large is marked absent, with the reason;
    so is a picture that a safety checker blanked. Raises BaselineError when a model's name is unknown or
    the prompts cannot be read.
    """
    watch = Stopwatch()
    known = {one.name: one for one in KNOWN}
    for name in settings.models:
        if name not in known:
            raise BaselineError(f"There is no model {name!r} in the comparison; known ones are {', '.join(known)}.")
    prompts, seeds = _asked(settings, data, seed)
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    pictures: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    shown: list[Any] = []
    for name in settings.models:
        for device in devices():
            row, drawn = _one(known[name], settings, prompts, seeds, device)
            rows.append(row)
            if row["absent"]:
                skipped.append({"item": f"{row['model']} on {device}", "reason": row["absent"]})
            for i, one in enumerate(drawn):
                if one.blanked:
                    reason = "its safety checker blanked the picture"
                    skipped.append({"item": f"{row['model']}: {prompts[i]}", "reason": reason})
            if echo:
                print(f"{row['model']} on {device}: {row['absent'] or 'drawn'}")
            if drawn and not any(picture["model"] == row["model"] for picture in pictures):
                shown += [one.pixels for one in drawn]
                pictures += _save(name, row["model"], drawn, prompts, seeds, out)
    if shown:
        save_png(sheet(shown, len(prompts)), out / "sheet.png")
    values = {
        "rows": _with_ratios(rows),
        "pictures": pictures,
        "prompts": prompts,
        "lineage": {known[name].title: known[name].lineage.record() for name in settings.models},
    }
    provenance = watch.provenance(settings, seed, data_hash(prompts), profile)
    files = {"sheet": "sheet.png"} if shown else {}
    result = StageResult("baselines", values, files, provenance, tuple(skipped))
    write_result(out / "result.json", result)
    return result


def _asked(settings: BaselineSettings, data: Path | None, seed: int) -> tuple[list[str], list[int]]:
    if settings.prompts != HELD_OUT:
        prompts = pick_prompts(settings.prompts, settings.n, seed)
        return prompts, [derive(seed, i) % 2**31 for i in range(len(prompts))]
    if data is None:
        raise BaselineError("Held-out captions are those of a data set; name its folder with --data.")
    prompts = held_out_prompts(data, settings.n, SMALL, seed).captions
    return prompts, prompt_seeds(len(prompts), 1, seed)


def devices() -> list[str]:
    """The devices of this machine that are compared: the CPU, and the graphics card if there is one."""
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def _one(
    known: Known, settings: BaselineSettings, prompts: list[str], seeds: list[int], device: str
) -> tuple[dict[str, Any], list[Drawn]]:
    """A row of the table and the pictures; none, with the reason, where the model cannot be had."""
    row: dict[str, Any] = {"model": known.title, "device": device, "seconds": None, "peak_gb": None, "absent": ""}
    with PeakMemory(device) as peak:
        try:
            model = known.load(settings, device)
            start = time.perf_counter()
            drawn = _draw(model, settings, prompts, seeds)
        except (BaselineError, ModelError) as error:
            return {**row, "absent": str(error)}, []
        except (torch.OutOfMemoryError, MemoryError) as error:
            return {**row, "absent": f"The memory of the {device} ran out ({error}); draw smaller pictures."}, []
        row["seconds"] = round((time.perf_counter() - start) / len(prompts), 3)
    row["peak_gb"] = round(peak.bytes / 1e9, 2)
    del model
    gc.collect()
    return row, drawn


def _draw(model: Model, settings: BaselineSettings, prompts: list[str], seeds: list[int]) -> list[Drawn]:
    pairs = zip(prompts, seeds, strict=True)
    return [model.draw(prompt, seed, settings.size, settings.steps) for prompt, seed in pairs]


def _save(
    name: str, title: str, drawn: list[Drawn], prompts: list[str], seeds: list[int], out: Path
) -> list[dict[str, Any]]:
    """Write a model's pictures; what the result says of each."""
    written = []
    for i, (one, prompt) in enumerate(zip(drawn, prompts, strict=True)):
        slug = re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")[:32] or "prompt"
        file = f"{name}-{i}-{slug}.png"
        save_png(Image.fromarray(one.pixels), out / file, prompt=prompt)
        about = {"model": title, "prompt": prompt, "seed": seeds[i], "file": file, "blanked": one.blanked}
        written.append(about)
    return written


def _with_ratios(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many times longer a model takes on the CPU than on the graphics card, where both were measured."""
    taken = {(row["model"], row["device"]): row["seconds"] for row in rows}
    for row in rows:
        slow, quick = taken.get((row["model"], "cpu")), taken.get((row["model"], "cuda"))
        row["cpu_to_gpu"] = round(slow / quick, 1) if slow and quick else None
    return rows
