"""Captions and splits: what a manifest's text becomes before training, and who trains on it."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from logolib.config import LogolibError
from logolib.data.noise_clauses import NOISE, TAIL, sentences

# What spreadsheets and data frames write for an empty cell; pandas would read it back as missing.
_EMPTY = frozenset({"", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "<na>", "#na", "-"})
_BRACKETED = re.compile(r" ?(\[[^\[\]]*\])")
_CUT = re.compile(r"(?: ?(?:…|\.{3,}))+$")


class DataError(LogolibError):
    """A manifest or data set that is missing, damaged or too small."""


def tidy(text: str) -> str:
    """Composed Unicode (NFC) on one line: control characters and runs of space become one space."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    kept = ("" if unicodedata.category(c) in ("Cf", "Cs", "Co", "Cn") else c for c in text)
    spaced = (" " if unicodedata.category(c) == "Cc" else c for c in kept if c)
    return " ".join(unicodedata.normalize("NFC", "".join(spaced)).split())


def clean_caption(text: str) -> str:
    """A caption to train on: what `sift_caption` keeps."""
    return sift_caption(text)[0]


def sift_caption(text: str) -> tuple[str, list[str]]:
    """A caption to train on, and what was taken out of it.

    Taken out are a site's [bracketed remarks], the ellipsis of a cut, and clauses about the logo's history
    that no picture shows ("A new shade of gold.", "Designed by ..."). The caption is "" when nothing is
    said: no letter at all, or the word for an empty cell.
    """
    removed: list[str] = []
    text, before = tidy(text), ""
    while text != before:
        before = text
        text = tidy(_without_noise(_without_remarks(text, removed), removed))
    return (text if text.lower() not in _EMPTY and any(c.isalpha() for c in text) else ""), removed


def _without_remarks(text: str, removed: list[str]) -> str:
    while found := _BRACKETED.findall(text):
        removed += found
        text = _BRACKETED.sub("", text)
    return " ".join(_CUT.sub("", text).split())


def _without_noise(text: str, removed: list[str]) -> str:
    kept = []
    for sentence in sentences(text):
        if NOISE.fullmatch(sentence.rstrip(" .;!")):
            removed.append(sentence)
            continue
        if tail := TAIL.search(sentence):
            removed.append(tail[0].strip(" ,;"))
            sentence = sentence[: tail.start()] + sentence[tail.end() :]
        kept.append(sentence)
    return " ".join(" ".join(kept).split())


def split_clubs(clubs: Iterable[str], val_fraction: float, kin: Iterable[tuple[str, str]] = ()) -> frozenset[str]:
    """The clubs held out: those whose name's hash is below `val_fraction`, so that growth moves nobody.

    Clubs linked in `kin` (they share a near-duplicate) go together, to the side of one of them, chosen by
    another hash; so a newcomer seldom moves them. Names that differ in case or spaces alone are one club.
    Where one side would stay empty, the clubs nearest to the line go there. Raises DataError for fewer
    than two clubs.
    """
    clubs = set(clubs)
    keys = sorted({_key(club) for club in clubs})
    index = {key: i for i, key in enumerate(keys)}
    links = np.array([(index[_key(a)], index[_key(b)]) for a, b in kin], np.int64).reshape(-1, 2)
    families = connected(len(keys), links)
    anchors: dict[int, str] = {}
    for key, family in zip(keys, families.tolist(), strict=True):
        anchors[family] = min(anchors.get(family, key), key, key=_rank)
    family_places = {family: club_place(anchor) for family, anchor in anchors.items()}
    distinct = sorted(set(family_places.values()))
    if len(distinct) < 2:
        raise DataError("A split needs logos of at least two clubs that share no picture; collect more.")
    line = val_fraction
    if distinct[0] >= line:
        line = distinct[1]
    elif distinct[-1] < line:
        line = distinct[-1]
    return frozenset(club for club in clubs if family_places[int(families[index[_key(club)]])] < line)


def connected(n: int, links: np.ndarray) -> np.ndarray:
    """The number of the connected component of each of `n` nodes, from int (P, 2) links; int32 (n,)."""
    graph = coo_array((np.ones(len(links), np.int32), (links[:, 0], links[:, 1])), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1])


def club_place(club: str) -> float:
    """A club's fixed place in [0, 1), from the hash of its name; case and spaces do not count."""
    return int.from_bytes(hashlib.sha256(_key(club).encode()).digest()[:8], "big") / 2**64


def _rank(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()[8:]


def _key(club: str) -> str:
    return " ".join(club.casefold().split())
