"""Flat areas to a vector drawing: traced by vtracer, few paths, in colour or in one."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterable

import numpy as np
from PIL import Image

from logolib.config import VectorSettings
from logolib.generate.cleanup import GROUND, Cleaned, clean
from logolib.generate.drawing import Drawing, DrawingError, Shape, luminance, render

CANVAS = 512.0  # longest side of a traced drawing, its units
SPECKLES = (4, 6, 9, 14, 20, 30, 45)  # sides of the smallest areas kept, pixels; the first that gives few paths


def vectorise(pixels: np.ndarray, settings: VectorSettings) -> tuple[Drawing, Cleaned]:
    """A picture, uint8 (H, W, 3 or 4), as a drawing of at most `settings.paths` paths, and its flat areas.

    Raises DrawingError when nothing but ground is there or vtracer is not installed.
    """
    cleaned = clean(pixels, settings)
    return trace(cleaned, settings.paths), cleaned


def trace(cleaned: Cleaned, paths: int) -> Drawing:
    """Outlines of all areas, the covered below the covering; the smallest areas go where there are too many."""
    table = np.array([_rgba(colour) for colour in cleaned.palette] + [(0, 0, 0, 0)], np.uint8)
    for speckle in SPECKLES:
        tags = _trace(table[cleaned.labels], speckle)
        if len(tags) <= paths:
            return _drawing(tags, cleaned)
    raise DrawingError(f"The picture needs more than {paths} paths; ask for fewer colours (vector.colours).")


def one_colour(cleaned: Cleaned, ink: str = "#000000") -> Drawing:
    """The logo in a single ink on whatever lies under it, as one path with holes."""
    inked = _inked(cleaned)
    mask = np.isin(cleaned.labels, [k for k, wet in enumerate(inked) if wet])
    picture = np.where(mask[..., None], np.array([0, 0, 0, 255]), np.array([0, 0, 0, 0])).astype(np.uint8)
    drawing = _drawing(_trace(picture, SPECKLES[0], hierarchical="cutout"), cleaned)
    merged = "".join(shape.path for shape in drawing.shapes)
    return Drawing(drawing.width, drawing.height, (Shape(merged, ink),))


def difference(drawing: Drawing, cleaned: Cleaned) -> float:
    """Mean absolute difference between the drawing and its flat areas on white, 0 to 1 of the full range."""
    size = cleaned.labels.shape[1]
    seen, meant = over_white(render(drawing, size)), over_white(cleaned.rgba(max(cleaned.labels.shape)))
    return float(np.abs(seen - meant).mean() / 255)


def over_white(rgba: np.ndarray) -> np.ndarray:
    """Straight RGBA 0 to 255 => float RGB on white."""
    alpha = rgba[..., 3:].astype(float) / 255
    return rgba[..., :3] * alpha + 255 * (1 - alpha)


def _inked(cleaned: Cleaned) -> list[bool]:
    """Which colours become ink: the split of the palette that keeps most of the edges visible.

    An edge counts its length times its difference in lightness; a split with the darker side in ink is
    a little better than its opposite. The ground is never inked.
    """
    light = [luminance(colour) ** (1 / 3) for colour in cleaned.palette] + [1.0]
    n = len(cleaned.palette)
    length = np.zeros((n + 1, n + 1))
    labels = np.where(cleaned.labels == GROUND, n, cleaned.labels)
    for one, other in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        np.add.at(length, (one.ravel(), other.ravel()), 1)
    length += length.T
    step = np.subtract.outer(light, light)  # [paper, ink] > 0 where the paper is lighter
    worth = length * (np.abs(step) + 0.25 * step)

    def kept(split: Iterable[bool]) -> float:
        wet = np.array([*split, False])
        return float(worth[~wet][:, wet].sum())

    splits = [split for split in itertools.product((False, True), repeat=n) if any(split)]
    return list(max(splits, key=kept))


def _trace(rgba: np.ndarray, speckle: int, hierarchical: str = "stacked") -> list[str]:
    """Path elements of vtracer for uint8 (H, W, 4); areas under `speckle` x `speckle` pixels are left out."""
    try:
        import vtracer
    except ImportError:
        raise DrawingError('Tracing needs vtracer; install it with: pip install "logolib[vector]".') from None
    png = io.BytesIO()
    Image.fromarray(rgba).save(png, format="PNG", compress_level=1)
    svg = vtracer.convert_raw_image_to_svg(
        png.getvalue(),
        img_format="png",
        colormode="color",
        hierarchical=hierarchical,
        mode="spline",
        filter_speckle=speckle,
        color_precision=8,
        layer_difference=0,
        corner_threshold=60,
        length_threshold=4.0,
        splice_threshold=45,
        path_precision=2,
    )
    return re.findall(r'<path [^>]*d="[^"]+"[^>]*>', svg)


def _drawing(tags: list[str], cleaned: Cleaned) -> Drawing:
    """Path elements in pixels of the flat areas => a drawing of CANVAS units."""
    height, width = cleaned.labels.shape
    scale = CANVAS / max(height, width)
    shapes = []
    for tag in tags:
        read = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        x, y = (float(v) for v in re.findall(r"-?[\d.]+", read.get("transform", "0,0")))
        shapes.append(Shape(read["d"], read["fill"].lower()).moved((scale, 0, 0, scale, x * scale, y * scale)))
    if not shapes:
        raise DrawingError("The picture is empty once its ground is gone; take another one.")
    return Drawing(width * scale, height * scale, tuple(shapes))


def _rgba(colour: str) -> tuple[int, int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16), 255
