"""What would go wrong with a training config of dalle2-pytorch, apart from its data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from logolib.doctor.clips import in_zoo, probe
from logolib.doctor.findings import Finding


def check_widths(config: dict[str, Any], shape: str) -> Iterator[Finding]:
    """Whether networks and pictures fit the CLIP, which is probed."""
    model = config["decoder"] if shape == "decoder" else config["prior"]
    clip = model.get("clip")
    if not isinstance(clip, dict):
        return
    name = str(clip.get("model"))
    if not in_zoo(clip):
        yield Finding(
            "fails",
            f"{shape}.clip.model",
            f"open_clip has no weights for {name}.",
            "Name one of `open_clip.list_pretrained()`, or train with logolib, which takes a CLIP's folder.",
        )
    widths = probe(clip)
    if widths is None:
        yield Finding("notes", f"{shape}.clip", f"The CLIP {name} is not known here; its widths are not checked.", "")
        return
    asked: list[tuple[str, Any, int, str]] = []
    if shape == "decoder":
        for i, unet in enumerate(model["unets"]):
            at = f"decoder.unets.{i}"
            if i == 0:
                asked.append((f"{at}.image_embed_dim", unet.get("image_embed_dim"), widths.embedding, "embeds into"))
            if unet.get("cond_on_text_encodings"):
                asked.append((f"{at}.text_embed_dim", unet.get("text_embed_dim"), widths.text, "encodes text in"))
    else:
        asked.append(("prior.image_embed_dim", model.get("image_embed_dim"), widths.embedding, "embeds into"))
        asked.append(("prior.net.dim", model["net"].get("dim"), widths.embedding, "embeds into"))
    for key, given, needed, does in asked:
        if given != needed:
            yield Finding(
                "fails", key, f"{name} {does} {needed} numbers; the config says {given}.", f"Set it to {needed}."
            )
    if widths.embedding != widths.text and (shape == "prior" or model["unets"][0].get("cond_on_text_encodings")):
        yield Finding(
            "fails",
            f"{shape}.clip",
            f"dalle2-pytorch's adapter takes {name}'s text width, {widths.text}, for its embedding's, "
            f"{widths.embedding}.",
            "Train with logolib, whose adapter asks the CLIP, or choose a CLIP with equal widths.",
        )
    crop = config.get("data", {}).get("preprocessing", {}).get("RandomResizedCrop", {})
    sides = crop.get("size") if isinstance(crop, dict) else None
    side = min(sides) if isinstance(sides, list) and sides else sides
    if isinstance(side, int) and side < widths.picture and not config["data"].get("img_embeddings_url"):
        yield Finding(
            "fails",
            "data.preprocessing.RandomResizedCrop.size",
            f"{name} takes pictures of {widths.picture} pixels and refuses smaller ones; the config makes {side}.",
            f"Set it to [{widths.picture}, {widths.picture}]; the decoder shrinks them itself.",
        )


def check_decoder(config: dict[str, Any]) -> Iterator[Finding]:
    """A decoder's network and objective."""
    decoder = config["decoder"]
    learned = decoder.get("learned_variance", True)
    if learned is True or (isinstance(learned, list) and any(learned)):
        yield Finding(
            "warns",
            "decoder.learned_variance",
            "A learned variance is where trainings end in NaN, mixed precision above all"
            + (", which is on (train.amp)." if config.get("train", {}).get("amp") else "."),
            "Set it to false.",
        )
    for i, unet in enumerate(decoder["unets"]):
        if i == 0 and unet.get("image_embed_dim") == unet.get("cond_dim", unet.get("dim")):
            yield Finding(
                "fails",
                f"decoder.unets.{i}.cond_dim",
                "It equals image_embed_dim, and dalle2-pytorch then makes one token where it expects four.",
                "Choose another, such as half of it.",
            )
        stages = len(unet.get("dim_mults", ()))
        for name in ("self_attn", "num_resnet_blocks", "resnet_groups"):
            if isinstance(unet.get(name), list) and len(unet[name]) != stages:
                yield Finding(
                    "fails",
                    f"decoder.unets.{i}.{name}",
                    f"It has {len(unet[name])} entries for {stages} stages.",
                    f"Give {stages}, one for each of dim_mults.",
                )
    sizes = decoder.get("image_sizes") or ([decoder["image_size"]] if decoder.get("image_size") else [])
    if len(set(sizes)) != len(decoder["unets"]):
        yield Finding(
            "fails",
            "decoder.image_sizes",
            f"It has {len(set(sizes))} different sizes for {len(decoder['unets'])} unets.",
            "Give each unet its own size.",
        )
    for i, (unet, side) in enumerate(zip(decoder["unets"], sorted(set(sizes)), strict=False)):
        halvings = len(unet.get("dim_mults", ())) - (0 if unet.get("memory_efficient") else 1)
        if isinstance(side, int) and side % 2**halvings:
            yield Finding(
                "fails",
                "decoder.image_sizes",
                f"Unet {i} halves its picture {halvings} times, and {side} pixels cannot be.",
                f"Make it a multiple of {2**halvings}.",
            )


def check_training(config: dict[str, Any], shape: str) -> Iterator[Finding]:
    """The device, the weights it starts from, what it measures."""
    train, load = config.get("train", {}), config.get("tracker", {}).get("load") or {}
    device = str(train.get("device", "cuda:0"))
    if shape == "decoder" and device.startswith("cuda") and not torch.cuda.is_available():
        yield Finding("fails", "train.device", f"There is no GPU here for {device}.", "Set it to cpu.")
    if load.get("load_from") is not None and not load.get("only_auto_resume"):
        source = load.get("url") or load.get("file_path") or load.get("run_path") or load["load_from"]
        yield Finding(
            "fails",
            "tracker.load",
            f"The stock training cannot start from published weights: {source} must hold a whole trainer's state, "
            "optimizers and average too, of exactly these layers.",
            "Remove tracker.load; read the weights with `logolib.models.load_decoder`, which takes other people's."
            if shape == "decoder"
            else "Remove tracker.load; read the weights with `logolib.models.load_prior`.",
        )
    lr = train.get("lr", 1e-4)
    if shape == "decoder" and max(lr if isinstance(lr, list) else [lr]) > 1e-2:
        yield Finding(
            "fails", "train.lr", f"dalle2-pytorch refuses a rate of {lr}; 0.01 is its highest.", "Set it to 1e-4."
        )
    evaluate = config.get("evaluate") or {}
    n = evaluate.get("n_evaluation_samples", 1000)
    if evaluate.get("FID") and isinstance(n, int) and n < 2048:
        yield Finding(
            "notes",
            "evaluate.FID",
            f"FID over {n} pictures says nothing.",
            "Use KID, or `logolib evaluate`, with intervals.",
        )
