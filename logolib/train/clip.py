"""Contrastive training of a CLIP on captioned logos, and its retrieval on clubs it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from logolib.config import ClipSettings
from logolib.models.clip import Clip, embed_images, embed_texts, load_clip, named_config
from logolib.models.weights import ModelError, read_config
from logolib.results import StageResult
from logolib.seeds import derive
from logolib.text import CONTEXT_LENGTH, Vocabulary
from logolib.train.corpus import BatchFeed, load_corpus
from logolib.train.job import Job
from logolib.train.loop import TrainError, best_device

RANKS = (1, 5, 10)


def train_clip(
    settings: ClipSettings,
    data: Path,
    run: Path,
    *,
    seed: int = 0,
    profile: str = "custom",
    resume: bool = False,
    progress: bool = True,
) -> StageResult:
    """Train a CLIP on DATA into RUN/clip: model.safetensors, config.json, result.json.

    With `settings.start` the CLIP of another run is fine-tuned: its architecture goes before the settings',
    and its vocabulary grows.
    Raises ModelError or TrainError in one sentence.
    """
    job = Job("clip", settings, data, run, seed, profile, resume, progress)
    config = named_config(settings.model) if job.start is None else read_config(job.start, "train clip")["model"]
    size = _image_size(config)
    corpus = load_corpus(data, run, size, seed, settings)
    if corpus.order.size < settings.batch_size:
        raise TrainError(
            f"{corpus.order.size} pairs cannot fill a batch of {settings.batch_size}; "
            f"set clip.batch_size={corpus.order.size // 2} or collect more."
        )
    device = best_device()
    clip = _new_clip(settings, config, corpus.captions, job.start, seed).to(device)
    tokens = clip.vocabulary.encode(corpus.captions).to(device)
    val_tokens = clip.vocabulary.encode(corpus.val_captions).to(device)
    rows_of = BatchFeed(corpus.order, settings.batch_size, derive(seed, "clip order"))

    def loss(network: nn.Module, step: int) -> Tensor:
        rows = rows_of(step)
        return contrastive(network, corpus.batch(rows, device), tokens[rows])

    def hook(network: nn.Module, _step: int) -> dict[str, Any]:
        return {"val_loss": _held_out_loss(network, corpus.val_images, val_tokens, settings.batch_size)}

    fitted = job.fit(clip, loss, hook, [corpus.hash])
    network = fitted.network
    assert isinstance(network, Clip)
    network.save(job.out, data_hash=corpus.hash)
    images, texts = embed_images(network, corpus.val_images), embed_texts(network, val_tokens)
    values = {
        **retrieval(images, texts, seed),
        "vocabulary": network.vocabulary.size,
        "embedding": network.dim,
        "pairs": len(corpus.captions),
    }
    return job.record(fitted, values)


def contrastive(network: nn.Module, images: Tensor, tokens: Tensor) -> Tensor:
    """open_clip's symmetric cross-entropy over the batch (Radford et al. 2021, figure 3)."""
    from open_clip.loss import ClipLoss

    assert isinstance(network, Clip)
    scale = network.net.logit_scale.clamp(max=np.log(100)).exp()  # 100: the ceiling of the paper
    loss: Tensor = ClipLoss()(network.encode_image(images), network.encode_text(tokens), scale)
    return loss


def retrieval(images: Tensor, texts: Tensor, seed: int, resamples: int = 1000) -> dict[str, Any]:
    """Recall at 1, 5, 10 and the median rank, both ways, among N held-out pairs.

    images, texts: normalised (N, D), row i of one belonging to row i of the other. Intervals are 95%
    percentile bootstraps over queries; chance is k / N.
    """
    similarity = texts @ images.T  # (N, N)
    n = len(similarity)
    own = similarity.diagonal()
    ranks = {
        "text_to_image": (similarity > own[:, None]).sum(1).numpy() + 1,
        "image_to_text": (own[:, None] < similarity.T).sum(1).numpy() + 1,
    }
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


def _held_out_loss(network: nn.Module, images: np.ndarray, tokens: Tensor, batch: int) -> float:
    assert isinstance(network, Clip)
    pictures, texts = embed_images(network, images), embed_texts(network, tokens)
    scale = network.net.logit_scale.exp().cpu()
    losses = []
    for i in range(0, max(1, len(pictures) - batch + 1), batch):
        logits = scale * pictures[i : i + batch] @ texts[i : i + batch].T
        target = torch.arange(len(logits))
        losses.append((F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2)
    return float(torch.stack(losses).mean())


def _image_size(config: dict[str, Any]) -> int:
    size = config["vision_cfg"]["image_size"]
    return int(size if isinstance(size, int) else max(size))


def _new_clip(
    settings: ClipSettings, config: dict[str, Any], captions: list[str], start: Path | None, seed: int
) -> Clip:
    if start is not None:
        return _grown(load_clip(start), captions)
    torch.manual_seed(derive(seed, "clip weights"))
    if settings.pretrained is None:
        return Clip(config, Vocabulary.of(captions, min(CONTEXT_LENGTH, config["text_cfg"].get("context_length", 77))))
    import open_clip

    clip = Clip(config, Vocabulary.full(config["text_cfg"].get("context_length", 77)))
    try:
        open_clip.load_checkpoint(clip.net, _weights_file(settings))
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"open_clip's weights {settings.model} {settings.pretrained} cannot be had ({error})."
        ) from None
    return clip


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


def _weights_file(settings: ClipSettings) -> str:
    """A path as given, or the zoo's file for a tag, downloaded and cached by open_clip."""
    import open_clip

    assert settings.pretrained is not None
    if Path(settings.pretrained).exists():
        return settings.pretrained
    found = open_clip.pretrained.get_pretrained_cfg(settings.model, settings.pretrained)
    if not found:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(settings.model)) or "none"
        raise ModelError(f"{settings.pretrained!r} is no file and no tag of {settings.model}; its tags: {tags}.")
    return str(open_clip.download_pretrained(found))
