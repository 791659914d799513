"""The marker: a small network that reads a crest's shape, division, colours and charge off its picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from logolib.config import LogolibError
from logolib.emblems import CHARGES, COLOURS, DIVISIONS, SHAPES, Emblem
from logolib.images import to_float
from logolib.models.weights import load_weights

SIZE = 64  # pixels; what it is trained on
NONE = "none"
# What it reads, with the answers it chooses from.
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "shape": SHAPES,
    "division": DIVISIONS,
    "field": tuple(COLOURS),
    "second": (NONE, *COLOURS),
    "border": (NONE, *COLOURS),
    "charge": (NONE, *CHARGES),
    "charge_colour": (NONE, *COLOURS),
}


class MarkerError(LogolibError):
    """A marker whose file is missing, damaged or of another version."""


def asked(emblem: Emblem) -> dict[str, str]:
    """The attributes that an emblem has and its caption names, with their values.

    A free emblem has a figure and no ground: no division, field or border is asked of it.
    """
    values = {name: getattr(emblem, name) for name in ATTRIBUTES}
    if emblem.shape == "free":
        values |= dict.fromkeys(("division", "field", "second", "border"))
    return {name: value for name, value in values.items() if value is not None}


def targets(emblems: Sequence[Emblem], classes: Mapping[str, Sequence[str]] = ATTRIBUTES) -> dict[str, Tensor]:
    """Class numbers per attribute, int64 (N,); -100, which cross_entropy ignores, where it does not apply."""
    out: dict[str, list[int]] = {name: [] for name in classes}
    for emblem in emblems:
        values = asked(emblem)
        for name, known in classes.items():
            value = values.get(name, NONE if emblem.shape != "free" or name.startswith("charge") else None)
            out[name].append(known.index(value) if value in known else -100)
    return {name: torch.tensor(numbers) for name, numbers in out.items()}


class Marker(nn.Module):
    """A convolutional trunk down to 4 x 4 places, and a linear layer over all of them for each attribute.

    Beside red, green and blue the trunk sees how near each pixel is to every named colour, and where it lies.
    """

    palette: Tensor  # (colours, 3, 1, 1) in [-1, 1]
    places: Tensor  # (1, 2, SIZE, SIZE), x and y in [-1, 1]

    def __init__(self, classes: Mapping[str, Sequence[str]] = ATTRIBUTES, width: int = 24) -> None:
        super().__init__()
        self.classes = {name: tuple(values) for name, values in classes.items()}
        self.width = width
        codes = [[int(code[i : i + 2], 16) / 127.5 - 1 for i in (1, 3, 5)] for code in COLOURS.values()]
        self.register_buffer("palette", torch.tensor(codes).view(-1, 3, 1, 1), persistent=False)
        line = torch.linspace(-1, 1, SIZE)
        places = torch.stack([line.view(1, -1).expand(SIZE, SIZE), line.view(-1, 1).expand(SIZE, SIZE)])
        self.register_buffer("places", places[None].clone(), persistent=False)
        w = width
        self.trunk = nn.Sequential(
            _block(len(codes) + 5, w, 2),  # 64 => 32 pixels
            _block(w, 2 * w, 2),  # => 16
            _Residual(2 * w),
            _block(2 * w, 4 * w, 2),  # => 8
            _Residual(4 * w),
            _block(4 * w, 4 * w, 2),  # => 4
            _Residual(4 * w),
            nn.Flatten(),
        )
        self.heads = nn.ModuleDict({k: nn.Linear(64 * w, len(known)) for k, known in self.classes.items()})

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """[-1, 1] pictures (B, 3, SIZE, SIZE) => logits (B, answers) per attribute."""
        # |x - p|^2 = |x|^2 - 2 x p + |p|^2, for each colour p
        squares = pictures.square().sum(1, keepdim=True) + self.palette.square().sum(1)[None]
        distance = squares - 2 * nn.functional.conv2d(pictures, self.palette)  # (B, colours, H, W)
        near = torch.exp(distance / -0.18)  # 0.18: fades over 0.3 in [-1, 1], less than two colours lie apart
        places = self.places.expand(len(pictures), -1, -1, -1)
        features = self.trunk(torch.cat([pictures, near, places], 1))  # (B, 64 w)
        return {name: head(features) for name, head in self.heads.items()}

    @torch.no_grad()
    def read(self, pictures: np.ndarray, batch: int = 128) -> list[dict[str, str]]:
        """uint8 (N, H, W, 3) => the most likely answer per attribute and picture."""
        device, rows = next(self.parameters()).device, []
        for start in range(0, len(pictures), batch):
            floats = to_float(pictures[start : start + batch]).to(device)
            if floats.shape[-1] != SIZE:
                floats = nn.functional.interpolate(
                    floats, (SIZE, SIZE), mode="bilinear", antialias=True, align_corners=False
                )
            chosen = {name: logits.argmax(-1).tolist() for name, logits in self(floats).items()}
            rows += [
                {name: self.classes[name][numbers[i]] for name, numbers in chosen.items()} for i in range(len(floats))
            ]
        return rows

    def config(self) -> dict[str, Any]:
        """What rebuilds the network."""
        return {"classes": {name: list(values) for name, values in self.classes.items()}, "width": self.width}


def load_marker(config: Path, weights: Path) -> Marker:
    """Read a marker that `benchmarks/train_judge.py` wrote. Raises MarkerError or ModelError."""
    try:
        stored = json.loads(config.read_text("utf8"))
        marker = Marker(stored["classes"], stored["width"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MarkerError(f"The marker {config} cannot be read ({error}); install logolib again.") from None
    load_weights(marker, weights)
    return marker.eval().requires_grad_(False)


class _Residual(nn.Module):
    """x + two convolutions of x."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _block(width, width, 1)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))


def _block(before: int, after: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()
    )
