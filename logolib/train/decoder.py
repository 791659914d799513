"""Training the decoder: an image's embedding to its pixels, with previews on the way."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from logolib.config import DecoderSettings
from logolib.images import save_png, sheet, to_float, to_uint8
from logolib.models.clip import Clip, embed_images, load_clip
from logolib.models.decoder import (
    build_decoder,
    condition,
    decoder_config,
    draw_times,
    fold,
    sample_decoder,
    weigh_by_snr,
)
from logolib.models.weights import fill, read_config, read_weights
from logolib.results import StageResult, sha256_file
from logolib.seeds import SampleGenerators, derive
from logolib.train import processes
from logolib.train.bridge import Bridge, carried_over, kept, linear_map, rebuilt
from logolib.train.corpus import BatchFeed, Corpus, embed_corpus, guess_images, load_corpus
from logolib.train.job import Job
from logolib.train.loop import TrainError, best_device, in_bf16
from logolib.train.parts import in_parts
from logolib.train.preflight import PICTURES, preflight
from logolib.train.tuning import choose, merged

LONG = 1000  # steps from which on a run is tried on a few pictures first
BRIDGED = 4000  # pairs that a bridge is fitted to


def train_decoder(
    settings: DecoderSettings,
    data: Path,
    run: Path,
    *,
    clip: Path | None = None,
    seed: int = 0,
    profile: str = "custom",
    resume: bool = False,
    progress: bool = True,
) -> StageResult:
    """Train dalle2-pytorch's Decoder on DATA, in the space of RUN/clip (or `clip`), into RUN/decoder.

    A share `settings.prior_share` of the embeddings are guesses of RUN/prior, as they are in generation.
    Previews of the first held-out pictures, drawn again from their own embeddings with fixed noise, are
    kept as previews/STEP.png. With `settings.start` the decoder of another run is fine-tuned, and its
    architecture goes before the settings'; with `settings.bridge` it was taught with another CLIP, and its first
    layers are carried over to this one. A long run is tried on eight pictures first (see `preflight`).
    Raises ModelError or TrainError in one sentence.
    """
    job = Job("decoder", settings, data, run, seed, profile, resume, progress)
    processes.join()
    device = best_device()
    job.parents = (clip or run / "clip", *([run / "prior"] if settings.prior_share else []))
    eyes = load_clip(job.parents[0]).to(device)
    if (start := job.start) is None:
        config, factor = decoder_config(settings, eyes), settings.fold
    else:
        about = read_config(start, "train decoder")
        config, factor = about["decoder"], int(about["fold"])
    side = int(config["image_sizes"][0]) * factor
    size = max(eyes.image_size, side)  # the CLIP sees them no smaller than it was taught
    with processes.first_goes_ahead():
        corpus = load_corpus(data, run, size, seed, settings)
        space = embed_corpus(eyes, corpus, run, device)
        guesses, learnt_from = space.images, [corpus.hash, eyes.fingerprint()]
        if settings.prior_share:
            guesses = guess_images(run / "prior", space.texts, run, "-".join(learnt_from), seed)
            learnt_from.append(sha256_file(run / "prior" / "model.safetensors"))
    values: dict[str, Any] = {"pairs": len(corpus.captions)}
    weights = {} if start is None else read_weights(start / "model.safetensors")
    if start is not None and settings.bridge:
        bridge, values["bridge"] = _bridge(
            load_clip(start.parent / "clip"), eyes, corpus, config["unets"][0].get("text_embed_dim")
        )
        config, weights = rebuilt(config, bridge), carried_over(weights, bridge)
    torch.manual_seed(derive(seed, "decoder weights"))
    decoder: Any = build_decoder(config)
    if start is not None:
        fill(decoder, weights, start / "model.safetensors")
    if settings.min_snr_gamma is not None:
        weigh_by_snr(decoder, settings.min_snr_gamma, settings.snr_floor)
    if settings.weighting_scheme == "logit_normal":
        draw_times(decoder, settings.logit_mean, settings.logit_std)
    # A processor's bf16 convolutions are a sixth slower on channels that lie last, its fp32 ones are not.
    plain = device.type == "cpu" and in_bf16(settings, device)
    layout = torch.contiguous_format if plain else torch.channels_last
    choose(decoder.to(device, memory_format=layout), settings)
    if settings.torch_compile:
        _compile(decoder, device)
    embeddings, val_embeddings = space.images, space.val_images
    tokens, val_tokens = (eyes.vocabulary.encode(words).to(device) for words in (corpus.captions, corpus.val_captions))
    singly = corpus.order.reshape(-1, 1)  # siblings side by side teach a CLIP; here they would repeat each other
    rows_of = BatchFeed(singly, settings.batch_size, derive(seed, "decoder order"))

    def pixels(pictures: Tensor) -> Tensor:
        # [-1, 1] at the corpus's size => [0, 1] at the decoder's, folded: what dalle2-pytorch takes
        if size != side:
            pictures = F.interpolate(pictures, (side, side), mode="area")
        return fold((pictures + 1) / 2, factor).contiguous(memory_format=layout)

    reader = eyes if decoder.condition_on_text_encodings else None
    del eyes  # what reads no text needs its memory for the steps

    def words(tokens: Tensor) -> Tensor | None:
        return None if reader is None else reader.encode_text_tokens(tokens)[1]

    def loss_of(network: nn.Module, rows: np.ndarray) -> Tensor:
        some = torch.as_tensor(rows, device=device)
        pictures = pixels(corpus.batch(rows, device))
        guessed = torch.rand(len(some), 1, device=device) < settings.prior_share
        embed = torch.where(guessed, guesses[some], embeddings[some])
        value: Tensor = network(pictures, **condition(network, embed, words(tokens[some])))
        return value

    def by_heart(network: nn.Module) -> Tensor:
        return loss_of(network, rows_of(0)[:PICTURES])

    tried = (100 if settings.steps >= LONG else 0) if settings.preflight is None else settings.preflight
    if tried and not (resume and job.checkpoint.exists()):
        values["preflight"] = preflight(decoder, by_heart, settings, tried, seed, "decoder")

    def hook(network: nn.Module, step: int) -> dict[str, Any]:
        shown = min(settings.previews, len(val_embeddings))
        noise = SampleGenerators([derive(seed, "preview", i) for i in range(shown)])
        given = (val_embeddings[:shown], words(val_tokens[:shown]))
        pictures = sample_decoder(network, *given, noise, 16, 2.0, factor)
        folder = job.out / "previews"
        folder.mkdir(parents=True, exist_ok=True)
        save_png(sheet(list(to_uint8(pictures)), columns=shown, gap=4), folder / f"{step:06d}.png")
        torch.manual_seed(derive(seed, "decoder held out"))
        rows, total = torch.arange(min(64, len(val_embeddings))), 0.0
        for some in rows.split(settings.batch_size):  # no more at once than a step holds
            seen = pixels(to_float(corpus.val_images[some.numpy()]).to(device))
            told = condition(network, val_embeddings[some.to(device)], words(val_tokens[some.to(device)]))
            total += network(seen, **told).item() * len(some)
        return {"val_loss": total / len(rows)}

    loss = in_parts(loss_of, rows_of, settings, seed, "decoder")
    fitted = job.fit(decoder, loss, hook, learnt_from, settings.preview_every)
    about = {"decoder": config, "fold": factor, "clip": learnt_from[1], "data_hash": corpus.hash}
    job.save(merged(fitted.network), about)
    previews = [point["step"] for point in fitted.curve if "val_loss" in point]
    values["previews"] = [{"step": step, "file": f"previews/{step:06d}.png"} for step in previews]
    return job.record(fitted, values)


def _compile(decoder: Any, device: torch.device) -> None:
    """Compile the Unet in place; its weights keep their names, and copies of it are not compiled."""
    if device.type == "cpu" and not (os.environ.get("CXX") or any(map(shutil.which, ("g++", "clang++")))):
        raise TrainError("decoder.torch_compile needs a C++ compiler; install g++, or set decoder.torch_compile=false.")
    decoder.unets[0].compile()


def _bridge(theirs: Clip, ours: Clip, corpus: Corpus, width: int | None) -> tuple[Bridge, dict[str, float]]:
    """The maps from our CLIP's space to theirs, fitted on training pairs, and what is kept on held-out ones.

    width: how much of their encodings their decoder takes.
    """
    some = np.random.default_rng(0).permutation(len(corpus.captions))[:BRIDGED]
    images, captions = corpus.images[some], [corpus.captions[i] for i in some]
    tokens = [_mean_encodings(ours, captions), _mean_encodings(theirs, captions)[:, :width]]
    maps = Bridge(
        linear_map(embed_images(ours, images), embed_images(theirs, images)),
        linear_map(*(F.normalize(mean, dim=-1) for mean in tokens)),
        linear_map(*tokens),
    )
    held_out = (embed_images(clip, corpus.val_images) for clip in (ours, theirs))
    return maps, kept(maps.image, *held_out)


@torch.no_grad()
def _mean_encodings(clip: Clip, captions: list[str]) -> Tensor:
    """The mean encoding of each caption, (N, width), on the CPU."""
    device = next(clip.parameters()).device
    parts = []
    for tokens in clip.vocabulary.encode(captions).split(256):
        encodings = clip.encode_text_tokens(tokens.to(device))[1]
        parts.append(encodings.sum(1) / (encodings != 0).any(-1).sum(1, keepdim=True).clamp(min=1))
    return torch.cat(parts).cpu()
