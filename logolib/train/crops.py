"""Random crops, open_clip's only augmentation of training pictures."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.transforms import RandomResizedCrop
from torchvision.transforms import functional as F

RATIO = (3 / 4, 4 / 3)  # of the sides, as torchvision and open_clip have it


def random_crops(images: Tensor, scale: float, first: int, total: int) -> Tensor:
    """Pictures (B, 3, H, W), rows `first` on of a batch of `total`, each cropped and brought back to its size.

    A crop keeps `scale` to 1 of the area. Drawn from torch's generator for the whole batch, so that a picture's
    crop does not depend on how many processes share the batch.
    """
    blank = torch.empty(1, *images.shape[-2:])
    boxes = [RandomResizedCrop.get_params(blank, [scale, 1.0], list(RATIO)) for _ in range(total)]
    size = list(images.shape[-2:])
    return torch.stack(
        [
            F.resized_crop(image, *box, size, F.InterpolationMode.BICUBIC, antialias=True).clamp(-1, 1)
            for image, box in zip(images, boxes[first : first + len(images)], strict=True)
        ]
    )
