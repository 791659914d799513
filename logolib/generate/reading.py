"""Reading lettering back by Tesseract: one line unrolled, or all words of whole pictures."""

from __future__ import annotations

import io
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from logolib.generate.drawing import DrawingError, render
from logolib.generate.lettering import Lettered, on_arc
from logolib.generate.vector import over_white

CAP = 60  # height of a capital for the reader, pixels
PAGE = 320  # side of a whole picture for the reader, pixels; larger ones read no better and take longer


def unrolled(lettered: Lettered) -> np.ndarray:
    """The words of a lettered drawing on a straight line, uint8 (H, W), read off its pixels."""
    drawing, line = lettered.drawing, lettered.line
    scale = CAP / line.cap
    pixels = over_white(render(drawing, max(round(drawing.width * scale), 1))).mean(-1)
    scale = pixels.shape[1] / drawing.width
    along = np.arange(-0.5 * lettered.width - 0.3 * line.cap, 0.5 * lettered.width + 0.3 * line.cap, 1 / scale)
    high = np.arange(1.32 * line.cap, -0.32 * line.cap, -1 / scale)
    if line.radius is None:
        x, y = np.meshgrid(line.x + along, line.y - high)
    else:
        foot, head = (np.array([on_arc(line, float(a), h)[:2] for a in along]) for h in (0.0, line.cap))
        points = foot + (head - foot) * (high / line.cap)[:, None, None]  # (H, W, 2)
        x, y = points[..., 0], points[..., 1]
    strip = ndimage.map_coordinates(pixels, [y * scale - 0.5, x * scale - 0.5], order=1, cval=255, mode="constant")
    return strip.round().clip(0, 255).astype(np.uint8)


def read_line(grey: np.ndarray) -> str:
    """The one line of text that Tesseract reads in uint8 (H, W), dark on light whichever way it came.

    Raises DrawingError when Tesseract is not installed.
    """
    if grey.mean() < 128:
        grey = 255 - grey
    low, high = int(grey.min()), int(grey.max())
    stretched = (grey.astype(float) - low) * 255 / max(high - low, 1)
    framed = np.pad(stretched.astype(np.uint8), 24, constant_values=int(np.median(stretched)))
    png = io.BytesIO()
    Image.fromarray(framed).save(png, format="PNG", dpi=(300, 300))
    return " ".join(_tesseract("stdin", "7", png.getvalue()).split())


def read_pictures(pictures: Sequence[np.ndarray]) -> list[list[str]]:
    """The words that Tesseract reads in whole pictures, uint8 (H, W, 3), all in one call.

    Raises DrawingError when Tesseract is not installed.
    """
    if not len(pictures):
        return []
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{i}.png" for i in range(len(pictures))]
        for picture, file in zip(pictures, files, strict=True):
            grey = Image.fromarray(picture).convert("L").resize((PAGE, PAGE), Image.Resampling.LANCZOS)
            grey.save(file, dpi=(150, 150))
        pages = Path(folder) / "pages.txt"
        pages.write_text("\n".join(map(str, files)), "utf8")
        read = _tesseract(str(pages), "6").split("\f")
    return [page.split() for page in [*read, *[""] * len(files)][: len(files)]]


def _tesseract(source: str, layout: str, data: bytes | None = None) -> str:
    """What Tesseract prints; layout: its page segmentation mode, 7 for one line, 6 for a block."""
    command = ["tesseract", source, "stdout", "-l", "eng", "--psm", layout]
    try:
        env = {**os.environ, "OMP_THREAD_LIMIT": "1"}  # one line is read sooner by one thread than by many
        done = subprocess.run(command, input=data, capture_output=True, timeout=600, env=env)
    except FileNotFoundError:
        raise DrawingError("Reading needs Tesseract on the PATH; install the package tesseract-ocr.") from None
    if done.returncode != 0:
        raise DrawingError(f"Tesseract failed: {' '.join(done.stderr.decode(errors='replace').split())[:200]}")
    return done.stdout.decode("utf8", "replace")
