"""How much better a caption fits its own picture than others' do: a CLIP's margin against shuffled captions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from logolib.models.clip import Clip, embed_images, embed_texts, load_clip, named_config
from logolib.models.clip_files import load_checkpoint
from logolib.models.lineage import Lineage, part_lineage, zoo_lineage
from logolib.models.weights import ModelError, model_folder
from logolib.text import Vocabulary

FEWEST = 8  # others from which a mean and a spread are taken
LEAST_SPREAD = 1e-3  # of similarities; less is no spread but rounding


def margins(images: Tensor, texts: Tensor, other_images: Tensor, other_texts: Tensor) -> np.ndarray:
    """By how many standard deviations pairs lie above shuffled ones, both ways averaged, float64 (N,).

    images, texts: normalised (N, D), row i of one with row i of the other; other_images (M, D), other_texts (K, D)
    are those that each is compared with. A way with fewer than eight others counts 0.
    """
    own = (images * texts).sum(-1)
    ways = [
        _above(own, images @ other_texts.T) if len(other_texts) >= FEWEST else torch.zeros(len(own)),
        _above(own, texts @ other_images.T) if len(other_images) >= FEWEST else torch.zeros(len(own)),
    ]
    return (sum(ways) / len(ways)).double().numpy()  # type: ignore[union-attr]


def _above(own: Tensor, others: Tensor) -> Tensor:
    return (own - others.mean(-1)) / others.std(-1).clamp(min=LEAST_SPREAD)


def embed_pictures(clip: Clip, images: np.ndarray) -> Tensor:
    """uint8 (N, H, W, 3) => normalised (N, D), also of none."""
    return embed_images(clip, images) if len(images) else torch.zeros(0, clip.dim)


def embed_captions(clip: Clip, captions: list[str]) -> Tensor:
    """Captions => normalised (N, D), also of none."""
    if not captions:
        return torch.zeros(0, clip.dim)
    places = {caption: i for i, caption in enumerate(dict.fromkeys(captions))}  # each once, however often it comes
    embedded = embed_texts(clip, clip.vocabulary.encode(list(places)))
    return embedded[[places[caption] for caption in captions]]


def named_clip(name: str) -> Clip:
    """The base's CLIP (`default`), a run's, a folder of one, or MODEL:TAG of open_clip's zoo. Raises ModelError."""
    model, colon, tag = name.partition(":")
    if not colon:
        return load_clip(_folder(name))
    import open_clip

    found = open_clip.pretrained.get_pretrained_cfg(model, tag)
    if not found:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(model)) or "none"
        raise ModelError(f"open_clip knows no weights {tag!r} of {model}; its tags: {tags}.")
    try:
        file = Path(open_clip.download_pretrained(found))
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelError(f"open_clip's weights {name} cannot be had ({' '.join(str(error).split())[:160]}).") from None
    config = named_config(model)
    clip = Clip(config, Vocabulary.full(config["text_cfg"].get("context_length", 77)))
    load_checkpoint(clip, file, model)
    return clip.eval().requires_grad_(False)


def clip_lineage(name: str) -> Lineage:
    """What a CLIP that `named_clip` finds depends on."""
    model, colon, tag = name.partition(":")
    return zoo_lineage(model, tag) if colon else part_lineage(_folder(name))


def _folder(name: str) -> Path:
    own = model_folder(name)
    return own / "clip" if (own / "clip").is_dir() or name == "default" else own
