"""The corrected config."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import torch

from logolib.doctor.clips import probe
from logolib.doctor.cost import steps_of
from logolib.doctor.data import Data, splits_of
from logolib.doctor.findings import Finding
from logolib.doctor.mapping import unsupported
from logolib.results import write_text

FIXED_PASSES = 100  # over the data: a start that ends in hours, on two cores
SAFE_SPLITS = {"train": 0.75, "val": 0.15, "test": 0.1}


def fixed_decoder(config: dict[str, Any], findings: list[Finding], data: Data | None) -> dict[str, Any]:
    """A train_decoder config that dalle2-pytorch accepts and logolib trains; of its kind, with every finding mended.

    What is no matter of the config stays: which tars there are, and of which format their pictures.
    """
    fixed = copy.deepcopy(config)
    decoder = fixed["decoder"]
    about, train = fixed.setdefault("data", {}), fixed.setdefault("train", {})
    for finding in findings:
        if finding.what.startswith(("Nobody reads", "dalle2-pytorch takes no such")):
            _drop(fixed, finding.key)
    for key, value in unsupported(fixed).items():
        _put(fixed, key, value)
    widths = probe(decoder["clip"]) if isinstance(decoder.get("clip"), dict) else None
    if widths is not None:
        decoder["unets"][0]["image_embed_dim"] = widths.embedding
        for unet in decoder["unets"]:
            if unet.get("cond_on_text_encodings"):
                unet["text_embed_dim"] = widths.text
    for unet in decoder["unets"]:
        if unet.get("cond_dim", unet.get("dim")) == unet.get("image_embed_dim"):
            unet["cond_dim"] = unet["image_embed_dim"] // 2
    steps = about.setdefault("preprocessing", {"ToTensor": True})
    crop = steps.get("RandomResizedCrop")
    if isinstance(crop, dict):
        side = max([*crop["size"], widths.picture if widths else 0]) if isinstance(crop.get("size"), list) else 224
        crop.update(size=[side, side], scale=[1.0, 1.0], ratio=[1.0, 1.0])
    for name in set(steps) - {"RandomResizedCrop", "ToTensor"}:
        del steps[name]
    splits = splits_of(fixed)
    if sum(splits[name] for name in SAFE_SPLITS) != 1.0:
        about["splits"] = dict(SAFE_SPLITS)
    _amounts(fixed, data)
    if not torch.cuda.is_available():
        train["device"] = "cpu"
    fixed.get("tracker", {}).pop("load", None)
    fixed.get("evaluate", {}).pop("FID", None)
    return fixed


def _amounts(fixed: dict[str, Any], data: Data | None) -> None:
    """Samples, epochs, warm-up and average to the measure of the data."""
    about, train = fixed["data"], fixed["train"]
    samples = data.samples if data else None
    train["epoch_samples"] = samples
    about["resample_train"] = False
    if samples:
        train["validation_samples"] = min(int(train.get("validation_samples") or samples), samples)
        train["save_every_n_samples"] = min(int(train.get("save_every_n_samples", 100_000)), 10 * samples)
    else:
        train["validation_samples"] = None
    train["epochs"] = min(int(train.get("epochs", 20)), FIXED_PASSES)
    if data is not None and not data.ours:
        about["end_shard"] = int(about.get("start_shard", 0)) + data.tars - 1
    planned = steps_of(fixed, samples or 300)  # 300: a small collection, where nothing is known
    if planned is not None:
        if isinstance(train.get("warmup_steps"), int):
            train["warmup_steps"] = min(train["warmup_steps"], max(1, planned // 20))
        train["ema_beta"] = min(float(train.get("ema_beta", 0.999)), 0.999 if planned > 5000 else 0.99)


def write_config(config: dict[str, Any], file: Path) -> None:
    """Write it as JSON, beside its place and renamed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps(config, indent=4) + "\n")


def _at(config: dict[str, Any], key: str) -> tuple[Any, str]:
    node: Any = config
    *path, last = key.split(".")
    for part in path:
        node = node[int(part)] if isinstance(node, list) else node[part]
    return node, last


def _put(config: dict[str, Any], key: str, value: Any) -> None:
    node, last = _at(config, key)
    node[last] = value


def _drop(config: dict[str, Any], key: str) -> None:
    node, last = _at(config, key)
    node.pop(last, None)
