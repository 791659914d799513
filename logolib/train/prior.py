"""Training the prior: a text's embedding to an image's embedding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from logolib.config import PriorSettings
from logolib.models.clip import load_clip
from logolib.models.prior import build_prior, prior_config, sample_prior
from logolib.models.weights import load_weights, read_config
from logolib.results import StageResult
from logolib.seeds import SampleGenerators, derive
from logolib.train import processes
from logolib.train.corpus import BatchFeed, embed_corpus, load_corpus
from logolib.train.job import Job
from logolib.train.loop import best_device
from logolib.train.parts import in_parts
from logolib.train.tuning import choose, merged


def train_prior(
    settings: PriorSettings,
    data: Path,
    run: Path,
    *,
    clip: Path | None = None,
    seed: int = 0,
    profile: str = "custom",
    resume: bool = False,
    progress: bool = True,
) -> StageResult:
    """Train dalle2-pytorch's DiffusionPrior on DATA, in the space of RUN/clip (or `clip`), into RUN/prior.

    With `settings.start` the prior of another run is fine-tuned, and its architecture goes before the settings'.
    """
    job = Job("prior", settings, data, run, seed, profile, resume, progress)
    processes.join()
    device = best_device()
    job.parents = (clip or run / "clip",)
    eyes = load_clip(job.parents[0]).to(device)
    with processes.first_goes_ahead():
        corpus = load_corpus(data, run, eyes.image_size, seed, settings)
        space = embed_corpus(eyes, corpus, run, device)
    images, texts, val_images, val_texts = space.images, space.texts, space.val_images, space.val_texts

    config = prior_config(settings, eyes.dim) if job.start is None else read_config(job.start, "train prior")["prior"]
    torch.manual_seed(derive(seed, "prior weights"))
    prior = build_prior(config)
    if job.start is not None:
        load_weights(prior, job.start / "model.safetensors")
    choose(prior.to(device), settings)
    rows_of = BatchFeed(corpus.order, settings.batch_size, derive(seed, "prior order"))

    def loss_of(network: nn.Module, some: np.ndarray) -> Tensor:
        rows = torch.as_tensor(some, device=device)
        # a copy: upstream scales the embedding in place
        value: Tensor = network(text_embed=texts[rows], image_embed=images[rows].clone())
        return value

    def hook(network: nn.Module, _step: int) -> dict[str, Any]:
        torch.manual_seed(derive(seed, "prior held out"))
        held_out = network(text_embed=val_texts, image_embed=val_images.clone()).item()
        return {"val_loss": held_out, "cosine": cosine(network, val_texts, val_images, seed)}

    loss = in_parts(loss_of, rows_of, settings, seed, "prior")
    fitted = job.fit(prior, loss, hook, [corpus.hash, eyes.fingerprint()])
    job.save(merged(fitted.network), {"prior": config, "clip": eyes.fingerprint(), "data_hash": corpus.hash})
    values = {
        "cosine": cosine(fitted.network, val_texts, val_images, seed),
        "cosine_baseline": float((val_texts * val_images).sum(-1).mean()),
        "cosine_mean_image": float((val_images @ F.normalize(images.mean(0), dim=0)).mean()),
        "n_val": len(val_texts),
    }
    return job.record(fitted, values)


def cosine(prior: nn.Module, texts: Tensor, images: Tensor, seed: int, steps: int = 16) -> float:
    """Mean cosine between sampled and true image embeddings of held-out pairs."""
    noise = SampleGenerators([derive(seed, "prior cosine", i) for i in range(len(texts))])
    return float((sample_prior(prior, texts, noise, steps) * images).sum(-1).mean())
