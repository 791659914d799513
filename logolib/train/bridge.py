"""A bridge from one CLIP's space to another's: a decoder taught with theirs goes on with ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

RIDGE = 1e-2  # of the mean diagonal; a few hundred pairs do not fix a square matrix of some hundred rows


@dataclass(frozen=True)
class Bridge:
    """Linear maps from our embeddings and encodings to theirs: (theirs, ours) matrices that multiply from the left."""

    image: Tensor
    pooled: Tensor
    tokens: Tensor


def linear_map(ours: Tensor, theirs: Tensor) -> Tensor:
    """The matrix (B, A) that takes rows of `ours` (N, A) nearest to those of `theirs` (N, B), by ridge regression."""
    ours, theirs = ours.double(), theirs.double()
    gram = ours.T @ ours
    gram += RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    return torch.linalg.solve(gram, ours.T @ theirs).T.float()


def kept(bridge: Tensor, ours: Tensor, theirs: Tensor) -> dict[str, float]:
    """What a map keeps, on pairs (N, A), (N, B) that it was not fitted to.

    `cosine` between what comes across and what stands there, `cosine_mean` what their mean embedding alone
    reaches, and `R@1`, how often the nearest of theirs is the right one (chance 1 / N).
    """
    across = F.normalize(ours @ bridge.T, dim=-1)
    theirs = F.normalize(theirs, dim=-1)
    nearest = (across @ theirs.T).argmax(1)
    return {
        "cosine": float((across * theirs).sum(-1).mean()),
        "cosine_mean": float((theirs @ F.normalize(theirs.mean(0), dim=0)).mean()),
        "R@1": float((nearest == torch.arange(len(nearest))).float().mean()),
        "n": len(theirs),
    }


def carried_over(weights: dict[str, Tensor], bridge: Bridge, unet: str = "unets.0.") -> dict[str, Tensor]:
    """A Unet's weights for our embeddings: its first layers are linear, so the bridge is multiplied into them."""
    weights = dict(weights)
    for name in ("to_image_hiddens.0.weight", "image_to_tokens.0.weight"):
        theirs = weights[unet + name]
        image, pooled = theirs.split([len(bridge.image), theirs.shape[1] - len(bridge.image)], 1)
        weights[unet + name] = torch.cat(
            [image @ bridge.image, pooled @ bridge.pooled if pooled.shape[1] else pooled], 1
        )
    if (name := unet + "text_to_cond.weight") in weights:
        weights[name] = weights[name] @ bridge.tokens
    return weights


def rebuilt(config: dict[str, Any], bridge: Bridge) -> dict[str, Any]:
    """The DecoderConfig of a decoder whose weights were carried over."""
    unet = dict(config["unets"][0])
    with_text = unet["image_embed_dim"] > len(bridge.image)
    unet["image_embed_dim"] = bridge.image.shape[1] + (bridge.pooled.shape[1] if with_text else 0)
    if unet.get("text_embed_dim"):
        unet["text_embed_dim"] = bridge.tokens.shape[1]
    return {**config, "unets": [unet]}
