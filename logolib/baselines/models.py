"""The models of the comparison: each loads real weights and draws one picture for a prompt and a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from logolib.baselines.weights import AbsentError, check_class, check_memory, check_whole, locate
from logolib.config import BaselineSettings
from logolib.generate import LogoPipeline
from logolib.models.lineage import CURATOR, Lineage, zoo_lineage


@dataclass(frozen=True)
class Drawn:
    """One picture, and whether a safety checker blanked it."""

    pixels: np.ndarray  # uint8 (size, size, 3)
    blanked: bool = False


class Model(Protocol):
    """What every model of the comparison can do."""

    def draw(self, prompt: str, seed: int, size: int, steps: int) -> Drawn:
        """Draw one picture, `size` pixels a side, with `steps` evaluations of its main network."""


UNKNOWN = Lineage(unknown=frozenset({"what its authors took"}))


@dataclass(frozen=True)
class Known:
    """A model as the table names it, and what it takes to have it."""

    name: str
    title: str
    download: str  # what to fetch, how large, under which licence
    load: Callable[[BaselineSettings, str], Model]  # (settings, "cpu" | "cuda") -> model
    lineage: Lineage = UNKNOWN  # what its authors say taught or filtered for it


class StableDiffusion:
    """diffusers' StableDiffusionPipeline (Rombach et al. 2022, arXiv 2112.10752)."""

    def __init__(self, name: str, device: str, download: str = "") -> None:
        from diffusers import StableDiffusionPipeline  # type: ignore[attr-defined]

        folder = locate(name, download)
        check_memory(name, check_whole(folder, check_class(folder, "StableDiffusionPipeline")), device)
        self.pipe = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=_precision(device)).to(device)
        self.pipe.set_progress_bar_config(disable=True)

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
        from diffusers import KandinskyV22Pipeline, KandinskyV22PriorPipeline  # type: ignore[attr-defined]

        folders = locate(decoder, download), locate(prior, download)
        size = check_whole(folders[0], check_class(folders[0], "KandinskyV22Pipeline"))
        size += check_whole(folders[1], check_class(folders[1], "KandinskyV22PriorPipeline"))
        check_memory(decoder, size, device)
        how = {"torch_dtype": _precision(device)}
        self.decoder = KandinskyV22Pipeline.from_pretrained(folders[0], **how).to(device)
        self.prior = KandinskyV22PriorPipeline.from_pretrained(folders[1], **how).to(device)
        self.decoder.set_progress_bar_config(disable=True)
        self.prior.set_progress_bar_config(disable=True)

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
        self.pipe = LogoPipeline.from_pretrained(model).to(device)

    def draw(self, prompt: str, seed: int, size: int, steps: int) -> Drawn:
        """See `Model`."""
        return Drawn(self.pipe(prompt, seeds=[seed], size=size, num_inference_steps=steps).pixels[0])


def _dalle2_laion(settings: BaselineSettings, device: str) -> Model:
    raise AbsentError(
        "Its prior and decoder are checkpoints of old dalle2-pytorch releases, described by a ModelLoadConfig; "
        "reading those is not part of this comparison yet."
    )


def _dalle_mini(settings: BaselineSettings, device: str) -> Model:
    raise AbsentError(
        "The PyTorch port on PyPI, min-dalle, was not tried: importing it switches gradients off and sets the "
        "number of threads for the whole process, its constructor downloads without a checksum, and it reads its "
        "files by torch.load as pickles."
    )


_STABLE = "download it with `hf download {}`: about 5.5 GB in single precision, CreativeML Open RAIL-M licence."
_KANDINSKY = (
    "download both parts with `hf download {}` and `hf download {}`: about 20 GB in single precision together, "
    "Apache 2.0 licence."
)

# Trained on LAION, which a CLIP of OpenAI's filtered, and each with a CLIP's text or image tower in it.
_OF_LAION = Lineage(frozenset({"LAION"}), frozenset({CURATOR}))
_STABLE_LINEAGE = _OF_LAION | zoo_lineage("ViT-L-14", "openai")
_KANDINSKY_LINEAGE = _OF_LAION | zoo_lineage("ViT-bigG-14", "laion2b_s39b_b160k")

KNOWN: tuple[Known, ...] = (
    Known("ours", "logolib", "It ships, or `make report` trains one.", lambda s, device: Ours(s.ours, device)),
    Known(
        "stable-diffusion",
        "Stable Diffusion",
        _STABLE,
        lambda s, device: StableDiffusion(s.stable_diffusion, device, _STABLE.format(s.stable_diffusion)),
        _STABLE_LINEAGE,
    ),
    Known(
        "kandinsky",
        "Kandinsky 2.2",
        _KANDINSKY,
        lambda s, device: Kandinsky(
            s.kandinsky, s.kandinsky_prior, device, _KANDINSKY.format(s.kandinsky, s.kandinsky_prior)
        ),
        _KANDINSKY_LINEAGE,
    ),
    Known("dalle2-laion", "dalle2-laion", "", _dalle2_laion),
    Known("dalle-mini", "DALL-E Mini", "", _dalle_mini),
)


def _precision(device: str) -> torch.dtype:
    return torch.float16 if device == "cuda" else torch.float32


def _noise(seed: int) -> torch.Generator:
    """Noise drawn on the CPU, so that a seed means the same on every device."""
    return torch.Generator().manual_seed(seed)


def _uint8(picture: np.ndarray) -> np.ndarray:
    """Float (H, W, 3) in [0, 1] => uint8."""
    return (picture * 255).round().clip(0, 255).astype(np.uint8)
