"""The exact description of an emblem, and the lists its fields come from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, dataclass

from logolib.emblems.charges import CHARGES, RESERVED_CHARGES
from logolib.emblems.palette import COLOURS
from logolib.emblems.shapes import RESERVED_SHAPES, SHAPES

DIVISIONS: tuple[str, ...] = (
    "plain",
    "per pale",
    "per fess",
    "per bend",
    "quarterly",
    "stripes",
    "hoops",
    "chevron",
    "saltire",
    "sash",
    "chief",
    "pale",
)
STYLES: tuple[str, ...] = ("flat", "outlined", "shaded", "stencil", "vintage")
RESERVED_STYLES: frozenset[str] = frozenset({"vintage"})


@dataclass(frozen=True)
class Emblem:
    """An exact description of a crest; every field is a value of the module's lists, free text or None.

    `shape` "free" has no ground: `division` is "plain" and `field` repeats the colour of the figure.
    `initials` are 1 to 3 capitals; a wordmark is up to 16 capitals and spaces; `wordmark2` needs
    `wordmark`. A charge or initials must be present. ValueError for anything else.
    """

    shape: str
    division: str
    field: str
    second: str | None
    border: str | None
    charge: str | None
    charge_colour: str | None
    initials: str | None
    wordmark: str | None
    wordmark2: str | None
    letter_colour: str | None
    style: str

    def __post_init__(self) -> None:
        for name, value, known in (
            ("shape", self.shape, SHAPES),
            ("division", self.division, DIVISIONS),
            ("field", self.field, COLOURS),
            ("second", self.second, COLOURS),
            ("border", self.border, COLOURS),
            ("charge", self.charge, CHARGES),
            ("charge_colour", self.charge_colour, COLOURS),
            ("letter_colour", self.letter_colour, COLOURS),
            ("style", self.style, STYLES),
        ):
            if value is not None and value not in known:
                raise ValueError(f"{name} {value!r} is unknown")
        if (self.second is None) != (self.division == "plain"):
            raise ValueError("second must be None exactly when the division is plain")
        if (self.charge is None) != (self.charge_colour is None):
            raise ValueError("charge and charge_colour go together")
        if (self.initials is None and self.wordmark is None) != (self.letter_colour is None):
            raise ValueError("letter_colour goes with initials or a wordmark")
        if self.charge is None and self.initials is None:
            raise ValueError("an emblem needs a charge or initials")
        if self.wordmark2 is not None and self.wordmark is None:
            raise ValueError("wordmark2 needs wordmark")
        if self.initials is not None and not (self.initials.isalpha() and self.initials.isupper()):
            raise ValueError("initials must be capitals")
        if self.initials is not None and len(self.initials) > 3:
            raise ValueError("initials are at most 3 letters")
        for line in (self.wordmark, self.wordmark2):
            if line is not None and not (line.isupper() and line.replace(" ", "").isalpha() and len(line) <= 16):
                raise ValueError("a wordmark is 1 to 16 capitals and spaces")
        if self.shape == "free" and self.division != "plain":
            raise ValueError("a free emblem has no division")

    def key(self) -> str:
        """16 hex digits of a SHA-256 over all fields; the same in every run."""
        return hashlib.sha256(json.dumps(astuple(self)).encode()).hexdigest()[:16]

    def reserved(self) -> bool:
        """True where the shape, the charge or the style is a reserved one."""
        return self.shape in RESERVED_SHAPES or self.charge in RESERVED_CHARGES or self.style in RESERVED_STYLES
