"""A decoder config of dalle2-pytorch as logolib's own settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from logolib.doctor.cost import steps_of
from logolib.doctor.data import look_at
from logolib.doctor.files import DoctorError, read_config_file, shape_of

# What logolib's decoder takes of a unet; the rest is left to its own ways, or must be as dalle2-pytorch has it.
TAKEN = frozenset(
    [
        "dim",
        "dim_mults",
        "cond_dim",
        "image_embed_dim",
        "text_embed_dim",
        "cond_on_text_encodings",
        "channels",
        "num_resnet_blocks",
        "attn_heads",
        "attn_dim_head",
        "memory_efficient",
        "self_attn",
        "self_cond",
    ]
)
OWN = frozenset(["init_cross_embed", "init_conv_kernel_size", "init_cross_embed_kernel_sizes", "max_text_len"])
DECODER = {"loss_type": "l2", "unconditional": False, "channels": 3}  # what else would be refused


def unsupported(config: dict[str, Any]) -> dict[str, Any]:
    """Settings that logolib's trainer does not do => the value that it does."""
    import inspect
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from dalle2_pytorch import Unet
    defaults = {name: p.default for name, p in inspect.signature(Unet.__init__).parameters.items()}
    decoder = config["decoder"]
    found: dict[str, Any] = {}
    for i, unet in enumerate(decoder["unets"]):
        for name, value in unet.items():
            if name not in TAKEN | OWN and name in defaults and value != defaults[name]:
                found[f"decoder.unets.{i}.{name}"] = defaults[name]
    for name, value in DECODER.items():
        if decoder.get(name, value) != value:
            found[f"decoder.{name}"] = value
    return found


def changes_of(file: Path, data: Path) -> list[str]:
    """A decoder config's settings as `stage.setting=value` words, for `load_profile`. Raises DoctorError.

    One epoch is what the config says, or the training samples of DATA. The CLIP is the run's own, so widths of
    embeddings are not taken from the config; neither are its splits and crops: the data set is split by club, and
    pictures stay whole. Refused with the setting's name is what logolib's decoder cannot do.
    """
    config = read_config_file(file)
    if shape_of(config, file) != "decoder":
        raise DoctorError(f"{file} is no train_decoder config, which is what --config takes.")
    decoder, train, about = config["decoder"], config.get("train", {}), config.get("data", {})
    if len(decoder["unets"]) != 1:
        raise DoctorError(
            f"{file}: decoder.unets has {len(decoder['unets'])} unets; `logolib train decoder` trains one and "
            "`logolib train upsampler` the next, so leave one."
        )
    wrong = unsupported(config)
    if wrong:
        named = ", ".join(f"{name} (it does {json.dumps(value, default=list)})" for name, value in wrong.items())
        raise DoctorError(
            f"{file}: logolib's decoder does not do {named}; `logolib doctor {file} --fix OUT` changes that."
        )
    unet = decoder["unets"][0]
    stages = len(unet["dim_mults"])
    attention = unet.get("self_attn", False)
    objective = "v" if decoder.get("predict_v") else "x0" if decoder.get("predict_x_start") else "noise"
    found = look_at(data)
    samples = sum(n for name, n in found.found.shards.items() if name.startswith("train-")) or found.samples
    steps = steps_of(config, samples) or 1
    sizes = decoder.get("image_sizes") or [decoder.get("image_size")]
    values: dict[str, Any] = {
        "start": None,
        "steps": steps,
        "batch_size": about.get("batch_size", 64),
        "lr": _one(train.get("lr", 1e-4)),
        "wd": _one(train.get("wd", 0.01)),
        "warmup": _one(train.get("warmup_steps") or 0),
        "clip_norm": _one(train.get("max_grad_norm", 0.5)),
        "ema": train.get("ema_beta", 0.999) if train.get("use_ema", True) else 0.0,
        "precision": "auto" if train.get("amp") else "fp32",
        "drawn": 0,
        "siblings": 0,
        "prior_share": 0.0,
        "preflight": 0,  # upstream's rates are too low to pass it in a hundred steps
        "learned_variance": bool(_one(decoder.get("learned_variance", True))),
        "self_conditioning": bool(unet.get("self_cond")),
        "beta_schedule": _one(decoder.get("beta_schedule") or "cosine"),
        "p2_gamma": _one(decoder.get("p2_loss_weight_gamma", 0.0)),
        "image_size": sizes[0],
        "fold": 1,
        "dim": unet["dim"],
        "dim_mults": unet["dim_mults"],
        "num_resnet_blocks": unet.get("num_resnet_blocks", 2),
        "attention": [attention] * stages if isinstance(attention, bool) else attention,
        "memory_efficient": unet.get("memory_efficient", False),
        "attn_heads": unet.get("attn_heads", 16),
        "attn_dim_head": unet.get("attn_dim_head", 32),
        "cond_dim": unet.get("cond_dim") or unet["dim"],
        "timesteps": decoder.get("timesteps", 1000),
        "objective": objective,
        "image_dropout": decoder.get("image_cond_drop_prob", 0.1),
        "text_dropout": decoder.get("text_cond_drop_prob", 0.5),
        "text_encodings": bool(unet.get("cond_on_text_encodings")),
        "save_every": max(1, min(1000, steps // 5)),
        "preview_every": max(1, steps // 12),
    }
    return [f"decoder.{name}={json.dumps(value)}" for name, value in values.items()]


def _one(value: Any) -> Any:
    """A setting that may be given per unet, for the one unet."""
    return value[0] if isinstance(value, list) else value
