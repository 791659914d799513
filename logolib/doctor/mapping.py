"""A config of dalle2-pytorch as logolib's own settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from logolib.doctor.cost import steps_of
from logolib.doctor.data import look_at
from logolib.doctor.files import DoctorError, read_config_file, right_types, shape_of

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
PRIOR = {
    "loss_type": "l2",
    "predict_x_start": True,
    "beta_schedule": "cosine",
}
NET = {
    "num_time_embeds": 1,
    "num_image_embeds": 1,
    "num_text_embeds": 1,
    "ff_mult": 4,
    "norm_in": False,
    "norm_out": True,
    "attn_dropout": 0.0,
    "ff_dropout": 0.0,
    "final_proj": True,
    "rotary_emb": True,
}
TRAIN = {  # upstream's defaults
    "prior": {"epochs": 1, "lr": 1.1e-4, "wd": 6.02e-2, "ema_beta": 0.99},
    "decoder": {"epochs": 20, "lr": 1e-4, "wd": 0.01, "ema_beta": 0.999},
}
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


def changes_of(file: Path, data: Path, part: str) -> list[str]:
    """A config's settings as `stage.setting=value` words, for `load_profile`. Raises DoctorError.

    part: prior or decoder, whose training the config must be. One epoch is what the config says, or the training
    samples of DATA. The CLIP is the run's own, so widths of embeddings are not taken from the config; neither are
    its splits and crops: the data set is split by club, and pictures stay whole. Refused with the setting's name is
    what logolib's networks cannot do.
    """
    config = read_config_file(file)
    if shape_of(config, file) != part:
        script = {"decoder": "train_decoder", "prior": "train_diffusion_prior"}[part]
        raise DoctorError(f"{file} is no {script} config, which is what `train {part} --config` takes.")
    found = look_at(data)
    samples = sum(n for name, n in found.found.shards.items() if name.startswith("train-")) or found.samples
    with right_types(file):
        config["train"] = TRAIN[part] | config.get("train", {})
        steps = steps_of(config, samples) or 1
        values = _decoder(config, file, steps) if part == "decoder" else _prior(config, file, steps)
    return [f"{part}.{name}={json.dumps(value)}" for name, value in values.items()]


def _training(config: dict[str, Any], steps: int) -> dict[str, Any]:
    """What both trainings have."""
    train, about = config["train"], config.get("data", {})
    return {
        "start": None,
        "steps": steps,
        "batch_size": about.get("batch_size", 64),
        "lr": _one(train["lr"]),
        "wd": _one(train["wd"]),
        "warmup": _one(train.get("warmup_steps") or 0),
        "clip_norm": _one(train.get("max_grad_norm", 0.5)),
        "ema": train["ema_beta"] if train.get("use_ema", True) else 0.0,
        "precision": "auto" if train.get("amp") else "fp32",
        "drawn": 0,
        "siblings": 0,
        "figures": 0.0,
        "brief": 0.0,
        "divided": 0.0,
        "alike": 0.0,
        "light": 0.0,
        "save_every": max(1, min(1000, steps // 5)),
    }


def _prior(config: dict[str, Any], file: Path, steps: int) -> dict[str, Any]:
    prior, net = config["prior"], config["prior"]["net"]
    wrong = {f"prior.{name}": value for name, value in PRIOR.items() if prior.get(name, value) != value}
    wrong |= {f"prior.net.{name}": value for name, value in NET.items() if net.get(name, value) != value}
    if prior.get("condition_on_text_encodings", True):  # upstream's default; here the text's embedding alone counts
        wrong["prior.condition_on_text_encodings"] = False
    if wrong:
        raise DoctorError(f"{file}: logolib's prior does not do {_named(wrong)}; set what stands in brackets.")
    return _training(config, steps) | {
        "depth": net["depth"],
        "heads": net.get("heads", 8),
        "dim_head": net.get("dim_head", 64),
        "normformer": net.get("normformer", False),
        "timesteps": prior.get("timesteps", 1000),
        "text_dropout": prior.get("cond_drop_prob", 0.0),
    }


def _decoder(config: dict[str, Any], file: Path, steps: int) -> dict[str, Any]:
    decoder = config["decoder"]
    if len(decoder["unets"]) != 1:
        raise DoctorError(
            f"{file}: decoder.unets has {len(decoder['unets'])} unets; `logolib train decoder` trains one and "
            "`logolib train upsampler` the next, so leave one."
        )
    wrong = unsupported(config)
    if wrong:
        raise DoctorError(
            f"{file}: logolib's decoder does not do {_named(wrong)}; `logolib doctor {file} --fix OUT` changes that."
        )
    unet = decoder["unets"][0]
    stages = len(unet["dim_mults"])
    attention = unet.get("self_attn", False)
    objective = "v" if decoder.get("predict_v") else "x0" if decoder.get("predict_x_start") else "noise"
    sizes = decoder.get("image_sizes") or [decoder.get("image_size")]
    return _training(config, steps) | {
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
        "preview_every": max(1, steps // 12),
    }


def _named(wrong: dict[str, Any]) -> str:
    return ", ".join(f"{name} (it does {json.dumps(value, default=list)})" for name, value in wrong.items())


def _one(value: Any) -> Any:
    """A setting that may be given per unet, for the one unet."""
    return value[0] if isinstance(value, list) else value
