"""What a CLIP of the zoo gives, from open_clip's own configs: nothing is downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Widths:
    """Of a CLIP: its embeddings, its text encodings, and the pictures it takes, pixels."""

    embedding: int
    text: int
    picture: int


def probe(clip: dict[str, Any]) -> Widths | None:
    """The widths of a CLIP as upstream configs name it ({"make", "model"}); None for one that nobody knows."""
    import open_clip

    config = open_clip.get_model_config(str(clip.get("model", "ViT-L/14")).replace("/", "-"))
    if clip.get("make", "openai") not in ("openai", "open_clip") or config is None:
        return None
    vision, text = config["vision_cfg"], config["text_cfg"]
    size = vision.get("image_size", 224)
    return Widths(
        int(config["embed_dim"]),
        int(text.get("width", config["embed_dim"])),
        max(size) if isinstance(size, list | tuple) else int(size),
    )


def in_zoo(clip: dict[str, Any]) -> bool:
    """Whether the stock adapter finds weights for an open_clip name."""
    import open_clip

    return clip.get("make") != "open_clip" or str(clip.get("model")) in dict(open_clip.list_pretrained())
