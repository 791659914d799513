"""The gate that ships: set by captions of real logos, compared with drawn emblems, for any CLIP to stand in."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from logolib.caption.colours import ColourTable
from logolib.caption.fit import embed_captions, embed_pictures
from logolib.caption.gate import Gate, Rule
from logolib.caption.letters import ClassTable
from logolib.caption.words import drawn_words
from logolib.emblems.corpus import drawn
from logolib.models.clip import Clip

FILE = Path(__file__).with_name("gate.json")
CROWD = 96  # drawn emblems that similarities are compared with
CROWD_SEED = 96
CROWD_SIDE = 64  # pixels


def shipped_gate(clip: Clip) -> Gate:
    """The gate of gate.json with this CLIP. It was set with the CLIP that ships."""
    kept = read_shipped()
    pictures, captions = crowd()
    return Gate(
        clip=clip,
        reference=drawn_words(),
        colours=ColourTable(np.array(kept["colours"])),
        name=ClassTable(dict(kept["name"])),
        reading=ClassTable(dict(kept["reading"])),
        information=float(kept["information"]),
        with_club=_rule(kept["with_club"]),
        without_club=_rule(kept["without_club"]),
        other_images=embed_pictures(clip, pictures),
        other_texts=embed_captions(clip, captions),
    )


def read_shipped() -> dict[str, Any]:
    """What gate.json holds: the gate's numbers, and under `measured` what it reaches."""
    return dict(json.loads(FILE.read_text("utf8")))


@cache
def crowd() -> tuple[np.ndarray, list[str]]:
    """Drawn emblems, uint8 (96, 64, 64, 3), and their captions; the same everywhere."""
    made = drawn(CROWD, CROWD_SEED, CROWD_SIDE)
    return made.images, made.captions


def _rule(kept: dict[str, Any]) -> Rule:
    return Rule(tuple(kept["weights"]), tuple(kept["usual"]), float(kept["bias"]), float(kept["threshold"]))
