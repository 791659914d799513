"""A network's config from the shapes of its layers."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

from logolib.models.weights import ModelError

State = dict[str, Tensor]


def guess_prior(state: State) -> dict[str, Any]:
    """A DiffusionPriorConfig that has exactly these layers; the objective is dalle2-pytorch's default, x0.

    Raises ModelError naming the layers when none does.
    """
    layers = "net.causal_transformer.layers."
    try:
        dim = state["net.learned_query"].shape[0]
        dim_head = state[f"{layers}0.0.null_kv"].shape[-1]
        widest = state[f"{layers}0.1.1.weight"].shape[0] // 2
        texts, times = state.get("net.null_text_embeds"), state.get("net.to_time_embeds.0.weight")
        learned = state.get("net.to_time_embeds.0.1.net.2.weight")
        images, padding = state.get("net.to_image_embeds.0.weight"), state.get("net.null_text_encodings")
        embeds = (times if times is not None else learned).shape[-1 if times is not None else 0]  # type: ignore[union-attr]
        return {
            "net": {
                "dim": dim,
                "depth": _count(state, layers),
                "dim_head": dim_head,
                "heads": state[f"{layers}0.0.to_q.weight"].shape[0] // dim_head,
                "ff_mult": widest / dim if widest % dim else widest // dim,
                "normformer": f"{layers}0.1.3.g" in state,
                "norm_in": "net.causal_transformer.init_norm.g" in state,
                "norm_out": "net.causal_transformer.norm.g" in state,
                "final_proj": "net.causal_transformer.project_out.weight" in state,
                "rotary_emb": f"{layers}0.0.rotary_emb.freqs" in state,
                "num_timesteps": None if times is None else times.shape[0],
                "num_time_embeds": embeds // dim,
                "num_image_embeds": 1 if images is None else images.shape[0] // dim,
                "num_text_embeds": 1 if texts is None else texts.shape[1],
            },
            "image_embed_dim": dim,
            "image_size": 64,  # read by nothing once there is no CLIP
            "timesteps": state["noise_scheduler.betas"].shape[0],
            **({"condition_on_text_encodings": padding.shape[1] > 0} if padding is not None else {}),
        }
    except (KeyError, AttributeError) as error:
        raise ModelError(f"The layers do not tell the prior's config (there is no {error}); give one.") from None


def guess_decoder(state: State) -> dict[str, Any]:
    """A DecoderConfig that has exactly these layers, but for `image_sizes`; the objective is the default, noise.

    Raises ModelError naming the layers when none does.
    """
    try:
        unets = [_unet(state, f"unets.{i}.") for i in range(_count(state, "unets."))]
        learned = [state[f"unets.{i}.to_out.weight"].shape[0] == 2 * unet["channels"] for i, unet in enumerate(unets)]
        return {
            "unets": unets,
            "channels": unets[0]["channels"],
            "timesteps": state["noise_schedulers.0.betas"].shape[0],
            "learned_variance": learned,
        }
    except KeyError as error:
        raise ModelError(f"The layers do not tell the decoder's config (there is no {error}); give one.") from None


def _unet(state: State, at: str) -> dict[str, Any]:
    """One unet's config; `at` is the start of its layers' names."""
    own = {name.removeprefix(at): value for name, value in state.items() if name.startswith(at)}
    dim = own["to_time_hiddens.1.weight"].shape[1]
    convs = [own[f"init_conv.convs.{i}.weight"] for i in range(_count(own, "init_conv.convs."))]
    stages = _count(own, "downs.")
    efficient = "init_resnet_block.block1.project.weight" in own
    first = convs[0] if convs else own["init_conv.weight"]
    lowres = not at.startswith("unets.0.")
    blocks = [own[f"downs.{i}.1.block1.project.weight"].shape[0] for i in range(stages)]
    widths = blocks if efficient else [*blocks[1:], own["mid_block1.block1.project.weight"].shape[0]]
    head = own["mid_attn.fn.fn.null_kv"].shape[-1]
    cond_dim, tokens = own["null_image_embed"].shape[-1], own["null_image_embed"].shape[1]
    image = own.get("to_image_hiddens.0.weight")
    text = own.get("text_to_cond.weight")
    return {
        "dim": dim,
        "dim_mults": [width // dim for width in widths],
        "channels": first.shape[1] // (2 if lowres else 1),
        "image_embed_dim": cond_dim if image is None else image.shape[1],
        "text_embed_dim": None if text is None else text.shape[1],
        "cond_on_text_encodings": text is not None,
        "cond_dim": cond_dim,
        "num_image_tokens": tokens,
        "num_time_tokens": own["to_time_tokens.0.weight"].shape[0] // cond_dim,
        "max_text_len": own["null_text_embed"].shape[1],
        "self_attn": [f"downs.{i}.3.fn.fn.to_q.weight" in own for i in range(stages)],
        "sparse_attn": any(name.endswith(".to_qkv.weight") for name in own),
        "attn_dim_head": head,
        "attn_heads": own["mid_attn.fn.fn.to_q.weight"].shape[0] // head,
        "num_resnet_blocks": [_count(own, f"downs.{i}.2.") for i in range(stages)],
        "init_dim": sum(conv.shape[0] for conv in convs) if convs else first.shape[0],
        "init_cross_embed": bool(convs),
        "init_cross_embed_kernel_sizes": [conv.shape[-1] for conv in convs] or [3, 7, 15],
        "init_conv_kernel_size": first.shape[-1],
        "final_conv_kernel_size": own["to_out.weight"].shape[-1],
        "memory_efficient": efficient,
        "pixel_shuffle_upsample": not any(re.fullmatch(r"ups\.\d+\.3\.1\.weight", name) for name in own),
        "lowres_noise_cond": "to_lowres_noise_cond.1.weight" in own,
        "combine_upsample_fmaps": "upsample_combiner.fmap_convs.0.project.weight" in own,
    }


def _count(state: State, at: str) -> int:
    """How many numbered layers follow `at`."""
    return len({name[len(at) :].split(".", 1)[0] for name in state if name.startswith(at)})
