"""How well the gate tells true captions from false ones on real logos; and, with --ship, the gate that ships.

FOLDER holds captioned logos (captions.csv, images/), REFERENCE a CSV with a column `caption`. Clubs are dealt to two
halves; each half is judged by a gate that the other set. `fine-tuned` takes a CLIP taught on half of the clubs that
set the gate, and sets the gate by the other half of them: a CLIP flatters the pairs that it has learnt.
python benchmarks/caption_calibration.py FOLDER REFERENCE
"""

from __future__ import annotations

import argparse
import csv
import io
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
from logolib.caption.stage import Known, sight
from logolib.caption.words import SHIPPED, Reference
from logolib.collect import collect
from logolib.config import CollectSettings, LogolibError, load_profile
from logolib.data.clean import club_place
from logolib.emblems.corpus import sample_many
from logolib.evaluate.statistics import wilson
from logolib.models.clip import Clip
from logolib.report.benchmarks import keep
from logolib.results import commit, write_text
from logolib.train import train_clip

TIMES = 4  # captions of other clubs, and invented ones, that each held-out picture is tried with
DRAWN = 400  # drawn captions whose words count beside the real ones
REFUSED = ("A blue lion drawing.", "A circle-shaped diagram.", "A Football ball.")
SHORT = "An orange tiger's paw."
FEWEST = 2  # captions that use a word which ships: rarer ones are names
KINDS = ("true", "true, eight words or fewer", "shuffled", "invented", "generic", "the three of 2022")


def main() -> None:
    """Read the command line, measure both arms, keep the table; with --ship write the gate and its words."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--work", type=Path, default=Path("build/caption_calibration"))
    parser.add_argument("--arms", nargs="+", default=["base", "fine-tuned"], choices=["base", "fine-tuned"])
    parser.add_argument("--clip-steps", type=int, default=40)
    parser.add_argument("--pass-rate", type=float, default=0.05)
    parser.add_argument("--ship", action="store_true", help="write logolib/caption/gate.json and words.json")
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/caption_gate.json"))
    given = parser.parse_args()
    try:
        if not (given.work / "collected" / "manifest.parquet").exists():
            collect(CollectSettings(source=str(given.folder)), given.work / "collected", progress=False)
        logos = read_logos(given.work / "collected")
        reference = words(given.reference)
        rows: list[dict[str, Any]] = []
        for arm in given.arms:
            found = both_halves(arm, logos, reference, given)
            rows += table(arm, found)
            if arm == "base" and given.ship:
                ship(logos, reference, found, given)
    except LogolibError as error:
        sys.exit(str(error))
    note = "Each half of the clubs is judged by a gate that the other half set; 95 % intervals by Wilson."
    keep(given.out, rows, note)
    print(given.out.read_text("utf8"))


def words(path: Path) -> Reference:
    """Counts of the reference captions and of drawn ones."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        real = Reference.of(row["caption"] for row in csv.DictReader(file))
    return real.joined(Reference.of(caption for _, caption in sample_many(DRAWN, 0)))


def both_halves(arm: str, logos: list[Logo], reference: Reference, given: argparse.Namespace) -> dict[str, Any]:
    """Passed or not, by whether the club is known and by kind: a list of shares, one a held-out picture."""
    found: dict[str, dict[str, list[float]]] = {known: defaultdict(list) for known in ("known", "not known")}
    for first in (True, False):
        own = [logo for logo in logos if (club_place(logo.club) < 0.5) == first]
        others = [logo for logo in logos if (club_place(logo.club) < 0.5) != first]
        clip, setting = named_clip("default"), own
        if arm == "fine-tuned":
            taught = [logo for logo in own if club_place(logo.club) % 0.5 < 0.25]
            setting = [logo for logo in own if club_place(logo.club) % 0.5 >= 0.25]
            clip = fine_tuned(taught, setting, given.work / f"clip-{int(first)}", given.clip_steps)
        gate = gate_of(seen_by(clip, setting, given.work), clip, reference, given.pass_rate, drawn=arm == "base")
        held_out = seen_by(clip, others, given.work)
        for name, club in (("known", True), ("not known", False)):
            seen = [one.seen if club else replace(one.seen, club="") for one in held_out]
            for kind, shares in passed(
                gate, seen, [one.seen.club for one in held_out], [one.caption for one in held_out]
            ).items():
                found[name][kind] += shares
        check(gate, held_out)
    return found


def seen_by(clip: Clip, logos: list[Logo], work: Path) -> list[Known]:
    """Logos as a CLIP sees them; what Tesseract reads on them is kept in WORK."""
    kept = work / "read.json"
    read: dict[str, list[str]] = json.loads(kept.read_text("utf8")) if kept.exists() else {}
    if missing := [logo for logo in logos if logo.id not in read]:
        read |= {logo.id: list(read_words(logo.pixels())) for logo in missing}
        write_text(kept, json.dumps(read))
    known = sight(clip, logos, False)
    pairs = zip(known, logos, strict=True)
    return [replace(one, seen=replace(one.seen, read=tuple(read[logo.id]))) for one, logo in pairs]


def gate_of(known: list[Known], clip: Clip, reference: Reference, pass_rate: float, *, drawn: bool) -> Gate:
    """A gate from captioned logos; `drawn` compares with drawn emblems, as the gate that ships does."""
    others = None
    if drawn:
        pictures, captions = crowd()
        opaque = np.concatenate([pictures, np.full((*pictures.shape[:3], 1), 255, np.uint8)], -1)
        others = (look(clip, list(opaque), ocr=False), captions)
    seen, captions = [one.seen for one in known], [one.caption for one in known]
    return calibrate(clip, reference, seen, captions, pass_rate=pass_rate, crowd=others)


def passed(gate: Gate, seen: Sequence[Seen], clubs: list[str], captions: list[str]) -> dict[str, list[float]]:
    """By kind of caption, for each picture the share of such captions that pass."""
    pictures, others = shuffled(clubs, captions, TIMES, 1)
    made = invented(TIMES * len(seen), 1)
    n = len(seen)
    tried = {
        "true": (np.arange(n), captions),
        "shuffled": (pictures, [captions[j] for j in others]),
        "invented": (np.arange(TIMES * n) % n, made),
        "generic": (np.repeat(np.arange(n), len(GENERIC)), list(GENERIC) * n),
        "the three of 2022": (np.repeat(np.arange(n), len(REFUSED)), list(REFUSED) * n),
    }
    shares: dict[str, list[float]] = {}
    for kind, (rows, texts) in tried.items():
        hits = np.array([v.accepted for v in gate.judge([seen[i] for i in rows], texts)], float)
        shares[kind] = (np.bincount(rows, hits, n) / np.maximum(np.bincount(rows, minlength=n), 1)).tolist()
    short = [share for share, text in zip(shares["true"], captions, strict=True) if len(text.split()) <= 8]
    return {**shares, "true, eight words or fewer": short}


def check(gate: Gate, held_out: list[Known]) -> None:
    """Say what becomes of the short true caption that the gate must not refuse, where its picture is held out."""
    for one in held_out:
        if one.caption.startswith(SHORT):
            for seen in (one.seen, replace(one.seen, club="")):
                print(SHORT, seen.club or "club not known", gate.judge([seen], [SHORT])[0])


def fine_tuned(taught: list[Logo], setting: list[Logo], run: Path, steps: int) -> Clip:
    """The base's CLIP, taught on some pairs; kept in RUN."""
    run.mkdir(parents=True, exist_ok=True)
    for name, logos in (("train", taught), ("val", setting)):
        text = io.StringIO(newline="")
        lines = csv.writer(text)
        lines.writerow(["filepath", "title"])
        lines.writerows([str(logo.path.resolve()), logo.caption] for logo in logos)
        write_text(run / f"{name}.csv", text.getvalue())
    update = {"train_data": str(run / "train.csv"), "val_data": str(run / "val.csv"), "steps": steps, "patience": 0}
    settings = load_profile("demo").clip.model_copy(update={**update, "wise_ft": "off", "tune_fraction": 0.0})
    if not (run / "clip" / "result.json").exists():
        train_clip(settings, run, run, resume=True)
    return named_clip(str(run))


def table(arm: str, found: dict[str, Any]) -> list[dict[str, Any]]:
    """One row a kind and whether the club is known."""
    rows = []
    for known, kinds in found.items():
        for kind in KINDS:
            shares = kinds[kind]
            if shares:
                mean, low, high = wilson(sum(shares), len(shares))
                row = {"CLIP": arm, "club": known, "captions": kind, "pass": f"{mean:.1%} ({low:.1%} to {high:.1%})"}
                rows.append({**row, "pictures": len(shares)})
    return rows


def ship(logos: list[Logo], reference: Reference, found: dict[str, Any], given: argparse.Namespace) -> None:
    """Write what the gate that ships is made of, set by all pairs; `measured` is what halves of them reach."""
    clip = named_clip("default")
    gate = gate_of(seen_by(clip, logos, given.work), clip, reference, given.pass_rate, drawn=True)
    kept = {word: n for word, n in sorted(reference.counts.items()) if n >= FEWEST}
    write_text(SHIPPED, json.dumps({"captions": reference.captions, "counts": kept}, ensure_ascii=False) + "\n")
    measured = {}
    for name, known in (("with_club", "known"), ("without_club", "not known")):
        shares = {kind: found[known][kind] for kind in ("true", "shuffled", "invented", "generic")}
        ends = {kind: [round(v, 4) for v in wilson(sum(some), len(some))] for kind, some in shares.items()}
        false = [share for kind, some in shares.items() if kind != "true" for share in some]
        true_share = ends["true"][0]
        false_share = sum(false) / len(false)
        measured[name] = {
            "passed": ends,
            "false_passed": [round(v, 4) for v in wilson(sum(false), len(false))],
            "recall": ends["true"],
            "precision": round(true_share / (true_share + false_share), 4),
            "failed": {},
        }
    record = {**as_dict(gate), "measured": {"pairs": len(logos), **measured}, "commit": commit()}
    write_text(FILE, json.dumps(record, indent=1) + "\n")
    print(f"{FILE.name}; {SHIPPED.name}: {len(kept)} words")


if __name__ == "__main__":
    main()
