"""CLIP: open_clip's models over a vocabulary of ours, and the adapter that dalle2-pytorch takes."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from logolib.images import to_float
from logolib.models.weights import ModelError, Precision, building, load_weights, read_config, save_config, save_weights
from logolib.results import read_json
from logolib.text import Vocabulary

OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)


class Clip(nn.Module):
    """An open_clip model with its vocabulary and the pixel statistics that it expects.

    Images are float (B, 3, H, W) in [-1, 1] and resized to the model's size; embeddings are
    normalised, float32 (B, dim).
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: dict[str, Any], vocabulary: Vocabulary) -> None:
        super().__init__()
        from open_clip.model import CLIP

        if foreign := sorted(_foreign(config)):
            raise ModelError(
                f"Models with {foreign[0]} are not read here; take a plain CLIP of open_clip's, e.g. RN50 or ViT-B-32."
            )
        self.config = config
        self.vocabulary = vocabulary
        text = {
            **config["text_cfg"],
            "vocab_size": vocabulary.size,
            "context_length": vocabulary.context_length,
        }
        self.net = CLIP(
            config["embed_dim"], dict(config["vision_cfg"]), text, quick_gelu=config.get("quick_gelu", False)
        )
        self.frozen_statistics = False
        self.register_buffer("mean", torch.tensor(OPENAI_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(OPENAI_STD).view(1, 3, 1, 1), persistent=False)

    def train(self, mode: bool = True) -> Self:
        """Switch training on; with `frozen_statistics` the BatchNorms go on using the averages that they have."""
        super().train(mode)
        if self.frozen_statistics:
            for module in self.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self

    @property
    def dim(self) -> int:
        """Width of the shared embedding."""
        return int(self.config["embed_dim"])

    @property
    def image_size(self) -> int:
        """Side of the square that the image tower takes, pixels."""
        size = self.net.visual.image_size
        return int(max(size) if isinstance(size, tuple) else size)

    def prepare(self, images: Tensor) -> Tensor:
        """[-1, 1] at any size => the tower's size and statistics."""
        if images.shape[-1] != self.image_size:
            images = F.interpolate(
                images,
                (self.image_size, self.image_size),
                mode="bilinear",
                antialias=True,
                align_corners=False,
            )
        return ((images + 1) / 2 - self.mean) / self.std

    def encode_image(self, images: Tensor) -> Tensor:
        """[-1, 1] images (B, 3, H, W) => normalised embeddings (B, dim)."""
        return F.normalize(self.net.encode_image(self.prepare(images)).float(), dim=-1)

    def encode_text(self, tokens: Tensor) -> Tensor:
        """Tokens (B, L) => normalised embeddings (B, dim)."""
        return F.normalize(self.net.encode_text(tokens).float(), dim=-1)

    def encode_text_tokens(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (B, L) => embeddings (B, dim) and encodings (B, L, 2 width), zero from the end token on.

        Beside what the last layer makes of a word stands the word's own embedding, at the same scale: a few hundred
        pairs do not teach a text tower to hand on which of forty charges was named.
        """
        states: list[Tensor] = []
        hook = self.net.ln_final.register_forward_hook(lambda _module, _inputs, output: states.append(output))
        try:
            embeddings = self.encode_text(tokens)
        finally:
            hook.remove()
        words = self.net.token_embedding(tokens)
        encodings = torch.cat([states[0], F.layer_norm(words, words.shape[-1:])], -1).float()
        before_end = (tokens == self.vocabulary.end).cumsum(-1) == 0
        return embeddings, encodings * before_end.unsqueeze(-1)

    def fingerprint(self) -> str:
        """A short hash of the weights and the vocabulary: what embeddings depend on."""
        digest = hashlib.sha256(repr((self.vocabulary.bpe_ids, self.vocabulary.context_length)).encode())
        for name, tensor in sorted(self.net.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().clone().float().numpy().tobytes())
        return digest.hexdigest()[:16]

    def save(self, folder: Path, precision: Precision = "float32", **about: Any) -> None:
        """Write model.safetensors and config.json, each beside its place and renamed."""
        folder.mkdir(parents=True, exist_ok=True)
        save_weights(self.net, folder / "model.safetensors", precision)
        config = {
            "model": self.config,
            "bpe_ids": list(self.vocabulary.bpe_ids),
            "context_length": self.vocabulary.context_length,
            "fingerprint": self.fingerprint(),
            **about,
        }
        save_config(folder, config)


def clip_adapter(clip: Clip) -> nn.Module:
    """A dalle2-pytorch clip adapter that asks the model for its true embedding width.

    Upstream's adapters take the width of the last text layer; RN50 has 512 there and embeds into 1024.
    """
    from dalle2_pytorch.dalle2_pytorch import BaseClipAdapter, EmbeddedImage, EmbeddedText

    class Adapter(BaseClipAdapter):  # type: ignore[misc]  # upstream has no types
        dim_latent = property(lambda self: self.clip.dim)
        image_size = property(lambda self: self.clip.image_size)
        image_channels = property(lambda self: 3)
        max_text_len = property(lambda self: self.clip.vocabulary.context_length)

        @torch.no_grad()
        def embed_text(self, text: Tensor) -> Any:
            embeddings, encodings = self.clip.encode_text_tokens(text[..., : self.max_text_len])
            return EmbeddedText(embeddings, encodings[..., : self.clip.config["text_cfg"]["width"]])

        @torch.no_grad()
        def embed_image(self, image: Tensor) -> Any:
            # dalle2-pytorch hands over images in [0, 1]
            return EmbeddedImage(self.clip.encode_image(image * 2 - 1), None)

    return Adapter(clip)


@torch.no_grad()
def embed_images(clip: Clip, images: np.ndarray, batch: int = 128) -> Tensor:
    """uint8 (N, H, W, 3) => normalised embeddings (N, D), float32 on the CPU."""
    device = next(clip.parameters()).device
    parts = [clip.encode_image(to_float(images[i : i + batch]).to(device)).cpu() for i in range(0, len(images), batch)]
    return torch.cat(parts)


@torch.no_grad()
def embed_texts(clip: Clip, tokens: Tensor, batch: int = 256) -> Tensor:
    """Tokens (N, L) => normalised embeddings (N, D), float32 on the CPU."""
    device = next(clip.parameters()).device
    return torch.cat([clip.encode_text(part.to(device)).cpu() for part in tokens.split(batch)])


def named_config(model: str) -> dict[str, Any]:
    """The config of `crest`, of an open_clip zoo name, or of a JSON file. Raises ModelError when there is none."""
    if model == "crest":
        return dict(read_json(resources.files("logolib.models").joinpath("crest.json").read_text("utf8")))
    if model.endswith(".json"):
        try:
            return dict(read_json(Path(model).read_text("utf8")))
        except (OSError, ValueError) as error:
            raise ModelError(f"The model config {model} cannot be read ({error}).") from None
    import open_clip

    config = open_clip.get_model_config(model)
    if config is None:
        raise ModelError(
            f"open_clip knows no model {model!r}; `crest`, a zoo name such as RN50, or a JSON file will do."
        )
    return dict(config)


def _foreign(config: dict[str, Any]) -> set[str]:
    """What a config asks for that is not a plain CLIP: another tokeniser, text tower or head."""
    text = config["text_cfg"]
    marks = {"hf_model_name": "a Hugging Face text tower", "hf_tokenizer_name": "a tokeniser of their own"}
    found = {name for key, name in marks.items() if text.get(key)}
    return found | ({"a tower that writes captions"} if "multimodal_cfg" in config else set())


def load_clip(folder: Path) -> Clip:
    """Read a CLIP that `Clip.save` wrote. Raises ModelError when it is missing, damaged or of another shape."""
    config = read_config(folder, "train clip", "bpe_ids", "context_length", "model")
    with building(folder):
        if config["bpe_ids"]:
            vocabulary = Vocabulary(config["bpe_ids"], config["context_length"])
        else:
            vocabulary = Vocabulary.full(config["context_length"])
        clip = Clip(config["model"], vocabulary)
    load_weights(clip.net, folder / "model.safetensors")
    return clip.eval().requires_grad_(False)
