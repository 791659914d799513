"""The decoder: dalle2-pytorch's Decoder and Unet, over pixels folded into channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MethodType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from logolib.config import DecoderSettings
from logolib.models.clip import Clip
from logolib.models.upstream import create, exact_schedule
from logolib.models.weights import ModelError, building, load_weights, read_config
from logolib.noise import Callback, Sampler, guided, sample_ddim, thresholded, within, x0_from_noise, x0_from_v
from logolib.seeds import SampleGenerators


def decoder_config(settings: DecoderSettings, clip: Clip) -> dict[str, Any]:
    """dalle2-pytorch's own DecoderConfig, as a dict, for the embeddings and encodings of `clip`."""
    if settings.cond_dim == clip.dim:  # its Unet then makes one token of the embedding where it expects four
        raise ModelError(f"dalle2-pytorch takes no decoder.cond_dim equal to the CLIP's {clip.dim}; choose another.")
    text_width = 2 * clip.config["text_cfg"]["width"]
    unet = {
        "dim": settings.dim,
        "dim_mults": list(settings.dim_mults),
        "image_embed_dim": clip.dim + (text_width if settings.text_encodings else 0),
        "cond_dim": settings.cond_dim,
        "channels": 3 * settings.fold**2,
        "cond_on_image_embeds": True,
        "cond_on_text_encodings": settings.text_encodings,
        "text_embed_dim": text_width if settings.text_encodings else None,
        "max_text_len": clip.vocabulary.context_length,
        "self_attn": list(settings.attention),
        "attn_heads": settings.attn_heads,
        "attn_dim_head": settings.attn_dim_head,
        "num_resnet_blocks": settings.num_resnet_blocks,
        "memory_efficient": settings.memory_efficient,
        "self_cond": settings.self_conditioning,
        "init_cross_embed": False,  # its 15-pixel kernels cost more than all else at this size
        "init_conv_kernel_size": 3,
    }
    return {
        "unets": [unet],
        "image_sizes": [settings.image_size // settings.fold],
        "channels": 3 * settings.fold**2,
        "timesteps": settings.timesteps,
        "beta_schedule": [settings.beta_schedule],
        "p2_loss_weight_gamma": settings.p2_gamma,
        "predict_x_start": settings.objective == "x0",
        "predict_v": settings.objective == "v",
        "learned_variance": settings.learned_variance,
        "image_cond_drop_prob": settings.image_dropout,
        "text_cond_drop_prob": settings.text_dropout,
    }


def load_decoder(folder: Path) -> tuple[nn.Module, int]:
    """Read a decoder that `logolib train decoder` wrote, and how far its pixels are folded. Raises ModelError."""
    about = read_config(folder, "train decoder", "decoder", "fold")
    with building(folder):
        decoder: Any = build_decoder(about["decoder"])
        fold = int(about["fold"])
    with exact_schedule(decoder.noise_schedulers):
        load_weights(decoder, folder / "model.safetensors")
    return decoder.eval().requires_grad_(False), fold


def build_decoder(config: dict[str, Any]) -> nn.Module:
    """An untrained Decoder of dalle2-pytorch; its image conditioning starts at the scale of its time signal."""
    decoder: Any = create("DecoderConfig", config)
    for unet in decoder.unets:
        if unet.to_image_hiddens is not None:
            first = unet.to_image_hiddens[0]
            # A normalised embedding of width D has entries near 1 / sqrt(D): far too faint beside the time.
            with torch.no_grad():
                first.weight.mul_(first.in_features**0.5)
    decoder.to(memory_format=torch.channels_last)
    return decoder  # type: ignore[no-any-return]


def weigh_by_snr(decoder: Any, gamma: float, floor: float = 0.0) -> None:
    """Weigh the training loss at each time by the signal-to-noise ratio, clipped, for noise or v in their own units.

    At gamma from above: min-SNR (Hang et al. 2023, section 3.4). At a floor of 1 from below: the truncated weights of
    Salimans and Ho (2022, section 4), under which the noisiest times count as much as they do without weights.
    The weights take the place of upstream's p2 weights, which are of the same kind.
    """
    schedule = decoder.noise_schedulers[0]
    snr = schedule.alphas_cumprod / (1 - schedule.alphas_cumprod)
    weight = snr.clamp(floor, gamma)
    if decoder.predict_v[0]:
        weight = weight / (snr + 1)
    elif not decoder.predict_x_start[0]:
        weight = weight / snr
    schedule.p2_loss_weight.copy_(weight)
    schedule.has_p2_loss_reweighting = True


def draw_times(decoder: Any, mean: float, std: float) -> None:
    """Draw the times of training by a logit-normal law (Esser et al. 2024, section 3.1); evaluation keeps its own.

    At a mean above 0 the noisier times come up more often, where the words decide what the picture will be.
    """
    schedule = decoder.noise_schedulers[0]
    uniform = type(schedule).sample_random_times

    def sample_random_times(self: Any, batch: int) -> Tensor:
        if not self.training:
            return uniform(self, batch)  # type: ignore[no-any-return]
        shares = (mean + std * torch.randn(batch, device=self.betas.device)).sigmoid()
        return (shares * self.num_timesteps).long().clamp(max=self.num_timesteps - 1)

    schedule.sample_random_times = MethodType(sample_random_times, schedule)  # a method: copies draw for themselves


def condition(decoder: Any, image_embed: Tensor, text_encodings: Tensor | None) -> dict[str, Any]:
    """What a decoder takes: an image's embedding (B, D), and the text's encodings (B, L, W) if it was built for text.

    dalle2-pytorch's Unet hands the encodings to its innermost layers only, and what stands in `image_embed` to
    all. So the mean of the encodings, at the scale of a normalised vector, stands there beside the image's
    embedding: the pooled text that Imagen adds to its time signal (Saharia et al. 2022, appendix).
    Of encodings wider than the decoder's the first part is taken: what the CLIP's last layer says.
    """
    if text_encodings is None or not decoder.condition_on_text_encodings:
        return {"image_embed": image_embed, "text_encodings": None}
    text_encodings = text_encodings[..., : decoder.unets[0].text_to_cond.in_features]
    if decoder.unets[0].to_image_hiddens[0].in_features > image_embed.shape[-1]:
        pooled = F.normalize(text_encodings.sum(1), dim=-1)
        image_embed = torch.cat([image_embed, pooled], -1)
    return {"image_embed": image_embed, "text_encodings": text_encodings}


def fold(images: Tensor, factor: int) -> Tensor:
    """(B, 3, H, W) => (B, 3 factor^2, H / factor, W / factor), without loss."""
    return F.pixel_unshuffle(images, factor)


def unfold(images: Tensor, factor: int) -> Tensor:
    """The inverse of `fold`."""
    return F.pixel_shuffle(images, factor)


def _as_it_is(x: Tensor, x0: Tensor, alpha_bar: Tensor) -> Tensor:
    return x0


@contextmanager
def _second_half_unconditional(unet: Any) -> Iterator[None]:
    """Within, the Unet takes the second half of a batch for unconditional, whose text encodings must be zero.

    Its own drop probabilities hold for a whole call; it nulls the rows of a text that is all zero by itself.
    """

    def nulled(null: Tensor) -> Callable[[nn.Module, Any, Tensor], Tensor]:
        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
            given, dropped = output.chunk(2)
            return torch.cat([given, null.to(output.dtype).expand_as(dropped)])

        return hook

    hooks = [
        unet.image_to_tokens.register_forward_hook(nulled(unet.null_image_embed)),
        unet.to_image_hiddens.register_forward_hook(nulled(unet.null_image_hiddens)),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def predict(
    unet: Any,
    x: Tensor,
    times: Tensor,
    image_embed: Tensor,
    text_encodings: Tensor | None,
    scale: float,
    last: Tensor | None = None,
) -> Tensor:
    """The Unet's output for x (B, C, H, W) under guidance, float32: both halves of it in one pass of 2 B rows.

    last: the predicted picture of the step before, which a self-conditioned Unet sees. A learned variance is left out.
    """
    given = {
        "image_embed": image_embed,
        "text_encodings": text_encodings,
        "self_cond": last if unet.self_cond else None,
    }
    if scale == 1.0:
        return unet(x, times, **given)[:, : x.shape[1]].float()  # type: ignore[no-any-return]
    twice = {name: None if value is None else torch.cat([value, value]) for name, value in given.items()}
    if text_encodings is not None:
        twice["text_encodings"] = torch.cat([text_encodings, torch.zeros_like(text_encodings)])
    with _second_half_unconditional(unet):
        both: Tensor = unet(torch.cat([x, x]), torch.cat([times, times]), **twice)
    conditional, unconditional = both[:, : x.shape[1]].float().chunk(2)
    return guided(conditional, unconditional, scale)


@torch.no_grad()
def sample_decoder(
    decoder: Any,
    image_embed: Tensor,
    text_encodings: Tensor | None,
    noise: SampleGenerators,
    steps: int,
    scale: float,
    factor: int,
    *,
    sampler: Sampler = sample_ddim,
    interval: tuple[float, float] = (0.0, 1.0),
    threshold: float | None = None,
    edit: Callable[[Tensor], Tensor] | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Normalised image embeddings (B, D) and a text's encodings (B, L, W) => pixels (B, 3, H, W) in [-1, 1].

    With guidance `scale` in the part `interval` of the schedule; a decoder that was built without text takes
    None for it. threshold: see `logolib.noise.thresholded`. edit: what is done to each predicted picture
    (B, 3, H, W) before the next step starts from it. callback: as of samplers, with the picture unfolded.
    """
    given = condition(decoder, image_embed, text_encodings)
    unet, device = decoder.unets[0], image_embed.device
    alphas_bar = decoder.noise_schedulers[0].alphas_cumprod
    to_x0: Callable[[Tensor, Tensor, Tensor], Tensor] = x0_from_noise
    if decoder.predict_v[0]:
        to_x0 = x0_from_v
    elif decoder.predict_x_start[0]:
        to_x0 = _as_it_is

    last: Tensor | None = None

    def denoise(x: Tensor, t: int) -> Tensor:
        nonlocal last
        times = torch.full((len(x),), t, device=device)
        now = scale if within(t, len(alphas_bar), interval) else 1.0
        output = predict(unet, x, times, **given, scale=now, last=last)
        last = thresholded(to_x0(x, output, alphas_bar[t]), threshold)
        if edit is not None:
            last = fold(edit(unfold(last, factor)), factor)
        return last

    def fresh() -> Tensor:
        return noise.randn((len(image_embed), decoder.channels, size, size), device)

    def told(i: int, t: int, x0: Tensor) -> None:
        if callback is not None:
            callback(i, t, unfold(x0, factor))

    size = decoder.image_sizes[0]
    return unfold(sampler(denoise, fresh(), alphas_bar, min(steps, len(alphas_bar)), fresh, told), factor)
