"""Do machine captions help? CLIP's held-out retrieval with real pairs only, with all machine captions, with gated ones.

PAIRS holds captioned logos (captions.csv, images/); BARE holds logos without captions. Pairs are split by club; bare
logos of held-out clubs, and near-duplicates of held-out pictures, are left out. The captioner and the gate's CLIP are
fine-tuned on the training pairs. What is done is kept in WORK. python benchmarks/caption_ablation.py PAIRS BARE
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np

from logolib.caption import caption
from logolib.caption.sources import Logo, listed, read_logos
from logolib.collect import collect
from logolib.config import CollectSettings, LogolibError, load_profile
from logolib.data import build_dataset, load_pairs, near_pairs, signature
from logolib.data.duplicates import SIDE
from logolib.evaluate.statistics import bootstrap_mean
from logolib.images import ImageError, fit, read_image
from logolib.report.benchmarks import keep
from logolib.results import write_text
from logolib.train import train_captioner, train_clip

ARMS = ("real pairs only", "with all machine captions", "with gated ones")


def main() -> None:
    """Read the command line, do what is missing, keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("bare", type=Path)
    parser.add_argument("--work", type=Path, default=Path("build/caption_ablation"))
    parser.add_argument("--limit", type=int, default=0, help="bare logos of a seeded list; 0: all")
    parser.add_argument("--captioner-steps", type=int, default=200)
    parser.add_argument("--clip-steps", type=int, help="the demo profile's unless told")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/caption_ablation.json"))
    given = parser.parse_args()
    try:
        rows = run(given)
    except LogolibError as error:
        sys.exit(str(error))
    keep(given.out, rows, "The same held-out clubs for all; mean over seeds, 95 % bootstrap over seeds and pairs.")
    print(given.out.read_text("utf8"))


def run(given: argparse.Namespace) -> list[dict[str, Any]]:
    """The table, one row an arm."""
    work: Path = given.work
    data = work / "data"
    if not (data / "result.json").exists():
        collect(CollectSettings(source=str(given.pairs)), work / "collected", progress=False)
        build_dataset(load_profile("demo").dataset, work / "collected", data, progress=False)
    train, val = load_pairs(data, "train", 64), load_pairs(data, "val", 64)
    training_pairs(work, set(train.clubs))
    profile = load_profile("demo")
    steps = {"steps": given.captioner_steps, "start": "default", "batch_size": 16, "lr": 3e-4, "repeat": 1}
    if not (work / "model" / "captioner" / "result.json").exists():
        train_captioner(profile.captioner.model_copy(update=steps), data, work / "model", resume=True)
    bare = without_held_out(listed(read_logos(given.bare), given.limit, 0), set(val.clubs), data, work)
    settings = profile.caption.model_copy(
        update={"model": str(work / "model" / "captioner"), "pairs": str(work / "known"), "limit": 0}
    )
    caption(settings, bare, work / "captions")
    verdicts = list(csv.DictReader((work / "captions" / "verdicts.csv").open(encoding="utf8")))
    files = {logo.id: logo.path for logo in read_logos(bare)}
    first: dict[str, str] = {}
    for row in verdicts:
        if row["caption"]:
            first.setdefault(row["id"], row["caption"])
    gated = list(csv.DictReader((work / "captions" / "captions.csv").open(encoding="utf8")))
    more = {
        ARMS[0]: [],
        ARMS[1]: [(str(files[name].resolve()), text) for name, text in first.items()],
        ARMS[2]: [(str((work / "captions" / row["file"]).resolve()), row["caption"]) for row in gated],
    }
    real = [
        (str((data / "images" / f"{name}.png").resolve()), text)
        for name, text in zip(train.ids, train.captions, strict=True)
    ]
    held = [
        (str((data / "images" / f"{name}.png").resolve()), text)
        for name, text in zip(val.ids, val.captions, strict=True)
    ]
    table(work / "val.csv", held)
    return [arm(name, real + more[name], given, profile, len(more[name])) for name in ARMS]


def arm(
    name: str, pairs: list[tuple[str, str]], given: argparse.Namespace, profile: Any, machine: int
) -> dict[str, Any]:
    """Train on some pairs with every seed and measure on the held-out ones."""
    work: Path = given.work
    slug = name.replace(" ", "_")
    table(work / f"{slug}.csv", pairs)
    update = {"train_data": str(work / f"{slug}.csv"), "val_data": str(work / "val.csv")}
    settings = profile.clip.model_copy(update={**update, **({"steps": given.clip_steps} if given.clip_steps else {})})
    found = [
        train_clip(settings, work / "data", work / "runs" / f"{slug}-{seed}", seed=seed, resume=True).values
        for seed in given.seeds
    ]
    row: dict[str, Any] = {"arm": name, "pairs": len(pairs), "by machine": machine}
    for key in ("text_to_image_R@1", "text_to_image_R@10", "image_to_text_R@10"):
        low, high = (np.mean([v["retrieval_interval"][key][end] for v in found]) for end in (0, 1))
        mean = bootstrap_mean([v["retrieval"][key] for v in found]).mean
        row[key] = f"{mean:.0%} ({low:.0%} to {high:.0%})"
    return row | {"chance R@10": f"{found[0]['chance']['R@10']:.0%} of {found[0]['n_val']}"}


def training_pairs(work: Path, clubs: set[str]) -> None:
    """WORK/known: the captioned logos of the training clubs, as `collect` writes them, to set the gate."""
    known = work / "known"
    if (known / "manifest.parquet").exists():
        return
    logos = [logo for logo in read_logos(work / "collected") if logo.club in clubs]
    folder = work / "known_source"
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for logo in logos:
        (folder / "images" / f"{logo.id}.png").write_bytes(logo.path.read_bytes())
        rows.append([f"images/{logo.id}.png", logo.caption, logo.club])
    write_table(folder / "captions.csv", ["file", "caption", "club"], rows)
    collect(CollectSettings(source=str(folder)), known, progress=False)


def without_held_out(logos: list[Logo], clubs: set[str], data: Path, work: Path) -> Path:
    """WORK/bare: the bare logos of no held-out club, and near no held-out picture."""
    folder = work / "bare"
    if (folder / "clubs.csv").exists():
        return folder
    names = {club.casefold() for club in clubs}
    val = sorted((data / "images").glob("*.png"))
    held = {record["id"] for record in load_pairs(data, "val", 64).records}
    seen = [signature(fit(read_image(path.read_bytes()), SIDE)) for path in val if path.stem in held]
    kept: list[tuple[Logo, Any]] = []
    for logo in logos:
        if logo.club.casefold() in names:
            continue
        try:
            kept.append((logo, signature(fit(read_image(logo.path.read_bytes()), SIDE))))
        except (ImageError, OSError):
            continue
    every = np.concatenate([np.atleast_1d(one) for one in [*seen, *(one for _, one in kept)]])
    pairs = near_pairs(every).pairs
    near = {int(b) - len(seen) for a, b in np.sort(pairs, axis=1) if a < len(seen) <= b}
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for i, (logo, _) in enumerate(kept):
        if i not in near:
            (folder / "images" / f"{logo.id}.png").write_bytes(logo.path.read_bytes())
            rows.append([f"images/{logo.id}.png", logo.club, logo.league])
    write_table(folder / "clubs.csv", ["file", "club", "league"], rows)
    return folder


def table(path: Path, pairs: list[tuple[str, str]]) -> None:
    """A table of pictures and captions, as `train clip` takes it."""
    write_table(path, ["filepath", "title"], [list(pair) for pair in pairs])


def write_table(path: Path, header: list[str], rows: list[list[str]]) -> None:
    """A CSV beside its place, renamed."""
    import io

    text = io.StringIO(newline="")
    lines = csv.writer(text)
    lines.writerow(header)
    lines.writerows(rows)
    write_text(path, text.getvalue())


if __name__ == "__main__":
    main()
