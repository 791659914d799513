"""What is drawn from other pictures: variations, the way between two, and parts drawn anew."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from logolib.config import GenerateSettings
from logolib.generate.draw import Wish, embed_prompts, guess_embeds
from logolib.generate.prompts import PromptError, check_picture, check_prompt
from logolib.images import to_float

if TYPE_CHECKING:
    from logolib.generate.pipeline import LogoPipeline

Picture = Image.Image | Path | str  # a picture or its file
SIDE = 256  # at which given pictures are kept, pixels: the largest that the upsampler draws


def wishes_to_vary(pipeline: LogoPipeline, picture: Picture, prompt: str | None, seeds: Sequence[int]) -> list[Wish]:
    """The picture's own embedding, decoded from other noise (Ramesh et al. 2022, section 3.1)."""
    image = check_picture(picture, pipeline.clip.image_size)
    if prompt is None:
        prompt = _own_prompt(picture)
    embed = _embed_picture(pipeline, image)
    return [Wish(check_prompt(prompt) if prompt else "", seed, embed) for seed in seeds]


def wishes_between(
    pipeline: LogoPipeline, a: Picture, b: Picture, n: int, seed: int, how: GenerateSettings
) -> list[Wish]:
    """`n` embeddings on the great circle from `a` to `b`, all from the same noise; text encodings go straight.

    An end is a prompt, or a picture.
    """
    if n < 2:
        raise PromptError(f"The way between two pictures has at least 2 of them, not {n}.")
    ends = [_end(pipeline, one, seed, how) for one in (a, b)]
    found = []
    for share in torch.linspace(0, 1, n).tolist():
        embed = slerp(ends[0][1], ends[1][1], share)
        words = torch.lerp(ends[0][2], ends[1][2], share)
        found.append(Wish(ends[0 if share < 0.5 else 1][0], seed, embed, words))
    return found


def wishes_to_inpaint(picture: Picture, mask: Picture, prompt: str, seeds: Sequence[int]) -> list[Wish]:
    """`picture` drawn anew where `mask` is white, and kept where it is black."""
    image = np.asarray(check_picture(picture, SIDE))
    anew = np.asarray(check_picture(mask, SIDE, (0, 0, 0)).convert("L"))
    if anew.max() < 128:
        raise PromptError("The mask has no white part; paint white what shall be drawn anew.")
    return [Wish(check_prompt(prompt), seed, known=(image, anew)) for seed in seeds]


def slerp(a: Tensor, b: Tensor, share: float) -> Tensor:
    """The point at `share` of the great circle between two unit vectors (D,) (Shoemake 1985)."""
    angle = math.acos(float((a * b).sum().clamp(-1, 1)))
    if angle < 1e-4 or math.pi - angle < 1e-4:  # one point, or opposite ones with no one way between them
        return torch.nn.functional.normalize(torch.lerp(a, b, share), dim=-1)
    return (math.sin((1 - share) * angle) * a + math.sin(share * angle) * b) / math.sin(angle)


def _end(pipeline: LogoPipeline, end: Picture, seed: int, how: GenerateSettings) -> tuple[str, Tensor, Tensor]:
    """(prompt, image embedding (D,), text encodings (L, W)) of a prompt or a picture."""
    is_prompt = isinstance(end, str) and not Path(end).is_file()
    prompt = check_prompt(str(end)) if is_prompt else _own_prompt(end)
    texts, words = embed_prompts(pipeline, [prompt])
    if is_prompt:
        return prompt, guess_embeds(pipeline, texts, [seed], how)[0], words[0]
    return prompt, _embed_picture(pipeline, check_picture(end, pipeline.clip.image_size)), words[0]


def _own_prompt(picture: Picture) -> str:
    """What a PNG of ours says that it shows; nothing for others."""
    if isinstance(picture, Image.Image):
        return str(getattr(picture, "text", {}).get("prompt", ""))
    with Image.open(picture) as opened:
        return str(getattr(opened, "text", {}).get("prompt", ""))


@torch.no_grad()
def _embed_picture(pipeline: LogoPipeline, image: Image.Image) -> Tensor:
    return pipeline.clip.encode_image(to_float(np.array(image)[None]).to(pipeline.device))[0]
