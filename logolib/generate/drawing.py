"""A drawing as flat filled paths, and its ways out: SVG, PDF, pixels."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from fontTools.pens.boundsPen import BoundsPen
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.pens.transformPen import TransformPen
from fontTools.svgLib.path import parse_path
from PIL import Image

from logolib.config import LogolibError
from logolib.results import write_text

Affine = tuple[float, float, float, float, float, float]  # x' = ax + cy + e, y' = bx + dy + f, as in SVG
Box = tuple[float, float, float, float]  # left, top, right, bottom


class DrawingError(LogolibError):
    """A drawing that cannot be made from what was given."""


@dataclass(frozen=True)
class Shape:
    """One filled path."""

    path: str  # SVG path data, y down
    fill: str  # "#rrggbb"
    text: str = ""  # the SVG element that says the same as type, for words

    def moved(self, to: Affine) -> Shape:
        """The shape after an affine map; words lose their element, since type does not follow."""
        pen = svg_pen()
        parse_path(self.path, TransformPen(pen, to))
        return Shape(pen.getCommands(), self.fill)


@dataclass(frozen=True)
class Drawing:
    """Shapes on a canvas, the first at the bottom."""

    width: float
    height: float
    shapes: tuple[Shape, ...]

    @property
    def box(self) -> Box:
        """What the shapes cover. Raises DrawingError when there are none."""
        pen = BoundsPen(None)
        for shape in self.shapes:
            parse_path(shape.path, pen)
        if pen.bounds is None:
            raise DrawingError("The picture is empty once its ground is gone; take another one.")
        return pen.bounds

    def points(self) -> np.ndarray:
        """The corners and control points of all shapes, float (N, 2)."""
        pen = DecomposingRecordingPen({})
        for shape in self.shapes:
            parse_path(shape.path, pen)
        return np.array([point for _, points in pen.value for point in points if point is not None], float)

    def placed(self, left: float, top: float, width: float, height: float) -> tuple[Shape, ...]:
        """The shapes, scaled and centred so that what they cover fills a box."""
        x0, y0, x1, y1 = self.box
        scale = min(width / max(x1 - x0, 1e-6), height / max(y1 - y0, 1e-6))
        dx = left + width / 2 - scale * (x0 + x1) / 2
        dy = top + height / 2 - scale * (y0 + y1) / 2
        return tuple(shape.moved((scale, 0, 0, scale, dx, dy)) for shape in self.shapes)

    def filled(self, fill: str) -> Drawing:
        """The same shapes, all in one colour."""
        return replace(self, shapes=tuple(replace(shape, fill=fill, text="") for shape in self.shapes))


def svg_pen(glyphs: Any = None) -> SVGPathPen:
    """A pen that writes path data to a hundredth of a unit."""
    return SVGPathPen(glyphs, ntos=lambda value: f"{value:.2f}".rstrip("0").rstrip("."))


def to_svg(drawing: Drawing, title: str = "", unit: str = "", as_text: bool = False) -> str:
    """The drawing as an SVG 1.1 document; `as_text` keeps words as type, which needs their font to show.

    unit: of the page's width and height, e.g. "mm"; none: pixels.
    """
    from xml.sax.saxutils import escape

    size = f'width="{drawing.width:g}{unit}" height="{drawing.height:g}{unit}"'
    box = f'viewBox="0 0 {drawing.width:g} {drawing.height:g}"'
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box}>']
    if title:
        lines.append(f"<title>{escape(title)}</title>")
    paths = (
        shape.text if as_text and shape.text else f'<path fill="{shape.fill}" d="{shape.path}"/>'
        for shape in drawing.shapes
    )
    return "\n".join([*lines, *paths, "</svg>", ""])


def save_svg(drawing: Drawing, path: Path, title: str = "", unit: str = "", as_text: bool = False) -> None:
    """Write an SVG file, beside its place and renamed."""
    write_text(path, to_svg(drawing, title, unit, as_text))


def save_pdf(drawing: Drawing, path: Path, title: str = "", width_mm: float = 100.0) -> None:
    """Write one page of vector paths as PDF, `width_mm` wide; equal drawings give equal bytes."""
    import matplotlib
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.figure import Figure
    from matplotlib.patches import PathPatch

    inches = width_mm / 25.4
    figure = Figure(figsize=(inches, inches * drawing.height / drawing.width))
    FigureCanvasPdf(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, drawing.width)
    axes.set_ylim(drawing.height, 0)
    axes.axis("off")
    for shape in drawing.shapes:
        axes.add_patch(PathPatch(_outline(shape.path), facecolor=shape.fill, linewidth=0, edgecolor="none"))
    partial = path.with_name(path.name + ".partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({"path.simplify": False}):
        figure.savefig(
            partial,
            format="pdf",
            transparent=True,
            metadata={"Title": title, "Creator": None, "Producer": None, "CreationDate": None},
        )
    partial.replace(path)


def render(svg: Drawing | str, width: int, ground: str | None = None) -> np.ndarray:
    """A drawing or SVG text as pixels, uint8 (H, width, 4), on a flat ground or on none.

    Raises DrawingError when the text is no SVG.
    """
    import resvg_py

    text = svg if isinstance(svg, str) else to_svg(svg)
    try:
        png = resvg_py.svg_to_bytes(
            svg_string=text,
            width=width,
            background=ground,
            skip_system_fonts="<text" not in text,  # looking them up takes longer than drawing
        )
    except ValueError as error:
        raise DrawingError(f"This is no SVG that can be drawn ({error}).") from None
    return np.asarray(Image.open(io.BytesIO(bytes(png))).convert("RGBA"))


def rectangle(left: float, top: float, width: float, height: float, fill: str) -> Shape:
    """A filled rectangle."""
    return polygon([(left, top), (left + width, top), (left + width, top + height), (left, top + height)], fill)


def polygon(points: Sequence[tuple[float, float]], fill: str) -> Shape:
    """A filled polygon."""
    return Shape("M" + "L".join(f"{x:.2f},{y:.2f}" for x, y in points) + "Z", fill)


def luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb", 0 to 1 (WCAG 2.2)."""
    values = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast of two colours, 1 to 21 (WCAG 2.2)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _outline(path: str):  # type: ignore[no-untyped-def]  # matplotlib has no types
    """SVG path data => matplotlib's Path."""
    from matplotlib.path import Path as Outline

    pen = DecomposingRecordingPen({})
    parse_path(path, pen)
    codes: list[Any] = []
    points: list[tuple[float, float]] = []
    kinds = {"moveTo": Outline.MOVETO, "lineTo": Outline.LINETO, "curveTo": Outline.CURVE4, "qCurveTo": Outline.CURVE3}
    start = (0.0, 0.0)
    for name, some in pen.value:
        if name in ("closePath", "endPath"):
            codes.append(Outline.CLOSEPOLY)
            points.append(start)
            continue
        start = some[0] if name == "moveTo" else start
        codes += [kinds[name]] * len(some)
        points += some
    return Outline(np.array(points), codes)
