"""How well a CLIP finds the picture of a caption, and the caption of a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from logolib.models.clip import Clip, embed_images, embed_texts

RANKS = (1, 5, 10)
SHOWN = 64  # held-out pairs that the book can show
THUMBNAIL = 96  # their longest side, pixels


def retrieval(images: Tensor, texts: Tensor, seed: int, resamples: int = 1000) -> dict[str, Any]:
    """Recall at 1, 5, 10 and the median rank, both ways, among N held-out pairs.

    images, texts: normalised (N, D), row i of one belonging to row i of the other. Intervals are 95%
    percentile bootstraps over queries; chance is k / N.
    """
    ranks = _ranks(images, texts)
    n = len(images)
    draws = np.random.default_rng(seed).integers(0, n, (resamples, n))
    values: dict[str, float] = {}
    intervals: dict[str, list[float]] = {}
    for way, rank in ranks.items():
        for k in RANKS:
            hits = rank <= k
            values[f"{way}_R@{k}"] = float(hits.mean())
            intervals[f"{way}_R@{k}"] = [float(q) for q in np.quantile(hits[draws].mean(1), (0.025, 0.975))]
        values[f"{way}_median_rank"] = float(np.median(rank))
    chance = {f"R@{k}": min(1.0, k / n) for k in RANKS}
    return {"retrieval": values, "retrieval_interval": intervals, "chance": chance, "n_val": n}


def reciprocal_rank(images: Tensor, texts: Tensor) -> float:
    """Mean over both ways of 1 / rank of the right answer, in 0..1: finer than a recall where pairs are few."""
    return float(np.mean([(1 / rank).mean() for rank in _ranks(images, texts).values()]))


def held_out_loss(network: nn.Module, images: np.ndarray, tokens: Tensor, batch: int) -> float:
    """The contrastive loss of pairs in batches of `batch`, mean over the batches."""
    assert isinstance(network, Clip)
    pictures, texts = embed_images(network, images), embed_texts(network, tokens)
    scale = network.net.logit_scale.exp().cpu()
    losses = []
    for i in range(0, max(1, len(pictures) - batch + 1), batch):
        logits = scale * pictures[i : i + batch] @ texts[i : i + batch].T
        target = torch.arange(len(logits))
        losses.append((F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2)
    return float(torch.stack(losses).mean())


def keep_held_out(path: Path, pictures: np.ndarray, captions: list[str], images: Tensor, texts: Tensor) -> None:
    """Write the first held-out pairs for the book: `similarity` (N, N), captions by pictures, and both of them."""
    partial = path.with_name(path.name + ".partial")
    small = pictures[:SHOWN].astype(np.uint8)
    if small.shape[1] > THUMBNAIL:
        small = np.stack([np.asarray(Image.fromarray(one).resize((THUMBNAIL, THUMBNAIL))) for one in small])
    similarity = (texts[:SHOWN] @ images[:SHOWN].T).numpy()
    with partial.open("wb") as file:
        np.savez_compressed(file, similarity=similarity, pictures=small, captions=np.array(captions[:SHOWN]))
    partial.replace(path)


def _ranks(images: Tensor, texts: Tensor) -> dict[str, np.ndarray]:
    """The rank of each right answer, from 1, both ways; a tie counts for it."""
    similarity = texts @ images.T  # (N, N)
    own = similarity.diagonal()
    return {
        "text_to_image": (similarity > own[:, None]).sum(1).numpy() + 1,
        "image_to_text": (own[:, None] < similarity.T).sum(1).numpy() + 1,
    }
