"""Captions for logos that have none, from what is known of them: their colours, measured, and their club's name.

FOLDER holds metadata.csv (file, title) and images/. Clubs and pictures of DATA's held-out half are left out, by name
and by look. Writes OUT/train.csv and OUT/val.csv, tables as `train clip` takes them.
python benchmarks/metadata_captions.py FOLDER DATA OUT
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from pathlib import Path

import imagehash
import numpy as np
import pandas as pd
from PIL import Image

from logolib.config import LogolibError
from logolib.data import load_pairs
from logolib.data.colours import oklab, rgb
from logolib.images import read_image
from logolib.seeds import derive
from logolib.train.zero_shot import named_figures

WORDS = (
    *("red", "maroon", "orange", "gold", "green", "teal", "blue"),
    *("navy", "purple", "brown", "black", "grey", "white"),
)
SHARE = 0.06  # of a logo's pixels: what a caption would name
ALIKE = 10  # bits of 64 in which the hashes of two versions of one logo differ at most
HELD_OUT = 100
FORMS = (
    "A {first} {what} with {second} trim and {third} wordmark.",
    'A {first}, {second} and {third} {what}, wordmark "{name}".',
    "A {what} in {first} with {second} and {third}.",
    'Wordmark "{name}" in {first} with {second} trim.',
    'Wordmark "{name}" in {second} on a {first} {what}.',
    "A {second} {what} on a {first} background.",
)


def main() -> None:
    """Read the command line and write both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    try:
        pairs = load_pairs(given.data, "val", 128)
    except LogolibError as error:
        sys.exit(str(error))
    seen = {imagehash.phash(Image.fromarray(picture)) for picture in pairs.images}
    clubs = {_plain(record) for record in pairs.clubs}
    rows, left_out = [], 0
    for line in pd.read_csv(given.folder / "metadata.csv", dtype=str).fillna("").itertuples():
        file = given.folder / str(line.file)
        picture = read_image(file.read_bytes()).convert("RGBA")
        on_white = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
        look = imagehash.phash(on_white)
        if _plain(str(line.title)) in clubs or min(look - other for other in seen) <= ALIKE:
            left_out += 1
            continue
        rng = np.random.default_rng(derive(given.seed, "metadata", str(line.file)))
        rows.append((str(file.resolve()), caption(str(line.title), colours(picture), rng)))
    np.random.default_rng(given.seed).shuffle(rows)
    given.out.mkdir(parents=True, exist_ok=True)
    for name, some in (("val", rows[:HELD_OUT]), ("train", rows[HELD_OUT:])):
        with (given.out / f"{name}.csv").open("w", encoding="utf8", newline="") as file:
            csv.writer(file).writerows([("filepath", "title"), *some])
    print(f"{len(rows)} captioned, {left_out} left out as held-out clubs or their likes")
    print("\n".join(words for _, words in rows[:8]))


def colours(picture: Image.Image) -> list[str]:
    """The words for a logo's colours, RGBA, largest first: at least one, at most three."""
    pixels = np.asarray(picture.resize((64, 64))).reshape(-1, 4)
    shown = pixels[pixels[:, 3] > 128, :3]
    known = oklab(np.stack([rgb(word) for word in WORDS]))
    nearest = np.linalg.norm(oklab(shown)[:, None] - known, axis=-1).argmin(1)
    share = np.bincount(nearest, minlength=len(WORDS)) / max(1, len(shown))
    found = [WORDS[i] for i in np.argsort(-share) if share[i] >= SHARE]
    return found[:3] or ["black"]


def caption(title: str, found: list[str], rng: np.random.Generator) -> str:
    """One sentence, in the manner of those who describe logos."""
    first, second, third = (*found, *found, *found)[:3]
    named = sorted(named_figures(title))
    what = named[0] if named else str(rng.choice(["crest", "logo", "shield", "badge"]))
    words = [word for word in re.findall(r"[^\W\d_]{3,}", title) if word.lower() not in {"the", "club", "football"}]
    form = str(rng.choice(FORMS))
    name = (str(rng.choice(words)) if words else title).upper()
    return form.format(first=first, second=second, third=third, what=what, name=name)


def _plain(title: str) -> str:
    return re.sub(r"[^a-z0-9]", "", title.lower())


if __name__ == "__main__":
    main()
