"""Lettering: what a caption quotes against what Tesseract reads, and against the name of the logo's own club."""

from __future__ import annotations

import difflib
import io
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

from logolib.caption.words import WORD, lettering, stem, words
from logolib.images import flatten

READ_SIDE = 640  # pixels of the longest side for the reader
SURE = 60  # Tesseract's confidence, 0..100, from which a word counts
ALIKE = 0.8  # likeness of two words that counts as a misread letter
SHORT = 4  # letters up to which a quotation may be initials
TIMEOUT_S = 60


def can_read() -> bool:
    """Whether Tesseract is installed."""
    return shutil.which("tesseract") is not None


def read_words(pixels: np.ndarray) -> list[str]:
    """The words of three letters or more that Tesseract reads on uint8 (H, W, 4), upper case; [] where it fails."""
    image = flatten(Image.fromarray(pixels), (255, 255, 255)).convert("L")
    scale = READ_SIDE / max(image.size)
    image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    png = io.BytesIO()
    image.save(png, format="PNG", dpi=(300, 300))
    command = ["tesseract", "stdin", "stdout", "-l", "eng", "--psm", "11", "tsv"]
    env = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    try:
        done = subprocess.run(command, input=png.getvalue(), capture_output=True, timeout=TIMEOUT_S, env=env)
    except (OSError, subprocess.TimeoutExpired):
        return []
    found = []
    for line in done.stdout.decode("utf8", "replace").splitlines()[1:]:
        cells = line.split("\t")
        if len(cells) == 12 and float(cells[10]) >= SURE:
            found += [word.upper() for word in WORD.findall(cells[11]) if len(word) >= 3]
    return found


def against_reading(caption: str, read: Sequence[str]) -> str:
    """How a caption's quotations stand to what was read: nothing read | read | other | unquoted."""
    if not read:
        return "nothing read"
    quoted = [word.upper() for text in lettering(caption) for word in text.split() if len(word) >= 3]
    if not quoted:
        return "unquoted"
    return "read" if any(_alike(a, b) for a in quoted for b in read) else "other"


def against_name(caption: str, club: str) -> str:
    """How a caption stands to its club's name.

    no name | word or other word (it quotes one of the name, or one that is none of it) | named (it says one) |
    initials, other initials, letter, other letter | none (no quotation).
    """
    name = WORD.findall(club)
    if not name:
        return "no name"
    quoted = [word for text in lettering(caption) for word in text.split()]
    long = [word for word in quoted if len(word) > SHORT]
    if any(_alike(a.upper(), b.upper()) for a in quoted if len(a) >= SHORT for b in name):
        return "word"
    if {stem(word) for word in name if len(word) >= SHORT} & set(words(caption)):
        return "named"
    if long:
        return "other word"
    if not quoted:
        return "none"
    several = [text for text in quoted if len(text) > 1] or quoted
    kind = "initials" if len(several[0]) > 1 else "letter"
    return (
        kind if any(_initials(text.upper(), [word.upper() for word in name]) for text in several) else f"other {kind}"
    )


def _initials(text: str, name: list[str]) -> bool:
    """Whether letters begin words of a name in order, or its first begins a word and the others follow in it."""
    firsts = iter(word[0] for word in name)
    if all(letter in firsts for letter in text):
        return True
    for i, word in enumerate(name):
        rest = iter("".join([word, *name[i + 1 :]]))
        if word[0] == text[0] and len(text) > 1 and all(letter in rest for letter in text):
            return True
    return False


def _alike(a: str, b: str) -> bool:
    return a == b or (min(len(a), len(b)) >= SHORT and difflib.SequenceMatcher(None, a, b).ratio() >= ALIKE)


class ClassTable:
    """What each class of an observation says: the log odds that it comes from a true pair, by class."""

    def __init__(self, odds: dict[str, float]) -> None:
        self.odds = odds

    @classmethod
    def of(cls, true: Sequence[str], false: Sequence[str]) -> ClassTable:
        """Count classes over true and over shuffled pairs, as if each class had come up twice more in both."""
        right, wrong = Counter(true), Counter(false)
        odds = {}
        for name in sorted({*right, *wrong}):
            share = (right[name] + 2) / (len(true) + 2)
            odds[name] = float(np.log(share / ((wrong[name] + 2) / (len(false) + 2))))
        return cls(odds)

    def score(self, names: Iterable[str]) -> np.ndarray:
        """Log odds (N,) of classes; 0 for one that was never counted."""
        return np.array([self.odds.get(name, 0.0) for name in names])
