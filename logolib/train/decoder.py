"""Training the decoder: an image's embedding to its pixels, with previews on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from logolib.config import DecoderSettings
from logolib.data import data_hash_of
from logolib.images import save_png, sheet, to_float, to_uint8
from logolib.models.clip import load_clip, load_weights, save_weights
from logolib.models.decoder import build_decoder, decoder_config, fold, sample_decoder
from logolib.results import StageResult, Stopwatch, data_hash, write_result, write_text
from logolib.seeds import SampleGenerators, derive
from logolib.train.corpus import BatchFeed, embed_corpus, load_corpus
from logolib.train.loop import best_device, fit


def train_decoder(
    settings: DecoderSettings,
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
    """Train dalle2-pytorch's Decoder on DATA, in the space of RUN/clip (or `clip`), into RUN/decoder.

    Previews of the first held-out pictures, drawn again from their own embeddings with fixed noise, are
    kept as previews/STEP.png. `start` is a decoder folder to fine-tune.
    """
    watch, out, device = Stopwatch(), run / "decoder", best_device()
    eyes = load_clip(clip or run / "clip").to(device)
    size = max(eyes.image_size, settings.image_size)  # the CLIP sees them no smaller than it was taught
    corpus = load_corpus(data, run, size, seed, settings.drawn, settings.repeat)
    space = embed_corpus(eyes, corpus, run, device)
    embeddings, val_embeddings = space.images, space.val_images

    config = decoder_config(settings, eyes.dim)
    torch.manual_seed(derive(seed, "decoder weights"))
    decoder = build_decoder(config)
    if start is not None:
        load_weights(decoder, start / "model.safetensors")
    decoder.to(device)
    rows_of = BatchFeed(len(corpus.order), settings.batch_size, derive(seed, "decoder order"))

    def pixels(pictures: Tensor) -> Tensor:
        # [-1, 1] at the corpus's size => [0, 1] at the decoder's, folded: what dalle2-pytorch takes
        if size != settings.image_size:
            pictures = F.interpolate(pictures, (settings.image_size, settings.image_size), mode="area")
        return fold((pictures + 1) / 2, settings.fold).contiguous(memory_format=torch.channels_last)

    def loss(network: nn.Module, step: int) -> Tensor:
        rows = corpus.order[rows_of(step)]
        value: Tensor = network(pixels(corpus.batch(rows, device)), image_embed=embeddings[torch.as_tensor(rows)])
        return value

    def hook(network: nn.Module, step: int) -> dict[str, Any]:
        shown = min(settings.previews, len(val_embeddings))
        noise = SampleGenerators([derive(seed, "preview", i) for i in range(shown)])
        pictures = sample_decoder(network, val_embeddings[:shown], noise, 16, 2.0, settings.fold)
        folder = out / "previews"
        folder.mkdir(parents=True, exist_ok=True)
        save_png(sheet(list(to_uint8(pictures)), columns=shown, gap=4), folder / f"{step:06d}.png")
        torch.manual_seed(derive(seed, "decoder held out"))
        some = slice(0, 64)
        held_out = network(pixels(to_float(corpus.val_images[some]).to(device)), image_embed=val_embeddings[some])
        return {"val_loss": held_out.item()}

    key = data_hash([corpus.hash, settings.model_dump_json(), str(seed), eyes.fingerprint(), str(start)])
    fitted = fit(
        decoder,
        loss,
        settings,
        out / "latest.pt",
        seed=seed,
        key=key,
        resume=resume,
        hook=hook,
        hook_every=settings.preview_every,
        label="decoder",
        progress=progress,
    )
    save_weights(fitted.network, out / "model.safetensors")
    about = {"decoder": config, "fold": settings.fold, "clip": eyes.fingerprint(), "data_hash": corpus.hash}
    write_text(out / "config.json", json.dumps(about, indent=1) + "\n")
    previews = [point["step"] for point in fitted.curve if "val_loss" in point]
    values = {
        "curve": fitted.curve,
        "previews": [{"step": step, "file": f"previews/{step:06d}.png"} for step in previews],
        "parameters": sum(p.numel() for p in fitted.network.parameters()),
        "images_per_s": round(fitted.steps_run * settings.batch_size / fitted.seconds, 1) if fitted.steps_run else None,
        "pairs": len(corpus.captions),
    }
    provenance = watch.provenance(settings, seed, data_hash_of(data), profile)
    result = StageResult("decoder", values, {"weights": "model.safetensors", "config": "config.json"}, provenance)
    write_result(out / "result.json", result)
    return result
