"""What older releases of dalle2-pytorch computed, said in the layers of the installed one.

Read in the sources of releases 0.15.4 to 1.15.6. Three eras differ in what they compute with the same numbers:

- `masked`, 0.15.4 to 0.16: scaled dot-product attention; a prior masks its text; transposed convolutions go up;
- `relaxed`, 0.25 to 1.4.0: the same attention, but its positional bias counts 128-fold; learned padding;
- `cosine`, from 1.4.6: a prior attends by cosine; a unet scales its self-attention twice.

Releases between them differ from both and are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from logolib.models.weights import ModelError

Era = Literal["masked", "relaxed", "cosine"]
State = dict[str, Tensor]
RELAXED_BIAS = 128.0  # pb_relax_alpha of those releases: it multiplies the bias with all else
SELF_ATTENTION = re.compile(r"unets\.\d+\.(mid_attn|downs\.\d+\.3|ups\.\d+\.2)\.fn\.fn\.to_q\.weight")
DOWN = re.compile(r"(unets\.(\d+)\.downs\.\d+\.[04])\.(weight|bias)")
UP = re.compile(r"unets\.(\d+)\.ups\.(\d+)\.3\.weight")


def named(names: Iterable[str], most: int = 6) -> str:
    """Layers' names for a sentence: the first ones, and how many more there are."""
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def era(state: State, version: tuple[int, ...] | None) -> Era:
    """Which computation the weights were made for. Raises ModelError naming the layers when it cannot be known."""
    attention = [name for name in state if name.endswith(".to_q.weight") and "cross_attn" not in name]
    if version is None:
        if any(name.endswith(".gamma") for name in state):
            return "masked"
        if "net.null_text_embeds" in state or ("net.learned_query" not in state and not _before_1_10(state)):
            return "cosine"
        raise ModelError(
            f"The layers {named(attention)} are of a release between 0.16 and 1.9, which computed them in different "
            'ways, and the file does not say which it is; add "version" to the config, such as "1.0.4".'
        )
    if (0, 15, 4) <= version < (0, 17):
        return "masked"
    if (0, 25) <= version <= (1, 4, 0):
        return "relaxed"
    if version >= (1, 4, 6):
        return "cosine"
    raise ModelError(
        f"Release {'.'.join(map(str, version))} computed the layers {named(attention)} in a way that the installed "
        "dalle2-pytorch cannot; those of 0.15.4 to 0.16, 0.25 to 1.4.0 and from 1.4.6 on can be read."
    )


def _before_1_10(state: State) -> bool:
    """Whether a decoder may be of a release before 1.10, whose unets went down by 4 x 4 convolutions."""
    sides = {value.shape[-1] for name, value in state.items() if DOWN.fullmatch(name) and value.ndim == 4}
    if any(re.fullmatch(r"unets\.\d+\.downs\.\d+\.[04]\.1\.weight", name) for name in state):
        return False
    return 4 in sides or any(".cross_attn.fn." in name for name in state)


def rename(state: State) -> State:
    """Layers' names and norms as the installed release has them. Raises ModelError for a norm with an offset."""
    renamed: State = {}
    for name, value in state.items():
        new = name.replace(".cross_attn.fn.", ".cross_attn.")
        if new.endswith(".gamma"):
            new = new.removesuffix("gamma") + "g"
        elif new.endswith(".beta") and name.removesuffix("beta") + "gamma" in state:
            if value.abs().max() > 0:
                raise ModelError(f"The layer {name} is not zero; the installed dalle2-pytorch has no such offset.")
            continue
        renamed["net.null_text_encodings" if new == "net.null_text_embed" else new] = value
    return renamed


def translate_prior(state: State, config: dict[str, Any], of: Era) -> tuple[State, dict[str, Any]]:
    """A prior's weights and config for the installed release. Raises ModelError naming the layers.

    Before 1.9 a prior learned no null embeddings: guidance is switched off (`cond_drop_prob` 0), and the layers
    that it would use are zero. What remains to be done on the module is done by `attend_as`.
    """
    config = {**config, "net": dict(config["net"])}
    state = dict(state)
    dim = int(state["net.learned_query"].shape[0])
    if of == "masked":
        if config.get("condition_on_text_encodings", True):
            raise ModelError(
                "The layer net.null_text_encodings is missing: this release masked the padding of text encodings, "
                "and the installed one attends to learned padding; a prior without text encodings can be read, when "
                "its config says condition_on_text_encodings: false."
            )
        state.setdefault("net.null_text_encodings", torch.zeros(1, 0, dim))
    if "net.null_text_embeds" not in state and "net.null_text_encodings" in state:
        state["net.null_text_embeds"] = torch.zeros(1, int(config["net"].get("num_text_embeds", 1)), dim)
        state["net.null_image_embed"] = torch.zeros(1, dim)
        config["cond_drop_prob"] = 0.0
        for name in ("text_cond_drop_prob", "image_cond_drop_prob"):
            config.pop(name, None)
    bias = "net.causal_transformer.rel_pos_bias.relative_attention_bias.weight"
    if of == "relaxed" and bias in state:
        state[bias] = state[bias] * RELAXED_BIAS
    if config["net"].get("max_text_len") is None and "net.null_text_encodings" in state:
        config["net"]["max_text_len"] = int(state["net.null_text_encodings"].shape[1])
    return state, config


def attend_as(prior: Any, of: Era) -> None:
    """Set a prior's attention to what its release computed: q.k / sqrt(d), where the installed one has a cosine."""
    transformer = prior.net.causal_transformer
    if of == "cosine":
        return
    if of == "masked" and hasattr(transformer.norm, "stable"):
        transformer.norm.stable = False
    for attention, _ in transformer.layers:
        attention.cosine_sim = False
        attention.scale = attention.null_kv.shape[-1] ** -0.25  # it is multiplied in twice


def translate_decoder(state: State, config: dict[str, Any], of: Era) -> tuple[State, dict[str, Any]]:
    """A decoder's weights and config for the installed release. Raises ModelError naming the layers.

    A 4 x 4 convolution that went down is a cross embedding of that one kernel. An output layer that did not yet
    see the low-resolution picture gets zeros for it. Self-attention that was scaled once gets the factor that
    the second scaling takes away. See `transposed` for what goes up.
    """
    linear = [name for name in state if name.endswith(".to_qkv.weight")]
    if linear and of != "cosine":
        raise ModelError(f"The layers {named(linear)} are linear attention, computed otherwise before 1.4.6.")
    config = {**config, "unets": [dict(unet) for unet in config["unets"]]}
    translated: State = {}
    for name, value in state.items():
        down = DOWN.fullmatch(name)
        if down and state[down[1] + ".weight"].shape[-1] == 4:
            unet = config["unets"][int(down[2])]
            unet.update(cross_embed_downsample=True, cross_embed_downsample_kernel_sizes=(4,))
            translated[f"{down[1]}.convs.0.{down[3]}"] = value
        elif of != "cosine" and SELF_ATTENTION.fullmatch(name):
            width = state[name.removesuffix("to_q.weight") + "null_kv"].shape[-1]
            translated[name] = value * width**0.5
        else:
            translated[name] = value
    if of == "masked":
        for name in [name for name in translated if re.fullmatch(r"unets\.[1-9]\d*\.to_out\.weight", name)]:
            old = translated[name]
            blind = old.new_zeros(old.shape[0], int(config.get("channels", 3)), *old.shape[2:])
            translated[name] = torch.cat((old, blind), 1)
    return translated, config


def transposed(decoder: Any, state: State) -> None:
    """Put transposed convolutions where the weights have them: before 0.21 they made pictures larger."""
    for name, value in state.items():
        up = UP.fullmatch(name)
        if up and value.ndim == 4 and value.shape[-1] == 4:
            decoder.unets[int(up[1])].ups[int(up[2])][3] = nn.ConvTranspose2d(value.shape[0], value.shape[1], 4, 2, 1)
