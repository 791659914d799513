"""Where the parts of an emblem stand, and the colours that follow from its description."""

from __future__ import annotations

from dataclasses import dataclass

from logolib.emblems.charges import Figure, figure, make_figure
from logolib.emblems.fields import BUSY, CHIEF
from logolib.emblems.geometry import Placement, Points, beside, between, fit
from logolib.emblems.letters import CAP, font_of, line
from logolib.emblems.model import Emblem
from logolib.emblems.palette import is_light, legible
from logolib.emblems.shapes import circle_planes, extent, safe_planes, shape

BORDER = 10.0  # width of a border, frame units
OUTLINE = 6.0  # width of the dark outline of the outlined style
RING = 36.0  # width of the lettered ring of a roundel
_MITRE = {"diamond": 1.42, "hexagon": 1.2}  # reach of a line at the corners, in line widths
INK = "black"  # colour of the outlined style's lines


def lettering(emblem: Emblem) -> str | None:
    """How the wordmark is set: "ring", "ribbon", "below", or None without one.

    A roundel with a legible border carries it on the ring; light letters need a ribbon; others stand free.
    """
    if emblem.wordmark is None or emblem.letter_colour is None:
        return None
    if emblem.shape == "roundel" and emblem.border and legible(emblem.letter_colour, emblem.border):
        return "ring"
    return "ribbon" if is_light(emblem.letter_colour) else "below"


def ribbon_colour(emblem: Emblem) -> str:
    """Colour of the ribbon: border, field or second colour, the first not white on which the letters read."""
    letter = emblem.letter_colour
    for colour in (emblem.border, emblem.field, emblem.second, emblem.charge_colour):
        if letter is not None and colour not in (None, "white") and legible(letter, colour):
            return colour
    return "black"


def trim_colour(emblem: Emblem, colour: str) -> str | None:
    """Colour of the line around a figure of that colour: set where it lies on two colours, or is free."""
    if emblem.shape == "free":
        return emblem.border if emblem.border != colour else None
    if emblem.division not in BUSY or emblem.style in ("outlined", "stencil"):
        return None
    if emblem.border is not None and legible(emblem.border, colour):
        return emblem.border
    return "black" if is_light(colour) else "white"


@dataclass(frozen=True)
class Part:
    """A figure and its place in the frame of the silhouette."""

    figure: Figure
    place: Placement


@dataclass(frozen=True)
class Arrangement:
    """Frame-to-canvas scale and centre of the crest, with its charge and initials."""

    scale: float
    centre: tuple[float, float]
    charge: Part | None
    initials: Part | None


def edge(emblem: Emblem) -> float:
    """Width of all lines outside the silhouette, frame units."""
    width = BORDER if emblem.border is not None else 0.0
    if emblem.style == "outlined":
        width += OUTLINE
    if emblem.style == "vintage":
        width += 9.0
    return width


def crest_box(emblem: Emblem) -> tuple[float, float]:
    """Top and bottom of the crest on the canvas of 256 units."""
    mode = lettering(emblem)
    if mode in (None, "ring"):
        return 7.0, 249.0
    if emblem.wordmark2 is not None:
        return 6.0, 176.0
    return 6.0, 198.0


def word_figure(text: str) -> Figure:
    """Initials as a figure: the hull is the box of the capitals."""
    _, width = line(text, font_of(text), 4.0)
    return make_figure(f"M0,{-CAP}H{width:.1f}V0H0Z")


def _zones(emblem: Emblem, planes: Points) -> tuple[Points, Points]:
    """Half planes for the charge and for the initials."""
    x0, y0, x1, y1 = extent(emblem.shape)
    height = y1 - y0
    chief = y0 + CHIEF * height
    if emblem.division == "chief":
        return between(planes, chief + 7, y1), between(planes, y0 + 8, chief - 8)
    side = shape(emblem.shape).initials
    if side == "right":
        split = x0 + 0.47 * (x1 - x0)
        return beside(planes, x0, split - 4), beside(planes, split + 4, x1)
    low = {"diamond": 0.59, "star": 0.6, "seal": 0.64, "roundel": 0.65, "oval": 0.62, "banner": 0.58}
    if side == "above":
        split = y0 + 0.33 * height
        return between(planes, split + 4, y1), between(planes, y0, split - 4)
    split = y0 + low.get(emblem.shape, 0.68) * height
    return between(planes, y0, split - 5), between(planes, split + 5, y1)


def arrange(emblem: Emblem) -> Arrangement:
    """Places of all parts of the crest."""
    x0, y0, x1, y1 = extent(emblem.shape)
    pad = edge(emblem) * _MITRE.get(emblem.shape, 1.0)
    top, bottom = crest_box(emblem)
    scale = min((bottom - top) / (y1 - y0 + 2 * pad), 242.0 / (x1 - x0 + 2 * pad))
    centre = (128 - scale * (x0 + x1) / 2, (top + bottom) / 2 - scale * (y0 + y1) / 2)
    if lettering(emblem) == "ring":
        planes = circle_planes(106 - RING - 7)
    else:
        planes = safe_planes(emblem.shape, 2.0 if emblem.shape == "free" else 13.0)
    charge_zone = word_zone = planes
    if emblem.charge is not None and emblem.initials is not None:
        charge_zone, word_zone = _zones(emblem, planes)
    elif emblem.division == "chief":
        charge_zone = word_zone = _zones(emblem, planes)[0]
    symmetric = shape(emblem.shape).symmetric
    charge = initials = None
    if emblem.charge is not None:
        charge = _part(figure(emblem.charge), charge_zone, symmetric, 190.0)
    if emblem.initials is not None:
        limit = 46.0 if emblem.charge is not None else 130.0
        initials = _part(word_figure(emblem.initials), word_zone, symmetric, limit)
    return Arrangement(scale, centre, charge, initials)


def _part(shown: Figure, zone: Points, symmetric: bool, limit: float) -> Part:
    """The figure fitted in its zone; its height stays below `limit` frame units."""
    place = fit(shown.outline, zone, symmetric)
    return Part(shown, Placement(place.x, place.y, min(0.96 * place.scale, limit / shown.size[1])))
