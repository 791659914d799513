"""The upsampler: dalle2-pytorch's Unet, conditioned on a small picture, over the folded pixels of a large one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from logolib.config import UpsamplerSettings
from logolib.models.decoder import fold, unfold
from logolib.models.upstream import noise_scheduler, unet
from logolib.models.weights import building, load_weights, read_config
from logolib.noise import sample_ddim
from logolib.seeds import SampleGenerators


def upsampler_config(settings: UpsamplerSettings) -> dict[str, Any]:
    """What rebuilds an upsampler: the arguments of dalle2-pytorch's Unet, and how it is used."""
    channels = 3 * settings.fold**2
    return {
        "unet": {
            "dim": settings.dim,
            "dim_mults": list(settings.dim_mults),
            "channels": channels,
            "lowres_cond": True,
            "cond_on_image_embeds": False,
            "num_resnet_blocks": settings.num_resnet_blocks,
            "attn_heads": 2,
            "attn_dim_head": 16,
            "init_cross_embed": False,
            "init_conv_kernel_size": 3,
        },
        "image_size": settings.image_size,
        "factor": settings.factor,
        "fold": settings.fold,
        "timesteps": settings.timesteps,
    }


class Upsampler(nn.Module):
    """A Unet that predicts the clean large picture from a noisy one and the small one (Ho et al. 2022, cascades)."""

    alphas_bar: Tensor

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.config = config
        self.unet = unet(config["unet"])
        self.factor, self.fold = int(config["factor"]), int(config["fold"])
        schedule: Any = noise_scheduler("cosine", config["timesteps"])
        self.register_buffer("alphas_bar", schedule.alphas_cumprod.clone(), persistent=False)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch types it for 4-d tensors only

    def _large(self, low: Tensor) -> Tensor:
        large = F.interpolate(low, scale_factor=self.factor, mode="bicubic", align_corners=False)
        return fold(large.clamp(-1, 1), self.fold).contiguous(memory_format=torch.channels_last)

    def forward(self, high: Tensor, low: Tensor) -> Tensor:
        """Mean squared error of the prediction: high (B, 3, H, W) in [-1, 1], low (B, 3, H / factor, W / factor)."""
        x0 = fold(high, self.fold).contiguous(memory_format=torch.channels_last)
        t = torch.randint(len(self.alphas_bar), (len(x0),), device=x0.device)
        alpha_bar = self.alphas_bar[t].view(-1, 1, 1, 1)
        x = alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * torch.randn_like(x0)
        return F.mse_loss(self.unet(x, t, image_embed=None, lowres_cond_img=self._large(low)), x0)

    @torch.no_grad()
    def sample(self, low: Tensor, noise: SampleGenerators, steps: int) -> Tensor:
        """Small pictures (B, 3, h, w) in [-1, 1] => (B, 3, factor h, factor w), by DDIM."""
        given = self._large(low)

        def denoise(x: Tensor, t: int) -> Tensor:
            times = torch.full((len(x),), t, device=x.device)
            return self.unet(x, times, image_embed=None, lowres_cond_img=given).float().clamp(-1, 1)  # type: ignore[no-any-return]

        x = noise.randn(given.shape, given.device)
        return unfold(sample_ddim(denoise, x, self.alphas_bar, steps), self.fold)


def load_upsampler(folder: Path) -> Upsampler:
    """Read an upsampler that `logolib train upsampler` wrote. Raises ModelError."""
    with building(folder):
        upsampler = Upsampler(read_config(folder, "train upsampler", "upsampler")["upsampler"])
    load_weights(upsampler, folder / "model.safetensors")
    return upsampler.eval().requires_grad_(False)
