"""What a sentence says: its words, the lettering it quotes, the colours it names, and how much that tells."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from logolib.data import clean_caption
from logolib.emblems.corpus import sample_many

WORD = re.compile(r"[^\W\d_]+")
QUOTED = re.compile(r"[\"“”]([^\"“”]{1,60})[\"“”]")
LETTERED = re.compile(r"\b(?:letters?|initials?)\s+([A-Z]{1,4})\b")  # lettering without its quotation marks
LETTER_BITS = math.log2(26)
LETTERS_MOST = 3  # letters of one quotation that count: a word is read, not spelt
# Nouns that every picture may be called; captions of machines are full of them.
VAGUE = frozenset([
    "cartoon", "clipart", "close", "closeup", "design", "diagram", "drawing", "emblem", "graphic", "icon",
    "illustration", "image", "item", "logo", "object", "painting", "photo", "photograph", "picture", "poster", "sign",
    "sketch", "something", "sticker", "symbol", "thing",
])  # fmt: skip
# What English sentences are held together by, beside what drawn captions use.
GLUE = frozenset([
    "all", "along", "also", "are", "at", "been", "before", "behind", "below", "between", "both", "but", "each", "first",
    "for", "from", "had", "has", "have", "he", "her", "his", "its", "last", "near", "new", "next", "no", "not", "off",
    "old", "one", "only", "or", "other", "out", "same", "she", "six", "than", "that", "their", "then", "they",
    "three", "through", "to", "under", "up", "was", "were", "when", "where", "which", "while", "who", "within",
])  # fmt: skip
FEWEST_KNOWN = 0.4  # share of a sentence's words; two in a thousand of people's captions have fewer
DRAWN = 400  # drawn captions whose words count


def lettering(caption: str) -> list[str]:
    """What a caption quotes, without the stops that American printers put inside the marks."""
    found = [*QUOTED.findall(caption), *LETTERED.findall(QUOTED.sub(" ", caption))]
    return [text for one in found if (text := " ".join(WORD.findall(one)))]


def words(caption: str) -> list[str]:
    """The words outside quotation marks, lower case, without a plural's or a genitive's s, in order."""
    return [stem(word) for word in WORD.findall(QUOTED.sub(" ", caption)) if len(word) > 1 or word in "aA"]


def stem(word: str) -> str:
    """A word as it is counted: lower case, without the s of a plural."""
    low = word.lower()
    return low[:-1] if len(low) > 3 and low.endswith("s") and not low.endswith("ss") else low


def normal(caption: str) -> str:
    """A caption without what two copies of it may differ in: case, stops and spaces."""
    return " ".join(word.lower() for word in WORD.findall(caption))


@dataclass(frozen=True)
class Reference:
    """How many of a corpus' captions use each word."""

    captions: int
    counts: dict[str, int]

    @classmethod
    def of(cls, captions: Iterable[str]) -> Reference:
        """Count the distinct captions that use a word."""
        distinct = {text for caption in captions if (text := clean_caption(caption))}
        return cls(len(distinct), dict(Counter(word for text in distinct for word in set(words(text)))))

    def joined(self, other: Reference) -> Reference:
        """Both corpora as one."""
        return Reference(self.captions + other.captions, dict(Counter(self.counts) + Counter(other.counts)))

    def bits(self, word: str) -> float:
        """log2 of how seldom a word is (inverse document frequency, Spärck Jones 1972); 0 for what fits any picture.

        A word that no caption uses counts as the most seldom one.
        """
        return 0.0 if word in VAGUE else math.log2(max(self.captions, 1) / self.counts.get(word, 1))

    def information(self, caption: str) -> float:
        """Bits of a caption: of each of its words once, and of what it quotes, letter by letter."""
        quoted = sum(min(len(text.replace(" ", "")), LETTERS_MOST) * LETTER_BITS for text in set(lettering(caption)))
        return quoted + sum(self.bits(word) for word in set(words(caption)))

    def foreign(self, caption: str) -> bool:
        """Whether too few of a caption's words are known, from this corpus or as English."""
        said = words(caption)
        known = sum(word in self.counts or word in VAGUE or word in GLUE for word in said)
        return bool(said) and known < FEWEST_KNOWN * len(said)


@cache
def drawn_words() -> Reference:
    """Counts of the words of 400 drawn captions: no word of anybody's is kept."""
    return Reference.of(caption for _, caption in sample_many(DRAWN, 0))
