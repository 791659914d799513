"""Turn a run's models into the base that ships: 8-bit weights, and a record of how they were trained.

A part that was trained in the space of the shipped CLIP can take its place alone. So can a CLIP whose text tower was
taught further (`clip.attribute_steps`), which leaves its embeddings where they were:
python benchmarks/ship_base.py runs/base/model [--only clip decoder]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from logolib.config import LogolibError, Shares
from logolib.models.clip import load_clip
from logolib.models.decoder import load_decoder
from logolib.models.lineage import part_lineage
from logolib.models.prior import load_prior
from logolib.models.upsampler import load_upsampler
from logolib.models.weights import BASE, Precision, read_config, save_config, save_weights
from logolib.results import read_result, write_text

LIMIT = 24_000_000  # bytes, all parts together
LOADERS: dict[str, Callable[[Path], nn.Module]] = {
    "prior": load_prior,
    "decoder": lambda folder: load_decoder(folder)[0],
    "upsampler": load_upsampler,
}
PRECISIONS: dict[str, Precision] = {"clip": "int8", "prior": "int8", "decoder": "int8", "upsampler": "float16"}


def main() -> None:
    """Read the command line and write the base."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, default=BASE)
    parser.add_argument("--only", nargs="+", choices=PRECISIONS, help="the others stay as they are in OUT")
    given = parser.parse_args()
    try:
        size = ship(given.run, given.out, given.only)
    except LogolibError as error:
        sys.exit(str(error))
    print(f"{given.out}: {size / 1e6:.1f} MB")


def ship(run: Path, out: Path, only: list[str] | None = None) -> int:
    """Write OUT/PART/{model.safetensors,config.json} and OUT/base.json; returns the bytes of all weights."""
    eyes, parts = load_clip(run / "clip"), only or list(PRECISIONS)
    record: dict[str, Any] = {} if only is None else json.loads((out / "base.json").read_text("utf8"))
    if "clip" in parts:
        eyes.save(out / "clip", PRECISIONS["clip"], lineage=part_lineage(run / "clip").record())
        (out / "clip" / "model.safetensors").chmod(0o644)
        record["clip"] = _record(run, "clip", None) | {"packed_from": eyes.fingerprint()}
    fingerprint = load_clip(out / "clip").fingerprint()
    if eyes.fingerprint() not in (fingerprint, record["clip"].get("packed_from")):
        raise LogolibError(f"{run} has another CLIP than {out}; ship all its parts, without --only.")
    for part, load in LOADERS.items():
        folder = run if part in parts else out
        if part == "upsampler" and not (folder / part / "model.safetensors").exists():
            continue
        config = read_config(folder / part, f"train {part}")
        if "clip" in config:
            config["clip"] = fingerprint
        if part in parts:
            (out / part).mkdir(parents=True, exist_ok=True)
            save_weights(load(run / part), out / part / "model.safetensors", PRECISIONS[part])
            (out / part / "model.safetensors").chmod(0o644)  # safetensors writes for its owner alone
            config["lineage"] = part_lineage(run / part).record()
            record[part] = _record(run, part, record.get(part))
        save_config(out / part, config)
    write_text(out / "base.json", json.dumps(record, indent=1) + "\n")
    size = sum(file.stat().st_size for file in out.rglob("*.safetensors"))
    if size > LIMIT:
        raise LogolibError(f"The base has {size / 1e6:.1f} MB and may have {LIMIT / 1e6:.0f}; train a smaller decoder.")
    return size


def _record(run: Path, part: str, shipped: dict[str, Any] | None) -> dict[str, Any]:
    """What a result says of a part, without its long lists, and each training it went through."""
    result = read_result(run / part / "result.json", part)
    values = {name: value for name, value in result.values.items() if name not in ("curve", "previews")}
    curve = [point for point in result.values["curve"] if "val_loss" in point]
    return {
        "precision": PRECISIONS[part],
        "values": values,
        "curve": curve,
        "sittings": _sittings(result.provenance, part, shipped),
        "provenance": result.provenance,
    }


def _sittings(made: dict[str, Any], part: str, shipped: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Length of each training, the first one first, as far back as the runs that each started from are here."""
    settings = made["settings"]
    own = {name: settings[name] for name in ("steps", "batch_size")} | {n: made[n] for n in ("started", "seconds")}
    own |= {share: settings.get(share, 0) for share in Shares._fields}
    start = settings["start"]
    if start == "default":
        last = shipped or {"sittings": []}
        earlier = last["sittings"] if "sittings" in last else _sittings(last["provenance"], part, None)
    elif start is not None and (file := Path(start) / part / "result.json").exists():
        earlier = _sittings(read_result(file, part).provenance, part, shipped)
    else:
        earlier = []
    return [*earlier, own]


if __name__ == "__main__":
    main()
