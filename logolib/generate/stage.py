"""The stage that turns prompts into PNG files and a contact sheet."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from logolib.config import GenerateSettings, LogolibError
from logolib.generate.pipeline import LogoPipeline
from logolib.images import save_png, sheet
from logolib.results import StageResult, Stopwatch, data_hash, write_result
from logolib.seeds import derive

MAX_PROMPT = 2000  # characters; the text tower reads far fewer


class PromptError(LogolibError):
    """A prompt that nothing can be drawn from."""


def generate(
    settings: GenerateSettings,
    prompts: Sequence[str],
    model: Path | str,
    out: Path,
    *,
    seed: int = 0,
    profile: str = "custom",
    progress: bool = True,
) -> StageResult:
    """Draw `settings.n` pictures for each prompt into OUT, with sheet.png and result.json.

    Each PNG carries its prompt, seed and settings as text. Raises PromptError or ModelError.
    """
    watch = Stopwatch()
    prompts = [check_prompt(prompt) for prompt in prompts]
    if not prompts:
        raise PromptError("There is no prompt; give at least one, in quotes.")
    pipeline = LogoPipeline.from_pretrained(model)
    out.mkdir(parents=True, exist_ok=True)
    wanted = [(i, j) for i in range(len(prompts)) for j in range(settings.n)]
    seeds = [derive(seed, i, j) % 2**31 for i, j in wanted]
    unknown = sorted({word for prompt in prompts for word in pipeline.clip.vocabulary.unknown_words(prompt)})
    with tqdm(total=len(wanted), desc="generate", unit="picture", disable=not progress) as bar:

        def count(done: int, _total: int) -> None:
            bar.update(done - bar.n)

        drawn = pipeline(
            prompts,
            num_images_per_prompt=settings.n,
            seeds=seeds,
            size=settings.size,
            num_inference_steps=settings.steps,
            prior_steps=settings.prior_steps,
            upsampler_steps=settings.upsampler_steps,
            guidance_scale=settings.guidance_scale,
            batch_size=settings.batch_size,
            callback=count,
        )
    pictures = []
    width = len(str(len(wanted)))
    for number, ((i, _), own, pixels) in enumerate(zip(wanted, seeds, drawn.pixels, strict=True)):
        name = f"{number:0{width}d}-{_slug(prompts[i])}.png"
        about = {"prompt": prompts[i], "seed": own, "model": pipeline.fingerprint()}
        save_png(
            Image.fromarray(pixels),
            out / name,
            prompt=prompts[i],
            logolib=json.dumps({**about, **_plain(settings)}),
        )
        pictures.append({"prompt": prompts[i], "seed": own, "file": name})
    save_png(
        sheet(list(drawn.pixels), columns=min(len(wanted), settings.n if settings.n > 1 else 4)),
        out / "sheet.png",
    )
    seconds = watch.seconds()
    values = {
        "pictures": pictures,
        "sheet": "sheet.png",
        "seconds_per_picture": round(seconds / len(pictures), 3),
        "unknown_words": unknown,
    }
    provenance = watch.provenance(settings, seed, data_hash([pipeline.fingerprint(), *prompts]), profile)
    result = StageResult("generate", values, {"sheet": "sheet.png"}, provenance)
    write_result(out / "result.json", result)
    return result


def check_prompt(prompt: str) -> str:
    """A prompt with control characters and runs of blanks folded. Raises PromptError when unusable."""
    clean = " ".join("".join(c if unicodedata.category(c)[0] != "C" else " " for c in prompt).split())
    if not clean:
        raise PromptError("A prompt is empty; describe the logo, e.g. 'a red lion on a gold shield'.")
    if len(clean) > MAX_PROMPT:
        raise PromptError(f"A prompt has {len(clean)} characters; keep it under {MAX_PROMPT}.")
    return clean


def _plain(settings: GenerateSettings) -> dict[str, object]:
    return settings.model_dump(include={"steps", "prior_steps", "upsampler_steps", "guidance_scale", "size"})


def _slug(prompt: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")[:40].rstrip("-") or "logo"
