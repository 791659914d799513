"""The gate: which captions are specific, true of their picture and nobody else's; and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from logolib.caption.colours import SIDE, ColourTable, amounts, is_blank, named, stack
from logolib.caption.fit import embed_captions, embed_pictures, margins
from logolib.caption.letters import ClassTable, against_name, against_reading, can_read, read_words
from logolib.caption.words import Reference, lettering, normal
from logolib.data import clean_caption
from logolib.images import fit
from logolib.models.clip import Clip

# What is measured of a pair, in the order of the weights.
MEASURES = ("colours", "name", "reading", "fit")
# Every test by the order in which it is asked, and what a caption that fails it lacks.
TESTS = {
    "content": "there is nothing on the picture",
    "language": "few of its words are known: captions are in English",
    "names": "it names neither a colour nor lettering",
    "information": "it says too little: such words fit many logos",
    "copy": "another picture has the same caption",
    "colours": "its colours are not the picture's",
    "letters": "its lettering is not the picture's or the club's",
    "fit": "it fits other pictures as well as its own",
}


@dataclass(frozen=True)
class Seen:
    """A picture as the gate sees it."""

    shares: np.ndarray  # (15,): how much of it has each colour, see `colours.amounts`
    read: tuple[str, ...] | None  # words that Tesseract reads; None: nobody looked
    blank: bool
    embedding: Tensor  # (D,), the CLIP's, normalised
    club: str = ""


@dataclass(frozen=True)
class Verdict:
    """What the gate says of one caption."""

    caption: str
    accepted: bool
    test: str  # the first that it fails, a key of TESTS; "" when accepted
    reason: str  # in words
    score: float  # log odds over the threshold: the higher, the surer that it belongs to its picture
    measures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """Weights of MEASURES, their averages over true pairs, a bias, and the log odds from which a pair is let in."""

    weights: tuple[float, ...]
    usual: tuple[float, ...]
    bias: float
    threshold: float

    def odds(self, measured: np.ndarray) -> np.ndarray:
        """Log odds (N,) above the threshold, of measures (N, 4)."""
        return np.asarray(measured @ np.array(self.weights) + self.bias - self.threshold)

    def weakest(self, measured: np.ndarray) -> str:
        """The test that costs one pair (4,) most against the average true one."""
        colours, name, reading, fits = np.array(self.weights) * (measured - np.array(self.usual))
        costs = {"colours": colours, "letters": name + reading, "fit": fits}
        return min(costs, key=lambda test: float(costs[test]))


@dataclass(frozen=True)
class Gate:
    """Everything that decides. `calibrate` makes one from captioned logos; `shipped_gate` reads one."""

    clip: Clip
    reference: Reference
    colours: ColourTable
    name: ClassTable
    reading: ClassTable
    information: float  # bits
    with_club: Rule
    without_club: Rule
    other_images: Tensor  # (M, D): the pictures and captions that a pair's similarity is compared with
    other_texts: Tensor

    def judge(self, seen: Sequence[Seen], captions: Sequence[str], taken: Sequence[str] = ()) -> list[Verdict]:
        """A verdict on each caption of a picture, in order; `taken` are captions that other pictures have."""
        if len(seen) != len(captions):
            raise ValueError(f"{len(captions)} captions cannot belong to {len(seen)} pictures")
        if not captions:
            return []
        texts = [clean_caption(caption) for caption in captions]
        measured = measure(self, observe(self, seen, texts))
        others = {normal(caption) for caption in taken}
        return [
            self._verdict(one, caption, text, row, others)
            for one, caption, text, row in zip(seen, captions, texts, measured, strict=True)
        ]

    def _verdict(self, seen: Seen, caption: str, text: str, measured: np.ndarray, taken: set[str]) -> Verdict:
        rule = self.with_club if seen.club else self.without_club
        score = float(rule.odds(measured))
        test = self._plain_fault(seen, text, taken)
        if not test and score < 0:
            test = rule.weakest(measured)
        reason = TESTS.get(test, "")
        if test == "colours":
            reason = f"{reason}: {self.colours.worst(seen.shares, named(text))}"
        bits = self.reference.information(text)
        values = {"information": bits, **dict(zip(MEASURES, measured.tolist(), strict=True))}
        rounded = {name: round(value, 3) for name, value in values.items()}
        return Verdict(caption, not test, test, reason, round(score, 3), rounded)

    def text_fault(self, text: str) -> str:
        """The first test that a caption fails by its text alone: language, names or information; "" when none."""
        if self.reference.foreign(text):
            return "language"
        if not named(text).any() and not lettering(text):
            return "names"
        return "information" if self.reference.information(text) < self.information else ""

    def _plain_fault(self, seen: Seen, text: str, taken: set[str]) -> str:
        """The first test failed that needs no weighing; "" when none is."""
        fault = "content" if seen.blank else self.text_fault(text)
        return fault or ("copy" if normal(text) in taken else "")


def look(clip: Clip, pictures: Sequence[np.ndarray], clubs: Sequence[str] = (), *, ocr: bool = True) -> list[Seen]:
    """See pictures, uint8 (H, W, 4) of any sizes, of these clubs where they are known."""
    clubs = list(clubs) or [""] * len(pictures)
    reads = ocr and can_read()
    squares = [fit(Image.fromarray(picture), clip.image_size, (255, 255, 255)) for picture in pictures]
    embedded = embed_pictures(
        clip, np.stack([np.asarray(one) for one in squares]) if squares else np.zeros((0, 1, 1, 3))
    )
    found = []
    for picture, club, embedding in zip(pictures, clubs, embedded, strict=True):
        small = _small(picture)
        blank = is_blank(small)
        read = tuple(read_words(picture)) if reads and not blank else None
        found.append(Seen(amounts(small), read, blank, embedding, club))
    return found


@dataclass(frozen=True)
class Observed:
    """What is seen of N pairs before anything is counted or weighed."""

    shares: np.ndarray  # (N, 15): the picture's colours
    said: np.ndarray  # bool (N, 15): the caption's
    names: np.ndarray  # (N,): `against_name`
    readings: np.ndarray  # (N,): `reading_class`
    fits: np.ndarray  # (N,): the CLIP's margin

    def some(self, which: np.ndarray) -> Observed:
        """The pairs of a bool mask (N,)."""
        return Observed(*(values[which] for values in vars(self).values()))


def observe(gate: Gate, seen: Sequence[Seen], captions: Sequence[str]) -> Observed:
    """Look at pairs; the gate gives the CLIP and what similarities are compared with."""
    embedded = torch.stack([one.embedding for one in seen])
    fits = margins(embedded, embed_captions(gate.clip, list(captions)), gate.other_images, gate.other_texts)
    pairs = list(zip(seen, captions, strict=True))
    return Observed(
        shares=stack([one.shares for one in seen]),
        said=stack([named(caption) for caption in captions]),
        names=np.array([against_name(caption, one.club) for one, caption in pairs]),
        readings=np.array([reading_class(one, caption) for one, caption in pairs]),
        fits=fits,
    )


def measure(gate: Gate, pairs: Observed) -> np.ndarray:
    """MEASURES of pairs (N, 4): log odds of colours, of the club's name, of what was read, and the CLIP's margin."""
    odds = (
        gate.colours.score(pairs.shares, pairs.said),
        gate.name.score(pairs.names),
        gate.reading.score(pairs.readings),
    )
    return np.stack([*odds, pairs.fits], 1)


def reading_class(seen: Seen, caption: str) -> str:
    """`against_reading`, or "nobody looked"."""
    return "nobody looked" if seen.read is None else against_reading(caption, seen.read)


def _small(picture: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 4) at most SIDE pixels wide or high, nothing added around it."""
    scale = SIDE / max(picture.shape[:2])
    if scale >= 1:
        return picture
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return np.asarray(Image.fromarray(picture).convert("RGBa").resize(size).convert("RGBA"))


def as_dict(gate: Gate) -> dict[str, Any]:
    """What a gate file holds: everything but the CLIP, the words and the crowd."""
    return {
        "information": gate.information,
        "colours": gate.colours.odds.round(4).tolist(),
        "name": {key: round(value, 4) for key, value in gate.name.odds.items()},
        "reading": {key: round(value, 4) for key, value in gate.reading.odds.items()},
        "with_club": vars(gate.with_club),
        "without_club": vars(gate.without_club),
    }
