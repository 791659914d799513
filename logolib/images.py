"""Pictures: files to uint8 NHWC, uint8 NHWC <-> float NCHW in [-1, 1], and sheets of many."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from logolib.config import LogolibError

MAX_PIXELS = 40_000_000  # 40 Mpx: a 6000 px square; a logo larger than that is a mistake or a bomb


class ImageError(LogolibError):
    """Bytes that are no usable picture; the text is the reason."""


def read_image(data: bytes) -> Image.Image:
    """Decode one still picture into RGBA.

    Raises ImageError for bytes that are no image, are truncated, animated, larger than MAX_PIXELS or
    use an ink model (CMYK) whose colours cannot be known without its profile.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
        if image.width * image.height > MAX_PIXELS:
            raise ImageError(f"huge: {image.width} x {image.height} pixels")
        if getattr(image, "n_frames", 1) > 1:
            raise ImageError("animated")
        if image.mode == "CMYK":
            raise ImageError("CMYK: convert it to RGB first")
        return image.convert("RGBA")
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError("not an image") from None
    except Image.DecompressionBombError:
        raise ImageError("huge: a decompression bomb") from None
    except Exception as error:  # Pillow's decoders raise OSError, ValueError, SyntaxError, EOFError, struct.error ...
        raise ImageError(f"damaged or truncated: {error}") from None


def fit(image: Image.Image, size: int, ground: tuple[int, int, int] | None = None) -> Image.Image:
    """Scale into a `size` x `size` square, padded, aspect kept; RGBA, or RGB over `ground`."""
    scale = size / max(image.width, image.height)
    width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    # Premultiplied resizing (Pillow's "RGBa") keeps the hidden colour of clear pixels out of the edges.
    small = image.convert("RGBa").resize((width, height), Image.Resampling.LANCZOS).convert("RGBA")
    square = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    square.paste(small, ((size - width) // 2, (size - height) // 2))
    return square if ground is None else flatten(square, ground)


def flatten(image: Image.Image, ground: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    """RGBA over a flat ground => RGB."""
    under = Image.new("RGBA", image.size, (*ground, 255))
    return Image.alpha_composite(under, image.convert("RGBA")).convert("RGB")


def to_float(pixels: np.ndarray | Tensor) -> Tensor:
    """uint8 (N, H, W, 3) => float32 (N, 3, H, W) in [-1, 1]."""
    tensor = torch.as_tensor(pixels)
    return tensor.permute(0, 3, 1, 2).float().div(127.5).sub(1)


def to_uint8(pixels: Tensor) -> np.ndarray:
    """Float (N, 3, H, W) in [-1, 1], clamped => uint8 (N, H, W, 3)."""
    scaled = pixels.detach().float().clamp(-1, 1).add(1).mul(127.5).round()
    return scaled.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def sheet(pictures: Sequence[np.ndarray], columns: int, gap: int = 8, ground: int = 255) -> Image.Image:
    """A contact sheet of equal uint8 (H, W, 3) pictures, row by row."""
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    canvas = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), ground, np.uint8)
    for i, picture in enumerate(pictures):
        top, left = gap + (i // columns) * (height + gap), gap + (i % columns) * (width + gap)
        canvas[top : top + height, left : left + width] = picture
    return Image.fromarray(canvas)


def save_png(image: Image.Image, path: Path, **info: str) -> None:
    """Write a PNG beside its place and rename it there; `info` becomes text chunks."""
    from PIL.PngImagePlugin import PngInfo

    chunks = PngInfo()
    for key, value in info.items():
        chunks.add_itxt(key, value)
    partial = path.with_name(path.name + ".partial")
    image.save(partial, format="PNG", pnginfo=chunks)
    partial.replace(path)
