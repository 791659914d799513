"""How good a gate is: shares of true, shuffled, invented and generic captions that it lets through, with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from scipy.stats import binomtest

from logolib.caption.calibrate import GENERIC, invented, shuffled
from logolib.caption.gate import Gate, Seen


def judged(gate: Gate, seen: Sequence[Seen], captions: Sequence[str], seed: int = 0) -> dict[str, Any]:
    """What a gate does with logos that it was not set by.

    Each picture comes with its own caption, with that of another club, with an invented one and with a generic
    one. Shares are (share, low, high), 95 % by Wilson (1927). `recall` is the share of true captions let in;
    `precision` the share of true ones among those let in, were there as many true as false.
    """
    clubs = [one.club or f"#{i}" for i, one in enumerate(seen)]
    pictures, others = shuffled(clubs, captions, 1, seed)
    n = len(captions)
    kinds = {
        "true": (list(seen), list(captions)),
        "shuffled": ([seen[i] for i in pictures], [captions[j] for j in others]),
        "invented": (list(seen), invented(n, seed + 1)),
        "generic": (list(seen), [GENERIC[(seed + i) % len(GENERIC)] for i in range(n)]),
    }
    verdicts = {name: gate.judge(*pairs) for name, pairs in kinds.items() if pairs[1]}
    passed = {name: [v.accepted for v in found] for name, found in verdicts.items()}
    false = [hit for name in ("shuffled", "invented", "generic") for hit in passed.get(name, [])]
    true_share, false_share = sum(passed["true"]) / n, sum(false) / max(len(false), 1)
    return {
        "pairs": n,
        "passed": {name: interval(sum(hits), len(hits)) for name, hits in passed.items()},
        "false_passed": interval(sum(false), len(false)),
        "recall": interval(sum(passed["true"]), n),
        "precision": round(true_share / (true_share + false_share), 4) if true_share else None,
        "failed": {
            name: dict(Counter(v.test for v in found if v.test).most_common()) for name, found in verdicts.items()
        },
    }


def interval(hits: int, n: int) -> list[float]:
    """A share and the ends of its 95 % interval (Wilson 1927), to four places."""
    if n == 0:
        return [0.0, 0.0, 1.0]
    ends = binomtest(int(hits), n).proportion_ci(method="wilson")
    return [round(value, 4) for value in (hits / n, float(ends.low), float(ends.high))]
