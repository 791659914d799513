"""Priors and decoders from files: our folders, and every format that dalle2-pytorch writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from logolib.models import decoder as ours_decoder
from logolib.models import prior as ours_prior
from logolib.models.guess import guess_decoder, guess_prior
from logolib.models.hub import fetch
from logolib.models.pickles import read_tensors, release, write_tensors
from logolib.models.releases import (
    attend_as,
    era,
    named,
    rename,
    translate_decoder,
    translate_prior,
    transposed,
)
from logolib.models.upstream import create, version
from logolib.models.weights import ModelError
from logolib.results import read_json

Kind = Literal["prior", "decoder"]
MARK = {"prior": "net.learned_query", "decoder": "unets.0.to_out.weight"}  # a layer that every such model has
CREATE = {"prior": "DiffusionPriorConfig", "decoder": "DecoderConfig"}


@dataclass(frozen=True)
class Checkpoint:
    """What a file of dalle2-pytorch says: weights by layer, of which kind, release and config, and whether averaged."""

    kind: Kind
    state: dict[str, Tensor]
    release: tuple[int, ...] | None
    config: dict[str, Any] | None
    trainer: bool  # whether the trainer's whole state is in it, which the stock training needs to resume
    averaged: bool


def load_prior(file: str | Path, config: dict[str, Any] | str | Path | None = None) -> nn.Module:
    """A DiffusionPrior of the installed dalle2-pytorch, in eval mode, without a CLIP: embeddings go in and come out.

    `file` is a folder that `logolib train prior` wrote, or weights of dalle2-pytorch 0.15.4 or later: its trainer's
    state, of which the average is taken, {model, version, config}, or a bare state dict; by path, by address or by
    name on Hugging Face, see `fetch`. `config` is a dict or a
    JSON file, {"prior": {...}} or what stands in it; without one the file's own is taken, then what the layers'
    shapes tell. `config["version"]` names the release where the file does not. Raises ModelError naming the layers
    when the weights do not fit to the last one.
    """
    file = fetch(file)
    if file.is_dir():
        return ours_prior.load_prior(file)
    found = read_checkpoint(file, "prior")
    about, of = _about(found, config)
    state = rename(found.state)
    state, about = translate_prior(state, about or guess_prior(state), of)
    prior = _build("prior", about)
    _fill(prior, state, file)
    attend_as(prior, of)
    return prior.eval()


def load_decoder(file: str | Path, config: dict[str, Any] | str | Path | None = None) -> nn.Module:
    """A Decoder of the installed dalle2-pytorch, in eval mode, without a CLIP. See `load_prior`.

    Layers' shapes do not tell the size of pictures: without a config in the file, give {"image_sizes": [...]}.
    A decoder of ours works on folded pixels: see `logolib.models.decoder.unfold`.
    """
    file = fetch(file)
    if file.is_dir():
        return ours_decoder.load_decoder(file)[0]
    found = read_checkpoint(file, "decoder")
    about, of = _about(found, config)
    state = rename(found.state)
    if about is None or "unets" not in about:
        about = {**guess_decoder(state), **(about or {})}
    if about.get("image_sizes") is None and about.get("image_size") is None:
        raise ModelError(f'{file} does not tell the size of its pictures; give config={{"image_sizes": [64]}}.')
    state, about = translate_decoder(state, about, of)
    decoder = _build("decoder", about)
    transposed(decoder, state)
    _fill(decoder, state, file)
    return decoder.eval()


def save_checkpoint(module: nn.Module, file: Path, config: dict[str, Any]) -> None:
    """Write {model, version, config, steps}, which dalle2-pytorch loads, beside its place and renamed.

    `config` is the prior's or decoder's own, as `DiffusionPriorConfig` or `DecoderConfig` take it. Raises
    ModelError, and writes nothing, when the installed release would build another network from it.
    """
    kind: Kind = "prior" if MARK["prior"] in module.state_dict() else "decoder"
    fresh = _build(kind, config)
    _fill(fresh, module.state_dict(), file)
    other = [name for (name, a), b in zip(fresh.named_modules(), module.modules(), strict=False) if _differs(a, b)]
    if other:
        raise ModelError(f"{file} is not written: the installed dalle2-pytorch computes {named(other)} otherwise.")
    content = {
        "model": module.state_dict(),
        "version": version(),
        "config": {kind: config},
        "steps": torch.zeros(len(getattr(module, "unets", [0])), dtype=torch.long),
    }
    write_tensors(content, file)


def read_checkpoint(file: Path, kind: Kind | None = None) -> Checkpoint:
    """Find the weights, release and config in a file. Raises ModelError, also when it is of another kind."""
    content = read_tensors(file)
    state = content.get("model", content.get("state_dict", content))
    if not isinstance(state, dict) or not state or not all(isinstance(v, Tensor) for v in state.values()):
        raise ModelError(f"{file} holds no weights: its entries are {named(str(key) for key in content)}.")
    if all(name.startswith("module.") for name in state):  # saved around a DataParallel
        state = {name.removeprefix("module."): value for name, value in state.items()}
    found: Kind | None = next((kind for kind, mark in MARK.items() if mark in state), None)  # type: ignore[misc]
    if found is None:
        raise ModelError(f"{file} is neither prior nor decoder: its layers are {named(state)}.")
    if kind not in (None, found):
        raise ModelError(f"{file} holds a {found}, not a {kind}: it has the layer {MARK[found]}.")
    averaged = _average(content, state, found)
    whole = averaged if averaged is not None else state
    config = content.get("config")
    return Checkpoint(
        found,
        {name: value for name, value in whole.items() if not name.startswith("clip.")},
        release(content.get("version")),
        _config_of(config, found) if isinstance(config, dict) else None,
        any(key in content for key in ("optimizer", "optim0")),
        averaged is not None,
    )


def _average(content: dict[str, Any], state: dict[str, Tensor], kind: Kind) -> dict[str, Tensor] | None:
    """The averaged weights of a trainer's state; None when there are none, or when no step was averaged yet."""
    if kind == "prior":
        average = content.get("ema_model")
        ema = content.get("ema", {})
        started = bool(ema.get("initted", True))
        return average if isinstance(average, dict) and started and average.keys() == state.keys() else None
    ema = content.get("ema")
    if not isinstance(ema, dict):
        return None
    whole = dict(state)
    for name in state:
        match = name.split(".", 2)
        if match[0] == "unets" and bool(ema.get(f"{match[1]}.initted", False)):
            if f"{match[1]}.ema_model.{match[2]}" not in ema:
                raise ModelError(f"The average lacks the layer {name}; the file is damaged.")
            whole[name] = ema[f"{match[1]}.ema_model.{match[2]}"]
    return whole


def _config_of(config: dict[str, Any], kind: Kind) -> dict[str, Any]:
    """A model's own part of a config, without the CLIP, which is not in the weights."""
    part = config.get(kind, config)
    return {name: value for name, value in part.items() if name not in ("clip", "version")}


def _about(
    found: Checkpoint, config: dict[str, Any] | str | Path | None
) -> tuple[dict[str, Any] | None, Literal["masked", "relaxed", "cosine"]]:
    """The config to build from, if there is one, and the era of the weights."""
    if isinstance(config, str | Path):
        try:
            given = dict(read_json(Path(config).read_text("utf8")))
        except (OSError, ValueError) as error:
            raise ModelError(f"The config {config} cannot be read ({error}).") from None
    else:
        given = dict(config or {})
    told = release(given.get("version") or given.get(found.kind, {}).get("version")) or found.release
    about = _config_of(given, found.kind) or found.config
    return about, era(found.state, told)


def _build(kind: Kind, config: dict[str, Any]) -> nn.Module:
    try:
        return create(CREATE[kind], config)
    except Exception as error:  # pydantic, and the assertions of dalle2-pytorch
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(f"dalle2-pytorch cannot build the {kind} of this config ({reason[:300]}).") from None


def _fill(module: nn.Module, state: dict[str, Tensor], file: Path) -> None:
    """Load every layer, or none: raises ModelError naming those that are missing, unknown or of another shape."""
    own = module.state_dict()
    wrong = [
        *(f"{name} is missing" for name in own if name not in state),
        *(f"{name} is unknown" for name in state if name not in own),
        *(
            f"{name} is {tuple(state[name].shape)} instead of {tuple(own[name].shape)}"
            for name in own
            if name in state and state[name].shape != own[name].shape
        ),
    ]
    if wrong:
        raise ModelError(f"{file} does not fit the config: {named(wrong)}.")
    module.load_state_dict(state)


def _differs(fresh: Any, module: Any) -> bool:
    """Whether two layers of one name compute different things."""
    told = ("cosine_sim", "scale", "stable")
    return type(fresh) is not type(module) or any(getattr(fresh, k, None) != getattr(module, k, None) for k in told)
