"""The stage that captions logos: a gate set by people's captions, a captioner's candidates, and what passes."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from logolib.caption.calibrate import CaptionError, calibrate
from logolib.caption.candidates import Row, write_rows
from logolib.caption.fit import clip_lineage, named_clip
from logolib.caption.gate import TESTS, Gate, Seen, as_dict, look
from logolib.caption.judged import interval, judged
from logolib.caption.letters import can_read
from logolib.caption.shipped import read_shipped, shipped_gate
from logolib.caption.sources import Logo, listed, read_logos
from logolib.caption.words import Reference, drawn_words
from logolib.config import CaptionSettings
from logolib.data.clean import club_place
from logolib.images import ImageError, fit, save_png
from logolib.models.captioner import captioner_lineage, load_captioner
from logolib.models.clip import Clip
from logolib.models.lineage import state
from logolib.results import StageResult, Stopwatch, data_hash, sha256_file, write_result, write_text

HALF = 0.5  # of the clubs set the gate, the others measure it
THUMBNAIL = 160  # pixels
SHOWN = 8  # accepted captions, and as many refused ones, that a result shows


def caption(
    settings: CaptionSettings,
    source: Path,
    out: Path,
    *,
    seed: int = 0,
    profile: str = "custom",
    progress: bool = True,
) -> StageResult:
    """Caption the logos of SOURCE, a folder of pictures or one that `collect` wrote, as if they had no captions.

    Writes OUT/captions.csv and images/ (what the gate lets through; `collect` reads that folder), lineage.json (what
    taught the captioner and the gate's CLIP), verdicts.csv (every candidate, and the test that it failed) and
    result.json. The gate is set by half of the clubs of
    `settings.pairs`, or of SOURCE's own captions, and measured on the other half; with fewer than
    `settings.fewest` captioned logos the gate that ships judges. A call that was stopped goes on where it was.
    Raises CaptionError when nothing can be read or nothing passes; ModelError for a captioner or CLIP that is not here.
    """
    watch = Stopwatch()
    logos = read_logos(source)
    captioner = load_captioner(settings.model, _device())
    clip = named_clip(settings.clip)
    gate, about = set_gate(settings, clip, read_logos(Path(settings.pairs)) if settings.pairs else logos, seed)
    chosen = listed(logos, settings.limit, seed)
    hashes = [f"{logo.id} {sha256_file(logo.path)} {logo.club}" for logo in chosen]
    source_hash = data_hash(hashes)
    counts = settings.model_dump_json(exclude={"batch_size", "limit"})
    key = data_hash([source_hash, counts, clip.fingerprint(), str(as_dict(gate)), str(seed)])
    rows = write_rows(captioner, gate, chosen, settings, out / "rows.jsonl", key=key, seed=seed, progress=progress)
    _write_verdicts(out / "verdicts.csv", chosen, rows)
    accepted = [(logo, row) for logo, row in zip(chosen, rows, strict=True) if row.best is not None]
    if not accepted:
        for stale in ("captions.csv", "result.json"):
            (out / stale).unlink(missing_ok=True)
        raise CaptionError(_nothing(rows, out, settings.model))
    _write_accepted(out, accepted)
    state(captioner_lineage(captioner.name) | clip_lineage(settings.clip), out)
    shown = gallery(chosen, rows)
    _write_gallery(out / "gallery", chosen, {one["id"] for one in shown})
    values = {
        "logos": len(chosen),
        "left": len(logos) - len(chosen),
        "accepted": len(accepted),
        "accepted_share": interval(len(accepted), len(chosen)),
        "candidates": sum(len(row.verdicts) for row in rows),
        "refused": dict(Counter(v.test for row in rows for v in row.verdicts if v.test).most_common()),
        "model": captioner.name,
        "clip": settings.clip,
        "gate": about,
        "gallery": shown,
        "images_per_s": round(len(chosen) / max(watch.seconds(), 0.01), 2),
    }
    skipped = tuple({"item": row.id, "reason": row.fault} for row in rows if row.fault)
    result = StageResult(
        stage="caption",
        values=values,
        files={"captions": "captions.csv", "verdicts": "verdicts.csv", "images": "images"},
        provenance=watch.provenance(settings, seed, source_hash, profile),
        skipped=skipped,
    )
    write_result(out / "result.json", result)
    return result


def set_gate(settings: CaptionSettings, clip: Clip, logos: Sequence[Logo], seed: int) -> tuple[Gate, dict[str, Any]]:
    """The gate that half of the captioned clubs set, or the one that ships; and how good it is."""
    told = listed([logo for logo in logos if logo.caption], settings.most, seed)
    kinds = {logo.club for logo in told if club_place(logo.club) < HALF}, {logo.club for logo in told}
    if len(told) < settings.fewest or not 1 < len(kinds[0]) < len(kinds[1]):
        reads = settings.ocr and can_read()
        return shipped_gate(clip), {"kind": "shipped", "reads": reads, **read_shipped()["measured"]}
    known = sight(clip, told, settings.ocr)
    halves = [[one for one in known if (club_place(one.seen.club) < HALF) == first] for first in (True, False)]
    reference = drawn_words().joined(Reference.of([one.caption for one in halves[0]]))
    gate = calibrate(
        clip,
        reference,
        [one.seen for one in halves[0]],
        [one.caption for one in halves[0]],
        pass_rate=settings.pass_rate,
        seed=seed,
    )
    seen, captions = [one.seen for one in halves[1]], [one.caption for one in halves[1]]
    measured = {
        "with_club": judged(gate, seen, captions, seed),
        "without_club": judged(gate, [replace(one, club="") for one in seen], captions, seed),
    }
    about = {"kind": "own", "reads": settings.ocr and can_read(), "pairs": len(halves[0]), **measured}
    return gate, {**about, "numbers": as_dict(gate)}


@dataclass(frozen=True)
class Known:
    """A captioned logo as the gate sees it."""

    id: str
    seen: Seen
    caption: str


def sight(clip: Clip, logos: Sequence[Logo], ocr: bool, batch: int = 64) -> list[Known]:
    """See captioned logos, a batch at a time; those whose picture cannot be read or is blank are left out."""
    found = []
    for first in range(0, len(logos), batch):
        part, pixels = [], []
        for logo in logos[first : first + batch]:
            try:
                pixels.append(logo.pixels())
            except ImageError:
                continue
            part.append(logo)
        seen = look(clip, pixels, [logo.club for logo in part], ocr=ocr)
        found += [Known(logo.id, one, logo.caption) for logo, one in zip(part, seen, strict=True) if not one.blank]
    return found


def gallery(logos: Sequence[Logo], rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Some accepted and some refused candidates, each with its logo's file, for the book."""
    pairs = list(zip(logos, rows, strict=True))
    accepted = [(logo, row.best) for logo, row in pairs if row.best is not None]
    refused = [(logo, next((v for v in row.verdicts if not v.accepted), None)) for logo, row in pairs]
    chosen = [*accepted[:SHOWN], *[(logo, v) for logo, v in refused if v is not None][:SHOWN]]
    return [{"id": logo.id, **asdict(verdict)} for logo, verdict in chosen]


def _write_verdicts(path: Path, logos: Sequence[Logo], rows: Sequence[Row]) -> None:
    table = io.StringIO(newline="")
    lines = csv.writer(table)
    measures = ("information", "colours", "name", "reading", "fit")
    lines.writerow(("id", "club", "caption", "accepted", "test", "reason", "score", *measures))
    for logo, row in zip(logos, rows, strict=True):
        if row.fault:
            lines.writerow((logo.id, logo.club, "", 0, "content", row.fault))
        for v in row.verdicts:
            numbers = [v.measures.get(name, "") for name in measures]
            lines.writerow((logo.id, logo.club, v.caption, int(v.accepted), v.test, v.reason, v.score, *numbers))
    write_text(path, table.getvalue())


def _write_accepted(out: Path, accepted: Sequence[tuple[Logo, Row]]) -> None:
    """A folder that `collect` reads: the pictures, and a table of them."""
    (out / "images").mkdir(parents=True, exist_ok=True)
    for file in set((out / "images").glob("*.png")) - {out / "images" / f"{logo.id}.png" for logo, _ in accepted}:
        file.unlink()
    table = io.StringIO(newline="")
    lines = csv.writer(table)
    lines.writerow(("file", "caption", "club", "league", "score"))
    for logo, row in accepted:
        assert row.best is not None
        save_png(Image.fromarray(np.ascontiguousarray(logo.pixels())), out / "images" / f"{logo.id}.png")
        lines.writerow((f"images/{logo.id}.png", row.best.caption, logo.club, logo.league, row.best.score))
    write_text(out / "captions.csv", table.getvalue())


def _write_gallery(folder: Path, logos: Sequence[Logo], ids: set[str]) -> None:
    """Small pictures of the logos that the result shows."""
    folder.mkdir(parents=True, exist_ok=True)
    for logo in logos:
        if logo.id in ids:
            save_png(fit(Image.fromarray(logo.pixels()), THUMBNAIL), folder / f"{logo.id}.png")


def _nothing(rows: Sequence[Row], out: Path, model: str) -> str:
    """Why nothing passed, and what to do."""
    tests = Counter(row.verdicts[0].test if row.verdicts else "content" for row in rows)
    worst = "; ".join(f"{n} because {TESTS[test]}" for test, n in tests.most_common(3))
    return (
        f"None of {len(rows)} logos got a caption that the gate accepts ({worst}): {out / 'verdicts.csv'} has every "
        f"candidate; fine-tune the captioner {model} on captioned logos, or take another by caption.model."
    )


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
