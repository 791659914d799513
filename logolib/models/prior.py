"""The prior: dalle2-pytorch's DiffusionPrior over embeddings of a given width."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from logolib.config import PriorSettings
from logolib.models.upstream import create, exact_schedule
from logolib.models.weights import building, load_weights, read_config
from logolib.noise import guided, sample_ddim
from logolib.seeds import SampleGenerators


def prior_config(settings: PriorSettings, dim: int) -> dict[str, Any]:
    """dalle2-pytorch's own DiffusionPriorConfig, as a dict, for embeddings of width `dim`."""
    return {
        "net": {
            "dim": dim,
            "depth": settings.depth,
            "heads": settings.heads,
            "dim_head": settings.dim_head,
            "max_text_len": 0,  # the text's embedding alone conditions; no room for encodings is kept
            "normformer": settings.normformer,
        },
        "image_embed_dim": dim,
        "image_size": 64,
        "timesteps": settings.timesteps,
        "cond_drop_prob": settings.text_dropout,
        "condition_on_text_encodings": False,
        "predict_x_start": True,
    }


def load_prior(folder: Path) -> nn.Module:
    """Read a prior that `logolib train prior` wrote. Raises ModelError."""
    with building(folder):
        prior: Any = build_prior(read_config(folder, "train prior", "prior")["prior"])
    with exact_schedule(prior.noise_scheduler):
        load_weights(prior, folder / "model.safetensors")
    return prior.eval().requires_grad_(False)


def build_prior(config: dict[str, Any]) -> nn.Module:
    """An untrained DiffusionPrior of dalle2-pytorch."""
    return create("DiffusionPriorConfig", config)


@torch.no_grad()
def sample_prior(prior: Any, text_embed: Tensor, noise: SampleGenerators, steps: int, scale: float = 1.0) -> Tensor:
    """Normalised text embeddings (B, D) => normalised image embeddings (B, D), by DDIM on x0.

    Upstream scales image embeddings by `image_embed_scale` while diffusing; the scale cancels here.
    """
    device = text_embed.device

    def denoise(x: Tensor, t: int) -> Tensor:
        times = torch.full((len(x),), t, device=device)
        x0: Tensor = prior.net(x, times, text_embed=text_embed).float()
        if scale != 1.0:
            without = prior.net(x, times, text_embed=text_embed, text_cond_drop_prob=1.0, image_cond_drop_prob=1.0)
            x0 = guided(x0, without, scale)
        return x0

    alphas_bar = prior.noise_scheduler.alphas_cumprod
    x = noise.randn(text_embed.shape, device)
    return F.normalize(sample_ddim(denoise, x, alphas_bar, min(steps, len(alphas_bar))), dim=-1)


def sample_best_prior(prior: Any, text_embed: Tensor, noises: Sequence[SampleGenerators], steps: int) -> Tensor:
    """Of several guesses at each image's embedding, the one nearest to its text: DiffusionPrior.sample's rerank."""
    guesses = torch.stack([sample_prior(prior, text_embed, noise, steps) for noise in noises])  # (N, B, D)
    best = (guesses * text_embed).sum(-1).argmax(0)  # (B,)
    return guesses[best, torch.arange(len(text_embed), device=best.device)]
