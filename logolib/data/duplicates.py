"""Near-duplicates: a perceptual signature of a picture, and all pairs of near ones in linear time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import combinations

import imagehash
import numpy as np
from PIL import Image

from logolib.images import flatten

SIDE = 256  # pixels at which pictures are compared, whatever the data set's size
SIGNATURE = np.dtype(
    [
        ("pixels", np.uint64),  # of the exact pixels
        ("coarse", np.uint64),  # imagehash.phash, 8 x 8
        ("fine", np.uint64, 4),  # imagehash.phash, 16 x 16
        ("tones", np.uint8, 192),  # mean colours, 8 x 8 x RGB
        ("pale", np.bool_),  # vanishes on white
    ]
)
COARSE_BITS = 4  # of 64: re-coded copies differ in 0 to 2
FINE_BITS = 32  # of 256: recoloured copies differ in up to 26, other crests of one shape in 56 and more
TONES = 12.0  # mean difference of 255: re-coded copies stay below 5, a change of one colour is mostly above 15
MOST = 64  # neighbours a picture is compared with in one bucket: keeps time linear however alike pictures are
FAINT = 24  # difference of 255 from the ground below which a pixel is not seen
EDGE = 64  # difference of 255 from the ground at which a picture ends: blurred and sharp copies nearly agree
CHUNK = 100_000  # pairs compared at once: 40 MB

_BANDS = [int("1" * width, 2) << start for start, width in ((0, 11), (11, 11), (22, 11), (33, 11), (44, 10), (54, 10))]
# Where at most 4 bits differ, two of six bands agree, so one of 15 pairs of bands finds every near pair.
MASKS = [np.uint64(a | b) for a, b in combinations(_BANDS, 2)]


@dataclass(frozen=True)
class Near:
    """Pairs of near-duplicates."""

    pairs: np.ndarray  # int64 (P, 2), the first index below the second: one drawing, whatever its colours
    same: np.ndarray  # bool (P,): in the same colours as well


def signature(picture: Image.Image) -> np.ndarray:
    """What a square RGBA picture, best of SIDE pixels, is compared by: of dtype SIGNATURE and shape ().

    It is seen over white, or over black where it vanishes on white, and without its margins.
    """
    for ground in (255, 0):
        shown = flatten(picture, (ground, ground, ground))
        apart = np.abs(np.asarray(shown, np.int16) - ground).max(axis=2)  # 0..255
        if (apart > FAINT).mean() > 0.01:
            break
    seen = apart > min(EDGE, int(apart.max()) // 2)
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if len(rows):
        shown = shown.crop((int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))
    made = np.zeros((), SIGNATURE)
    made["pixels"] = int.from_bytes(hashlib.sha256(picture.tobytes()).digest()[:8], "big")
    made["coarse"] = _packed(imagehash.phash(shown))[0]
    made["fine"] = _packed(imagehash.phash(shown, hash_size=16))
    made["tones"] = np.asarray(shown.resize((8, 8), Image.Resampling.BOX)).ravel()
    made["pale"] = ground == 0
    return made


def near_pairs(signatures: np.ndarray) -> Near:
    """All pairs of near-duplicates among signatures (N,).

    Equal signatures are chained, so that N copies give N - 1 pairs; the others are found by banded search
    over the coarse hash and told apart by the fine one. Time and memory are linear in N.
    """
    fine, coarse = signatures["fine"], signatures["coarse"]
    tone = signatures["tones"].reshape(-1, 64, 3).mean(axis=1).astype(np.uint64) >> np.uint64(3)  # (N, 3)
    tone = tone @ np.array([1, 32, 1024], np.uint64)
    keys = (tone, *(fine[:, k] for k in range(4)), coarse)
    order = np.lexsort(keys)
    new = np.ones(len(order), bool)
    if len(order):
        new[1:] = np.any([key[order][1:] != key[order][:-1] for key in keys], axis=0)
    equal = np.flatnonzero(~new)
    chained = np.stack([order[equal - 1], order[equal]], axis=1)
    first = order[new]
    found = first[_candidates(coarse[first])]  # (P, 2)
    found = found[np.bitwise_count(fine[found[:, 0]] ^ fine[found[:, 1]]).sum(axis=1) <= FINE_BITS]
    pairs = np.sort(np.concatenate([chained, found]).astype(np.int64), axis=1)
    return Near(pairs, _same_tones(signatures["tones"], pairs))


def _candidates(coarse: np.ndarray) -> np.ndarray:
    """Pairs of positions whose coarse hashes differ in at most COARSE_BITS, int64 (P, 2); `coarse` is sorted."""
    n = len(coarse)
    found = [np.empty(0, np.int64)]
    for mask in MASKS:
        key = coarse & mask
        order = np.argsort(key, kind="stable")
        key = key[order]
        at = np.arange(n)
        for step in range(1, MOST + 1):
            at = at[at + step < n]
            at = at[key[at] == key[at + step]]
            if len(at) == 0:
                break
            pair = np.sort(np.stack([order[at], order[at + step]]), axis=0)
            near = np.bitwise_count(coarse[pair[0]] ^ coarse[pair[1]]) <= COARSE_BITS
            found.append(pair[0, near] * n + pair[1, near])
    return np.stack(np.divmod(np.unique(np.concatenate(found)), max(n, 1)), axis=1)


def _same_tones(tones: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Which pairs have nearly the same mean colours, bool (P,)."""
    same = np.empty(len(pairs), bool)
    for start in range(0, len(pairs), CHUNK):
        a, b = pairs[start : start + CHUNK].T
        apart = np.abs(tones[a].astype(np.int16) - tones[b]).mean(axis=1)  # 0..255
        same[start : start + CHUNK] = apart <= TONES
    return same


def _packed(found: imagehash.ImageHash) -> np.ndarray:
    """A hash's bits as uint64 words, (bits / 64,)."""
    return np.packbits(found.hash.ravel()).view(np.uint64)
