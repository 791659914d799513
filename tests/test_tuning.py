"""Fine-tuning: what moves, another CLIP's space, and the trial before a long run."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from logolib.config import DecoderSettings, Profile
from logolib.models.clip import load_clip
from logolib.models.decoder import (
    build_decoder,
    condition,
    decoder_config,
    draw_times,
    fold,
    load_decoder,
    weigh_by_snr,
)
from logolib.models.weights import fill, read_weights
from logolib.train import train_clip, train_decoder, train_prior
from logolib.train.bridge import Bridge, carried_over, kept, linear_map, rebuilt
from logolib.train.loop import TrainError
from logolib.train.preflight import preflight

TINY = DecoderSettings(image_size=16, dim=16, dim_mults=(1,), attention=(False,), timesteps=10)


def _weights(run: Path) -> dict[str, Tensor]:
    return read_weights(run / "decoder" / "model.safetensors")


def _finetuned(smoke: Profile, data: Path, model: Path, out: Path, **changes: object) -> dict[str, Tensor]:
    settings = smoke.decoder.model_copy(
        update={"start": str(model), "steps": 3, "ema": 0.0, "prior_share": 0, **changes}
    )
    train_decoder(settings, data, out, clip=model / "clip", progress=False)
    return _weights(out)


def test_lora_moves_each_layer_by_a_matrix_of_low_rank_and_leaves_an_ordinary_decoder(
    smoke: Profile, tiny_data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    before, after = (
        _weights(tiny_model),
        _finetuned(smoke, tiny_data, tiny_model, tmp_path, trainable="lora", lora_rank=2),
    )
    load_decoder(tmp_path / "decoder")  # upstream's own module takes the file
    assert before.keys() == after.keys()
    moved = {name: after[name] - before[name] for name in before if not torch.equal(before[name], after[name])}
    assert moved
    for change in moved.values():
        assert torch.linalg.matrix_rank(change.flatten(1), rtol=1e-3) <= 2


def test_only_the_chosen_layers_move(smoke: Profile, tiny_data: Path, tiny_model: Path, tmp_path: Path) -> None:
    before = _weights(tiny_model)
    after = _finetuned(smoke, tiny_data, tiny_model, tmp_path, trainable=r"to_image_hiddens|text_to_cond")
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {name for name in before if "to_image_hiddens" in name or "text_to_cond" in name}


def test_a_choice_that_leaves_nothing_is_refused(
    smoke: Profile, tiny_data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(TrainError, match=r"No weight's name has 'nothing' in it; there are .*unets"):
        _finetuned(smoke, tiny_data, tiny_model, tmp_path, trainable="nothing")


def test_a_decoder_carried_over_a_bridge_draws_what_it_drew(tiny_model: Path) -> None:
    theirs = load_clip(tiny_model / "clip")
    decoder = build_decoder(config := decoder_config(TINY, theirs))
    embed, words = theirs.encode_text_tokens(theirs.vocabulary.encode(["a red lion", "two blue stars"]))
    dim, width = embed.shape[1], words.shape[2]
    torch.manual_seed(0)
    across = [torch.linalg.qr(torch.randn(n + 20, n))[0] for n in (dim, width)]  # theirs => ours, wider
    bridge = Bridge(across[0].T, across[1].T, across[1].T)
    ours = build_decoder(rebuilt(config, bridge))
    fill(ours, carried_over(dict(decoder.state_dict()), bridge), Path("carried over"))
    x, t = torch.randn(2, 12, 8, 8), torch.tensor([3, 7])
    there = decoder.unets[0](x, t, **condition(decoder, embed, words))  # type: ignore[index,operator]
    here = ours.unets[0](x, t, **condition(ours, embed @ across[0].T, words @ across[1].T))  # type: ignore[index,operator]
    torch.testing.assert_close(here, there, rtol=1e-4, atol=1e-4)


def test_a_linear_map_between_two_spaces_is_found_and_measured() -> None:
    torch.manual_seed(0)
    theirs = F.normalize(torch.randn(400, 12), dim=-1)
    ours = theirs @ torch.randn(12, 20)
    found = kept(linear_map(ours[:300], theirs[:300]), ours[300:], theirs[300:])
    assert found["cosine"] > 0.99
    assert found["R@1"] == 1.0
    unrelated = kept(linear_map(torch.randn(300, 20), theirs[:300]), torch.randn(100, 20), theirs[300:])
    assert unrelated["cosine"] < 0.4
    assert unrelated["R@1"] < 0.2


def test_fine_tuning_goes_on_with_another_clip(
    smoke: Profile, tiny_data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    config = tmp_path / "small.json"
    config.write_text(
        '{"embed_dim": 48, "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8},'
        ' "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 40, "heads": 2, "layers": 1}}'
    )
    train_clip(smoke.clip.model_copy(update={"model": str(config)}), tiny_data, tmp_path, progress=False)
    train_prior(smoke.prior, tiny_data, tmp_path, progress=False)
    settings = smoke.decoder.model_copy(update={"start": str(tiny_model), "steps": 2, "bridge": True})
    result = train_decoder(settings, tiny_data, tmp_path, progress=False)
    assert -1 <= result.values["bridge"]["cosine"] <= 1
    decoder, _ = load_decoder(tmp_path / "decoder")
    assert decoder.unets[0].to_image_hiddens[0].in_features == 48 + 2 * 40  # type: ignore[index,union-attr]


def test_a_network_that_cannot_learn_eight_pictures_is_stopped_before_a_long_run(
    smoke: Profile, tiny_data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    still = {"preflight": 10, "lr": 1e-9, "start": None}
    with pytest.raises(TrainError, match=r"cannot learn 8 pictures by heart .*after 10 steps.*decoder\.lr"):
        _finetuned(smoke, tiny_data, tiny_model, tmp_path, **still)
    assert not (tmp_path / "decoder" / "model.safetensors").exists()


def test_a_network_that_learns_passes_the_preflight_unchanged() -> None:
    torch.manual_seed(0)
    network, target = nn.Linear(8, 8), torch.randn(8, 8)
    before = network.weight.clone()
    settings = DecoderSettings(lr=0.1)
    found = preflight(network, lambda net: F.mse_loss(net(torch.eye(8)), target), settings, 40, 0, "decoder")
    assert found["last"] < 0.5 * found["first"]
    assert torch.equal(network.weight, before)


@pytest.mark.parametrize("floor", [0.0, 1.0])
@pytest.mark.parametrize("objective", ["noise", "x0", "v"])
def test_min_snr_weighs_a_time_by_its_clipped_ratio(tiny_model: Path, objective: str, floor: float) -> None:
    decoder = build_decoder(
        decoder_config(TINY.model_copy(update={"objective": objective}), load_clip(tiny_model / "clip"))
    )
    weigh_by_snr(decoder, 5.0, floor)
    schedule = decoder.noise_schedulers[0]  # type: ignore[index]
    weights, snr = schedule.p2_loss_weight, schedule.alphas_cumprod / (1 - schedule.alphas_cumprod)
    at_x0 = {"x0": weights, "noise": weights * snr, "v": weights * (snr + 1)}[
        objective
    ]  # all three in the picture's units
    torch.testing.assert_close(at_x0, snr.clamp(floor, 5.0))
    assert schedule.p2_reweigh_loss(torch.ones(1), torch.tensor([0])).item() == pytest.approx(weights[0].item())


@pytest.mark.parametrize("mean", [-1.0, 0.0, 1.5])
def test_logit_normal_times_follow_their_law_and_leave_evaluation_alone(tiny_model: Path, mean: float) -> None:
    decoder: Any = build_decoder(decoder_config(TINY, load_clip(tiny_model / "clip")))
    draw_times(decoder, mean, 1.0)
    torch.manual_seed(0)
    average = copy.deepcopy(decoder).eval()
    drawn, evaluated = (some.noise_schedulers[0].sample_random_times(20_000) for some in (decoder, average))
    assert drawn.unique().tolist() == evaluated.unique().tolist() == list(range(10))
    first_half = torch.special.ndtr(torch.tensor(-mean)).item()  # where the logit lies below 0
    assert (drawn < 5).float().mean().item() == pytest.approx(first_half, abs=0.02)
    assert evaluated.float().mean().item() == pytest.approx(4.5, abs=0.1)


@pytest.mark.parametrize("option", [{"learned_variance": True}, {"self_conditioning": True}, {"p2_gamma": 1.0}])
def test_what_upstream_offers_trains_a_step(tiny_model: Path, option: dict[str, object]) -> None:
    clip = load_clip(tiny_model / "clip")
    decoder = build_decoder(decoder_config(TINY.model_copy(update=option), clip))
    given = condition(decoder, *clip.encode_text_tokens(clip.vocabulary.encode(["a red lion", "a bear"])))
    value = decoder(fold(torch.rand(2, 3, 16, 16), 2), **given)
    value.backward()
    assert torch.isfinite(value)


def test_compiling_without_a_compiler_is_refused_before_the_training(
    smoke: Profile, tiny_data: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(TrainError, match=r"install g\+\+, or set decoder.torch_compile=false"):
        _finetuned(smoke, tiny_data, tiny_model, tmp_path, torch_compile=True)


@pytest.mark.skipif("LOGOLIB_LONG" not in os.environ, reason="takes minutes; set LOGOLIB_LONG=1")
def test_a_compiled_decoder_takes_the_steps_of_one_that_is_not(
    smoke: Profile, tiny_data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    # nothing dropped: compiled code draws other random numbers
    same = {"start": None, "precision": "fp32", "image_dropout": 0.0, "text_dropout": 0.0}
    plain, compiled = (
        _finetuned(smoke, tiny_data, tiny_model, tmp_path / name, torch_compile=name == "compiled", **same)
        for name in ("plain", "compiled")
    )
    assert plain.keys() == compiled.keys()
    for name, value in plain.items():
        assert (value - compiled[name]).abs().mean() < 1e-4, name
