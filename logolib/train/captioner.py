"""Training a captioner: the likelihood of a picture's caption, token by token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from logolib.config import CaptionerSettings
from logolib.data import data_hash_of
from logolib.models.captioner import (
    Captioner,
    captioner_lineage,
    encode,
    load_captioner,
    new_captioner,
    pixels,
    save_captioner,
)
from logolib.models.lineage import Lineage, training_lineage
from logolib.models.weights import model_folder
from logolib.results import StageResult
from logolib.seeds import derive
from logolib.train.corpus import BatchFeed, Corpus, load_corpus
from logolib.train.job import Job
from logolib.train.loop import Fitted, TrainError, best_device

NAME = "captioner"


def train_captioner(
    settings: CaptionerSettings,
    data: Path,
    run: Path,
    *,
    seed: int = 0,
    profile: str = "custom",
    resume: bool = False,
    progress: bool = True,
) -> StageResult:
    """Train a captioner on DATA's pairs into RUN/captioner, as a folder that Hugging Face's `from_pretrained` reads.

    With `settings.start` a captioner is fine-tuned: `default`, a run's folder, or any folder or name of Hugging
    Face's; its architecture goes before the settings'. Raises ModelError, DataError or TrainError.
    """
    job = Job(NAME, settings, data, run, seed, profile, resume, progress)
    size, given, before = settings.image_size, None, Lineage()
    if settings.start is not None:
        start = _start(settings.start)
        given, before = load_captioner(start), captioner_lineage(start)
        if given.model.config.model_type != "vision-encoder-decoder":
            raise TrainError(f"{start} is no VisionEncoderDecoderModel; only such captioners are fine-tuned here.")
        size = _side(given)
    corpus = load_corpus(data, run, size, seed, settings)
    captioner = given or fresh(settings, corpus.captions, seed)
    fitted = fit_captioner(job, captioner, corpus)
    own = training_lineage(settings.model_copy(update={"start": None}), data, data_hash_of(data), seed, NAME)
    save_captioner(captioner, job.out, own | before)
    return job.record(fitted, {"pairs": len(corpus.captions), "vocabulary": len(captioner.tokenizer)})


def fresh(settings: CaptionerSettings, captions: list[str], seed: int) -> Captioner:
    """An untrained captioner; its weights follow from the seed."""
    torch.manual_seed(derive(seed, "captioner weights"))
    return new_captioner(settings, captions)


def fit_captioner(job: Job, captioner: Captioner, corpus: Corpus) -> Fitted:
    """Train in place on a corpus of the captioner's picture size; the average of weights, if any, is what stays."""
    settings = job.settings
    device = best_device()
    if len(corpus.captions) < settings.batch_size:
        raise TrainError(
            f"{len(corpus.captions)} pairs cannot fill a batch of {settings.batch_size}; "
            f"set captioner.batch_size={max(2, len(corpus.captions) // 2)} or collect more."
        )
    captioner.model.to(device).train().requires_grad_(True)
    labels, val_labels = encode(captioner.tokenizer, corpus.captions), encode(captioner.tokenizer, corpus.val_captions)
    rows_of = BatchFeed(corpus.order, settings.batch_size, derive(job.seed, "captioner order"))

    def batch(images: np.ndarray, tokens: Tensor) -> dict[str, Tensor]:
        longest = int((tokens != -100).sum(1).max())
        return {"pixel_values": pixels(captioner, images).to(device), "labels": tokens[:, :longest].to(device)}

    def loss(network: nn.Module, step: int) -> Tensor:
        rows = rows_of(step)
        value: Tensor = network(**batch(corpus.images[rows], labels[torch.from_numpy(rows)])).loss
        return value

    def hook(network: nn.Module, _step: int) -> dict[str, Any]:
        parts = range(0, len(corpus.val_captions), settings.batch_size)
        losses = [
            network(**batch(corpus.val_images[i : i + len(p)], p)).loss.item()
            for i, p in zip(parts, val_labels.split(settings.batch_size), strict=True)
        ]
        return {"val_loss": sum(losses) / len(losses)}

    fitted = job.fit(captioner.model, loss, hook, [corpus.hash])
    captioner.model = fitted.network.eval().requires_grad_(False)
    return fitted


def _start(start: str) -> str:
    """What `captioner.start` names: a run's captioner where there is one, else as told."""
    own = model_folder(start) / NAME
    return str(own) if own.is_dir() else start


def _side(captioner: Captioner) -> int:
    """Side of the square that its processor makes, pixels."""
    size = captioner.processor.size
    return int(size["height"] if "height" in size else size.get("shortest_edge", 224))
