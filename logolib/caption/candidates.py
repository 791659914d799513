"""Several captions for each logo, written in batches and judged; what is done is kept, and a second call goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from logolib.caption.gate import Gate, Verdict, look
from logolib.caption.sources import Logo
from logolib.config import CaptionSettings
from logolib.images import ImageError
from logolib.models.captioner import Captioner
from logolib.results import write_text
from logolib.seeds import derive


@dataclass(frozen=True)
class Row:
    """What became of one logo."""

    id: str
    verdicts: tuple[Verdict, ...]  # one a candidate, in the captioner's order: the likeliest first
    fault: str = ""  # why there are none

    @property
    def best(self) -> Verdict | None:
        """The surest candidate that the gate accepts."""
        accepted = [verdict for verdict in self.verdicts if verdict.accepted]
        return max(accepted, key=lambda verdict: verdict.score) if accepted else None


def write_rows(
    captioner: Captioner,
    gate: Gate,
    logos: Sequence[Logo],
    settings: CaptionSettings,
    store: Path,
    *,
    key: str,
    seed: int,
    progress: bool = True,
) -> list[Row]:
    """Caption and judge every logo, in order; rows of an earlier call with the same `key` in `store` are taken over.

    Each picture draws from its own seed, so that batches and stops change nothing. Of equal captions the first
    picture's stays.
    """
    rows = _kept(store, key, [logo.id for logo in logos])
    taken = {row.best.caption for row in rows if row.best is not None}
    write_text(store, json.dumps({"key": key}) + "\n" + "".join(map(_line, rows)))
    with store.open("a", encoding="utf8") as file:
        bar = tqdm(total=len(logos), initial=len(rows), desc="captions", disable=not progress, unit="")
        for first in range(len(rows), len(logos), settings.batch_size):
            part = logos[first : first + settings.batch_size]
            for row in _batch(captioner, gate, part, settings, seed, taken):
                rows.append(row)
                file.write(_line(row))
            file.flush()
            bar.update(len(part))
        bar.close()
    return rows


def sentence(text: str) -> str:
    """A candidate as a caption: one line, a capital at its start, a stop at its end."""
    text = " ".join(text.split()).strip(" .,;")
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _batch(
    captioner: Captioner, gate: Gate, logos: Sequence[Logo], settings: CaptionSettings, seed: int, taken: set[str]
) -> Iterator[Row]:
    """Rows of some logos; `taken` grows by the captions that are accepted."""
    pixels: dict[str, np.ndarray] = {}
    faults: dict[str, str] = {}
    for logo in logos:
        try:
            pixels[logo.id] = logo.pixels()
        except ImageError as error:
            faults[logo.id] = str(error)
    readable = [logo for logo in logos if logo.id in pixels]
    pictures = [pixels[logo.id] for logo in readable]
    seen = dict(zip(pixels, look(gate.clip, pictures, [logo.club for logo in readable], ocr=settings.ocr), strict=True))
    shown = [logo for logo in readable if not seen[logo.id].blank]
    written = captioner.write(
        [on_white(pixels[logo.id]) for logo in shown],
        [derive(seed, "caption", logo.id) for logo in shown],
        beams=settings.beams,
        samples=settings.samples,
        temperature=settings.temperature,
        length=settings.length,
    ) if shown else []  # fmt: skip
    candidates = dict(zip([logo.id for logo in shown], written, strict=True))
    for logo in logos:
        if logo.id not in candidates:
            yield Row(logo.id, (), faults.get(logo.id, "there is nothing on the picture"))
            continue
        texts = list(dict.fromkeys(filter(None, map(sentence, candidates[logo.id]))))
        if not texts:
            yield Row(logo.id, (), "the captioner wrote nothing")
            continue
        row = Row(logo.id, tuple(gate.judge([seen[logo.id]] * len(texts), texts, sorted(taken))))
        if row.best is not None:
            taken.add(row.best.caption)
        yield row


def on_white(pixels: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 4) => (S, S, 3) on white, padded to a square: captioners shrink without regard to the aspect."""
    height, width = pixels.shape[:2]
    side = max(height, width)
    square = np.full((side, side, 3), 255, np.uint8)
    alpha = pixels[..., 3:].astype(np.uint16)
    flat = (pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = flat
    return square


def _line(row: Row) -> str:
    return json.dumps(asdict(row), ensure_ascii=False) + "\n"


def _kept(store: Path, key: str, ids: list[str]) -> list[Row]:
    """Rows of an earlier call with this key, as far as they follow the list; a torn last line is dropped."""
    rows: list[Row] = []
    try:
        lines = store.read_text("utf8").splitlines()
        if not lines or json.loads(lines[0]) != {"key": key}:
            return []
        for name, line in zip(ids, lines[1:], strict=False):
            values: dict[str, Any] = json.loads(line)
            if values["id"] != name:
                break
            verdicts = tuple(Verdict(**verdict) for verdict in values["verdicts"])
            rows.append(Row(values["id"], verdicts, values["fault"]))
    except (OSError, ValueError, KeyError, TypeError):
        return rows
    return rows
