"""Reading lettering back: the line unrolled, then Tesseract."""

from __future__ import annotations

import io
import os
import subprocess

import numpy as np
from PIL import Image
from scipy import ndimage

from logolib.generate.drawing import DrawingError, render
from logolib.generate.lettering import Lettered, on_arc
from logolib.generate.vector import over_white

CAP = 60  # height of a capital for the reader, pixels


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
    command = ["tesseract", "stdin", "stdout", "-l", "eng", "--psm", "7"]
    try:
        env = {**os.environ, "OMP_THREAD_LIMIT": "1"}  # one line is read sooner by one thread than by many
        done = subprocess.run(command, input=png.getvalue(), capture_output=True, timeout=60, env=env)
    except FileNotFoundError:
        raise DrawingError("Reading needs Tesseract on the PATH; install the package tesseract-ocr.") from None
    if done.returncode != 0:
        raise DrawingError(f"Tesseract failed: {' '.join(done.stderr.decode(errors='replace').split())[:200]}")
    return " ".join(done.stdout.decode("utf8", "replace").split())
