"""What a user may rely on: each part of the recipe for few pairs does what its name says, and can be switched off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from logolib.config import ClipSettings, ConfigError, Profile, TrainSettings, load_profile
from logolib.data import load_pairs
from logolib.models import Clip, load_clip
from logolib.text import Vocabulary
from logolib.train import train_clip
from logolib.train.best import Best
from logolib.train.crops import random_crops
from logolib.train.feed import UniqueFeed
from logolib.train.interpolate import best_share, interpolate
from logolib.train.loop import Extras, TrainError, fit
from logolib.train.pairs import carve
from logolib.train.schedule import decayed_rates, levels, lock

VIT: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 3},
}
RESNET: dict[str, Any] = {**VIT, "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 16}}


def clip_of(config: dict[str, Any]) -> Clip:
    torch.manual_seed(0)
    return Clip(config, Vocabulary.of(["a red lion"], 16))


def test_earlier_layers_learn_at_lower_rates() -> None:
    rates = decayed_rates(clip_of(VIT), 0.5)
    assert rates["net.visual.proj"] == rates["net.text_projection"] == rates["net.logit_scale"] == 1
    assert rates["net.visual.transformer.resblocks.1.mlp.c_fc.weight"] == 0.5
    assert rates["net.visual.conv1.weight"] == 0.125
    assert rates["net.transformer.resblocks.2.mlp.c_fc.weight"] == 0.5
    assert rates["net.token_embedding.weight"] == 0.5**4
    resnet = decayed_rates(clip_of(RESNET), 0.5)
    assert resnet["net.visual.attnpool.q_proj.weight"] == 1
    assert resnet["net.visual.layer4.0.conv1.weight"] == 0.5
    assert resnet["net.visual.conv1.weight"] == 0.5**5


def test_the_loop_gives_each_layer_its_rate(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    before = [p.detach().clone() for p in network.parameters()]
    plain = TrainSettings(steps=1, warmup=0, lr=0.1, wd=0.0)

    def loss(net: nn.Module, _step: int) -> Tensor:
        return sum((p.sum() for p in net.parameters()), torch.zeros(()))

    extras = Extras(rates={"0.weight": 0.25, "1.weight": 1.0})
    fit(network, loss, plain, tmp_path / "a.pt", seed=0, key="k", resume=False, progress=False, extras=extras)
    moved = [float((a - b.detach()).abs().mean()) for a, b in zip(before, network.parameters(), strict=True)]
    assert moved == pytest.approx([0.025, 0.1], rel=1e-3)  # Adam's first step is the rate itself


def test_frozen_statistics_stay_in_training() -> None:
    clip = clip_of(RESNET)
    clip.frozen_statistics = True
    before = clip.net.visual.bn1.running_mean.clone()
    clip.train()
    clip.encode_image(torch.randn(4, 3, 32, 32))
    assert torch.equal(clip.net.visual.bn1.running_mean, before)
    clip.frozen_statistics = False
    clip.train().encode_image(torch.randn(4, 3, 32, 32))
    assert not torch.equal(clip.net.visual.bn1.running_mean, before)


def test_locked_towers_learn_only_in_their_last_layers() -> None:
    clip = clip_of(VIT)
    lock(clip, ClipSettings(lock_image=True, lock_text=True, lock_text_unlocked_layers=2))
    free = {name for name, p in clip.net.named_parameters() if p.requires_grad}
    assert not any(name.startswith("visual.") for name in free)
    assert {"logit_scale", "text_projection", "ln_final.weight"} <= free
    assert {name.split(".")[2] for name in free if name.startswith("transformer.resblocks")} == {"2"}
    level = levels(clip)
    assert all(level[name] < 2 for name in free)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=12, max_size=60), st.integers(2, 6), st.integers(0, 200))
def test_no_caption_stands_twice_in_a_batch(captions: list[int], size: int, step: int) -> None:
    numbers = np.array(captions)
    order = np.arange(len(captions))[:, None]
    if len(set(captions)) < size:
        with pytest.raises(TrainError, match=r"clip\.batch_size="):
            UniqueFeed(order, numbers, size, 0)
        return
    feed = UniqueFeed(order, numbers, size, 0)
    rows = feed(step)
    assert len(rows) == len(set(numbers[rows])) == size
    assert (UniqueFeed(order, numbers, size, 0)(step) == rows).all()
    feed(step + 1)
    assert (feed(step) == rows).all()


def test_an_epoch_of_different_captions_shows_every_pair_once() -> None:
    feed = UniqueFeed(np.arange(24)[:, None], np.arange(24), 6, 3)
    assert sorted(np.concatenate([feed(step) for step in range(4, 8)])) == list(range(24))


def test_the_best_weights_are_kept_and_waiting_ends(tmp_path: Path) -> None:
    scores = iter([0.1, 0.5, 0.3, 0.2, 0.9])
    network = nn.Linear(2, 1)
    seen: list[Tensor] = []

    def hook(net: nn.Module, _step: int) -> dict[str, Any]:
        seen.append(net.state_dict()["weight"].clone())
        return {"score": next(scores)}

    def loss(net: nn.Module, _step: int) -> Tensor:
        return net(torch.ones(1, 2)).square().mean()

    best = Best("score", patience=2)
    plain = TrainSettings(steps=5, warmup=0)
    fitted = fit(
        network, loss, plain, tmp_path / "a.pt", seed=0, key="k", resume=False, progress=False,
        hook=hook, hook_every=1, extras=Extras(best=best),
    )  # fmt: skip
    assert (fitted.last, best.step, best.score) == (4, 2, 0.5)
    assert torch.equal(fitted.network.state_dict()["weight"], seen[1])
    resumed = Best("score", patience=2)
    again = fit(
        nn.Linear(2, 1), loss, plain, tmp_path / "a.pt", seed=0, key="k", resume=True, progress=False,
        hook=hook, hook_every=1, extras=Extras(best=resumed),
    )  # fmt: skip
    assert again.steps_run == 0
    assert torch.equal(again.network.state_dict()["weight"], seen[1])


def test_interpolation_goes_from_the_given_weights_to_the_trained() -> None:
    network = nn.BatchNorm1d(2)
    given_state = {name: value.clone() for name, value in network.state_dict().items()}
    trained = {name: value + 2 for name, value in given_state.items()}
    for share, expected in ((0.0, 1.0), (0.25, 1.5), (1.0, 3.0)):
        interpolate(network, given_state, trained, share)
        assert float(network.weight.detach()[0]) == expected
    network.load_state_dict(trained)
    share, curve = best_share(network, given_state, lambda net: -abs(float(net.weight.detach()[0]) - 1.6))  # type: ignore[index, arg-type, union-attr]
    assert share == pytest.approx(0.3)
    assert float(network.weight.detach()[0]) == pytest.approx(1.6)
    assert len(curve) == 11


def test_clubs_that_choose_are_not_trained_on(tiny_data: Path) -> None:
    pairs = load_pairs(tiny_data, "train", 32)
    train, tune = carve(pairs, 0.45, "tune")
    assert tune is not None
    assert not set(train.clubs) & set(tune.clubs)
    assert len(train) + len(tune) == len(pairs)
    assert carve(pairs, 0.45, "tune")[1].ids == tune.ids  # type: ignore[union-attr]
    assert carve(pairs, 0.1, "tune")[1] is None  # one or two pairs choose nothing


def test_a_crop_depends_on_its_place_in_the_batch_alone() -> None:
    images = torch.rand(4, 3, 16, 16) * 2 - 1
    torch.manual_seed(5)
    whole = random_crops(images, 0.5, 0, 4)
    torch.manual_seed(5)
    half = random_crops(images[2:], 0.5, 2, 4)
    assert torch.equal(whole[2:], half)
    assert whole.shape == images.shape
    assert not torch.equal(whole, images)


ALL_ON: dict[str, Any] = {
    "steps": 8, "batch_size": 6, "drawn": 8, "save_every": 3, "ema": 0.5, "layer_decay": 0.7, "freeze_bn": True,
    "unique_captions": True, "multi_positive": True, "accum_freq": 2, "grad_checkpointing": True, "crop_scale": 0.8,
    "tune_fraction": 0.45, "patience": 20, "wise_ft": "auto", "lock_text": True, "lock_text_unlocked_layers": 2,
    "save_frequency": 1,
}  # fmt: skip


class Stop(Exception):
    pass


def test_a_clip_with_every_part_on_resumes_bit_for_bit(
    tiny_data: Path, tiny_model: Path, smoke: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import logolib.train.clip as stage

    settings = smoke.clip.model_copy(update={**ALL_ON, "start": str(tiny_model)})
    whole = train_clip(settings, tiny_data, tmp_path / "whole", progress=False)
    real = stage.batch_loss
    calls = 0

    def stops(*given_: Any, **named: Any) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise Stop
        return real(*given_, **named)

    monkeypatch.setattr(stage, "batch_loss", stops)
    with pytest.raises(Stop):
        train_clip(settings, tiny_data, tmp_path / "parts", progress=False)
    monkeypatch.setattr(stage, "batch_loss", real)
    latest = settings.model_copy(update={"resume": "latest"})
    rest = train_clip(latest, tiny_data, tmp_path / "parts", progress=False)
    assert rest.values["resumed_at"] == 3  # the last checkpoint before the stop
    assert load_clip(tmp_path / "parts" / "clip").fingerprint() == load_clip(tmp_path / "whole" / "clip").fingerprint()
    assert rest.values["tune"] == whole.values["tune"]
    assert whole.values["tune"]["wise_ft"] in {i / 10 for i in range(11)}


def test_the_recipe_of_2022_is_what_was_run_then() -> None:
    recipe = load_profile("smoke", recipe="clip_2022", gpu=True).clip
    assert (recipe.model, recipe.batch_size, recipe.lr, recipe.wd, recipe.warmup) == ("RN50", 128, 1e-3, 0.1, 10)
    assert (recipe.epochs, recipe.start, recipe.drawn) == (30, None, 0)
    assert load_profile("smoke", recipe="clip_2022").clip.epochs == 10
    assert load_profile("smoke", ["clip.epochs=2"], recipe="clip_2022").clip.epochs == 2
    with pytest.raises(ConfigError, match="clip_2022"):
        load_profile("smoke", recipe="clip_2021")
    assert load_profile("smoke", ["clip.wise_ft=off"]).clip.wise_ft == "off"
    with pytest.raises(ConfigError, match="wise_ft"):
        load_profile("smoke", ["clip.wise_ft=1.5"])
