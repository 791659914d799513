"""Captions for logos that have none: a captioner's candidates, and a gate that refuses the vague ones."""

from logolib.caption.calibrate import CaptionError, calibrate
from logolib.caption.gate import TESTS, Gate, Seen, Verdict, look
from logolib.caption.shipped import shipped_gate
from logolib.caption.stage import caption
from logolib.caption.words import Reference

__all__ = [
    "TESTS",
    "CaptionError",
    "Gate",
    "Reference",
    "Seen",
    "Verdict",
    "calibrate",
    "caption",
    "look",
    "shipped_gate",
]
