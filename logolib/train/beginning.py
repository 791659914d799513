"""What a CLIP's training begins with: new weights, those of another run, or an open_clip checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from logolib.config import ClipSettings
from logolib.models.clip import Clip, load_clip
from logolib.models.clip_files import load_checkpoint
from logolib.models.weights import ModelError
from logolib.seeds import derive
from logolib.text import Vocabulary
from logolib.train.epochs import take_optimizer
from logolib.train.loop import TrainError

CONTEXT = 77  # tokens, where a config does not say


def told(settings: ClipSettings) -> ClipSettings:
    """Settings in which a checkpoint to start from or to continue stands as `pretrained`."""
    for name in ("start", "resume"):
        path = getattr(settings, name)
        if path not in (None, "latest", "default") and Path(path).is_file():
            return settings.model_copy(update={"pretrained": path, "start": None})
    if settings.resume not in (None, "latest"):
        raise TrainError(f"There is no checkpoint {settings.resume}; clip.resume is `latest` or an epoch_K.pt.")
    return settings


def image_size(config: dict[str, Any]) -> int:
    """Side of the square that the image tower takes, pixels."""
    size = config["vision_cfg"].get("image_size", 224)
    return int(size if isinstance(size, int) else max(size))


def new_clip(
    settings: ClipSettings, config: dict[str, Any], captions: list[str], start: Path | None, seed: int
) -> tuple[Clip, dict[str, Any]]:
    """The CLIP to train, and what else stood in the checkpoint that it comes from."""
    context = config["text_cfg"].get("context_length", CONTEXT)
    if start is not None:
        return _grown(load_clip(start), captions), {}
    torch.manual_seed(derive(seed, "clip weights"))
    if settings.pretrained is None:
        return Clip(config, Vocabulary.of(captions, context)), {}
    clip = Clip(config, Vocabulary.full(context))
    return clip, load_checkpoint(clip, _weights_file(settings), settings.model)


def _grown(clip: Clip, captions: list[str]) -> Clip:
    """A CLIP whose vocabulary takes in the words of further captions; it gives known words the same embeddings."""
    vocabulary = clip.vocabulary.grown(captions)
    if vocabulary.size == clip.vocabulary.size:
        return clip.train().requires_grad_(True)
    larger = Clip(clip.config, vocabulary)
    state = clip.net.state_dict()
    state["token_embedding.weight"] = clip.vocabulary.moved(state["token_embedding.weight"], vocabulary)
    larger.net.load_state_dict(state)
    return larger


def _weights_file(settings: ClipSettings) -> Path:
    """A path as given, or the zoo's file for a tag, downloaded and cached by open_clip."""
    import open_clip

    assert settings.pretrained is not None
    path = Path(settings.pretrained)
    if path.exists() or path.suffix in (".pt", ".pth", ".bin", ".ckpt", ".safetensors"):
        return path
    found = open_clip.pretrained.get_pretrained_cfg(settings.model, settings.pretrained)
    if not found:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(settings.model)) or "none"
        raise ModelError(f"{settings.pretrained!r} is no file and no tag of {settings.model}; its tags: {tags}.")
    try:
        return Path(open_clip.download_pretrained(found))
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"open_clip's weights {settings.model} {settings.pretrained} cannot be had ({error})."
        ) from None


def beginning(
    clip: Clip, continued: dict[str, Any], settings: ClipSettings, per_epoch: int
) -> Callable[[torch.optim.Optimizer], int] | None:
    """How a fresh optimizer starts: from another trainer's state when its checkpoint is continued."""
    if settings.resume in (None, "latest") or "epoch" not in continued:
        return None
    first = int(continued["epoch"]) * per_epoch
    if first >= settings.steps:
        raise TrainError(
            f"{settings.resume} has done {continued['epoch']} epochs, all that are asked for; "
            f"set clip.epochs={continued['epoch'] + 10}."
        )

    def begin(optimizer: torch.optim.Optimizer) -> int:
        if "optimizer" in continued:
            take_optimizer(clip, optimizer, continued["optimizer"])
        return first

    return begin
