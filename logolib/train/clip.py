"""Contrastive training of a CLIP on captioned logos, and its retrieval on clubs it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from logolib.config import ClipSettings
from logolib.models.clip import Clip, embed_images, embed_texts, named_config
from logolib.models.weights import model_folder, read_config
from logolib.results import StageResult, Stopwatch
from logolib.seeds import derive
from logolib.train import processes
from logolib.train.attributes import teach_attributes
from logolib.train.beginning import beginning, image_size, new_clip, told
from logolib.train.best import Best
from logolib.train.contrastive import batch_loss
from logolib.train.corpus import BatchFeed, Corpus, make_corpus
from logolib.train.crops import random_crops
from logolib.train.epochs import write_epoch
from logolib.train.feed import UniqueFeed
from logolib.train.interpolate import best_share, interpolate
from logolib.train.job import Job
from logolib.train.logs import RunLog
from logolib.train.loop import Extras, Fitted, TrainError, best_device
from logolib.train.pairs import caption_numbers, carve, read_splits
from logolib.train.retrieval import held_out_loss, keep_held_out, reciprocal_rank, retrieval
from logolib.train.schedule import decayed_rates, lock
from logolib.train.zero_shot import zero_shot

__all__ = ["retrieval", "train_clip"]

SCORE = "tune_reciprocal_rank"


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
    """Train a CLIP on DATA into RUN/clip: model.safetensors, config.json, result.json, out.log and checkpoints/.

    DATA is a data set's folder or a table of pictures and captions. With `settings.start` the CLIP of another run
    is fine-tuned (its architecture goes before the settings', and its vocabulary grows), or an open_clip
    checkpoint. When to stop and how far to interpolate is chosen on training clubs set apart (`tune_fraction`),
    never on the held-out pairs that the result reports. torchrun may start several processes; the batch is shared.
    Raises ModelError, DataError or TrainError in one sentence.
    """
    watch = Stopwatch()
    processes.join()
    given = settings.start is not None or settings.pretrained is not None
    continues = settings.resume not in (None, "latest")
    settings = told(settings)
    start = model_folder(settings.start) / "clip" if settings.start else None
    config = named_config(settings.model) if start is None else read_config(start, "train clip")["model"]
    size = image_size(config)
    splits = read_splits(data, size, settings)
    tunes = settings.patience > 0 or (given and settings.wise_ft == "auto")
    train, tune = carve(splits.train, settings.tune_fraction, "tune") if tunes else (splits.train, None)
    source = f"{splits.hash} tune {settings.tune_fraction}" if tune is not None else splits.hash
    with processes.first_goes_ahead():
        corpus = make_corpus(train, splits.val, source, run, size, seed, settings)
    per_epoch = corpus.steps_per_epoch(settings.batch_size)
    if settings.epochs is not None:
        settings = settings.model_copy(update={"steps": settings.epochs * per_epoch})
    _check(settings, corpus)
    job = Job("clip", settings, data, run, seed, profile, resume or settings.resume == "latest", progress)
    job.watch, job.source_hash = watch, splits.hash

    clip, continued = new_clip(settings, config, [*corpus.captions, *(tune.captions if tune else [])], start, seed)
    device = best_device()
    clip = clip.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub
    before: dict[str, Tensor] = {}
    if given and not continues:
        before = {name: value.detach().cpu().clone() for name, value in clip.state_dict().items()}
    clip.frozen_statistics = given and settings.freeze_bn
    lock(clip, settings)
    clip.net.set_grad_checkpointing(settings.grad_checkpointing)
    tokens, val_tokens = clip.vocabulary.encode(corpus.captions), clip.vocabulary.encode(corpus.val_captions)
    tune_tokens = clip.vocabulary.encode(tune.captions) if tune is not None else val_tokens[:0]

    def score(network: nn.Module) -> float:
        assert isinstance(network, Clip)
        assert tune is not None
        return reciprocal_rank(embed_images(network, tune.images), embed_texts(network, tune_tokens))

    def hook(network: nn.Module, _step: int) -> dict[str, Any]:
        measured = {"val_loss": held_out_loss(network, corpus.val_images, val_tokens, settings.batch_size)}
        return measured | ({SCORE: score(network)} if tune is not None else {})

    log = RunLog(job.out, "clip", settings.steps, per_epoch, settings.report_to)
    log.say(f"{corpus.order.size} pairs, {len(tune) if tune else 0} set apart to choose, {len(splits.val)} held out")

    def after(network: nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
        epoch, rest = divmod(step, per_epoch)
        last = step == settings.steps
        if settings.save_frequency and (last or (rest == 0 and epoch % settings.save_frequency == 0)):
            assert isinstance(network, Clip)
            write_epoch(network, optimizer, max(1, epoch), job.out / "checkpoints")

    extras = Extras(
        rates=decayed_rates(clip, settings.layer_decay) if given else None,
        best=Best(SCORE, settings.patience) if tune is not None and settings.patience else None,
        on_point=log,
        on_step=after,
        begin=beginning(clip, continued, settings, per_epoch),
    )
    try:
        fitted = job.fit(clip, _loss(settings, corpus, tokens, seed, device), hook, [corpus.hash], extras=extras)
    finally:
        log.close()
    network = fitted.network
    assert isinstance(network, Clip)
    chosen = _interpolated(settings, network, before, score if tune is not None else None)
    named: dict[str, float] = {}
    if settings.attribute_steps:
        named = teach_attributes(network, settings.attribute_steps, seed, progress=progress)
    if processes.rank() == 0:
        network.save(job.out, data_hash=corpus.hash, lineage=job.lineage().record())
    images, texts = embed_images(network, corpus.val_images), embed_texts(network, val_tokens)
    if processes.rank() == 0:
        keep_held_out(job.out / "held_out.npz", corpus.val_images, corpus.val_captions, images, texts)
    values = {
        **retrieval(images, texts, seed),
        **({"attributes": named} if named else {}),
        "zero_shot": zero_shot(network, images, corpus.val_captions, seed),
        "vocabulary": network.vocabulary.size,
        "embedding": network.dim,
        "pairs": len(corpus.captions),
        "tune": {"pairs": len(tune) if tune else 0, **_choice(extras.best, fitted), **chosen},
    }
    return job.record(fitted, values)


def _check(settings: ClipSettings, corpus: Corpus) -> None:
    if corpus.order.size < settings.batch_size:
        raise TrainError(
            f"{corpus.order.size} pairs cannot fill a batch of {settings.batch_size}; "
            f"set clip.batch_size={max(2, corpus.order.size // 2)} or collect more."
        )
    if settings.batch_size % processes.count():
        raise TrainError(
            f"A batch of {settings.batch_size} cannot be shared among {processes.count()} processes; "
            f"set clip.batch_size={settings.batch_size // processes.count() * processes.count()}."
        )


def _loss(settings: ClipSettings, corpus: Corpus, tokens: Tensor, seed: int, device: torch.device) -> Any:
    """The loss of a step: the batch's rows, this process's part of them, and the temperature's softmax over all."""
    numbers = caption_numbers(corpus.captions)
    feed_seed = derive(seed, "clip order")
    rows_of: UniqueFeed | BatchFeed = BatchFeed(corpus.order, settings.batch_size, feed_seed)
    if settings.unique_captions:
        rows_of = UniqueFeed(corpus.order, numbers, settings.batch_size, feed_seed)

    def loss(network: nn.Module, step: int) -> Tensor:
        assert isinstance(network, Clip)
        rows = rows_of(step)
        if len(rows) % processes.count():
            raise TrainError("Families of drawings leave a batch that the processes cannot share; set clip.siblings=0.")
        part = processes.own_part(rows)
        images = corpus.batch(part, device)
        if settings.crop_scale < 1:
            images = random_crops(images, settings.crop_scale, processes.rank() * len(part), len(rows))
        images = images.contiguous(memory_format=torch.channels_last)
        same = torch.from_numpy(numbers[rows]).to(device) if settings.multi_positive else None
        return batch_loss(network, images, tokens[part].to(device), same, parts=settings.accum_freq)

    return loss


def _interpolated(settings: ClipSettings, network: Clip, before: dict[str, Tensor], score: Any) -> dict[str, Any]:
    """Interpolate with the given weights as `wise_ft` says; what was chosen, and why."""
    if not before or settings.wise_ft == "off" or (settings.wise_ft == "auto" and score is None):
        return {}
    if settings.wise_ft == "auto":
        share, curve = best_share(network, before, score)
        return {"wise_ft": share, "wise_ft_scores": curve}
    trained = {name: value.detach().clone() for name, value in network.state_dict().items()}
    interpolate(network, before, trained, float(settings.wise_ft))
    return {"wise_ft": float(settings.wise_ft)}


def _choice(best: Best | None, fitted: Fitted) -> dict[str, Any]:
    if best is None or not best.step:
        return {"stopped_at": fitted.last}
    return {"stopped_at": fitted.last, "best_step": best.step, SCORE: best.score}
