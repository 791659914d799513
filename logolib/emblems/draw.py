"""Emblems as SVG and as pixels."""

from __future__ import annotations

import io

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

from logolib.emblems.fields import second_path
from logolib.emblems.layout import (
    BORDER,
    INK,
    OUTLINE,
    RING,
    Arrangement,
    Part,
    arrange,
    lettering,
    ribbon_colour,
    trim_colour,
)
from logolib.emblems.letters import arched, font_of, line, straight
from logolib.emblems.model import Emblem
from logolib.emblems.palette import COLOURS, CREAM, muted
from logolib.emblems.shapes import extent, shape

_SEPIA_INK = "#33241a"


def _paint(emblem: Emblem, colour: str) -> str:
    return muted(colour) if emblem.style == "vintage" else COLOURS[colour]


def _halo(emblem: Emblem, content: str, lines: list[tuple[str, float]], scale: float) -> str:
    """The content's strokes, widest first; `lines` holds (colour, width on either side in frame units)."""
    return "".join(
        f'<g fill="{c}" stroke="{c}" stroke-width="{2 * w / scale:.2f}" stroke-linejoin="round">{content}</g>'
        for c, w in lines
    )


def _figure_lines(emblem: Emblem, charge: bool) -> list[tuple[str, float]]:
    """Lines around a figure, from the outermost."""
    colour = emblem.charge_colour if charge else emblem.letter_colour
    assert colour is not None
    trim = trim_colour(emblem, colour)
    lines: list[tuple[str, float]] = []
    if trim is not None:
        wide = charge or emblem.charge is None
        lines.append((_paint(emblem, trim), (5.0 if emblem.shape != "free" else 8.0) * (1.0 if wide else 0.6)))
    if emblem.style == "outlined":
        lines.insert(
            0,
            (
                COLOURS[INK],
                (lines[0][1] if lines else 0.0) + (4.0 if charge or emblem.charge is None else 2.5),
            ),
        )
    if emblem.style == "vintage" and emblem.shape == "free":
        width = lines[0][1] if lines else 0.0
        lines = [(_SEPIA_INK, width + 7.0), (CREAM, width + 4.0), *lines]
    return lines


def _slits(part: Part) -> str:
    """Clip path of the strips that a stencil leaves of a figure, in the figure's own units."""
    (cx, cy), (w, h) = part.figure.centre, part.figure.size
    reach = w + h
    gap = 0.034 * (w + h) / 2
    offsets = (-0.17 * (w + h) / 2, 0.17 * (w + h) / 2)
    edges = (-reach, offsets[0] - gap, offsets[0] + gap, offsets[1] - gap, offsets[1] + gap, reach)
    strips = "".join(
        f"M{-reach:.1f},{a:.1f}H{reach:.1f}V{b:.1f}H{-reach:.1f}Z" for a, b in zip(edges[::2], edges[1::2], strict=True)
    )
    return f'<path transform="translate({cx:.1f} {cy:.1f}) rotate(32)" d="{strips}"/>'


def _show(emblem: Emblem, part: Part, content: str, colour: str, charge: bool) -> str:
    """One figure with its lines, in the frame of the silhouette."""
    main = charge or emblem.charge is None
    lines = _halo(emblem, content, _figure_lines(emblem, charge), part.place.scale)
    inside = f'<g fill="{colour}">{content}</g>'
    clip = ""
    if emblem.style == "stencil" and main:
        clip = f'<clipPath id="slits">{_slits(part)}</clipPath>'
        inside = f'<g clip-path="url(#slits)">{lines}{inside}</g>'
        lines = ""
    if emblem.style == "shaded" and main:
        cx, cy = part.figure.centre
        reach = sum(part.figure.size)
        clip = (
            f'<clipPath id="half"><path d="M{cx:.1f},{cy - reach:.1f}H{cx + reach:.1f}'
            f'V{cy + reach:.1f}H{cx:.1f}Z"/>'
            "</clipPath>"
        )
        dark = "#000000" if colour != COLOURS["black"] else "#ffffff"
        inside += f'<g clip-path="url(#half)"><g fill="{dark}" fill-opacity="0.24">{content}</g></g>'
    return f'{clip}<g transform="{part.place.transform(part.figure.centre)}">{lines}{inside}</g>'


def _ground(emblem: Emblem) -> str:
    """Lines around the silhouette and its field, in the frame of the silhouette."""
    if emblem.shape == "free":
        return ""
    path = shape(emblem.shape).path
    join = "round" if emblem.shape in ("star", "pennant", "seal", "swiss", "banner") else "miter"
    width = BORDER if emblem.border is not None else 0.0
    lines: list[tuple[str, float]] = []
    if emblem.style == "outlined":
        lines.append((COLOURS[INK], width + OUTLINE))
    if emblem.style == "vintage":
        rim = _paint(emblem, emblem.border) if emblem.border is not None else _SEPIA_INK
        lines += [(rim, width + 9.0), (CREAM, width + 5.0)]
    if emblem.border is not None:
        lines.append((_paint(emblem, emblem.border), width))
    out = "".join(
        f'<path d="{path}" fill="{c}" stroke="{c}" stroke-width="{2 * w:.1f}" stroke-linejoin="{join}" '
        f'stroke-miterlimit="3"/>'
        for c, w in lines
    )
    fields = f'<path d="{path}" fill="{_paint(emblem, emblem.field)}"/>'
    if emblem.second is not None:
        area = second_path(emblem.division, extent(emblem.shape))
        fields += f'<path d="{area}" fill="{_paint(emblem, emblem.second)}" clip-path="url(#field)"/>'
    if emblem.style == "shaded":
        x0, y0, x1, y1 = extent(emblem.shape)
        cx = (x0 + x1) / 2
        dark = "#ffffff" if emblem.field == "black" else "#000000"
        fields += (
            f'<g clip-path="url(#field)"><path d="M{cx:.1f},{y0}H{x1}V{y1}H{cx:.1f}Z" '
            f'fill="{dark}" fill-opacity="0.2"/>'
            "</g>"
        )
    return f'<clipPath id="field"><path d="{path}"/></clipPath>{out}{fields}'


def _ring(emblem: Emblem) -> str:
    """The lettered ring of a roundel, in the frame of the silhouette."""
    assert emblem.border is not None
    assert emblem.letter_colour is not None
    assert emblem.wordmark is not None
    letter, band = _paint(emblem, emblem.letter_colour), _paint(emblem, emblem.border)
    inner = 106 - RING
    middle = (inner + 106 + BORDER) / 2
    cap = 25.0
    font = font_of(emblem.wordmark)
    out = (
        f'<path fill-rule="evenodd" fill="{band}" d="M-107,0A107,107 0 1 0 107,0A107,107 0 1 0 -107,0Z'
        f'M{-inner},0A{inner},{inner} 0 1 0 {inner},0A{inner},{inner} 0 1 0 {-inner},0Z"/>'
        f'<circle r="{inner + 1:.1f}" fill="none" stroke="{letter}" stroke-width="3"/>'
    )
    two = emblem.wordmark2 is not None
    out += arched(emblem.wordmark, middle - cap / 2, cap, letter, font, below=False, limit=2.75 if two else 4.2)
    if emblem.wordmark2 is not None:
        out += arched(emblem.wordmark2, middle + cap / 2, cap, letter, font, below=True, limit=2.75)
        out += "".join(f'<circle cx="{x * middle:.1f}" r="4.5" fill="{letter}"/>' for x in (-1, 1))
    return out


def _words(emblem: Emblem) -> str:
    """Wordmarks under the crest, on the canvas of 256 units."""
    mode = lettering(emblem)
    if mode not in ("ribbon", "below") or emblem.wordmark is None or emblem.letter_colour is None:
        return ""
    colour, font = _paint(emblem, emblem.letter_colour), font_of(emblem.wordmark)
    two = emblem.wordmark2
    if mode == "below":
        if two is None:
            return straight(emblem.wordmark, 128, 224, 236, 36, colour, font)
        return straight(emblem.wordmark, 128, 199, 236, 32, colour, font) + straight(
            two, 128, 237, 200, 20, colour, font
        )
    top, bottom = (205, 249) if two is None else (184, 250)
    band = _paint(emblem, ribbon_colour(emblem))
    line_ = f' stroke="{COLOURS[INK]}" stroke-width="4" stroke-linejoin="round"' if emblem.style == "outlined" else ""
    tail = f"M4,{top + 7}H40V{bottom - 1}H4L14,{(top + bottom + 6) / 2}Z"
    tails = f'<path d="{tail}"{line_}/><path transform="matrix(-1 0 0 1 256 0)" d="{tail}"{line_}/>'
    out = f'<g fill="{band}">{tails}</g>'
    shade = "#ffffff" if band == COLOURS["black"] else "#000000"
    out += f'<g fill="{shade}" fill-opacity="0.35">{tails.replace(line_, "") if line_ else tails}</g>'
    out += f'<path d="M22,{top}H234V{bottom - 7}H22Z" fill="{band}"{line_}/>'
    y = (top + bottom - 7) / 2
    if two is None:
        return out + straight(emblem.wordmark, 128, y, 196, 24, colour, font)
    return (
        out
        + straight(emblem.wordmark, 128, y - 12.5, 198, 23, colour, font)
        + straight(two, 128, y + 15.5, 186, 16, colour, font)
    )


def _figures(emblem: Emblem, places: Arrangement) -> str:
    out = ""
    if places.charge is not None and emblem.charge_colour is not None:
        shown = places.charge.figure
        content = f'<path d="{shown.path}" fill-rule="{shown.rule}"/>'
        out += _show(emblem, places.charge, content, _paint(emblem, emblem.charge_colour), True)
    if places.initials is not None and emblem.initials is not None and emblem.letter_colour is not None:
        content, _ = line(emblem.initials, font_of(emblem.initials), 4.0)
        out += _show(emblem, places.initials, content, _paint(emblem, emblem.letter_colour), False)
    return out


def emblem_svg(emblem: Emblem) -> str:
    """The emblem as a self-contained SVG document, viewBox 0 0 256 256, lettering as paths."""
    places = arrange(emblem)
    (x, y), scale = places.centre, places.scale
    ring = _ring(emblem) if lettering(emblem) == "ring" else ""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 256 256">'
        f'<g transform="translate({x:.2f} {y:.2f}) scale({scale:.4f})">'
        f"{_ground(emblem)}{ring}{_figures(emblem, places)}</g>{_words(emblem)}</svg>"
    )


def draw(emblem: Emblem, size: int = 256) -> NDArray[np.uint8]:
    """The emblem as uint8 RGBA, (size, size, 4), on a transparent ground. ValueError for size < 1."""
    if size < 1:
        raise ValueError("size must be at least 1 pixel")
    png = resvg_py.svg_to_bytes(svg_string=emblem_svg(emblem), width=size, height=size, skip_system_fonts=True)
    with Image.open(io.BytesIO(bytes(png))) as image:
        return np.asarray(image.convert("RGBA"), dtype=np.uint8).copy()
