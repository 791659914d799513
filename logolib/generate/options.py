"""The words that a pipeline is called with, checked and turned into settings."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any, TypedDict

import torch
from pydantic import ValidationError

from logolib.config import GenerateSettings, LogolibError

Count = Callable[[int, int], None]  # (pictures done, pictures in all)
# diffusers' names for what GenerateSettings calls otherwise
NAMES = {"num_inference_steps": "steps", "num_candidates": "candidates"}


class OptionError(LogolibError):
    """An option that the pipeline cannot draw with."""


class Words(TypedDict, total=False):
    """What a pipeline may be told beside its prompts; GenerateSettings has the defaults and the reasons."""

    size: int | None  # side in pixels; None: what the decoder draws
    num_inference_steps: int  # network evaluations a picture, with any sampler
    sampler: str  # ddpm | ddim | dpm++ | heun
    guidance_scale: float
    guidance_interval: tuple[float, float]  # part of the schedule with guidance; 1 is the noisiest
    dynamic_threshold: float | None
    prior_steps: int
    prior_candidates: int  # guesses of the prior, of which the one nearest to the text is drawn
    upsampler_steps: int
    num_candidates: int  # pictures drawn for each one kept, the one that the CLIP finds fittest
    palette: Sequence[str]  # colours such as #aa0000 that take the place of the crest's own
    batch_size: int
    callback: Count | None  # counts pictures
    callback_on_step_end: (
        Callable[..., Any] | None
    )  # (pipeline, step, timestep, {"latents": pictures}), as in diffusers


def settings_of(words: Words, image_size: int, dtype: torch.dtype) -> GenerateSettings:
    """The settings that some words ask for; callbacks are no settings. Raises OptionError."""
    values: dict[str, Any] = {NAMES.get(name, name): value for name, value in words.items() if "callback" not in name}
    for name in words:
        if name not in Words.__annotations__:
            near = difflib.get_close_matches(name, Words.__annotations__, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}?" if near else f"known ones are {', '.join(Words.__annotations__)}."
            raise OptionError(f"The pipeline knows no word {name!r}; {hint}")
    values |= {"size": values.get("size") or image_size, "palette": tuple(values.get("palette", ()))}
    values |= {"precision": "bf16" if dtype == torch.bfloat16 else "fp32"}
    try:
        return GenerateSettings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        said = next((word for word, setting in NAMES.items() if setting == name), name)
        raise OptionError(f"{said} cannot be {values[name]!r}: {first['msg']}.") from None


def pick_seeds(
    n: int,
    seed: int,
    seeds: Sequence[int] | None = None,
    generator: torch.Generator | Sequence[torch.Generator] | None = None,
) -> list[int]:
    """One seed for each of `n` pictures: as given, drawn from a generator or one each, or counted up from `seed`."""
    if n < 1:
        raise OptionError("There is nothing to draw: ask for at least one picture of at least one prompt.")
    if isinstance(generator, torch.Generator):
        seeds = torch.randint(2**31, (n,), generator=generator, device=generator.device).tolist()
    elif generator is not None:
        seeds = [int(torch.randint(2**31, (1,), generator=one, device=one.device)) for one in generator]
    elif seeds is None:
        seeds = range(seed, seed + n)
    if len(seeds) != n:
        raise OptionError(f"{n} pictures need as many seeds, not {len(seeds)}.")
    return list(seeds)
