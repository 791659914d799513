"""Collected pictures to the data set's own: fitted, re-encoded, and looked at for likeness."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from logolib.data.duplicates import SIDE, SIGNATURE, signature
from logolib.images import ImageError, fit, read_image

COMPRESSION = 3  # zlib's level: twice as fast as the usual 6, a few per cent larger
PIECE = 128  # pictures a piece of work


@dataclass(frozen=True)
class Pictures:
    """A piece of work: some rows' pictures, from the manifest's folder to KEY.png in another."""

    collected: Path
    images: Path
    ids: list[str]
    files: list[str]  # relative to `collected`
    sums: list[str]  # SHA-256 of each as it was collected; "" where nobody knows
    size: int


@dataclass(frozen=True)
class Looked:
    """What became of a piece, row by row."""

    reasons: list[str]  # why a picture is unusable; "" for a usable one
    sha256: list[str]  # of the PNG
    widths: list[int]  # before it was fitted
    heights: list[int]
    signatures: np.ndarray  # SIGNATURE (n,)


def prepare(piece: Pictures) -> Looked:
    """Fit, store and look at each picture of a piece; nothing of an unusable one is kept."""
    n = len(piece.ids)
    looked = Looked([""] * n, [""] * n, [0] * n, [0] * n, np.zeros(n, SIGNATURE))
    for i, (name, file, told) in enumerate(zip(piece.ids, piece.files, piece.sums, strict=True)):
        try:
            data = (piece.collected / file).read_bytes()
            source = read_image(data)
            if told and hashlib.sha256(data).hexdigest() != told:
                raise ImageError("its image is not the one that was collected")
        except ImageError as error:
            looked.reasons[i] = str(error)
            continue
        except (OSError, ValueError):
            looked.reasons[i] = "its image is missing"
            continue
        picture = fit(source, piece.size)
        if picture.getchannel("A").getextrema()[1] == 0:
            looked.reasons[i] = "blank: every pixel is clear"
            continue
        png = encode(picture)
        (piece.images / f"{name}.png").write_bytes(png)
        looked.sha256[i] = hashlib.sha256(png).hexdigest()
        looked.widths[i], looked.heights[i] = source.size
        looked.signatures[i] = signature(picture if piece.size == SIDE else fit(source, SIDE))
    return looked


def encode(picture: Image.Image) -> bytes:
    """The PNG of an RGBA picture; clear pixels hold white, so that who drops the alpha sees them on white."""
    pixels = np.array(picture)
    pixels[pixels[..., 3] == 0] = (255, 255, 255, 0)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, format="PNG", compress_level=COMPRESSION)
    return data.getvalue()
