"""Which rows of a manifest make the data set: repeats merged, captions collapsed, clubs dealt to two sides."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from logolib.data.clean import connected, split_clubs
from logolib.data.duplicates import near_pairs

SPLITS = ("train", "val")
# One row that another one stands for, and why: picture (the same pixels) | near | caption.
MERGED = pa.list_(pa.struct([(name, pa.string()) for name in ("id", "club", "years", "caption", "why")]))


@dataclass(frozen=True)
class Curated:
    """Rows that make the data set, and what became of the others."""

    rows: np.ndarray  # int64 (K,), ascending
    val: np.ndarray  # bool (K,): held out
    merged: dict[int, list[dict[str, str]]]  # by kept row: the rows it stands for, where there are any
    years: dict[int, str]  # by kept row: all its club's years, where it stands for other rows
    clubs_val: int
    exact: int  # rows left out for a picture of the same pixels
    near: int  # rows left out for a near-duplicate picture
    collapsed: int  # rows left out for a caption that their club repeats
    kin: int  # pairs of clubs that share a drawing and so a side
    beyond: int = 0  # training rows left out to keep to a limit


def curate(table: pa.Table, signatures: np.ndarray, val_fraction: float) -> Curated:
    """Merge repeats and split, from the columns id, caption, truncated, club, years and (N,) signatures.

    Of equal or near pictures one row stays, rather a whole caption than a cut one, rather an earlier row
    than a later; of rows in which one club repeats a caption, likewise. Clubs that share a drawing, in
    whatever colours, go to one side. Time and memory are linear in N. Raises DataError for fewer than two
    clubs.
    """
    clubs: list[str] = table["club"].to_pylist()
    names: dict[str, int] = {}
    club = np.array([names.setdefault(name.casefold(), len(names)) for name in clubs], np.int64)
    everyone = np.arange(len(table))
    better = np.lexsort((everyone, table["truncated"].to_numpy()))  # best first
    rank = np.empty(len(table), np.int64)
    rank[better] = everyone

    near = near_pairs(signatures)
    equal = _leaders(np.unique(signatures["pixels"], return_inverse=True)[1], rank)
    copies = np.stack([everyone, equal], axis=1)
    leader = _leaders(connected(len(table), np.concatenate([near.pairs[near.same], copies])), rank)
    why = np.full(len(table), "", "<U7")
    why[leader != everyone] = "near"
    why[equal != everyone] = "picture"

    captions: list[str] = table["caption"].to_pylist()
    said: dict[tuple[int, str], int] = {}
    for row in better[why[better] == ""].tolist():
        first = said.setdefault((int(club[row]), captions[row]), row)
        if first != row:
            leader[row], why[row] = first, "caption"
    left_out = np.flatnonzero(why != "")
    leader[left_out] = leader[leader[left_out]]  # what was merged into a row that was collapsed

    pairs = np.concatenate([near.pairs, copies])
    across = pairs[club[pairs[:, 0]] != club[pairs[:, 1]]]
    kin = {(clubs[a], clubs[b]) for a, b in across.tolist()}
    held_out = split_clubs(clubs, val_fraction, kin)
    rows = np.flatnonzero(why == "")
    merged, years = _merged(table, left_out, leader, why)
    return Curated(
        rows=rows,
        val=np.array([clubs[row] in held_out for row in rows.tolist()], bool),
        merged=merged,
        years=years,
        clubs_val=len({clubs[row] for row in rows.tolist()} & held_out),
        exact=int((why == "picture").sum()),
        near=int((why == "near").sum()),
        collapsed=int((why == "caption").sum()),
        kin=len({frozenset(pair) for pair in kin}),
    )


def limited(curated: Curated, ids: list[str], limit: int | None) -> Curated:
    """Keep at most `limit` training rows, chosen by a hash of their (N,) ids; the held-out side stays as it is."""
    train = curated.rows[~curated.val]
    if limit is None or len(train) <= limit:
        return curated
    order = sorted(train.tolist(), key=lambda row: hashlib.sha256(ids[row].encode()).digest())
    stays = curated.val | np.isin(curated.rows, order[:limit])
    return replace(curated, rows=curated.rows[stays], val=curated.val[stays], beyond=len(train) - limit)


def _merged(
    table: pa.Table, left_out: np.ndarray, leader: np.ndarray, why: np.ndarray
) -> tuple[dict[int, list[dict[str, str]]], dict[int, str]]:
    """By kept row: the rows it stands for, and the years of those of its own club, its own first."""
    fields = ["id", "club", "years", "caption"]
    others = table.select(fields).take(left_out).to_pylist()
    kept = table.select(["club", "years"]).take(leader[left_out]).to_pylist()
    merged: dict[int, list[dict[str, str]]] = {}
    years: dict[int, list[str]] = {}
    for row, into, other, own in zip(left_out.tolist(), leader[left_out].tolist(), others, kept, strict=True):
        entry = {name: str(other[name] or "") for name in fields}
        merged.setdefault(into, []).append({**entry, "why": str(why[row])})
        known = years.setdefault(into, [str(own["years"] or "")])
        if other["club"] == own["club"]:
            known.append(entry["years"])
    return merged, {row: "; ".join(dict.fromkeys(filter(None, known))) for row, known in years.items()}


def _leaders(group: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """For each row the best row of its group, int64 (N,)."""
    best = np.full(int(group.max(initial=-1)) + 1, -1, np.int64)
    order = np.argsort(-rank)  # worst first: the best is written last
    best[group[order]] = order
    return best[group]
