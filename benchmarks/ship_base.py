"""Turn a run's models into the base that ships: 8-bit weights, and a record of how they were trained.

python benchmarks/ship_base.py runs/base/model
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from logolib.config import LogolibError
from logolib.models.clip import load_clip
from logolib.models.decoder import load_decoder
from logolib.models.lineage import part_lineage
from logolib.models.prior import load_prior
from logolib.models.upsampler import load_upsampler
from logolib.models.weights import BASE, Precision, read_config, save_config, save_weights
from logolib.results import read_result, write_text

LIMIT = 24_000_000  # bytes, all parts together
PRECISIONS: dict[str, Precision] = {"clip": "int8", "prior": "int8", "decoder": "int8", "upsampler": "float16"}


def main() -> None:
    """Read the command line and write the base."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, default=BASE)
    given = parser.parse_args()
    try:
        size = ship(given.run, given.out)
    except LogolibError as error:
        sys.exit(str(error))
    print(f"{given.out}: {size / 1e6:.1f} MB")


def ship(run: Path, out: Path) -> int:
    """Write OUT/PART/{model.safetensors,config.json} and OUT/base.json; returns the bytes of all weights."""
    eyes = load_clip(run / "clip")
    eyes.save(out / "clip", PRECISIONS["clip"], lineage=part_lineage(run / "clip").record())
    (out / "clip" / "model.safetensors").chmod(0o644)
    fingerprint = load_clip(out / "clip").fingerprint()
    record: dict[str, Any] = {"clip": _record(run, "clip")}
    modules = {"prior": load_prior(run / "prior"), "decoder": load_decoder(run / "decoder")[0]}
    if (run / "upsampler" / "model.safetensors").exists():
        modules["upsampler"] = load_upsampler(run / "upsampler")
    for part, module in modules.items():
        (out / part).mkdir(parents=True, exist_ok=True)
        save_weights(module, out / part / "model.safetensors", PRECISIONS[part])
        (out / part / "model.safetensors").chmod(0o644)  # safetensors writes for its owner alone
        config = read_config(run / part, f"train {part}")
        if "clip" in config:
            config["clip"] = fingerprint
        config["lineage"] = part_lineage(run / part).record()
        save_config(out / part, config)
        record[part] = _record(run, part)
    write_text(out / "base.json", json.dumps(record, indent=1) + "\n")
    size = sum(file.stat().st_size for file in out.rglob("*.safetensors"))
    if size > LIMIT:
        raise LogolibError(f"The base has {size / 1e6:.1f} MB and may have {LIMIT / 1e6:.0f}; train a smaller decoder.")
    return size


def _record(run: Path, part: str) -> dict[str, Any]:
    """What a result says of a part, without its long lists."""
    result = read_result(run / part / "result.json", part)
    values = {name: value for name, value in result.values.items() if name not in ("curve", "previews")}
    curve = [point for point in result.values["curve"] if "val_loss" in point]
    return {"precision": PRECISIONS[part], "values": values, "curve": curve, "provenance": result.provenance}


if __name__ == "__main__":
    main()
