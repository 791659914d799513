"""Damage to a file's bytes, or to the values in it: what a bad disk, a cut line or a wrong hand leaves."""

from __future__ import annotations

import io
import math
import random
import zipfile
from collections.abc import Callable
from typing import Any

Damage = Callable[[bytes, random.Random], bytes]

STRANGE = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01",
    b"<!doctype html><html><body><p>404 Not Found</p></body></html>",
    b"a,b\n1,2\n",
    b'{"a": [1, 2, {"b": null}]}',
    b"[]",
    b"null",
    b"0",
    b'"text"',
    b"\xff\xfe\x00\x00",
    b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94\x8c\x06system\x94\x93\x94.",  # names os.system
    b"PAR1",
    b"\x1f\x8b\x08\x00",
    b"---\n- &a [*a]\n",
    b"[" * 5000,
    b"\n" * 100,
)
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 10**400, 2**63, -(2**70), 1e308, math.nan, math.inf, 0.5, "", "x", "nan", "../../x",
    "/etc/passwd", "\x00", "\ud800", "🦁" * 40, [], {}, [[]], [None], {"a": {}}, ["a", 1], "x" * 10_000, -1.5, [-1],
    [0],
)  # fmt: skip


def cut(data: bytes, rng: random.Random) -> bytes:
    """The beginning of it, as after a full disk or a lost line."""
    return data[: rng.randrange(max(1, len(data)))]


def ends_early(data: bytes, rng: random.Random) -> bytes:
    """All but the last few bytes."""
    return data[: -rng.randint(1, 16)]


def emptied(_: bytes, __: random.Random) -> bytes:
    """Nothing."""
    return b""


def flipped(data: bytes, rng: random.Random) -> bytes:
    """One to eight bits turned over."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def overwritten(data: bytes, rng: random.Random) -> bytes:
    """A stretch of noise or zeros in it."""
    start, length = rng.randrange(len(data)), rng.choice((1, 16, 512))
    length = min(length, len(data) - start)
    noise = bytes(length) if rng.random() < 0.5 else rng.randbytes(length)
    return data[:start] + noise + data[start + length :]


def lost(data: bytes, rng: random.Random) -> bytes:
    """A stretch missing in the middle."""
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.choice((1, 64, 512)) :]


def twice(data: bytes, _: random.Random) -> bytes:
    """The whole of it two times."""
    return data + data


def strange(_: bytes, rng: random.Random) -> bytes:
    """A file of another type."""
    if rng.random() < 0.1:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as made:
            made.writestr("x/data.pkl", b"\x80\x02}q\x00.")
        return archive.getvalue()
    return rng.choice(STRANGE)


BYTES: dict[str, Damage] = {
    one.__name__: one for one in (cut, ends_early, emptied, flipped, overwritten, lost, twice, strange)
}


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in a value of JSON with each of its keys."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            found.append((value, key))
            found += places(value[key])
    return found


def mutated(value: Any, rng: random.Random) -> Any:
    """A value of JSON with one or two things in it replaced, removed, added or of another type. Changes it in place."""
    for _ in range(rng.choice((1, 1, 2))):
        found = places(value)
        if not found:
            return rng.choice(ODD)
        node, key = rng.choice(found)
        how = rng.random()
        if how < 0.65:
            node[key] = rng.choice(ODD)
        elif how < 0.85:
            del node[key]
        elif isinstance(node, dict):
            node[rng.choice(("x", "", "__class__", "unknown", "0"))] = rng.choice(ODD)
        else:
            node.append(rng.choice(ODD))
    return value
