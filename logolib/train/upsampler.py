"""Training the upsampler: small pictures, spoilt as a decoder spoils them, to the large ones they came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from logolib.config import UpsamplerSettings
from logolib.images import save_png, sheet, to_float, to_uint8
from logolib.models.upsampler import Upsampler, upsampler_config
from logolib.models.weights import load_weights, read_config
from logolib.results import StageResult
from logolib.seeds import SampleGenerators, derive
from logolib.train.corpus import BatchFeed, load_corpus
from logolib.train.job import Job
from logolib.train.loop import best_device


def train_upsampler(
    settings: UpsamplerSettings,
    data: Path,
    run: Path,
    *,
    seed: int = 0,
    profile: str = "custom",
    resume: bool = False,
    progress: bool = True,
) -> StageResult:
    """Train an upsampler on random crops of DATA's pictures, into RUN/upsampler.

    Previews (spoilt small pictures above, what is made of them below) are kept as previews/STEP.png. With
    `settings.start` the upsampler of another run is fine-tuned, and its architecture goes before the settings'.
    """
    job = Job("upsampler", settings, data, run, seed, profile, resume, progress)
    device = best_device()
    config = upsampler_config(settings) if job.start is None else read_config(job.start, "train upsampler")["upsampler"]
    torch.manual_seed(derive(seed, "upsampler weights"))
    upsampler = Upsampler(config)
    if job.start is not None:
        load_weights(upsampler, job.start / "model.safetensors")
    upsampler.to(device)
    size, factor = int(config["image_size"]), int(config["factor"])
    crop = min(settings.crop, size)
    corpus = load_corpus(data, run, size, seed, settings)
    rows_of = BatchFeed(corpus.order, settings.batch_size, derive(seed, "upsampler order"))
    shown = to_float(corpus.val_images[: settings.previews]).to(device)

    def loss(network: nn.Module, step: int) -> Tensor:
        high = corpus.batch(rows_of(step), device)
        x, y = (int(i) for i in torch.randint(0, size - crop + 1, (2,)))
        high = high[..., y : y + crop, x : x + crop]
        value: Tensor = network(high, spoilt(_small(high, factor)))
        return value

    def hook(network: nn.Module, step: int) -> dict[str, Any]:
        assert isinstance(network, Upsampler)
        torch.manual_seed(derive(seed, "upsampler held out"))
        low = spoilt(_small(shown, factor))
        noise = SampleGenerators([derive(seed, "preview", i) for i in range(len(low))])
        made = network.sample(low, noise, settings.steps_shown)
        folder = job.out / "previews"
        folder.mkdir(parents=True, exist_ok=True)
        both = torch.cat([F.interpolate(low, scale_factor=factor, mode="nearest"), made])
        save_png(sheet(list(to_uint8(both)), columns=len(low), gap=4), folder / f"{step:06d}.png")
        return {"val_loss": network(shown, low).item(), "val_error": F.l1_loss(made, shown).item()}

    fitted = job.fit(upsampler, loss, hook, [corpus.hash])
    job.save(fitted.network, {"upsampler": config, "data_hash": corpus.hash})
    return job.record(fitted, {"pairs": len(corpus.captions)})


def _small(high: Tensor, factor: int) -> Tensor:
    return F.interpolate(high, scale_factor=1 / factor, mode="area")


def spoilt(low: Tensor) -> Tensor:
    """Small pictures with what a decoder does to them: wavy edges, blur, noise; at random, a share of them spared."""
    b, _, h, w = low.shape
    line_y, line_x = (torch.linspace(-1, 1, n, device=low.device) for n in (h, w))
    grid = torch.stack(torch.meshgrid(line_y, line_x, indexing="ij")[::-1], -1)  # (h, w, 2), x before y
    waves = F.interpolate(torch.randn(b, 2, max(2, h // 4), max(2, w // 4), device=low.device), (h, w), mode="bicubic")
    reach = torch.rand(b, 1, 1, 1, device=low.device) * 1.5 / w  # up to three quarters of a pixel
    low = F.grid_sample(low, grid + reach * waves.permute(0, 2, 3, 1), padding_mode="border", align_corners=True)
    part = 0.45 + 0.5 * torch.rand(()).item()
    blurred = F.interpolate(low, (max(2, int(h * part)), max(2, int(w * part))), mode="area")
    blurred = F.interpolate(blurred, (h, w), mode="bicubic")
    low = torch.where(torch.rand(b, 1, 1, 1, device=low.device) < 0.6, blurred, low)
    strength = 0.25 * torch.rand(b, 1, 1, 1, device=low.device).square()
    return (low + strength * torch.randn_like(low)).clamp(-1, 1)
