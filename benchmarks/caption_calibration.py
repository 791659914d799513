"""How well the gate tells true captions from false ones on real logos; and, with --ship, the gate that ships.

FOLDER holds captioned logos (captions.csv, images/), REFERENCE a CSV with a column `caption`. Clubs are dealt to two
halves; each half is judged by a gate that the other set. Of REFERENCE's captions that are not in FOLDER only the text
is judged. python benchmarks/caption_calibration.py FOLDER REFERENCE
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from logolib.caption.calibrate import GENERIC, calibrate, invented, shuffled
from logolib.caption.fit import named_clip
from logolib.caption.gate import Gate, Seen, as_dict, look
from logolib.caption.letters import read_words
from logolib.caption.shipped import FILE, crowd
from logolib.caption.sources import Logo, read_logos
from logolib.caption.stage import HALF, Known, sight
from logolib.caption.words import drawn_words, normal
from logolib.collect import collect
from logolib.config import CollectSettings, LogolibError
from logolib.data import clean_caption
from logolib.data.clean import club_place
from logolib.evaluate.statistics import wilson
from logolib.models.clip import Clip
from logolib.report.benchmarks import keep
from logolib.results import commit, write_text

TIMES = 4  # captions of other clubs, and invented ones, that each held-out picture is tried with
REFUSED = ("A blue lion drawing.", "A circle-shaped diagram.", "A Football ball.")
SHORT = "An orange tiger's paw."
FEW_WORDS = 8  # of a caption that the table counts as short


def main() -> None:
    """Read the command line, measure, keep the table; with --ship write the gate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--work", type=Path, default=Path("build/caption_calibration"))
    parser.add_argument("--pass-rate", type=float, default=0.05)
    parser.add_argument("--ship", action="store_true", help="write logolib/caption/gate.json")
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/caption_gate.json"))
    given = parser.parse_args()
    try:
        if not (given.work / "collected" / "manifest.parquet").exists():
            collect(CollectSettings(source=str(given.folder)), given.work / "collected", progress=False)
        clip = named_clip("default")
        known = seen_by(clip, read_logos(given.work / "collected"), given.work)
    except LogolibError as error:
        sys.exit(str(error))
    found = both_halves(known, clip, given.pass_rate)
    gate = gate_of(known, clip, given.pass_rate)
    text = by_text(gate, [one.caption for one in known], given.reference)
    note = "Each half of the clubs is judged by a gate that the other half set; 95 % intervals by Wilson."
    keep(given.out, [*table(found), row("", "of other logos, by their text alone", text)], note)
    if given.ship:
        record = {**as_dict(gate), "measured": measured(found), "commit": commit()}
        write_text(FILE, json.dumps(record, indent=1) + "\n")
    print(given.out.read_text("utf8"))


def both_halves(known: list[Known], clip: Clip, pass_rate: float) -> dict[str, dict[str, list[float]]]:
    """Passed or not, by whether the club is known and by kind: a list of shares, one a held-out picture."""
    found: dict[str, dict[str, list[float]]] = {club: defaultdict(list) for club in ("known", "not known")}
    for first in (True, False):
        gate = gate_of([one for one in known if (club_place(one.seen.club) < HALF) == first], clip, pass_rate)
        others = [one for one in known if (club_place(one.seen.club) < HALF) != first]
        clubs, captions = [one.seen.club for one in others], [one.caption for one in others]
        for name, kinds in found.items():
            seen = [one.seen if name == "known" else replace(one.seen, club="") for one in others]
            for kind, shares in passed(gate, seen, clubs, captions).items():
                kinds[kind] += shares
    return found


def seen_by(clip: Clip, logos: list[Logo], work: Path) -> list[Known]:
    """Logos as a CLIP sees them; what Tesseract reads on them is kept in WORK."""
    kept = work / "read.json"
    read: dict[str, list[str]] = json.loads(kept.read_text("utf8")) if kept.exists() else {}
    if missing := [logo for logo in logos if logo.id not in read]:
        read |= {logo.id: read_words(logo.pixels()) for logo in missing}
        write_text(kept, json.dumps(read))
    return [replace(one, seen=replace(one.seen, read=tuple(read[one.id]))) for one in sight(clip, logos, False)]


def gate_of(known: list[Known], clip: Clip, pass_rate: float) -> Gate:
    """A gate from captioned logos, compared with drawn emblems and their words, as the gate that ships is."""
    pictures, captions = crowd()
    opaque = np.concatenate([pictures, np.full((*pictures.shape[:3], 1), 255, np.uint8)], -1)
    others = (look(clip, list(opaque), ocr=False), captions)
    seen, own = [one.seen for one in known], [one.caption for one in known]
    return calibrate(clip, drawn_words(), seen, own, pass_rate=pass_rate, crowd=others)


def passed(gate: Gate, seen: Sequence[Seen], clubs: list[str], captions: list[str]) -> dict[str, list[float]]:
    """By kind of caption, for each picture the share of such captions that pass."""
    pictures, others = shuffled(clubs, captions, TIMES, 1)
    n = len(seen)
    short = [i for i, text in enumerate(captions) if len(text.split()) <= FEW_WORDS]
    tried: dict[str, tuple[Sequence[int], list[str]]] = {
        "true": (range(n), captions),
        "true, eight words or fewer": (short, [captions[i] for i in short]),
        "shuffled": (pictures.tolist(), [captions[j] for j in others]),
        "invented": (list(range(n)) * TIMES, invented(TIMES * n, 1)),
        "generic": (np.repeat(np.arange(n), len(GENERIC)).tolist(), list(GENERIC) * n),
        "the three of 2022": (np.repeat(np.arange(n), len(REFUSED)).tolist(), list(REFUSED) * n),
    }
    tigers = [i for i, text in enumerate(captions) if text.startswith(SHORT)]
    tried[SHORT] = (tigers, [SHORT] * len(tigers))
    shares: dict[str, list[float]] = {}
    for kind, (rows, texts) in tried.items():
        hits: dict[int, list[float]] = defaultdict(list)
        for i, verdict in zip(rows, gate.judge([seen[i] for i in rows], texts), strict=True):
            hits[i].append(float(verdict.accepted))
        shares[kind] = [sum(some) / len(some) for some in hits.values()]
    return shares


def by_text(gate: Gate, own: list[str], reference: Path) -> list[float]:
    """Whether captions of logos that are not here pass the tests that ask for no picture."""
    taken = {normal(text) for text in own}
    with reference.open(encoding="utf-8-sig", newline="") as file:
        texts = {clean_caption(line["caption"]) for line in csv.DictReader(file)}
    return [float(not gate.text_fault(text)) for text in sorted(texts) if normal(text) not in taken]


def table(found: dict[str, dict[str, list[float]]]) -> list[dict[str, Any]]:
    """One row a kind and whether the club is known."""
    return [row(club, kind, shares) for club, kinds in found.items() for kind, shares in kinds.items() if shares]


def row(club: str, kind: str, shares: list[float]) -> dict[str, Any]:
    """A share with its interval."""
    mean, low, high = wilson(sum(shares), len(shares))
    return {"club": club, "captions": kind, "pass": f"{mean:.1%} ({low:.1%} to {high:.1%})", "logos": len(shares)}


def measured(found: dict[str, dict[str, list[float]]]) -> dict[str, Any]:
    """What halves reach, as a run's own gate records it."""
    kept: dict[str, Any] = {}
    for name, club in (("with_club", "known"), ("without_club", "not known")):
        kinds = {kind: found[club][kind] for kind in ("true", "shuffled", "invented", "generic")}
        false = [share for kind, some in kinds.items() if kind != "true" for share in some]
        true_share, false_share = np.mean(kinds["true"]), np.mean(false)
        ends = {kind: [round(v, 4) for v in wilson(sum(some), len(some))] for kind, some in kinds.items()}
        kept[name] = {
            "passed": ends,
            "false_passed": [round(v, 4) for v in wilson(sum(false), len(false))],
            "recall": ends["true"],
            "precision": round(float(true_share / (true_share + false_share)), 4),
            "failed": {},
        }
    return {"pairs": len(found["known"]["true"]), **kept}


if __name__ == "__main__":
    main()
