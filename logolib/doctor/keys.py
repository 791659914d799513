"""Settings that upstream's config classes would not read, refuse, or choke on."""

from __future__ import annotations

import difflib
import inspect
import warnings
from collections.abc import Iterator
from typing import Any

from logolib.doctor.findings import Finding


def check_keys(config: dict[str, Any], shape: str) -> Iterator[Finding]:
    """Unknown names, and what upstream's own validation says."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from dalle2_pytorch import Decoder, DiffusionPrior, Unet, train_configs
        from dalle2_pytorch.dalle2_pytorch import CausalTransformer, DiffusionPriorNetwork

    whole: Any = train_configs.TrainDecoderConfig if shape == "decoder" else train_configs.TrainDiffusionPriorConfig
    yield from _unread(config, set(whole.model_fields), "")
    for group in whole.model_fields:
        part = config.get(group)
        if group in ("decoder", "prior", "seed", "tracker") or not isinstance(part, dict):
            continue
        yield from _unread(part, set(whole.model_fields[group].annotation.model_fields), f"{group}.")
    if shape == "decoder":
        decoder = config["decoder"]
        yield from _refused(decoder, _names(Decoder, train_configs.DecoderConfig), "decoder.")
        for i, unet in enumerate(decoder["unets"]):
            yield from _unread(unet, _names(Unet, train_configs.UnetConfig), f"decoder.unets.{i}.")
    else:
        prior = config["prior"]
        yield from _refused(prior, _names(DiffusionPrior, train_configs.DiffusionPriorConfig), "prior.")
        known = _names(DiffusionPriorNetwork, train_configs.DiffusionPriorNetworkConfig) | _names(CausalTransformer)
        yield from _refused(prior["net"], known, "prior.net.")
        if prior["net"].get("max_text_len") is None:
            yield Finding(
                "fails",
                "prior.net.max_text_len",
                "It is not given, and dalle2-pytorch's config then builds a layer of no size.",
                "Set it to 256, or to 0 for a prior without text encodings.",
            )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            whole(**config)
    except AssertionError as error:
        yield Finding("fails", shape, f"dalle2-pytorch refuses it: {error}.", "Change the config as it says.")
    except ValueError as error:  # pydantic's ValidationError is one
        for fault in getattr(error, "errors", lambda: [])():
            where = ".".join(str(part) for part in fault["loc"]) or shape
            if where.startswith("data.splits"):
                continue  # said in full by the splits' own check
            yield Finding("fails", where, f"dalle2-pytorch refuses it: {fault['msg']}.", "Give it as its config says.")


def _names(*classes: Any) -> set[str]:
    found: set[str] = set()
    for one in classes:
        fields = getattr(one, "model_fields", None)
        found |= set(fields if fields is not None else inspect.signature(one.__init__).parameters)
    return found - {"self", "kwargs"}


def _unread(part: dict[str, Any], known: set[str], at: str) -> Iterator[Finding]:
    for name in part:
        if name not in known:
            yield Finding("warns", at + name, "Nobody reads this setting.", _near(name, known))


def _refused(part: dict[str, Any], known: set[str], at: str) -> Iterator[Finding]:
    for name in part:
        if name not in known:
            yield Finding("fails", at + name, "dalle2-pytorch takes no such setting and stops.", _near(name, known))


def _near(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"Did you mean {near[0]}?" if near else "Remove it."
