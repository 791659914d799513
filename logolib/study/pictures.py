"""Pictures that tell nothing but what they show: one size, one length in bytes, no metadata."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from logolib.images import ImageError, fit, read_image
from logolib.study.sheets import StudyError

WHITE = (255, 255, 255)
BLOCK = 1024  # bytes; every file is padded to the same multiple of it
_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"


def open_picture(path: Path) -> Image.Image:
    """One picture of an arm. Raises StudyError for a file that is missing or no usable picture."""
    try:
        return read_image(path.read_bytes())
    except OSError:
        raise StudyError(f"The picture {path} cannot be read; draw it again.") from None
    except ImageError as error:
        raise StudyError(f"The picture {path} is unusable ({error}); draw it again.") from None


def encode(image: Image.Image, size: int) -> bytes:
    """A picture over white in a square of `size` pixels, as PNG with pixels alone."""
    plain = fit(image.convert("RGBA"), size, WHITE)
    buffer = io.BytesIO()
    Image.frombytes("RGB", plain.size, plain.tobytes()).save(buffer, "PNG")
    return buffer.getvalue()


def padded(pictures: Sequence[bytes]) -> list[bytes]:
    """The same PNGs, all of one length: zeros in a private chunk, which viewers skip (PNG, 2nd ed., 4.7)."""
    longest = max(map(len, pictures)) + 12  # 12: the length, name and checksum of an empty chunk
    whole = -(-longest // BLOCK) * BLOCK
    return [_pad(picture, whole - len(picture) - 12) for picture in pictures]


def _pad(picture: bytes, zeros: int) -> bytes:
    body = b"paDd" + bytes(zeros)
    chunk = struct.pack(">I", zeros) + body + struct.pack(">I", zlib.crc32(body))
    return picture.removesuffix(_END) + chunk + _END
