"""What a user may rely on: training resumes exactly, stops when it must, and its numbers are what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from logolib.config import (
    ClipSettings,
    DecoderSettings,
    LogolibError,
    PriorSettings,
    Profile,
    Shares,
    TrainSettings,
    UpsamplerSettings,
)
from logolib.emblems.charges import RESERVED_CHARGES
from logolib.emblems.corpus import sample_many
from logolib.emblems.model import RESERVED_STYLES
from logolib.emblems.shapes import RESERVED_SHAPES
from logolib.generate import LogoPipeline
from logolib.models.clip import load_clip
from logolib.models.upsampler import load_upsampler
from logolib.seeds import SampleGenerators
from logolib.train import train_clip, train_decoder, train_prior, train_upsampler
from logolib.train.clip import retrieval
from logolib.train.corpus import BatchFeed, load_corpus
from logolib.train.loop import TrainError, fit, learning_rate
from logolib.train.muon import Muon

SETTINGS = TrainSettings(steps=8, batch_size=4, warmup=2, ema=0.9, log_every=2, save_every=3)
MUON = PriorSettings(**SETTINGS.model_dump(), optimizer="muon")


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1))


def loss(net: nn.Module, step: int) -> Tensor:
    x = torch.randn(4, 4)
    return (net(x) - x.sum(-1, keepdim=True)).square().mean()


def calm(net: nn.Module, step: int) -> Tensor:
    return loss(net, step) / 10


class Stop(Exception):
    pass


@pytest.mark.parametrize("settings", [SETTINGS, MUON], ids=["adamw", "muon"])
@pytest.mark.parametrize("stop_at", [1, 3, 4, 7])
def test_a_stopped_run_resumes_to_the_same_weights_bit_for_bit(
    settings: TrainSettings, stop_at: int, tmp_path: Path
) -> None:
    whole = fit(network(), calm, settings, tmp_path / "a.pt", seed=1, key="k", resume=False, progress=False)

    def stops(net: nn.Module, step: int) -> Tensor:
        if step == stop_at:
            raise Stop
        return calm(net, step)

    with pytest.raises(Stop):
        fit(network(), stops, settings, tmp_path / "b.pt", seed=1, key="k", resume=False, progress=False)
    rest = fit(network(), calm, settings, tmp_path / "b.pt", seed=1, key="k", resume=True, progress=False)
    for a, b in zip(whole.network.state_dict().values(), rest.network.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert rest.steps_run == 8 - stop_at // 3 * 3


def test_muon_moves_matrices_alike_in_all_directions_and_the_rest_as_adamw_does() -> None:
    torch.manual_seed(0)
    before = [torch.randn(shape) for shape in ((8, 24), (40, 2, 3, 3), (5,), (1, 9))]
    gradients = [torch.randn_like(one) for one in before]
    moved = []
    for kind in (Muon, torch.optim.AdamW):
        parameters = [nn.Parameter(one.clone()) for one in before]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.clone()
        kind(parameters, lr=0.1, weight_decay=0.0).step()
        moved.append([(parameter - was).detach() for parameter, was in zip(parameters, before, strict=True)])
    for step in moved[0][:2]:
        values = torch.linalg.svdvals(step.flatten(1)) / (0.1 * 0.2 * max(step.flatten(1).shape) ** 0.5)
        assert 0.6 < values.min() <= values.max() < 1.3
    for ours, theirs in zip(moved[0][2:], moved[1][2:], strict=True):
        assert torch.equal(ours, theirs)


def _explodes(*steps: int) -> Callable[[nn.Module, int], Tensor]:
    """A loss that is a hundred the first time that each of some steps comes up."""
    left = list(steps)

    def exploding(net: nn.Module, step: int) -> Tensor:
        if step in left:
            left.remove(step)
            return calm(net, step) * 0 + 100
        return calm(net, step)

    return exploding


def test_a_loss_that_explodes_goes_back_once_at_a_lower_rate(tmp_path: Path) -> None:
    settings = DecoderSettings(**SETTINGS.model_dump())
    fitted = fit(network(), _explodes(5), settings, tmp_path / "a.pt", seed=1, key="k", resume=False, progress=False)
    assert fitted.rolled_back == 5
    assert [point["step"] for point in fitted.curve] == [2, 4, 6, 8]
    plain = fit(network(), calm, settings, tmp_path / "b.pt", seed=1, key="k", resume=False, progress=False)
    moved, further = (run.network.state_dict()["0.weight"] - network()[0].weight for run in (fitted, plain))
    assert 0 < moved.norm() < further.norm()


def test_a_loss_that_explodes_again_stops_and_says_so(tmp_path: Path) -> None:
    settings = DecoderSettings(**SETTINGS.model_dump())
    with pytest.raises(TrainError, match=r"loss is 100 at step 7, although the rate was lowered once; .*of step 6"):
        fit(network(), _explodes(5, 7), settings, tmp_path / "a.pt", seed=1, key="k", resume=False, progress=False)


def test_after_going_back_a_stopped_run_resumes_to_the_same_weights(tmp_path: Path) -> None:
    settings = DecoderSettings(**SETTINGS.model_dump())
    whole = fit(network(), _explodes(4), settings, tmp_path / "a.pt", seed=1, key="k", resume=False, progress=False)
    exploding = _explodes(4)

    def stops(net: nn.Module, step: int) -> Tensor:
        if step == 7:
            raise Stop
        return exploding(net, step)

    with pytest.raises(Stop):
        fit(network(), stops, settings, tmp_path / "b.pt", seed=1, key="k", resume=False, progress=False)
    rest = fit(network(), calm, settings, tmp_path / "b.pt", seed=1, key="k", resume=True, progress=False)
    for a, b in zip(whole.network.state_dict().values(), rest.network.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_a_checkpoint_of_other_settings_is_not_continued(tmp_path: Path) -> None:
    fit(network(), loss, SETTINGS, tmp_path / "a.pt", seed=1, key="k", resume=False, progress=False)
    again = fit(network(), loss, SETTINGS, tmp_path / "a.pt", seed=1, key="other", resume=True, progress=False)
    assert again.steps_run == 8


def test_a_damaged_checkpoint_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(b"no checkpoint")
    with pytest.raises(TrainError, match="damaged"):
        fit(network(), loss, SETTINGS, path, seed=1, key="k", resume=True, progress=False)
    assert path.read_bytes() == b"no checkpoint"


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    def explodes(net: nn.Module, step: int) -> Tensor:
        return loss(net, step) * (float("nan") if step == 5 else 1.0)

    with pytest.raises(TrainError, match=r"nan at step 5; the checkpoint of step 3"):
        fit(network(), explodes, SETTINGS, tmp_path / "a.pt", seed=1, key="k", resume=False, progress=False)
    assert torch.load(tmp_path / "a.pt", weights_only=True)["step"] == 3


def test_the_rate_warms_up_and_decays() -> None:
    settings = TrainSettings(steps=100, warmup=10, lr=1.0)
    rates = [learning_rate(settings, step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == pytest.approx(1.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.001


def test_retrieval_of_perfect_and_of_shuffled_embeddings() -> None:
    eye = torch.eye(20)
    perfect = retrieval(eye, eye, 0)
    assert perfect["retrieval"]["text_to_image_R@1"] == 1.0
    assert perfect["chance"] == {"R@1": 0.05, "R@5": 0.25, "R@10": 0.5}
    worst = retrieval(eye, eye.roll(1, 0), 0)
    assert worst["retrieval"]["text_to_image_R@1"] == 0.0
    low, high = worst["retrieval_interval"]["text_to_image_R@1"]
    assert low == high == 0.0


def test_held_out_clubs_and_drawn_emblems_stay_apart(tiny_data: Path, tmp_path: Path) -> None:
    settings = ClipSettings(drawn=10, repeat=3)
    corpus = load_corpus(tiny_data, tmp_path, 32, 0, settings)
    assert corpus.order.shape == (3 * (len(corpus.captions) - 10) + 10, 1)
    assert not set(corpus.captions) & set(corpus.val_captions)
    again = load_corpus(tiny_data, tmp_path, 32, 0, settings)
    assert again.hash == corpus.hash
    assert (again.images == corpus.images).all()


def test_siblings_differ_in_one_thing_and_share_a_batch(tiny_data: Path, tmp_path: Path) -> None:
    pairs = sample_many(400, 7, siblings=3)
    for first in range(0, 400, 4):
        family = [asdict(emblem) for emblem, _ in pairs[first : first + 4]]
        for other in family[1:]:
            parts = {part for part in other if other[part] != family[0][part]}
            colours = {"field", "second", "border", "charge_colour", "letter_colour"}
            assert parts == {"charge"} or (parts and parts <= colours)
    corpus = load_corpus(tiny_data, tmp_path, 32, 0, ClipSettings(drawn=10, siblings=3))
    assert corpus.order.shape[1] == 4
    rows = BatchFeed(corpus.order, 8, 0)(3)
    drawn_rows = {row for row in rows if row >= len(corpus.captions) - 8}
    assert len(rows) == 8
    assert len(drawn_rows) % 4 == 0


def test_a_share_of_the_drawings_shows_a_large_figure(tiny_data: Path, tmp_path: Path) -> None:
    large = [emblem for emblem, _ in sample_many(200, 7, shares=Shares(figures=1.0))]
    for emblem in large:
        assert (emblem.initials, emblem.wordmark) == (None, None)
        assert emblem.charge is not None
        assert emblem.charge not in RESERVED_CHARGES
        assert emblem.style not in RESERVED_STYLES
        assert emblem.shape not in RESERVED_SHAPES
    assert len({emblem.charge for emblem in large}) > 20
    assert 0.4 < sum(emblem.shape == "free" for emblem in large) / 200 < 0.7
    mixed = [emblem.shape == "free" for emblem, _ in sample_many(400, 7, shares=Shares(figures=0.5))]
    assert 0.2 < sum(mixed) / 400 < 0.45
    hashes = {load_corpus(tiny_data, tmp_path, 32, 0, ClipSettings(drawn=4, figures=f)).hash for f in (0.0, 0.5, 1.0)}
    assert len(hashes) == 3


def test_the_stages_leave_curves_previews_and_held_out_numbers(tiny_model: Path) -> None:
    from logolib.results import read_result

    clip = read_result(tiny_model / "clip" / "result.json", "clip").values
    assert clip["curve"][-1]["step"] == 6
    assert 0 <= clip["retrieval"]["text_to_image_R@1"] <= 1
    prior = read_result(tiny_model / "prior" / "result.json", "prior").values
    assert -1 <= prior["cosine"] <= 1
    decoder = read_result(tiny_model / "decoder" / "result.json", "decoder").values
    for preview in decoder["previews"]:
        assert (tiny_model / "decoder" / preview["file"]).exists()


def test_fewer_pairs_than_a_batch_are_refused_with_the_remedy(tiny_data: Path, tmp_path: Path, smoke: Profile) -> None:
    settings = smoke.clip.model_copy(update={"batch_size": 4096})
    with pytest.raises(TrainError, match="clip.batch_size="):
        train_clip(settings, tiny_data, tmp_path, progress=False)


def test_a_decoder_without_its_clip_is_refused(tiny_data: Path, tmp_path: Path, smoke: Profile) -> None:
    with pytest.raises(LogolibError, match="train clip"):
        train_decoder(smoke.decoder, tiny_data, tmp_path, progress=False)


def test_every_model_can_be_fine_tuned_from_another_run(
    tiny_data: Path, tiny_model: Path, smoke: Profile, tmp_path: Path
) -> None:
    clip = smoke.clip.model_copy(update={"start": str(tiny_model), "lr": 1e-9, "steps": 1})
    train_clip(clip, tiny_data, tmp_path, progress=False)
    before, after = load_clip(tiny_model / "clip"), load_clip(tmp_path / "clip")
    tokens = before.vocabulary.encode(["a red lion"])
    torch.testing.assert_close(after.encode_text(tokens), before.encode_text(tokens), rtol=0, atol=1e-4)
    start = {"start": str(tiny_model), "steps": 1}
    train_prior(smoke.prior.model_copy(update=start), tiny_data, tmp_path, progress=False)
    # another width is asked for: that of the weights to start from goes before it
    train_decoder(smoke.decoder.model_copy(update={**start, "dim": 24}), tiny_data, tmp_path, progress=False)
    assert LogoPipeline.from_pretrained(tmp_path).image_size == smoke.decoder.image_size


def test_an_upsampler_learns_and_enlarges(tiny_data: Path, tmp_path: Path) -> None:
    settings = UpsamplerSettings(
        image_size=64, factor=4, crop=32, dim=16, dim_mults=(1,), steps=3, batch_size=2, previews=2, drawn=4
    )
    result = train_upsampler(settings, tiny_data, tmp_path, progress=False)
    assert result.values["curve"][-1]["val_error"] < 2
    large = load_upsampler(tmp_path / "upsampler").sample(torch.zeros(2, 3, 8, 8), SampleGenerators([1, 2]), 2)
    assert large.shape == (2, 3, 32, 32)
    assert large.abs().max() <= 1
