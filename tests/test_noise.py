"""What a user may rely on: samplers are exact on a perfect denoiser, and seeds belong to samples."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from logolib.noise import guided, sample_ddim, timesteps, x0_from_noise, x0_from_v
from logolib.seeds import SampleGenerators, derive

ALPHAS_BAR = torch.cos(torch.linspace(0.01, 1.56, 50)).square()


@given(st.integers(1, 400).flatmap(lambda total: st.tuples(st.just(total), st.integers(1, total))))
def test_timesteps_descend_from_the_last_to_the_first(case: tuple[int, int]) -> None:
    total, steps = case
    times = timesteps(total, steps)
    assert times[0] == total - 1
    assert times == sorted(set(times), reverse=True)
    assert steps == 1 or times[-1] == 0


def test_more_steps_than_the_schedule_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        timesteps(10, 11)


def test_ddim_returns_what_a_perfect_denoiser_knows() -> None:
    truth = torch.randn(3, 2, 4, 4)
    x0 = sample_ddim(lambda x, t: truth, torch.randn(3, 2, 4, 4), ALPHAS_BAR, 7)
    torch.testing.assert_close(x0, truth)


@given(st.integers(0, 49), st.integers(0, 2**20))
def test_x0_is_recovered_from_noise_and_from_v(t: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x0, noise = (torch.randn(5, generator=generator, dtype=torch.float64) for _ in range(2))
    bar = ALPHAS_BAR[t].double()
    x = bar.sqrt() * x0 + (1 - bar).sqrt() * noise
    v = bar.sqrt() * noise - (1 - bar).sqrt() * x0
    torch.testing.assert_close(x0_from_v(x, v, bar), x0)
    torch.testing.assert_close(x0_from_noise(x, noise, bar), x0, rtol=1e-4, atol=1e-4)


def test_guidance_of_one_is_the_condition_itself() -> None:
    a, b = torch.randn(2, 3), torch.randn(2, 3)
    torch.testing.assert_close(guided(a, b, 1.0), a)
    torch.testing.assert_close(guided(a, b, 0.0), b)


@given(st.lists(st.integers(0, 2**40), min_size=2, max_size=6))
def test_a_sample_s_noise_depends_on_its_own_seed_alone(seeds: list[int]) -> None:
    together = SampleGenerators(seeds).randn((len(seeds), 3))
    for i, seed in enumerate(seeds):
        assert torch.equal(together[i], SampleGenerators([seed]).randn((1, 3))[0])


def test_derived_seeds_differ_by_name_and_stay_what_they_are() -> None:
    assert derive(0, "a") != derive(0, "b") != derive(1, "b")
    assert derive(0, "clip", 1) == 2494670052136606008


def test_a_batch_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="2 seeds"):
        SampleGenerators([1, 2]).randn((3, 4))
