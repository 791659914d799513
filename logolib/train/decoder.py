"""Training the decoder: an image's embedding to its pixels, with previews on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from logolib.config import DecoderSettings
from logolib.images import save_png, sheet, to_float, to_uint8
from logolib.models.clip import load_clip
from logolib.models.decoder import build_decoder, condition, decoder_config, fold, sample_decoder
from logolib.models.weights import load_weights, read_config
from logolib.results import StageResult, sha256_file
from logolib.seeds import SampleGenerators, derive
from logolib.train.corpus import BatchFeed, embed_corpus, guess_images, load_corpus
from logolib.train.job import Job
from logolib.train.loop import best_device


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
    architecture goes before the settings'.
    """
    job = Job("decoder", settings, data, run, seed, profile, resume, progress)
    device = best_device()
    eyes = load_clip(clip or run / "clip").to(device)
    if job.start is None:
        config, factor = decoder_config(settings, eyes), settings.fold
    else:
        about = read_config(job.start, "train decoder")
        config, factor = about["decoder"], int(about["fold"])
    torch.manual_seed(derive(seed, "decoder weights"))
    decoder = build_decoder(config)
    if job.start is not None:
        load_weights(decoder, job.start / "model.safetensors")
    decoder.to(device)
    side = int(config["image_sizes"][0]) * factor
    size = max(eyes.image_size, side)  # the CLIP sees them no smaller than it was taught
    corpus = load_corpus(data, run, size, seed, settings)
    space = embed_corpus(eyes, corpus, run, device)
    embeddings, val_embeddings = space.images, space.val_images
    guesses, learnt_from = embeddings, [corpus.hash, eyes.fingerprint()]
    if settings.prior_share:
        guesses = guess_images(run / "prior", space.texts, run, "-".join(learnt_from), seed)
        learnt_from.append(sha256_file(run / "prior" / "model.safetensors"))
    tokens, val_tokens = (eyes.vocabulary.encode(words).to(device) for words in (corpus.captions, corpus.val_captions))
    rows_of = BatchFeed(corpus.order, settings.batch_size, derive(seed, "decoder order"))

    def pixels(pictures: Tensor) -> Tensor:
        # [-1, 1] at the corpus's size => [0, 1] at the decoder's, folded: what dalle2-pytorch takes
        if size != side:
            pictures = F.interpolate(pictures, (side, side), mode="area")
        return fold((pictures + 1) / 2, factor).contiguous(memory_format=torch.channels_last)

    def words(tokens: Tensor) -> Tensor:
        return eyes.encode_text_tokens(tokens)[1]

    def loss(network: nn.Module, step: int) -> Tensor:
        rows = rows_of(step)
        some = torch.as_tensor(rows, device=device)
        pictures = pixels(corpus.batch(rows, device))
        guessed = torch.rand(len(some), 1, device=device) < settings.prior_share
        embed = torch.where(guessed, guesses[some], embeddings[some])
        value: Tensor = network(pictures, **condition(network, embed, words(tokens[some])))
        return value

    def hook(network: nn.Module, step: int) -> dict[str, Any]:
        shown = min(settings.previews, len(val_embeddings))
        noise = SampleGenerators([derive(seed, "preview", i) for i in range(shown)])
        given = (val_embeddings[:shown], words(val_tokens[:shown]))
        pictures = sample_decoder(network, *given, noise, 16, 2.0, factor)
        folder = job.out / "previews"
        folder.mkdir(parents=True, exist_ok=True)
        save_png(sheet(list(to_uint8(pictures)), columns=shown, gap=4), folder / f"{step:06d}.png")
        torch.manual_seed(derive(seed, "decoder held out"))
        some = slice(0, 64)
        held_out = network(
            pixels(to_float(corpus.val_images[some]).to(device)),
            **condition(network, val_embeddings[some], words(val_tokens[some])),
        )
        return {"val_loss": held_out.item()}

    fitted = job.fit(decoder, loss, hook, learnt_from, settings.preview_every)
    about = {"decoder": config, "fold": factor, "clip": eyes.fingerprint(), "data_hash": corpus.hash}
    job.save(fitted.network, about)
    previews = [point["step"] for point in fitted.curve if "val_loss" in point]
    values = {
        "previews": [{"step": step, "file": f"previews/{step:06d}.png"} for step in previews],
        "pairs": len(corpus.captions),
    }
    return job.record(fitted, values)
