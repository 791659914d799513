"""The data card: what a data set holds, where it comes from, and what is known to be wrong with it."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from logolib.config import DatasetSettings
from logolib.data.colours import COLOUR_WORD, colour_counts

LICENCES = {"demo": "Apache-2.0: drawn by this library"}  # by source, where the manifest states none
NO_LICENCE = "none stated: the marks belong to their clubs, the captions to their writers"
SHORT = 4  # words below which a caption says too little to find its logo
SIDES = (64, 128, 256, 512)  # pixels


def card_values(
    table: pa.Table, val: np.ndarray, pale: np.ndarray, sides: np.ndarray, settings: DatasetSettings
) -> dict[str, Any]:
    """Everything the card states, from the kept rows, which are held out, which vanish on white, and (K, 2) sides."""
    columns = {name: table[name].to_pylist() for name in ("caption", "club", "league", "kind", "source", "removed")}
    captions = columns["caption"]
    lengths = [len(caption.split()) for caption in captions]
    vocabulary = {word.strip('.,;:"()“”').lower() for caption in captions for word in caption.split()}
    clubs = np.array(columns["club"], object)
    longest = sides.max(axis=1)
    repeated = Counter(captions)
    faults = {
        "captions cut by their page": sum(map(bool, table["truncated"].to_pylist())),
        f"captions of fewer than {SHORT} words": sum(n < SHORT for n in lengths),
        "captions that name no colour": sum(not COLOUR_WORD.search(caption.lower()) for caption in captions),
        "captions that another club's logo has too": sum(n for n in repeated.values() if n > 1),
        f"pictures smaller than {settings.size} px, scaled up": int((longest < settings.size).sum()),
        "pictures that vanish on white": int(pale.sum()),
        "logos without a league": sum(not league for league in columns["league"]),
        "logos of clubs with no other logo": sum(n == 1 for n in Counter(columns["club"]).values()),
    }
    return {
        "splits": [
            {"split": name, "logos": int(mask.sum()), "clubs": len(set(clubs[mask]))}
            for name, mask in (("train", ~val), ("val", val))
        ],
        "words": [[n, count] for n, count in sorted(Counter(lengths).items())],
        "words_mean": round(statistics.fmean(lengths), 1),
        "vocabulary": len(vocabulary - {""}),
        "colours": _counted(colour_counts(captions), 40),
        "leagues": _counted((league or "none given" for league in columns["league"]), 40),
        "kinds": _counted((kind or "none given" for kind in columns["kind"]), 10),
        "sources": _counted(columns["source"], 20),
        "licences": _counted(_licences(table, columns["source"]), 20),
        "longest_sides": [
            [label, int(((longest > low) & (longest <= high)).sum())] for label, low, high in _ranges(SIDES)
        ],
        "cleaned": sum(map(bool, columns["removed"])),
        "removed": _counted((clause for clauses in columns["removed"] for clause in clauses), 12),
        "faults": [[fault, count] for fault, count in faults.items()],
    }


def card_text(values: dict[str, Any], settings: DatasetSettings) -> str:
    """The card as Markdown, from a stage's values with the card's own under `card`."""
    card = values["card"]
    words = [n for n, _ in card["words"]]
    lines = [
        "# Data card",
        "",
        *_table(["split", "logos", "clubs"], [list(row.values()) for row in card["splits"]]),
        f"Split by club: about {settings.val_fraction:.0%} of them, by the hash of the name, are held out;",
        f"{values['kin']} pairs of clubs share a drawing and so a side.",
        f"Pictures are RGBA, {settings.size} px square, padded and never cropped.",
        f"Left out: {values['duplicates']} equal pictures, {values['near_duplicates']} near-duplicates,",
        f"{values['collapsed']} repeats of a caption, {values['skipped']} unusable rows.",
        f"Added to train: {values['augmented']} augmented versions.",
        "",
        "## Captions",
        "",
        f"Words a caption: {words[0]} to {words[-1]}, median {values['caption_words_median']:g},",
        f"mean {card['words_mean']:g}. Different words: {card['vocabulary']}.",
        f"Captions from which something was taken out: {card['cleaned']}.",
        "",
        *_table(["taken out", "times"], card["removed"]),
        *_table(["colour", "captions"], card["colours"]),
        "## Pictures as collected",
        "",
        *_table(["longest side", "pictures"], card["longest_sides"]),
        *_table(["kind", "pictures"], card["kinds"]),
        "## Leagues",
        "",
        *_table(["league", "logos"], card["leagues"]),
        "## Sources and licences",
        "",
        *_table(["source", "logos"], card["sources"]),
        *_table(["licence", "logos"], card["licences"]),
        "Marks of real clubs belong to those clubs; captions belong to whoever wrote them.",
        "",
        "## Known faults",
        "",
        *_table(["fault", "logos"], card["faults"]),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _licences(table: pa.Table, sources: list[str]) -> list[str]:
    """The licence of each row: the manifest's, otherwise what its source says."""
    stated = next((table[name].to_pylist() for name in ("licence", "license") if name in table.column_names), None)
    return [str((stated and stated[i]) or LICENCES.get(source, NO_LICENCE)) for i, source in enumerate(sources)]


def _counted(items: Iterable[str] | Counter[str], most: int) -> list[list[Any]]:
    """The most frequent items with their counts, the rest summed up in one row."""
    counts = Counter(items).most_common()
    rest = sum(count for _, count in counts[most:])
    return [[item, count] for item, count in counts[:most]] + ([[f"{len(counts) - most} others", rest]] if rest else [])


def _ranges(ends: tuple[int, ...]) -> list[tuple[str, float, float]]:
    lows = (0, *ends)
    inner = [(f"{low + 1} to {high} px", float(low), float(high)) for low, high in zip(lows, ends, strict=False)]
    return [*inner, (f"above {ends[-1]} px", float(ends[-1]), float("inf"))]


def _table(head: list[str], rows: Iterable[Iterable[Any]]) -> list[str]:
    cells = [[str(cell).replace("|", "/") for cell in row] for row in rows]
    if not cells:
        return []
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *cells)] + [""]
