"""What a CLIP recognises without being taught it: the colours, letters and figures that held-out captions name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from logolib.data.colours import COLOUR_WORD
from logolib.emblems.charges import CHARGES
from logolib.models.clip import Clip, embed_texts

LETTERS = re.compile(r"(?:letters?|initials?|monogram)\s+[\"“']?([A-Z]{1,3})\b")
# Figures of sports logos that the emblems do not draw.
ANIMALS = (
    "alligator", "badger", "bear", "bee", "bird", "bronco", "buffalo", "bull", "bulldog", "bobcat", "cardinal",
    "cougar", "coyote", "dog", "duck", "eagle", "falcon", "fox", "goat", "gorilla", "hawk", "hornet", "husky",
    "jaguar", "knight", "leopard", "lion", "longhorn", "moose", "mustang", "owl", "panther", "pelican", "penguin",
    "pirate", "ram", "raven", "shark", "snake", "spartan", "terrier", "tiger", "trojan", "turtle", "viking",
    "warrior", "wildcat", "wolf", "wolverine",
)  # fmt: skip
FIGURES = re.compile(rf"\b({'|'.join(sorted({*ANIMALS, *CHARGES}))})(?:s|'s|’s)?\b")


def named_colours(caption: str) -> set[str]:
    """The colour words of a caption."""
    return set(COLOUR_WORD.findall(caption.lower()))


def named_letters(caption: str) -> set[str]:
    """The capitals that a caption calls letters or initials."""
    return {letter for found in LETTERS.findall(caption) for letter in found}


def named_figures(caption: str) -> set[str]:
    """The animals, people and things of a caption, from a fixed list, in the singular."""
    return set(FIGURES.findall(caption.lower()))


# What is recognised: its name, how a caption tells it, and the prompt that asks for it.
KINDS: dict[str, tuple[Callable[[str], set[str]], str]] = {
    "colour": (named_colours, "A {} logo."),
    "letter": (named_letters, 'A logo with the letter "{}".'),
    "mascot": (named_figures, "A logo with a {}."),
}


def zero_shot(
    clip: Clip, pictures: Tensor, captions: Sequence[str], seed: int, resamples: int = 1000
) -> dict[str, dict[str, Any]]:
    """For colour, letter and mascot: how often the nearest prompt names something that the caption names too.

    pictures: normalised embeddings (N, D), row i with caption i; only pictures whose caption names one of the kind
    are asked for, among all that the captions name. A kind with fewer than two classes is left out.
    Each has its accuracy, a 95% percentile bootstrap over pictures, the chance level, n and the classes.
    """
    found = {}
    for kind, (named, prompt) in KINDS.items():
        told = [named(caption) for caption in captions]
        rows = [i for i, words in enumerate(told) if words]
        classes = sorted(set().union(*told))
        if len(classes) < 2:
            continue
        right = np.array([[word in told[i] for word in classes] for i in rows])  # (n, classes)
        texts = embed_texts(clip, clip.vocabulary.encode([prompt.format(word) for word in classes]))
        found[kind] = {**recognised(pictures[rows], texts, right, seed, resamples), "classes": classes}
    return found


def recognised(
    pictures: Tensor, prompts: Tensor, right: np.ndarray, seed: int, resamples: int = 1000
) -> dict[str, Any]:
    """Share of pictures (n, D) whose nearest prompt (classes, D) is `right`, bool (n, classes), with its interval.

    Chance is what a blind choice among the classes reaches.
    """
    nearest = (pictures @ prompts.T).argmax(1).numpy()
    hits = right[np.arange(len(right)), nearest]
    draws = np.random.default_rng(seed).integers(0, len(hits), (resamples, len(hits)))
    low, high = np.quantile(hits[draws].mean(1), (0.025, 0.975))
    return {
        "accuracy": float(hits.mean()),
        "low": float(low),
        "high": float(high),
        "chance": float(right.mean()),
        "n": len(hits),
    }
