"""Generated pictures with what is needed to make each again, and the PNG files that carry it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from pydantic import ValidationError
from torch import Tensor

from logolib.config import GenerateSettings, LogolibError
from logolib.generate.draw import Wish
from logolib.images import save_png
from logolib.results import read_json

HOW = {"steps", "sampler", "prior_steps", "prior_candidates", "upsampler_steps", "guidance_scale"}
HOW |= {"guidance_interval", "dynamic_threshold", "palette", "precision", "size"}  # what decides on one picture


MOST_ROWS = 1024  # of a batch that a file may ask for


class AgainError(LogolibError):
    """A file that its picture cannot be made from again."""


@dataclass(frozen=True)
class LogoOutput:
    """Generated pictures, the seed of each, how well its CLIP finds it to fit, and the settings of all."""

    pixels: np.ndarray  # uint8 (N, size, size, 3)
    seeds: list[int]
    scores: list[float]  # cosine with the prompt
    settings: dict[str, Any]
    about: list[dict[str, Any]]  # of each picture: what its PNG carries

    @property
    def images(self) -> list[Image.Image]:
        """The pictures as PIL images."""
        return [Image.fromarray(picture) for picture in self.pixels]

    def save(self, number: int, path: Path) -> None:
        """Write one picture as a PNG that carries its prompt, seed, model and settings."""
        save_picture(self.pixels[number], self.about[number], path)


def joined(parts: Sequence[LogoOutput]) -> LogoOutput:
    """Several outputs with the same settings as one."""
    return LogoOutput(
        np.concatenate([part.pixels for part in parts]),
        [seed for part in parts for seed in part.seeds],
        [score for part in parts for score in part.scores],
        parts[0].settings,
        [about for part in parts for about in part.about],
    )


def save_picture(picture: np.ndarray, about: dict[str, Any], path: Path) -> None:
    """Write a uint8 picture (H, W, 3) as a PNG with `about` in its text chunks `prompt` and `logolib`."""
    save_png(Image.fromarray(picture), path, prompt=about["prompt"], logolib=json.dumps(about))


def about_picture(wish: Wish, settings: Mapping[str, Any], row: int, rows: int, model: str, way: str) -> dict[str, Any]:
    """What makes a picture again: `row` of a batch of `rows`, since the last bits depend on a batch's size."""
    about: dict[str, Any] = {"prompt": wish.prompt, "seed": wish.seed, "model": model, "way": way}
    if way == "vary" and wish.embed is not None:
        numbers = wish.embed.detach().cpu().float().numpy().astype("<f4")
        about["image_embed"] = base64.b64encode(numbers.tobytes()).decode()
    return {**about, "row": row, "rows": rows, **settings}


def read_about(path: Path) -> dict[str, Any]:
    """What a PNG of ours says about itself. Raises AgainError when it says nothing."""
    try:
        with Image.open(path) as image:
            text = str(getattr(image, "text", {}).get("logolib", ""))
    except OSError as error:
        why = error.strerror or "it is no picture"
        raise AgainError(f"{path} cannot be read ({why}); give a PNG that `logolib generate` wrote.") from None
    try:
        return dict(read_json(text))
    except (TypeError, ValueError):
        raise AgainError(f"{path} does not say how it was made; give a PNG that `logolib generate` wrote.") from None


def wish_again(about: dict[str, Any], path: Path) -> tuple[list[Wish], int, GenerateSettings]:
    """The batch, the row in it, and the settings from which a picture was drawn. Raises AgainError."""
    if about.get("way") not in ("prompt", "vary"):
        raise AgainError(f"{path} was drawn from other pictures, which it does not carry; make it from those again.")
    try:
        embed: Tensor | None = None
        if about["way"] == "vary":
            numbers = np.frombuffer(base64.b64decode(about["image_embed"]), "<f4")
            embed = torch.from_numpy(numbers.astype(np.float32))
        wish = Wish(str(about["prompt"]), int(about["seed"]), embed)
        how = GenerateSettings.model_validate({name: about[name] for name in HOW})
        row, rows = int(about["row"]), int(about["rows"])
        if not 0 <= row < rows <= MOST_ROWS:
            raise ValueError(row)
    except (KeyError, TypeError, ValueError, ValidationError):
        raise AgainError(f"What {path} says about itself is damaged or of another version of logolib.") from None
    return [wish] * rows, row, how
