"""What a user may rely on: any CLIP drives prior and decoder, and files go out and come back whole."""

from __future__ import annotations

from pathlib import Path

import open_clip
import pytest
import torch

from logolib.config import DecoderSettings, PriorSettings
from logolib.models import Clip, ModelError, clip_adapter, export, load_clip
from logolib.models.clip import named_config
from logolib.models.decoder import build_decoder, condition, decoder_config, fold, unfold
from logolib.models.prior import build_prior, prior_config
from logolib.models.upstream import create
from logolib.models.weights import load_weights
from logolib.text import Vocabulary

CAPTIONS = ["A red lion on a gold shield.", "Blue and white stripes."]


def tiny_resnet() -> Clip:
    """The class of RN50, whose last text layer is narrower than its embedding."""
    config = {
        "embed_dim": 96,
        "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 16},
        "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 1},
    }
    return Clip(config, Vocabulary.of(CAPTIONS, 32)).eval()


def test_the_adapter_asks_the_model_for_its_width() -> None:
    clip = tiny_resnet()
    adapter = clip_adapter(clip)
    image = adapter.embed_image(torch.rand(2, 3, 32, 32)).image_embed
    text = adapter.embed_text(clip.vocabulary.encode(CAPTIONS))
    assert adapter.dim_latent == image.shape[1] == text.text_embed.shape[1] == 96
    assert text.text_encodings.shape == (2, 32, 64)
    torch.testing.assert_close(image.norm(dim=-1), torch.ones(2))


def test_encodings_are_zero_from_the_end_token_on() -> None:
    clip = tiny_resnet()
    tokens = clip.vocabulary.encode(CAPTIONS)
    _, encodings = clip.encode_text_tokens(tokens)
    for row, states in zip(tokens, encodings, strict=True):
        end = int((row == clip.vocabulary.end).nonzero()[0])
        assert states[:end].abs().sum(-1).min() > 0
        assert states[end:].abs().max() == 0


def test_a_resnet_s_embedding_goes_through_prior_and_decoder_where_the_stock_adapter_fails() -> None:
    from dalle2_pytorch import DiffusionPrior, DiffusionPriorNetwork

    clip = tiny_resnet()
    adapter = clip_adapter(clip)
    net = DiffusionPriorNetwork(dim=96, depth=1, dim_head=16, heads=2, max_text_len=32)
    prior = DiffusionPrior(net=net, clip=adapter, timesteps=10, condition_on_text_encodings=False)
    tokens, images = clip.vocabulary.encode(CAPTIONS), torch.rand(2, 3, 32, 32)
    assert torch.isfinite(prior(text=tokens, image=images))

    # Upstream's adapter reads the width off the last text layer: 64 here (512 for RN50, which embeds into 1024).
    assert clip.net.ln_final.weight.shape[0] == 64 != clip.dim
    stock = clip_adapter(clip)
    type(stock).dim_latent = property(lambda self: self.clip.net.ln_final.weight.shape[0])
    with pytest.raises(AssertionError, match="dimension of 96"):
        DiffusionPrior(net=net, clip=stock, timesteps=10, condition_on_text_encodings=False)


def test_a_clip_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    clip = tiny_resnet()
    clip.save(tmp_path)
    again = load_clip(tmp_path)
    assert again.fingerprint() == clip.fingerprint()
    images = torch.rand(2, 3, 32, 32) * 2 - 1
    torch.testing.assert_close(again.encode_image(images), clip.encode_image(images))


def test_damaged_missing_and_foreign_weights_are_refused(tmp_path: Path) -> None:
    clip = tiny_resnet()
    clip.save(tmp_path)
    with pytest.raises(ModelError, match="no model in"):
        load_clip(tmp_path / "nowhere")
    other = build_prior(prior_config(PriorSettings(depth=1), 96))
    with pytest.raises(ModelError, match="another model"):
        load_weights(other, tmp_path / "model.safetensors")
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match="damaged"):
        load_clip(tmp_path)


def test_an_unknown_model_name_is_refused() -> None:
    with pytest.raises(ModelError, match="knows no model"):
        named_config("RN51")


def test_folding_loses_nothing() -> None:
    images = torch.rand(2, 3, 16, 16)
    assert fold(images, 4).shape == (2, 48, 4, 4)
    assert torch.equal(unfold(fold(images, 4), 4), images)


def test_open_clip_loads_what_is_exported(tiny_model: Path, tmp_path: Path) -> None:
    weights, config = export(tiny_model, "open_clip", tmp_path)
    clip = load_clip(tiny_model / "clip")
    open_clip.add_model_config(config)
    theirs = open_clip.create_model("open_clip", pretrained=str(weights)).eval()
    tokens = open_clip.SimpleTokenizer(context_length=clip.vocabulary.context_length)(CAPTIONS)
    ours = clip.encode_text(clip.vocabulary.encode(CAPTIONS))
    torch.testing.assert_close(theirs.encode_text(tokens, normalize=True), ours)
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    torch.testing.assert_close(theirs.encode_image(clip.prepare(images), normalize=True), clip.encode_image(images))


def test_dalle2_pytorch_loads_and_samples_what_is_exported(tiny_model: Path, tmp_path: Path) -> None:
    files = export(tiny_model, "dalle2-pytorch", tmp_path)
    assert sorted(file.name for file in files) == ["decoder.json", "decoder.pth", "prior.json", "prior.pth"]
    saved = torch.load(tmp_path / "prior.pth", weights_only=True)
    prior = create("DiffusionPriorConfig", saved["config"])
    prior.load_state_dict(saved["model"])
    saved = torch.load(tmp_path / "decoder.pth", weights_only=True)
    decoder = create("DecoderConfig", saved["config"])
    decoder.load_state_dict(saved["model"])
    clip = load_clip(tiny_model / "clip")
    _, words = clip.encode_text_tokens(clip.vocabulary.encode(CAPTIONS[:1]))
    given = condition(decoder, torch.randn(1, clip.dim), words)
    pixels = decoder.sample(**given, cond_scale=1.0)
    assert unfold(pixels, 2).shape == (1, 3, 32, 32)


def test_a_decoder_of_narrower_encodings_is_given_the_last_layer_s(tiny_model: Path) -> None:
    clip = load_clip(tiny_model / "clip")
    embeddings, words = clip.encode_text_tokens(clip.vocabulary.encode(CAPTIONS))
    config = decoder_config(DecoderSettings(image_size=16, dim=16, dim_mults=(1,), attention=(False,)), clip)
    unet, width = config["unets"][0], words.shape[-1] // 2
    unet |= {"image_embed_dim": clip.dim + width, "text_embed_dim": width}
    given = condition(build_decoder(config), embeddings, words)
    torch.testing.assert_close(given["text_encodings"], words[..., :width])
    assert given["image_embed"].shape == (2, clip.dim + width)


def test_words_stand_by_themselves_beside_what_the_tower_makes_of_them(tiny_model: Path) -> None:
    clip = load_clip(tiny_model / "clip")
    _, encodings = clip.encode_text_tokens(clip.vocabulary.encode(["a red lion", "lion a red", "a blue lion"]))
    same, turned, other = encodings[..., encodings.shape[-1] // 2 :].sum(1)
    torch.testing.assert_close(same, turned)
    assert (same - other).norm() > 0.1 * same.norm()


def test_an_unknown_target_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no target"):
        export(tiny_model, "onnx", tmp_path)


def test_every_objective_trains_a_step(tiny_model: Path) -> None:
    clip = load_clip(tiny_model / "clip")
    embeddings, words = clip.encode_text_tokens(clip.vocabulary.encode(CAPTIONS[:2]))
    for objective in ("noise", "x0", "v"):
        settings = DecoderSettings(
            objective=objective, image_size=16, dim=16, dim_mults=(1,), attention=(False,), timesteps=10
        )
        decoder = build_decoder(decoder_config(settings, clip))
        value = decoder(fold(torch.rand(2, 3, 16, 16), 2), **condition(decoder, embeddings, words))
        value.backward()
        assert torch.isfinite(value)
