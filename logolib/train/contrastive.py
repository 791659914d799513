"""The contrastive loss of a batch: in one piece, in parts that keep all negatives, and across processes."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from logolib.models.clip import Clip
from logolib.train import processes

HIGHEST = math.log(100)  # of the temperature's logarithm: the ceiling of the paper


def symmetric_loss(images: Tensor, texts: Tensor, scale: Tensor, same: Tensor | None = None) -> Tensor:
    """open_clip's symmetric cross-entropy over the batch (Radford et al. 2021, figure 3), a scalar.

    images, texts: normalised (B, D), row i of one belonging to row i of the other; `scale` multiplies their
    cosines. With `same`, int (B,), all rows that share a number are right answers, each with an equal share
    (Khosla et al. 2020, equation 2).
    """
    with torch.autocast(images.device.type, enabled=False):  # cosines in bf16 err by more than captions differ
        logits = scale * images @ texts.T  # (B, B)
    if same is None:
        target = torch.arange(len(logits), device=logits.device)
    else:
        right = (same[:, None] == same[None, :]).to(logits.dtype)
        target = right / right.sum(1, keepdim=True)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def batch_loss(
    clip: Clip,
    images: Tensor,
    tokens: Tensor,
    same: Tensor | None = None,
    *,
    parts: int = 1,
) -> Tensor:
    """The loss of a batch of which this process has pictures (B, 3, H, W) and tokens (B, L).

    `same` numbers the captions of all processes' pairs. With `parts` > 1 the batch goes through in parts: first
    all features without gradient, then the loss of all of them, then each part again with its features' gradient
    (Gao et al. 2021, "Scaling deep contrastive learning batch size under memory limited setup"). The gradients
    are those of one piece and already in place, so that the value that comes back has none. A BatchNorm whose
    statistics are not frozen normalises each part, and each process's share, by itself.
    """
    scale = processes.once(clip.net.logit_scale).clamp(max=HIGHEST).exp()
    if parts == 1:
        pictures, texts = processes.gather(clip.encode_image(images)), processes.gather(clip.encode_text(tokens))
        return symmetric_loss(pictures, texts, scale, same)
    pieces = list(zip(images.chunk(parts), tokens.chunk(parts), strict=True))
    with torch.no_grad():
        cached = [(clip.encode_image(image), clip.encode_text(text)) for image, text in pieces]
    torch.clear_autocast_cache()  # weights cast without gradient would be taken again below
    features = [torch.cat(side).requires_grad_() for side in zip(*cached, strict=True)]
    value = symmetric_loss(processes.gather(features[0]), processes.gather(features[1]), scale, same)
    value.backward()
    sizes = [len(image) for image, _ in pieces]
    gradients = zip(*(f.grad.split(sizes) for f in features if f.grad is not None), strict=True)
    for (image, text), (of_image, of_text) in zip(pieces, gradients, strict=True):
        again = (clip.encode_image(image) * of_image).sum() + (clip.encode_text(text) * of_text).sum()
        if again.requires_grad:  # not where both towers are locked
            again.backward()
        torch.clear_autocast_cache()
    return value.detach()
