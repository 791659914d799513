"""Text to logo behind one object, in the manner of diffusers' pipelines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Unpack

import numpy as np
import torch
from torch import nn

from logolib.config import GenerateSettings
from logolib.generate.draw import StepEnd, Wish, candidate, draw_batch
from logolib.generate.edit import Picture, wishes_between, wishes_to_inpaint, wishes_to_vary
from logolib.generate.options import OptionError, Words, pick_seeds, settings_of
from logolib.generate.output import HOW, LogoOutput, about_picture, joined
from logolib.generate.prompts import check_prompt
from logolib.generate.store import check_sums, find_model, push_model, save_model
from logolib.models.clip import Clip, load_clip
from logolib.models.decoder import load_decoder
from logolib.models.precision import native_bf16
from logolib.models.prior import load_prior
from logolib.models.upsampler import Upsampler, load_upsampler
from logolib.models.weights import BASE, ModelError, read_config

Dtype = torch.dtype | Literal["auto"]


class LogoPipeline:
    """CLIP, prior, decoder and upsampler: prompt => text embedding => image embedding => pixels => more pixels."""

    def __init__(
        self,
        clip: Clip,
        prior: nn.Module,
        decoder: nn.Module,
        fold: int,
        upsampler: Upsampler | None = None,
        configs: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        """configs: the config.json of prior, decoder and upsampler, without which the pipeline cannot be saved."""
        self.clip, self.prior, self.decoder, self.fold, self.upsampler = clip, prior, decoder, fold, upsampler
        self.configs = configs or {}
        self.torch_dtype = torch.float32

    @classmethod
    def from_pretrained(cls, model: str | Path, torch_dtype: Dtype = torch.float32) -> LogoPipeline:
        """Read a folder that holds clip/, prior/ and decoder/, or fetch one from Hugging Face by its name.

        `default` is the base that ships with logolib; a path wins over a name `owner/repo`. A folder without
        upsampler/ takes the base's: it knows no words, only edges. torch_dtype: see `to`.
        Raises ModelError when a part is missing, damaged, is not what was saved, or was trained on another CLIP.
        """
        run = find_model(model)
        check_sums(run)
        clip = load_clip(run / "clip")
        expected = clip.fingerprint()
        configs = {}
        for part in ("prior", "decoder"):
            configs[part] = read_config(run / part, f"train {part}", part, "clip")
            if configs[part]["clip"] != expected:
                raise ModelError(f"{run / part} was trained on another CLIP than {run / 'clip'}; train {part} again.")
        decoder, fold = load_decoder(run / "decoder")
        places = [place / "upsampler" for place in (run, BASE) if (place / "upsampler").is_dir()]
        upsampler = load_upsampler(places[0]) if places else None
        if places:
            configs["upsampler"] = read_config(places[0], "train upsampler")
        pipeline = cls(clip, load_prior(run / "prior"), decoder, fold, upsampler, configs)
        return pipeline.to("cuda" if torch.cuda.is_available() else "cpu", torch_dtype)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write model_index.json with checksums, a subfolder for each part, and README.md. Raises ModelError."""
        if not {"prior", "decoder"} <= set(self.configs):
            raise ModelError("A pipeline made without configs cannot be saved; make it by from_pretrained.")
        parts = {name: (network, self.configs[name]) for name, network in self._networks() if name != "clip"}
        save_model(Path(folder), self.clip, parts, self.model_fingerprint)

    def push_to_hub(self, repo: str, *, private: bool = False, token: str | None = None) -> str:
        """Upload what `save_pretrained` writes to Hugging Face as `owner/name`; returns its page. Raises ModelError."""
        return push_model(self.save_pretrained, repo, private, token)

    def to(self, device: str | torch.device | None = None, torch_dtype: Dtype | None = None) -> LogoPipeline:
        """Move all parts to a device, and choose the arithmetic of networks; weights stay in float32.

        torch_dtype: float32; bfloat16 by autocast; `auto`: bfloat16 where the device multiplies it natively.
        """
        for _, network in self._networks() if device is not None else ():
            network.to(device)
        if torch_dtype == "auto":
            torch_dtype = torch.bfloat16 if native_bf16(self.device) else torch.float32
        if torch_dtype not in (None, torch.float32, torch.bfloat16):
            raise OptionError(f"The pipeline draws in torch.float32 or torch.bfloat16, not in {torch_dtype}.")
        self.torch_dtype = torch_dtype or self.torch_dtype
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

    @cached_property
    def model_fingerprint(self) -> str:
        """A short hash of all parts: what a seed's picture depends on."""
        digest = hashlib.sha256(self.fingerprint().encode())
        for name, network in self._networks():
            for key, tensor in sorted(network.state_dict().items()) if name != "clip" else ():
                digest.update(f"{name}.{key}".encode())
                digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    def unknown_words(self, prompts: Sequence[str]) -> list[str]:
        """The words of some prompts that the model was never shown, sorted."""
        return sorted({word for prompt in prompts for word in self.clip.vocabulary.unknown_words(prompt)})

    def __call__(
        self,
        prompts: str | Sequence[str],
        *,
        num_images_per_prompt: int = 1,
        seed: int = 0,
        seeds: Sequence[int] | None = None,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
        **words: Unpack[Words],
    ) -> LogoOutput:
        """Draw `num_images_per_prompt` pictures for each prompt, prompt by prompt.

        seeds: one for each picture, `seed`, `seed` + 1, ... when None; a seed gives the same picture at any batch
        size within rounding. generator: draws the seeds instead; a list of them, one each. words: see `Words`.
        Raises PromptError or OptionError.
        """
        texts = [check_prompt(prompt) for prompt in ([prompts] if isinstance(prompts, str) else prompts)]
        wanted = [text for text in texts for _ in range(num_images_per_prompt)]
        picked = pick_seeds(len(wanted), seed, seeds, generator)
        return self._draw([Wish(text, one) for text, one in zip(wanted, picked, strict=True)], "prompt", words)

    def vary(
        self, image: Picture, prompt: str | None = None, *, num_images: int = 4, seed: int = 0, **words: Unpack[Words]
    ) -> LogoOutput:
        """Draw other pictures of what `image` (PIL or a file) shows: its embedding, decoded from other noise.

        prompt: what it shows, in words; None: what a PNG of ours says, or nothing.
        """
        return self._draw(wishes_to_vary(self, image, prompt, pick_seeds(num_images, seed)), "vary", words)

    def interpolate(self, a: Picture, b: Picture, n: int = 8, *, seed: int = 0, **words: Unpack[Words]) -> LogoOutput:
        """Draw `n` pictures on the way from `a` to `b`, each a prompt, a PIL image or a file.

        Image embeddings go along the great circle between them; all pictures share one seed.
        """
        return self._draw(wishes_between(self, a, b, n, seed, self.settings(words)), "interpolate", words)

    def inpaint(
        self, image: Picture, mask: Picture, prompt: str, *, num_images: int = 1, seed: int = 0, **words: Unpack[Words]
    ) -> LogoOutput:
        """Draw `image` anew where `mask` is white, to fit `prompt`; the rest stays as it is.

        At each step the known part replaces what the network predicts there (Lugmayr et al. 2022, equation 8,
        on x0 and without their resampling), and after the upsampler once more.
        """
        return self._draw(wishes_to_inpaint(image, mask, prompt, pick_seeds(num_images, seed)), "inpaint", words)

    def settings(self, words: Words) -> GenerateSettings:
        """What some words ask of this pipeline. Raises OptionError."""
        return settings_of(words, self.image_size, self.torch_dtype)

    def stream(
        self, wishes: Sequence[Wish], how: GenerateSettings, way: str = "prompt", on_step: StepEnd | None = None
    ) -> Iterator[LogoOutput]:
        """Draw batch by batch, so that what is drawn can be kept before the next; `how` is a call's settings."""
        settings, model = how.model_dump(mode="json", include=HOW), self.model_fingerprint
        together = max(1, how.batch_size // how.candidates)
        for first in range(0, len(wishes), together):
            some = wishes[first : first + together]
            rows = [candidate(wish, j) for wish in some for j in range(how.candidates)]
            drawn, scores = draw_batch(self, rows, how, on_step)
            best = np.reshape(scores, (len(some), -1)).argmax(1) + np.arange(len(some)) * how.candidates
            yield LogoOutput(
                drawn[best],
                [rows[i].seed for i in best],
                [scores[i] for i in best],
                settings,
                [about_picture(rows[i], settings, int(i), len(rows), model, way) for i in best],
            )

    def _draw(self, wishes: Sequence[Wish], way: str, words: Words) -> LogoOutput:
        parts, done = [], 0
        count = words.get("callback")
        for part in self.stream(wishes, self.settings(words), way, words.get("callback_on_step_end")):
            parts.append(part)
            done += len(part.seeds)
            if count is not None:
                count(done, len(wishes))
        return joined(parts)

    def _networks(self) -> Iterator[tuple[str, nn.Module]]:
        named = {"clip": self.clip, "prior": self.prior, "decoder": self.decoder, "upsampler": self.upsampler}
        return ((name, network) for name, network in named.items() if network is not None)
