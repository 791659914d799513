"""Crests of invented sports clubs, each drawn from an exact description and captioned from the same one.

Figures other than those drawn here come from Font Awesome Free (solid icons, CC BY 4.0).
"""

from logolib.emblems.charges import CHARGES, RESERVED_CHARGES
from logolib.emblems.clubs import Club, clubs
from logolib.emblems.describe import describe, describe_all
from logolib.emblems.draw import draw, emblem_svg
from logolib.emblems.model import DIVISIONS, RESERVED_STYLES, STYLES, Emblem
from logolib.emblems.palette import COLOURS
from logolib.emblems.sample import sample_emblem
from logolib.emblems.shapes import RESERVED_SHAPES, SHAPES

__all__ = [
    "CHARGES",
    "COLOURS",
    "DIVISIONS",
    "RESERVED_CHARGES",
    "RESERVED_SHAPES",
    "RESERVED_STYLES",
    "SHAPES",
    "STYLES",
    "Club",
    "Emblem",
    "clubs",
    "describe",
    "describe_all",
    "draw",
    "emblem_svg",
    "sample_emblem",
]
