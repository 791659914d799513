"""What would go wrong with a checkpoint, and with a config that names some."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from logolib.doctor.findings import Finding
from logolib.models import ModelError, load_decoder, load_prior, read_checkpoint

SUFFIXES = frozenset({".pth", ".pt", ".bin", ".ckpt", ".safetensors"})


def check_checkpoint(file: Path) -> Iterator[Finding]:
    """Whether a prior's or decoder's weights load, and what can be done with them."""
    try:
        found = read_checkpoint(file)
    except ModelError as error:
        yield Finding("fails", str(file), str(error), "Ask for a state dict, or name the right file.")
        return
    load = load_prior if found.kind == "prior" else load_decoder
    config: dict[str, Any] | None = None
    if found.kind == "decoder" and found.config is None:
        config = {
            "image_sizes": [64 * 4**i for i in range(_unets(found.state))]
        }  # any will do to see whether layers fit
        what = "The file does not say how large its pictures are."
        yield Finding("warns", str(file), what, 'Give load_decoder config={"image_sizes": [...]}.')
    try:
        model = load(file, config)
    except ModelError as error:
        yield Finding("fails", str(file), str(error), "Give the config it was trained with, and its release.")
        return
    size = sum(p.numel() for p in model.parameters()) / 1e6
    release = ".".join(map(str, found.release)) if found.release else "unknown"
    average = "its average is taken" if found.averaged else "without an average"
    what = f"A {found.kind} of {size:.1f} M parameters, release {release}, {average}; every layer fits."
    yield Finding("notes", str(file), what, "")
    if not found.trainer:
        yield Finding(
            "notes",
            str(file),
            "It holds no optimizer: dalle2-pytorch's own training cannot start from it (tracker.load).",
            f"Read it with `logolib.models.load_{found.kind}`.",
        )
    if found.kind == "prior" and not getattr(model, "can_classifier_guidance", True):
        what = "It was trained without null embeddings, or without dropout: guidance above 1 is refused."
        yield Finding("notes", str(file), what, "Sample with cond_scale 1.")


def _unets(state: dict[str, Any]) -> int:
    return len({name.split(".")[1] for name in state if name.startswith("unets.")})


def check_load(config: dict[str, Any], beside: Path) -> Iterator[Finding]:
    """A ModelLoadConfig of dalle2-laion: which files it wants, and whether those that are here load."""
    wanted: list[tuple[str, Any]] = []
    if isinstance(config.get("prior"), dict):
        wanted.append(("prior", config["prior"]))
    numbers: list[int] = []
    for i, source in enumerate((config.get("decoder") or {}).get("unet_sources", [])):
        numbers += source.get("unet_numbers", [])
        wanted.append((f"decoder.unet_sources.{i}", source))
    if numbers and sorted(numbers) != list(range(1, len(numbers) + 1)):
        what = f"The unets are numbered {sorted(numbers)}."
        yield Finding("fails", "decoder.unet_sources", what, "Number them from 1, each once.")
    if config.get("strict_loading") is False:
        what = "Layers that do not fit are left at random, and pictures come out as noise."
        yield Finding("warns", "strict_loading", what, "Set it to true.")
    for key, source in wanted:
        file = source.get("load_model_from") or {}
        if file.get("load_type") not in ("local", "url") or not file.get("path"):
            what = "It needs load_type (local or url) and path."
            yield Finding("fails", f"{key}.load_model_from", what, "Give both.")
        elif file["load_type"] == "local":
            yield from check_checkpoint(beside / str(file["path"]))
        else:
            what = f"{file['path']} is fetched without a checksum, and its pickle is executed."
            yield Finding(
                "warns", f"{key}.load_model_from", what, "Fetch it with `logolib.models.fetch`, which does neither."
            )
