"""How much memory and work a training step of a decoder takes, counted without doing it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from logolib.models.upstream import create

# Weights, their gradients and Adam's two moments, 4 bytes each.
BYTES_A_PARAMETER = 16
PEAK = 1.5  # of what autograd keeps: gradients on their way and the allocator's gaps; measured, see the book
EFFICIENCY = 0.3  # how much of a machine's speed on one large product a small unet reaches


@dataclass(frozen=True)
class Step:
    """A training step: its memory beside the process's own, bytes, and its multiplications and additions."""

    parameters: int
    state: int
    activations: int
    flops: float

    @property
    def bytes(self) -> int:
        """The peak."""
        return round(self.state + PEAK * self.activations)


def decoder_step(config: dict[str, Any], batch_size: int, ema: bool = True) -> Step:
    """A step of the dearest unet of a DecoderConfig, float32, everything resident. Raises what building it raises.

    The network is built and run on torch's meta device, which keeps shapes and computes nothing; what autograd
    keeps for the way back is counted.
    """
    with torch.device("meta"):
        decoder: Any = create("DecoderConfig", {k: v for k, v in config.items() if k != "clip"})
    parameters = sum(p.numel() for p in decoder.parameters())
    state = parameters * (BYTES_A_PARAMETER + (4 if ema else 0))
    kept, flops = 0, 0.0
    for unet, side in zip(decoder.unets, decoder.image_sizes, strict=True):
        one, work = _forward(unet, side)
        kept, flops = max(kept, one), max(flops, work)
    return Step(parameters, state, kept * batch_size, 3 * flops * batch_size)  # backwards costs two forwards


def _forward(unet: Any, side: int) -> tuple[int, float]:
    """What autograd keeps of one picture's way through a unet, bytes, and the operations of that way."""
    meta: dict[str, Any] = {"device": "meta"}
    image = torch.empty(1, unet.channels, side, side, **meta)
    given: dict[str, Any] = {"image_embed": None}
    if unet.cond_on_image_embeds:
        first = unet.to_image_hiddens[0] if unet.to_image_hiddens is not None else unet.image_to_tokens[0]
        given["image_embed"] = torch.empty(1, first.in_features, **meta)
    if unet.cond_on_text_encodings:
        given["text_encodings"] = torch.empty(1, 77, unet.text_embed_dim, **meta)
    if unet.lowres_cond:
        given["lowres_cond_img"] = image
    if unet.lowres_noise_cond:
        given["lowres_noise_level"] = torch.empty(1, **meta)
    with _kept(unet) as sizes, FlopCounterMode(display=False) as counter:
        unet(image, torch.empty(1, **meta), **given)
    return sum(sizes.values()), float(counter.get_total_flops())


@contextmanager
def _kept(network: Any) -> Iterator[dict[int, int]]:
    """Storage => bytes of what autograd keeps, without the weights."""
    own = {p.untyped_storage()._cdata for p in network.parameters()}
    sizes: dict[int, int] = {}
    alive = []  # a storage that is freed may lend its number to another

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            sizes[storage._cdata] = storage.nbytes()
            alive.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield sizes


def memory_there() -> int:
    """Bytes that a training may take: of the GPU where there is one, otherwise of the machine."""
    if torch.cuda.is_available():
        return torch.cuda.mem_get_info()[0]
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")


def speed_there() -> float:
    """Operations a second that this machine reaches on small networks: a large product, timed for a moment."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    side = 4096 if device == "cuda" else 512
    a = torch.ones(side, side, device=device)
    torch.mm(a, a)
    start, n = time.perf_counter(), 0
    while time.perf_counter() - start < 0.1:
        torch.mm(a, a)
        n += 1
    if device == "cuda":
        torch.cuda.synchronize()
    return EFFICIENCY * n * 2 * side**3 / (time.perf_counter() - start)
