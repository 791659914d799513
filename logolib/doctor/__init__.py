"""What would go wrong, in words, before it does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from logolib.doctor.cost import check_cost
from logolib.doctor.data import Data, check_amount, check_pictures, check_shards, check_splits, look_at
from logolib.doctor.files import DoctorError, Shape, TypesError, read_config_file, right_types, shape_of
from logolib.doctor.findings import Finding, as_text, worst_first
from logolib.doctor.fix import fixed_decoder, write_config
from logolib.doctor.keys import check_keys
from logolib.doctor.mapping import changes_of
from logolib.doctor.settings import check_decoder, check_training, check_widths
from logolib.doctor.weights import SUFFIXES, check_checkpoint, check_load

__all__ = ["DoctorError", "Finding", "as_text", "changes_of", "diagnose"]


def diagnose(file: Path, data: Path | None = None, fix: Path | None = None) -> list[Finding]:
    """All findings on a config, a checkpoint or a data set, worst first. Needs no network.

    `data` is what a config would train on: `logolib dataset`'s folder, upstream's tars (one, or a folder, with
    `.npy` embeddings beside them), or a folder of images. `fix` is where the corrected train_decoder config goes.
    Raises DoctorError for a file that is none of these.
    """
    if not file.exists():
        raise DoctorError(f"There is no {file}.")
    if file.suffix in SUFFIXES or (file.is_dir() and (file / "model.safetensors").exists()):
        return worst_first(check_checkpoint(file) if file.is_file() else [])
    if file.is_dir() or file.suffix == ".tar":
        seen = look_at(file)
        kinds = ", ".join(f"{n} {name}" for name, n in sorted(seen.pictures.items()))
        where = f"{seen.tars} tar{'s' * (seen.tars != 1)}"
        about = Finding("notes", str(file), f"{seen.samples} pictures ({kinds}) in {where}.", "")
        pictures = [] if seen.ours else [f for f in check_pictures({}, seen) if f.key == "data.webdataset_base_url"]
        return worst_first([*check_shards(seen), *pictures, about])
    config = read_config_file(file)
    shape = shape_of(config, file)
    findings: list[Finding] = []
    try:
        with right_types(file):
            if shape == "load":
                return worst_first(check_load(config, file.parent))
            found = look_at(data, None, int(config.get("data", {}).get("index_width", 4))) if data is not None else None
            for finding in _checks(config, shape, found):
                findings.append(finding)  # noqa: PERF402  # what was found before a check fails counts
            if fix is not None:
                if shape != "decoder":
                    raise DoctorError(f"{file} is no train_decoder config, which is what --fix corrects.")
                write_config(fixed_decoder(config, findings, found), fix)
    except TypesError:
        if fix is not None or not any(finding.severity == "fails" for finding in findings):
            raise
    return worst_first(findings)


def _checks(config: dict[str, Any], shape: Shape, found: Data | None) -> Iterator[Finding]:
    yield from check_keys(config, shape)
    yield from check_widths(config, shape)
    yield from check_training(config, shape)
    if found is not None:
        yield from check_shards(found)
    if shape == "decoder":
        yield from check_decoder(config)
        yield from check_splits(config, found)
        yield from check_pictures(config, found)
        yield from check_amount(config, found)
        yield from check_cost(config, found)
