"""What a user of diffusers may rely on: the words they know, checked, and each doing what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from logolib.config import GenerateSettings, Profile
from logolib.emblems import clubs, draw
from logolib.generate import LogoPipeline, OptionError, PromptError
from logolib.generate.draw import Wish, candidate, embed_prompts, guess_embeds
from logolib.generate.edit import slerp
from logolib.generate.options import Words, pick_seeds, settings_of
from logolib.generate.palette import in_colours
from logolib.images import flatten
from logolib.models.decoder import build_decoder, condition, decoder_config, predict, sample_decoder
from logolib.noise import guided
from logolib.seeds import SampleGenerators

PROMPT = "a red lion on a gold shield"


@pytest.fixture(scope="module")
def pipeline(tiny_model: Path) -> LogoPipeline:
    return LogoPipeline.from_pretrained(tiny_model)


def test_one_guided_pass_is_the_two_that_upstream_makes(pipeline: LogoPipeline) -> None:
    unet: Any = pipeline.decoder.unets[0]  # type: ignore[index]
    embeds, words = pipeline.clip.encode_text_tokens(pipeline.clip.vocabulary.encode([PROMPT, "a green tree"]))
    given = condition(pipeline.decoder, embeds, words)
    torch.manual_seed(0)
    x, times = torch.randn(2, unet.channels, 16, 16), torch.tensor([3, 40])
    torch.nn.init.normal_(unet.to_out.weight, std=0.1)  # zero at the start of training
    both = unet(x, times, **given)
    without = unet(x, times, **given, image_cond_drop_prob=1.0, text_cond_drop_prob=1.0)
    assert (both - without).abs().max() > 1e-3
    torch.testing.assert_close(predict(unet, x, times, **given, scale=3.0), guided(both, without, 3.0))
    torch.testing.assert_close(unet(x, times, **given), both)  # nothing of it stays behind


@pytest.mark.parametrize("choice", [{"self_conditioning": True}, {"learned_variance": True}, {"objective": "v"}])
def test_every_kind_of_decoder_is_sampled(pipeline: LogoPipeline, smoke: Profile, choice: dict[str, Any]) -> None:
    settings = smoke.decoder.model_copy(update=choice)
    decoder: Any = build_decoder(decoder_config(settings, pipeline.clip)).eval()
    embeds, words = pipeline.clip.encode_text_tokens(pipeline.clip.vocabulary.encode([PROMPT, "a green tree"]))
    given = (embeds, words, SampleGenerators([1, 2]), 4, 2.0, settings.fold)
    drawn = sample_decoder(decoder, *given)
    assert drawn.shape == (2, 3, 32, 32)
    assert drawn.isfinite().all()
    if decoder.unets[0].self_cond:
        x, times = torch.randn(2, decoder.channels, 16, 16), torch.tensor([3, 40])
        torch.nn.init.normal_(decoder.unets[0].to_out.weight, std=0.1)
        known = condition(decoder, embeds, words)
        with torch.no_grad():
            first, second = (predict(decoder.unets[0], x, times, **known, scale=2.0, last=y) for y in (None, x))
        assert (first - second).abs().max() > 1e-3


def test_the_defaults_are_those_of_the_settings() -> None:
    assert settings_of({}, 64, torch.float32) == GenerateSettings(size=64)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"num_inference_steps": 0}, "num_inference_steps cannot be 0"),
        ({"size": 100}, "multiple of 8"),
        ({"palette": ["red"]}, "palette cannot be"),
        ({"sampler": "euler"}, "sampler cannot be 'euler'"),
        ({"num_inference_step": 3}, "did you mean 'num_inference_steps'?"),
    ],
)
def test_a_wrong_word_is_refused_in_one_sentence(words: Words, sentence: str) -> None:
    with pytest.raises(OptionError, match="^[^\n]*$") as refused:
        settings_of(words, 64, torch.float32)
    assert sentence in str(refused.value)


def test_seeds_count_up_or_are_given_or_come_from_generators() -> None:
    assert pick_seeds(3, 7) == [7, 8, 9]
    assert pick_seeds(2, 0, [4, 4]) == [4, 4]
    one = torch.Generator().manual_seed(1)
    first = pick_seeds(2, 0, generator=one)
    assert first != pick_seeds(2, 0, generator=one)  # it moves on, as in diffusers
    assert first == pick_seeds(2, 0, generator=torch.Generator().manual_seed(1))
    several = [torch.Generator().manual_seed(1), torch.Generator().manual_seed(2)]
    assert pick_seeds(2, 0, generator=several)[0] == first[0]
    for wrong in ({"seeds": [1]}, {"generator": several[:1]}):
        with pytest.raises(OptionError, match="2 pictures need as many seeds"):
            pick_seeds(2, 0, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("prompts", ["", [], ["a lion", "\x00"]])
def test_the_pipeline_itself_refuses_empty_prompts(pipeline: LogoPipeline, prompts: str | list[str]) -> None:
    with pytest.raises((PromptError, OptionError)):
        pipeline(prompts)


@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "dpm++", "heun"])
def test_callbacks_are_told_of_steps_and_of_pictures(pipeline: LogoPipeline, sampler: str) -> None:
    steps: list[tuple[int, int]] = []
    done: list[tuple[int, int]] = []

    def on_step(pipe: LogoPipeline, step: int, timestep: int, values: dict[str, Any]) -> None:
        assert pipe is pipeline
        assert values["latents"].shape[1:] == (3, 32, 32)
        steps.append((step, timestep))

    drawn = pipeline(
        PROMPT,
        num_images_per_prompt=3,
        num_inference_steps=5,
        sampler=sampler,
        batch_size=2,
        callback=lambda i, n: done.append((i, n)),
        callback_on_step_end=on_step,
    )
    assert drawn.seeds == [0, 1, 2]
    assert done == [(2, 3), (3, 3)]
    assert steps[0] == (0, 49)
    assert len(steps) == (6 if sampler == "heun" else 10)


def test_the_best_of_several_candidates_is_kept_and_its_seed_named(pipeline: LogoPipeline) -> None:
    best = pipeline(PROMPT, seed=3, num_inference_steps=3, num_candidates=4)
    seeds = [candidate(Wish(PROMPT, 3), i).seed for i in range(4)]
    each = pipeline([PROMPT] * 4, seeds=seeds, num_inference_steps=3)
    assert best.seeds == [seeds[int(np.argmax(each.scores))]]
    assert best.scores[0] == pytest.approx(max(each.scores), abs=1e-3)
    assert np.abs(best.pixels[0].astype(int) - each.pixels[int(np.argmax(each.scores))]).max() <= 2


def test_of_several_guesses_of_the_prior_the_nearest_to_the_text_is_drawn(pipeline: LogoPipeline) -> None:
    texts, _ = embed_prompts(pipeline, [PROMPT] * 8)
    one, several = (
        (guess_embeds(pipeline, texts, range(8), GenerateSettings(prior_candidates=n)) * texts).sum(-1) for n in (1, 5)
    )
    assert (several >= one).all()
    assert (several > one).any()


def test_words_change_the_picture_and_settings_say_which(pipeline: LogoPipeline) -> None:
    usual = pipeline(PROMPT, num_inference_steps=4)
    words: list[Words] = [
        {"guidance_scale": 1.0},
        {"guidance_interval": (0.0, 0.4)},
        {"sampler": "heun"},
    ]
    for word in words:
        (name, value), *_ = word.items()
        other = pipeline(PROMPT, num_inference_steps=4, **word)
        assert (other.pixels != usual.pixels).any(), name
        assert other.settings[name] == (list(value) if isinstance(value, tuple) else value)


def test_bf16_is_taken_and_float16_is_not(tiny_model: Path) -> None:
    half = LogoPipeline.from_pretrained(tiny_model, torch_dtype=torch.bfloat16)
    drawn = half(PROMPT, num_inference_steps=2)
    assert drawn.settings["precision"] == "bf16"
    usual = half.to(torch_dtype=torch.float32)(PROMPT, num_inference_steps=2)
    assert 0 < np.abs(drawn.pixels.astype(int) - usual.pixels).mean() < 8
    with pytest.raises(OptionError, match="float16"):
        half.to("cpu", torch.float16)


def test_a_palette_takes_the_place_of_the_crest_s_colours_and_the_ground_stays() -> None:
    crest = flatten(Image.fromarray(draw(clubs(3, 0)[2].emblem, 128)))
    wanted = ["#004488", "#ffaa00", "#222222"]
    seen = in_colours(np.asarray(crest), wanted)
    assert (seen[0, 0] == np.asarray(crest)[0, 0]).all()
    flat = [tuple(int(code[i : i + 2], 16) for i in (1, 3, 5)) for code in wanted]
    shares = [(np.abs(seen.astype(int) - colour).max(-1) <= 3).mean() for colour in flat]
    assert sum(share > 0.005 for share in shares) >= 2
    ground = (seen == seen[0, 0]).all(-1).mean()
    assert sum(shares) + ground > 0.85  # the rest is smooth edges


def test_a_blank_picture_keeps_its_ground_under_any_palette() -> None:
    blank = np.full((32, 32, 3), 255, np.uint8)
    assert (in_colours(blank, ["#aa0000"]) == blank).all()


def test_the_great_circle_keeps_to_the_sphere_and_to_even_angles() -> None:
    a, b = torch.nn.functional.normalize(torch.randn(2, 64, generator=torch.Generator().manual_seed(0)), dim=-1)
    points = torch.stack([slerp(a, b, share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)])
    torch.testing.assert_close(points.norm(dim=-1), torch.ones(5))
    torch.testing.assert_close(points[0], a)
    torch.testing.assert_close(points[-1], b)
    cosines = (points[1:] * points[:-1]).sum(-1)
    torch.testing.assert_close(cosines, cosines[:1].expand(4), atol=1e-5, rtol=0)
    assert slerp(a, a, 0.5).isfinite().all()
    assert slerp(a, -a, 0.3).isfinite().all()
