"""What a user may rely on: every sampler reaches the one true picture, the better ones sooner."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from logolib.noise import SAMPLERS, sample_ddim, sample_ddpm, thresholded, timesteps, within
from logolib.seeds import SampleGenerators

TOTAL, MEAN, SPREAD = 1000, 0.3, 0.5  # of the toy: a Gaussian, whose x0 and whose path from noise are known


def cosine_bars(total: int = TOTAL) -> Tensor:
    """Nichol and Dhariwal (2021), equation 17, as dalle2-pytorch clips it."""
    share = torch.linspace(0, 1, total + 1, dtype=torch.float64)
    f = torch.cos((share + 0.008) / 1.008 * math.pi / 2).square()
    return (1 - (1 - f[1:] / f[:-1]).clamp(0, 0.999)).cumprod(0)


BARS = cosine_bars()
START = torch.randn(64, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
DETERMINISTIC = ["ddim", "dpm++", "heun"]


def denoise(x: Tensor, t: int) -> Tensor:
    """The mean of x0 given x."""
    bar = BARS[t]
    return MEAN + bar.sqrt() * SPREAD**2 / (bar * SPREAD**2 + 1 - bar) * (x - bar.sqrt() * MEAN)


def truth() -> Tensor:
    """Where the path from START ends: the rank within the Gaussian stays the same all the way."""
    first, last = BARS[-1], BARS[0]
    rank = (START - first.sqrt() * MEAN) / (first * SPREAD**2 + 1 - first).sqrt()
    return denoise(last.sqrt() * MEAN + (last * SPREAD**2 + 1 - last).sqrt() * rank, 0)


def error(name: str, steps: int) -> float:
    return (SAMPLERS[name](denoise, START, BARS, steps) - truth()).abs().max().item()


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_every_deterministic_sampler_reaches_what_ddim_reaches_in_all_steps(name: str) -> None:
    many = sample_ddim(denoise, START, BARS, TOTAL)
    assert (many - truth()).abs().max() < 0.005
    assert (SAMPLERS[name](denoise, START, BARS, 500) - many).abs().max() < 0.01


def test_ddim_is_of_first_order_and_the_others_of_second() -> None:
    falls = {name: error(name, 49) / error(name, 199) for name in DETERMINISTIC}  # a quarter of the step
    assert 3 < falls["ddim"] < 6
    assert falls["dpm++"] > 9
    assert falls["heun"] > 9


@pytest.mark.parametrize("steps", [9, 15, 25, 49, 99])
def test_at_equal_evaluations_dpm_beats_ddim_and_later_heun_does_too(steps: int) -> None:
    assert error("dpm++", steps) < error("ddim", steps) / 2
    if steps >= 25:
        assert error("heun", steps) < error("ddim", steps)


def test_ddpm_fills_the_whole_distribution() -> None:
    generator = torch.Generator().manual_seed(1)

    def fresh() -> Tensor:
        return torch.randn(20_000, dtype=torch.float64, generator=generator)

    drawn = sample_ddpm(denoise, fresh(), BARS, 400, fresh)
    assert abs(drawn.mean() - MEAN) < 0.02
    assert abs(drawn.std() - SPREAD) < 0.02
    with pytest.raises(ValueError, match="fresh noise"):
        sample_ddpm(denoise, START, BARS, 4)


@pytest.mark.parametrize("name", list(SAMPLERS))
@given(steps=st.integers(2, 40))
def test_no_sampler_asks_the_network_more_often_than_told(name: str, steps: int) -> None:
    asked: list[int] = []
    seen: list[tuple[int, int]] = []

    def counted(x: Tensor, t: int) -> Tensor:
        asked.append(t)
        return denoise(x, t)

    noise = SampleGenerators([0])
    SAMPLERS[name](
        counted,
        noise.randn((1, 1)),
        BARS,
        steps,
        lambda: noise.randn((1, 1)),
        lambda i, t, x0: seen.append((i, t)),
    )
    assert steps - 1 <= len(asked) <= steps
    assert seen == list(enumerate(timesteps(TOTAL, len(seen))))


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_a_sample_depends_on_its_own_seed_alone_also_where_each_step_draws_noise(name: str) -> None:
    def drawn(seeds: list[int]) -> Tensor:
        noise, shape = SampleGenerators(seeds), (len(seeds), 3)
        return SAMPLERS[name](denoise, noise.randn(shape), BARS, 12, lambda: noise.randn(shape))

    together = drawn([4, 5, 6])
    for i, seed in enumerate([4, 5, 6]):
        torch.testing.assert_close(together[i], drawn([seed])[0])


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_a_schedule_from_pure_noise_to_none_is_no_trouble(name: str) -> None:
    bars = BARS.clone()
    bars[0], bars[-1] = 1.0, 0.0
    noise = SampleGenerators([0, 1])
    drawn = SAMPLERS[name](denoise, noise.randn((2, 1)), bars, 9, lambda: noise.randn((2, 1)))
    assert drawn.isfinite().all()


def test_dynamic_thresholding_keeps_what_fits_and_shrinks_what_does_not() -> None:
    fits = torch.linspace(-0.9, 0.9, 48).view(1, 3, 4, 4)
    assert torch.equal(thresholded(fits, 0.95), fits)
    loud = torch.cat([fits, 3 * fits])
    assert torch.equal(thresholded(loud, 0.95)[0], fits[0])
    shrunk = thresholded(loud, 0.95)[1]
    assert shrunk.abs().max() == 1
    assert len(shrunk.unique()) > len(thresholded(loud, None)[1].unique())  # clamping loses what this keeps


def test_guidance_acts_within_its_part_of_the_schedule() -> None:
    assert [within(t, 11, (0.3, 0.7)) for t in range(11)] == [False] * 3 + [True] * 5 + [False] * 3
    assert within(0, 1, (0.0, 1.0))
