"""Text to logo behind one object, in the manner of diffusers' pipelines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from logolib.images import to_uint8
from logolib.models.clip import Clip, load_clip
from logolib.models.decoder import load_decoder, sample_decoder
from logolib.models.prior import load_prior, sample_prior
from logolib.models.upsampler import Upsampler, load_upsampler
from logolib.models.weights import BASE, ModelError, model_folder, read_config
from logolib.seeds import SampleGenerators, derive

StepCallback = Callable[[int, int], None]


@dataclass(frozen=True)
class LogoOutput:
    """Generated pictures, and the seed of each."""

    pixels: np.ndarray  # uint8 (N, size, size, 3)
    seeds: list[int]

    @property
    def images(self) -> list[Image.Image]:
        """The pictures as PIL images."""
        return [Image.fromarray(picture) for picture in self.pixels]


class LogoPipeline:
    """CLIP, prior, decoder and upsampler: prompt => text embedding => image embedding => pixels => more pixels."""

    def __init__(
        self, clip: Clip, prior: nn.Module, decoder: nn.Module, fold: int, upsampler: Upsampler | None = None
    ) -> None:
        self.clip, self.prior, self.decoder, self.fold, self.upsampler = clip, prior, decoder, fold, upsampler

    @classmethod
    def from_pretrained(cls, model: str | Path) -> LogoPipeline:
        """Read a folder that holds clip/, prior/ and decoder/; `default` is the base that ships with logolib.

        A folder without upsampler/ takes the base's: it knows no words, only edges.

        Raises ModelError when a part is missing, damaged, or was trained on another CLIP.
        """
        run = model_folder(model)
        if not run.is_dir():
            raise ModelError(f"There is no model folder {run}; `logolib run` trains one into runs/NAME/model.")
        clip = load_clip(run / "clip")
        expected = clip.fingerprint()
        for part in ("prior", "decoder"):
            if read_config(run / part, f"train {part}")["clip"] != expected:
                raise ModelError(f"{run / part} was trained on another CLIP than {run / 'clip'}; train {part} again.")
        decoder, fold = load_decoder(run / "decoder")
        places = [place / "upsampler" for place in (run, BASE) if (place / "upsampler").is_dir()]
        upsampler = load_upsampler(places[0]) if places else None
        pipeline = cls(clip, load_prior(run / "prior"), decoder, fold, upsampler)
        return pipeline.to("cuda" if torch.cuda.is_available() else "cpu")

    def to(self, device: str | torch.device) -> LogoPipeline:
        """Move all parts to a device."""
        for part in (self.clip, self.prior, self.decoder, self.upsampler):
            if part is not None:
                part.to(device)
        return self

    @property
    def device(self) -> torch.device:
        """Where the parts are."""
        return next(self.clip.parameters()).device

    @property
    def image_size(self) -> int:
        """Side of what the decoder draws, pixels."""
        return int(self.decoder.image_sizes[0]) * self.fold  # type: ignore[index,arg-type,operator]

    def fingerprint(self) -> str:
        """The CLIP's fingerprint, which prior and decoder share."""
        return self.clip.fingerprint()

    @torch.no_grad()
    def __call__(
        self,
        prompts: str | Sequence[str],
        *,
        num_images_per_prompt: int = 1,
        seeds: Sequence[int] | None = None,
        size: int | None = None,
        num_inference_steps: int = 25,
        prior_steps: int = 16,
        upsampler_steps: int = 4,
        guidance_scale: float = 3.0,
        batch_size: int = 32,
        callback: StepCallback | None = None,
    ) -> LogoOutput:
        """Draw `num_images_per_prompt` pictures for each prompt, prompt by prompt.

        seeds: one for each picture, 0, 1, 2 … when None; a seed gives the same picture at any batch size
        within rounding. size: side in pixels, the decoder's own when None; larger ones go through the
        upsampler, and what then differs from the size is resampled. callback(done, total) counts pictures.
        """
        texts = [prompts] if isinstance(prompts, str) else list(prompts)
        wanted = [text for text in texts for _ in range(num_images_per_prompt)]
        seeds = list(range(len(wanted))) if seeds is None else list(seeds)
        if len(seeds) != len(wanted):
            raise ValueError(f"{len(wanted)} pictures need as many seeds, not {len(seeds)}")
        parts = []
        for first in range(0, len(wanted), batch_size):
            some, own = wanted[first : first + batch_size], seeds[first : first + batch_size]
            tokens = self.clip.vocabulary.encode(some).to(self.device)
            text_embed, words = self.clip.encode_text_tokens(tokens)
            noise = SampleGenerators([derive(seed, "prior") for seed in own])
            image_embed = sample_prior(self.prior, text_embed, noise, prior_steps)
            noise = SampleGenerators([derive(seed, "decoder") for seed in own])
            pixels = sample_decoder(
                self.decoder,
                image_embed,
                words,
                noise,
                num_inference_steps,
                guidance_scale,
                self.fold,
            )
            if self.upsampler is not None and size is not None and size > self.image_size:
                noise = SampleGenerators([derive(seed, "upsampler") for seed in own])
                pixels = self.upsampler.sample(pixels, noise, upsampler_steps)
            if size is not None and size != pixels.shape[-1]:
                pixels = F.interpolate(pixels, (size, size), mode="bicubic", antialias=True)
            parts.append(to_uint8(pixels))
            if callback is not None:
                callback(min(first + batch_size, len(wanted)), len(wanted))
        return LogoOutput(np.concatenate(parts), seeds)
