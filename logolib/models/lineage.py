"""Where weights come from: the training sets and the other weights that taught them, or chose what they saw."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from logolib.config import TrainSettings
from logolib.models.weights import BASE, ModelError, model_folder, read_config
from logolib.results import LINEAGE, ResultError, read_json, read_result, sha256_file, write_text
from logolib.seeds import derive

PARTS = ("clip", "prior", "decoder")
CURATOR = "open_clip ViT-B-32/openai"  # what LAION filtered its pairs with (Schuhmann et al. 2022)
# What open_clip's tags were trained on, by how the tags begin; where it filtered, the curator is a parent.
ZOO: dict[str, tuple[str, ...]] = {
    "openai": ("WIT-400M",),
    "laion": ("LAION",),
    "datacomp": ("DataComp",),
    "commonpool": ("DataComp",),
    "yfcc15m": ("YFCC",),
    "cc12m": ("CC12M",),
    "metaclip": ("MetaCLIP",),
    "dfn": ("DFN",),
    "webli": ("WebLI",),
}


@dataclass(frozen=True)
class Lineage:
    """Names of training sets, names or hashes of weights, and files of which nobody recorded where they come from."""

    data: frozenset[str] = frozenset()
    weights: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()

    def __or__(self, other: Lineage) -> Lineage:
        return Lineage(self.data | other.data, self.weights | other.weights, self.unknown | other.unknown)

    def shared(self, other: Lineage) -> list[str]:
        """What both have, training sets first, in words."""
        sets = [f"the training set {name}" for name in sorted(self.data & other.data)]
        return sets + [f"the weights {name}" for name in sorted(self.weights & other.weights)]

    def record(self) -> dict[str, list[str]]:
        """As JSON holds it."""
        return {"data": sorted(self.data), "weights": sorted(self.weights), "unknown": sorted(self.unknown)}


def from_record(record: Mapping[str, Any]) -> Lineage:
    """The inverse of `Lineage.record`. ValueError for anything else."""
    fields = {name: record.get(name, []) for name in ("data", "weights", "unknown")}
    if set(record) - set(fields) or not all(
        isinstance(listed, list) and all(isinstance(name, str) for name in listed) for listed in fields.values()
    ):
        raise ValueError("a lineage has the lists data and weights")
    return Lineage(**{name: frozenset(listed) for name, listed in fields.items()})


def union(some: Iterable[Lineage]) -> Lineage:
    """All of them together."""
    return reduce(Lineage.__or__, some, Lineage())


def drawn_set(seed: int) -> str:
    """The name of the emblems that `emblems.corpus.sample_many` draws for training from a seed."""
    return f"drawn emblems {seed}"


def zoo_lineage(model: str, tag: str) -> Lineage:
    """What open_clip's weights of a tag come from, as their authors state; other tags name their own data."""
    name = f"open_clip {model}/{tag}"
    data = next((sets for start, sets in ZOO.items() if tag.startswith(start)), (f"what {name} was trained on",))
    return Lineage(frozenset(data), frozenset({name, *({CURATOR} if "LAION" in data else ())}))


def stated(folder: Path) -> Lineage | None:
    """What FOLDER/lineage.json says; None where there is none. Raises ModelError when it is damaged."""
    path = folder / LINEAGE
    if not path.is_file():
        return None
    try:
        return from_record(read_json(path.read_text("utf8")))
    except (OSError, ValueError, AttributeError):
        raise ModelError(f'{path} is no lineage; it reads {{"data": [names], "weights": [names]}}.') from None


def state(lineage: Lineage, folder: Path) -> None:
    """Write FOLDER/lineage.json."""
    write_text(folder / LINEAGE, json.dumps(lineage.record(), indent=1) + "\n")


def training_lineage(
    settings: TrainSettings, data: Path, source: str, seed: int, part: str, parents: Iterable[Path] = ()
) -> Lineage:
    """What a training makes its weights depend on: its data and what filtered them, its drawings, its parents.

    source: the data's hash. parents: folders of the CLIP and prior that it learns with.
    """
    taught = {drawn_set(derive(seed, "attributes") % 2**32)} if getattr(settings, "attribute_steps", 0) else set()
    own = Lineage(frozenset({f"data {source}", *({_drawings(seed)} if settings.drawn else ()), *taught}))
    found = [own, (stated(data) if data.is_dir() else None) or Lineage(), *map(part_lineage, parents)]
    if settings.start is not None:
        found.append(part_lineage(model_folder(settings.start) / part))
    if (pretrained := getattr(settings, "pretrained", None)) is not None:
        found.append(_file_or_zoo(settings.model, pretrained))  # type: ignore[attr-defined]  # ClipSettings has it
    return union(found)


def model_lineage(folder: Path) -> Lineage:
    """What all parts of a model depend on, the upsampler among them. Raises ModelError when a part is missing.

    FOLDER/lineage.json, where the user wrote one, answers for what is unknown.
    """
    parts = [*PARTS, *(["upsampler"] if (folder / "upsampler").is_dir() else [])]
    found = union(part_lineage(folder / part) for part in parts)
    told = stated(folder)
    return found if told is None else Lineage(found.data | told.data, found.weights | told.weights, told.unknown)


def part_lineage(folder: Path) -> Lineage:
    """What one part depends on, its own weights included: from its config, or, for older ones, from its result."""
    config = read_config(folder, f"train {folder.name}")
    weights = folder / "model.safetensors"
    own = {sha256_file(weights)[:16]} if weights.is_file() else set()
    own |= {str(config[key]) for key in ("fingerprint", "clip") if key in config}
    if "lineage" in config:
        try:
            return from_record(config["lineage"]) | Lineage(weights=frozenset(own))
        except (ValueError, AttributeError):
            raise ModelError(f"{folder / 'config.json'} is damaged; train again or restore it.") from None
    return _from_provenance(folder) | Lineage(weights=frozenset(own))


def _from_provenance(folder: Path) -> Lineage:
    provenance = _provenance(folder)
    if provenance is None:
        return Lineage(unknown=frozenset({f"{folder.parent.name}/{folder.name}"}))
    settings = provenance["settings"]
    data = {f"data {provenance['data_hash']}"} | ({_drawings(provenance["seed"])} if settings.get("drawn") else set())
    found = [Lineage(frozenset(data))]
    if start := settings.get("start"):
        place = model_folder(start) / folder.name
        known = (place / "config.json").is_file()
        found.append(part_lineage(place) if known else Lineage(unknown=frozenset({Path(start).name})))
    if pretrained := settings.get("pretrained"):
        found.append(_file_or_zoo(str(settings.get("model")), str(pretrained)))
    return union(found)


def _provenance(folder: Path) -> dict[str, Any] | None:
    """The record of a training: in the base's file, or in the part's own result."""
    try:
        if folder.parent == BASE:
            return dict(read_json((BASE / "base.json").read_text("utf8"))[folder.name]["provenance"])
        return read_result(folder / "result.json").provenance
    except (OSError, ValueError, KeyError, ResultError):
        return None


def _drawings(seed: int) -> str:
    return drawn_set(derive(seed, "drawn") % 2**32)


def _file_or_zoo(model: str, pretrained: str) -> Lineage:
    path = Path(pretrained)
    if not path.suffix and not path.exists():
        return zoo_lineage(model, pretrained)
    own = frozenset({sha256_file(path)[:16]}) if path.is_file() else frozenset()
    return Lineage(weights=own, unknown=frozenset({path.name}))
