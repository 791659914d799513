"""Training the prior: a text's embedding to an image's embedding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from logolib.config import PriorSettings
from logolib.data import data_hash_of
from logolib.models.clip import load_clip, load_weights, save_weights
from logolib.models.prior import build_prior, prior_config, sample_prior
from logolib.results import StageResult, Stopwatch, data_hash, write_result, write_text
from logolib.seeds import SampleGenerators, derive
from logolib.train.corpus import BatchFeed, embed_corpus, load_corpus
from logolib.train.loop import best_device, fit


def train_prior(
    settings: PriorSettings,
    data: Path,
    run: Path,
    *,
    clip: Path | None = None,
    seed: int = 0,
    profile: str = "custom",
    start: Path | None = None,
    resume: bool = False,
    progress: bool = True,
) -> StageResult:
    """Train dalle2-pytorch's DiffusionPrior on DATA, in the space of RUN/clip (or `clip`), into RUN/prior.

    `start` is a prior folder to fine-tune.
    """
    watch, out, device = Stopwatch(), run / "prior", best_device()
    eyes = load_clip(clip or run / "clip").to(device)
    corpus = load_corpus(data, run, eyes.image_size, seed, settings.drawn, settings.repeat)
    space = embed_corpus(eyes, corpus, run, device)
    images, texts, val_images, val_texts = space.images, space.texts, space.val_images, space.val_texts

    config = prior_config(settings, eyes.dim)
    torch.manual_seed(derive(seed, "prior weights"))
    prior = build_prior(config)
    if start is not None:
        load_weights(prior, start / "model.safetensors")
    prior.to(device)
    rows_of = BatchFeed(len(corpus.order), settings.batch_size, derive(seed, "prior order"))

    def loss(network: nn.Module, step: int) -> Tensor:
        rows = torch.as_tensor(corpus.order[rows_of(step)], device=device)
        # a copy: upstream scales the embedding in place
        value: Tensor = network(text_embed=texts[rows], image_embed=images[rows].clone())
        return value

    def hook(network: nn.Module, _step: int) -> dict[str, Any]:
        torch.manual_seed(derive(seed, "prior held out"))
        held_out = network(text_embed=val_texts, image_embed=val_images.clone()).item()
        return {"val_loss": held_out, "cosine": cosine(network, val_texts, val_images, seed)}

    key = data_hash([corpus.hash, settings.model_dump_json(), str(seed), eyes.fingerprint(), str(start)])
    fitted = fit(
        prior,
        loss,
        settings,
        out / "latest.pt",
        seed=seed,
        key=key,
        resume=resume,
        hook=hook,
        hook_every=max(1, settings.steps // 12),
        label="prior",
        progress=progress,
    )
    out.mkdir(parents=True, exist_ok=True)
    save_weights(fitted.network, out / "model.safetensors")
    about = {"prior": config, "clip": eyes.fingerprint(), "data_hash": corpus.hash}
    write_text(out / "config.json", json.dumps(about, indent=1) + "\n")
    values = {
        "curve": fitted.curve,
        "cosine": cosine(fitted.network, val_texts, val_images, seed),
        "cosine_baseline": float((val_texts * val_images).sum(-1).mean()),
        "cosine_mean_image": float((val_images @ F.normalize(images.mean(0), dim=0)).mean()),
        "parameters": sum(p.numel() for p in fitted.network.parameters()),
        "n_val": len(val_texts),
    }
    provenance = watch.provenance(settings, seed, data_hash_of(data), profile)
    result = StageResult("prior", values, {"weights": "model.safetensors", "config": "config.json"}, provenance)
    write_result(out / "result.json", result)
    return result


def cosine(prior: nn.Module, texts: Tensor, images: Tensor, seed: int, steps: int = 16) -> float:
    """Mean cosine between sampled and true image embeddings of held-out pairs."""
    noise = SampleGenerators([derive(seed, "prior cosine", i) for i in range(len(texts))])
    return float((sample_prior(prior, texts, noise, steps) * images).sum(-1).mean())
