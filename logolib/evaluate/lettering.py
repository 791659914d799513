"""Lettering: are the words that a prompt puts in quotes read in its picture?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from logolib.generate.lettering import words_of
from logolib.generate.reading import read_pictures

SHORTEST = 3  # letters; initials are figures rather than words, and reading takes them for noise


def asked_words(prompt: str) -> list[str]:
    """The words in quotes in a prompt, in capitals, without initials."""
    words = " ".join(words_of(prompt)).upper().split()
    return [word for word in words if len(word) >= SHORTEST]


def words_read(pictures: np.ndarray, prompts: Sequence[str], most: int) -> np.ndarray:
    """Share of the asked words that are read letter by letter, (N,); NaN beyond `most` prompts that ask for words.

    pictures: uint8 (N, H, W, 3). Raises DrawingError when Tesseract is not installed.
    """
    rows = [i for i, prompt in enumerate(prompts) if asked_words(prompt)][:most]
    shares = np.full(len(prompts), np.nan)
    for i, read in zip(rows, read_pictures([pictures[i] for i in rows]), strict=True):
        found = {word.upper() for word in read}
        wanted = asked_words(prompts[i])
        shares[i] = sum(word in found for word in wanted) / len(wanted)
    return shares
