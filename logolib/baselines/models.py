"""The models of the comparison: each loads real weights and draws one picture for a prompt and a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from logolib.baselines.weights import AbsentError, BaselineError, check_class, check_memory, check_whole, locate
from logolib.generate import LogoPipeline


@dataclass(frozen=True)
class Drawn:
    """One picture, and whether a safety checker blanked it."""

    pixels: np.ndarray  # uint8 (size, size, 3)
    blanked: bool = False


class Model(Protocol):
    """What every model of the comparison can do."""

    def draw(self, prompt: str, seed: int, size: int, steps: int) -> Drawn:
        """Draw one picture, `size` pixels a side, with `steps` evaluations of its main network."""


class StableDiffusion:
    """diffusers' StableDiffusionPipeline (Rombach et al. 2022, arXiv 2112.10752)."""

    def __init__(self, name: str, device: str, download: str = "") -> None:
        """name: a folder that diffusers saved, or a name in Hugging Face's cache. Raises BaselineError."""
        (self.pipe,) = _pipelines({name: "StableDiffusionPipeline"}, device, download)

    def draw(self, prompt: str, seed: int, size: int, steps: int) -> Drawn:
        """See `Model`."""
        made = self.pipe(
            prompt, height=size, width=size, num_inference_steps=steps, generator=_noise(seed), output_type="np"
        )
        flags = made.nsfw_content_detected or [False]
        return Drawn(_uint8(made.images[0]), bool(flags[0]))


class Kandinsky:
    """diffusers' Kandinsky 2.2, an unCLIP that lives (its prior and its decoder are two folders)."""

    def __init__(self, decoder: str, prior: str, device: str, download: str = "") -> None:
        """See `StableDiffusion`."""
        both = {decoder: "KandinskyV22Pipeline", prior: "KandinskyV22PriorPipeline"}
        self.decoder, self.prior = _pipelines(both, device, download)

    def draw(self, prompt: str, seed: int, size: int, steps: int) -> Drawn:
        """See `Model`; the prior takes 25 steps, its own default, or fewer where the decoder does."""
        noise = _noise(seed)
        guess = self.prior(prompt, num_inference_steps=min(steps, 25), generator=noise)
        made = self.decoder(
            image_embeds=guess.image_embeds,
            negative_image_embeds=guess.negative_image_embeds,
            height=size,
            width=size,
            num_inference_steps=steps,
            generator=noise,
            output_type="np",
        )
        return Drawn(_uint8(made.images[0]))


class Ours:
    """A run of this project, or the base that ships."""

    def __init__(self, model: str, device: str) -> None:
        """Raises ModelError."""
        self.pipe = LogoPipeline.from_pretrained(model).to(device)

    def draw(self, prompt: str, seed: int, size: int, steps: int) -> Drawn:
        """See `Model`."""
        return Drawn(self.pipe(prompt, seeds=[seed], size=size, num_inference_steps=steps).pixels[0])


def _pipelines(wanted: dict[str, str], device: str, download: str) -> list[Any]:
    """The pipelines of diffusers by name and class, on a device, once all are known to be whole and to fit."""
    try:
        import diffusers
    except ImportError:
        raise AbsentError('It needs diffusers; install it with: pip install "logolib[baselines]".') from None
    folders = {name: locate(name, download) for name in wanted}
    numbers = sum(check_whole(folders[name], check_class(folders[name], kind)) for name, kind in wanted.items())
    precision = torch.float16 if device == "cuda" else torch.float32
    check_memory(next(iter(wanted)), numbers * precision.itemsize, device)
    made = []
    for name, kind in wanted.items():
        try:
            pipe = getattr(diffusers, kind).from_pretrained(folders[name], torch_dtype=precision)
        except Exception as error:  # diffusers and transformers raise OSError, ValueError, RuntimeError, KeyError
            reason = " ".join(str(error).split())[:200]
            raise BaselineError(f"{name} cannot be loaded ({reason}); download it again.") from None
        pipe.set_progress_bar_config(disable=True)
        made.append(pipe.to(device))
    return made


def _noise(seed: int) -> torch.Generator:
    """Noise drawn on the CPU, so that a seed means the same on every device."""
    return torch.Generator().manual_seed(seed)


def _uint8(picture: np.ndarray) -> np.ndarray:
    """Float (H, W, 3) in [0, 1] => uint8."""
    return (picture * 255).round().clip(0, 255).astype(np.uint8)
