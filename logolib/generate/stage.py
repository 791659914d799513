"""The stage that turns prompts into PNG files and a contact sheet, and makes any of those files again."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from logolib.config import GenerateSettings, LogolibError
from logolib.generate.draw import Wish, draw_batch
from logolib.generate.edit import wishes_to_vary
from logolib.generate.options import pick_seeds
from logolib.generate.output import AgainError, LogoOutput, joined, read_about, save_picture, wish_again
from logolib.generate.pipeline import LogoPipeline
from logolib.generate.prompts import PromptError, check_prompt, is_control
from logolib.generate.store import find_model
from logolib.images import save_png, sheet
from logolib.models.lineage import model_lineage, state
from logolib.results import StageResult, Stopwatch, data_hash, write_result

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class GenerateError(LogolibError):
    """Pictures that cannot be written."""


def generate(
    settings: GenerateSettings,
    prompts: Sequence[str],
    model: Path | str,
    out: Path,
    *,
    seed: int = 0,
    profile: str = "custom",
    progress: bool = True,
    vary: Path | None = None,
) -> StageResult:
    """Draw `settings.n` pictures for each prompt into OUT, with sheet.png and result.json.

    Their seeds count up from `seed`, as when a LogoPipeline is called. vary: a picture from whose embedding they
    are drawn, not from the prior's; the prompt may then be left out. Each PNG carries what makes it again, and is
    written when its batch is done: an interrupt keeps it. Raises PromptError, GenerateError or ModelError.
    """
    watch = Stopwatch()
    notes = ["Control characters in a prompt count as blanks."] if any(map(is_control, "".join(prompts))) else []
    prompts = [check_prompt(prompt) for prompt in prompts]
    if not prompts and vary is None:
        raise PromptError("There is no prompt; give at least one, in quotes.")
    pipeline = LogoPipeline.from_pretrained(
        model, "auto" if settings.precision == "auto" else DTYPES[settings.precision]
    )
    wishes = _wishes(pipeline, prompts, settings.n, seed, vary)
    _make_folder(out)
    unknown = pipeline.unknown_words(prompts)
    if unknown:
        notes.append(f"The model has never seen {', '.join(map(repr, unknown))}; it will guess.")
    parts: list[LogoOutput] = []
    files: list[str] = []
    try:
        with tqdm(total=len(wishes), desc="generate", unit="picture", disable=not progress) as bar:
            for part in pipeline.stream(wishes, settings, "prompt" if vary is None else "vary"):
                for i, about in enumerate(part.about):
                    files.append(f"{len(files):0{len(str(len(wishes)))}d}-{_slug(about['prompt'])}.png")
                    part.save(i, out / files[-1])
                parts.append(part)
                bar.update(len(part.seeds))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"Interrupted; the {len(files)} pictures that were done lie in {out}.") from None
    drawn = joined(parts)
    columns = min(len(wishes), settings.n if settings.n > 1 else 4)
    save_png(sheet(list(drawn.pixels), columns=columns), out / "sheet.png")
    values = {
        "pictures": [
            {"prompt": about["prompt"], "seed": about["seed"], "score": score, "file": file}
            for about, score, file in zip(drawn.about, drawn.scores, files, strict=True)
        ],
        "sheet": "sheet.png",
        "seconds_per_picture": round(watch.seconds() / len(files), 3),
        "unknown_words": unknown,
        "notes": notes,
    }
    provenance = watch.provenance(settings, seed, data_hash([pipeline.model_fingerprint, *prompts]), profile)
    result = StageResult("generate", values, {"sheet": "sheet.png"}, provenance)
    state(model_lineage(find_model(model)), out)  # so that a judge who is kin can be refused
    write_result(out / "result.json", result)
    return result


def again(file: Path, model: Path | str, out: Path) -> Path:
    """Make a PNG of ours again from what it carries, into OUT; on the same machine it is equal byte for byte.

    Raises AgainError when it carries too little, or when `model` is not the one that drew it.
    """
    about = read_about(file)
    wishes, row, how = wish_again(about, file)
    pipeline = LogoPipeline.from_pretrained(model, DTYPES[how.precision])
    if pipeline.model_fingerprint != about.get("model"):
        raise AgainError(
            f"{file} was drawn by the model {about.get('model')}, and {model} is {pipeline.model_fingerprint}; "
            "name the folder of its model with --model."
        )
    _make_folder(out)
    drawn, _ = draw_batch(pipeline, wishes, how)
    save_picture(drawn[row], about, out / file.name)
    return out / file.name


def _wishes(pipeline: LogoPipeline, prompts: Sequence[str], n: int, seed: int, vary: Path | None) -> list[Wish]:
    if vary is None:
        wanted = [prompt for prompt in prompts for _ in range(n)]
        return [Wish(prompt, one) for prompt, one in zip(wanted, pick_seeds(len(wanted), seed), strict=True)]
    starts: Sequence[str | None] = prompts or [None]  # None: what the picture says of itself
    return [
        wish
        for i, prompt in enumerate(starts)
        for wish in wishes_to_vary(pipeline, vary, prompt, pick_seeds(n, seed + i * n))
    ]


def _make_folder(out: Path) -> None:
    """Make OUT, and see that it can be written to before anything is drawn. Raises GenerateError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()
    except OSError as error:
        raise GenerateError(f"{out} cannot be written to ({error.strerror}); choose another folder.") from None


def _slug(prompt: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")[:40].rstrip("-") or "logo"
