"""One batch of pictures: text => embeddings => pixels => more pixels, each row from a seed of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from logolib.config import GenerateSettings
from logolib.generate.palette import in_colours
from logolib.images import to_float, to_uint8
from logolib.models.decoder import sample_decoder
from logolib.models.prior import sample_best_prior
from logolib.noise import SAMPLERS, Callback
from logolib.seeds import SampleGenerators, derive

if TYPE_CHECKING:
    from logolib.generate.pipeline import LogoPipeline

Image = np.ndarray  # uint8 (H, H, 3), of any size
Mask = np.ndarray  # uint8 (H, H): 255 where the picture is drawn anew, 0 where it stays
StepEnd = Callable[..., Any]  # (pipeline, step from 0, timestep, {"latents": pictures so far (B, 3, H, W)})


@dataclass(frozen=True)
class Wish:
    """One row of a batch."""

    prompt: str  # "" for a picture that no words describe
    seed: int
    embed: Tensor | None = None  # (D,) the image's embedding, normalised; None: what the prior makes of the prompt
    words: Tensor | None = None  # (L, W) the text's encodings; None: the prompt's
    known: tuple[Image, Mask] | None = None


def candidate(wish: Wish, number: int) -> Wish:
    """The wish itself for 0; further ones differ in their seed."""
    return replace(wish, seed=derive(wish.seed, "candidate", number) % 2**31) if number else wish


@torch.no_grad()
def embed_prompts(pipeline: LogoPipeline, prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Prompts => text embeddings (B, D) and encodings (B, L, W); those of an empty prompt's words are zero."""
    tokens = pipeline.clip.vocabulary.encode(prompts).to(pipeline.device)
    embeds, words = pipeline.clip.encode_text_tokens(tokens)
    given = torch.tensor([bool(prompt) for prompt in prompts], device=pipeline.device)
    return embeds, words * given.view(-1, 1, 1)


@torch.no_grad()
def guess_embeds(pipeline: LogoPipeline, texts: Tensor, seeds: Sequence[int], how: GenerateSettings) -> Tensor:
    """Text embeddings (B, D) => the prior's image embeddings (B, D)."""
    names = [("prior",), *(("prior", i) for i in range(1, how.prior_candidates))]
    noises = [SampleGenerators([derive(seed, *name) for seed in seeds]) for name in names]
    return sample_best_prior(pipeline.prior, texts, noises, how.prior_steps)


@torch.no_grad()
def draw_batch(
    pipeline: LogoPipeline,
    wishes: Sequence[Wish],
    how: GenerateSettings,
    on_step: StepEnd | None = None,
) -> tuple[np.ndarray, list[float]]:
    """Pictures, uint8 (B, how.size, how.size, 3), and the cosine that the pipeline's CLIP gives each for its prompt.

    Without a prompt the cosine is that of the picture with the embedding it was drawn from.
    """
    device, size = pipeline.device, how.size
    told: Callback | None = None
    if on_step is not None:

        def told(i: int, t: int, pictures: Tensor) -> None:
            on_step(pipeline, i, t, {"latents": pictures})

    seeds = [wish.seed for wish in wishes]
    with torch.autocast(device.type, torch.bfloat16, enabled=pipeline.torch_dtype == torch.bfloat16):
        texts, words = embed_prompts(pipeline, [wish.prompt for wish in wishes])
        embeds = guess_embeds(pipeline, texts, seeds, how) if any(w.embed is None for w in wishes) else texts
        embeds = _put(embeds, [wish.embed for wish in wishes])
        words = _put(words, [wish.words for wish in wishes])
        pixels = sample_decoder(
            pipeline.decoder,
            embeds,
            words,
            SampleGenerators([derive(seed, "decoder") for seed in seeds]),
            how.steps,
            how.guidance_scale,
            pipeline.fold,
            sampler=SAMPLERS[how.sampler],
            interval=how.guidance_interval,
            threshold=how.dynamic_threshold,
            edit=_keep_known(wishes, pipeline.image_size, device),
            callback=told,
        )
        if pipeline.upsampler is not None and size > pipeline.image_size:
            noise = SampleGenerators([derive(seed, "upsampler") for seed in seeds])
            pixels = pipeline.upsampler.sample(pixels, noise, how.upsampler_steps)
    if size != pixels.shape[-1]:
        pixels = F.interpolate(pixels, (size, size), mode="bicubic", antialias=True)
    keep = _keep_known(wishes, size, device)
    drawn = to_uint8(pixels if keep is None else keep(pixels))
    if how.palette:
        drawn = np.stack([in_colours(picture, how.palette) for picture in drawn])
    aims = _put(texts, [None if wish.prompt else embed for wish, embed in zip(wishes, embeds, strict=True)])
    scores = (pipeline.clip.encode_image(to_float(drawn).to(device)) * aims).sum(-1)
    return drawn, scores.tolist()


def _put(rows: Tensor, own: Sequence[Tensor | None]) -> Tensor:
    """The rows, some replaced by their own."""
    return torch.stack([row if mine is None else mine.to(row) for row, mine in zip(rows, own, strict=True)])


def _keep_known(wishes: Sequence[Wish], size: int, device: torch.device) -> Callable[[Tensor], Tensor] | None:
    """What puts the known parts into pictures (B, 3, size, size); None where no part of any is known."""
    if wishes[0].known is None:
        return None
    known = [wish.known for wish in wishes if wish.known is not None]
    pictures = _resized(to_float(np.stack([picture for picture, _ in known])), size).to(device)
    masks = torch.as_tensor(np.stack([mask for _, mask in known])).float().div(255).unsqueeze(1)
    new = _resized(masks, size).clamp(0, 1).to(device)  # (B, 1, size, size)
    return lambda drawn: new * drawn + (1 - new) * pictures


def _resized(images: Tensor, size: int) -> Tensor:
    if images.shape[-1] == size:
        return images
    return F.interpolate(images, (size, size), mode="bilinear", antialias=True)
