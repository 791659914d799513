"""Emblems: exact descriptions, their pictures and captions, and the invented clubs."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ImageColor
from scipy import ndimage

import logolib.emblems as em
from logolib.config import Shares
from logolib.emblems import Emblem, clubs, describe, describe_all, draw, emblem_svg, sample_emblem
from logolib.emblems.charges import ALIKE_CHARGES
from logolib.emblems.corpus import sample_many
from logolib.emblems.layout import arrange, lettering
from logolib.emblems.palette import COLOURS, distance, is_light, legible
from logolib.emblems.phrases import CHARGE_WORDS, DIVISION_WORDS, SHAPE_WORDS, STYLE_WORDS

RESERVED = [*sorted(em.RESERVED_SHAPES), *sorted(em.RESERVED_CHARGES), *sorted(em.RESERVED_STYLES)]


def plain(shape: str = "heater", charge: str = "star", style: str = "flat") -> Emblem:
    colour = "red" if shape == "free" else "blue"
    return Emblem(shape, "plain", colour, None, None, charge, "red", None, None, None, None, style)


def some(count: int, seed: int = 0, reserved: float = 0.0) -> list[Emblem]:
    rng = np.random.default_rng(seed)
    return [sample_emblem(rng, reserved=reserved) for _ in range(count)]


def test_public_names_exist() -> None:
    assert em.__all__ == sorted(em.__all__, key=lambda n: (not n.isupper(), n[0].islower(), n))
    for name in em.__all__:
        assert hasattr(em, name)


def test_lists_hold_what_they_promise() -> None:
    assert len(em.COLOURS) >= 10
    assert len(em.SHAPES) >= 10
    assert len(em.DIVISIONS) >= 8
    assert len(em.CHARGES) >= 30
    assert set(em.SHAPES) > em.RESERVED_SHAPES
    assert len(em.RESERVED_SHAPES) == 2
    assert set(em.CHARGES) > em.RESERVED_CHARGES
    assert 0.17 < len(em.RESERVED_CHARGES) / len(em.CHARGES) < 0.23
    assert set(em.STYLES) > em.RESERVED_STYLES
    assert len(em.RESERVED_STYLES) == 1
    for a, b in itertools.combinations(em.COLOURS, 2):
        assert distance(a, b) > 20, (a, b)


def test_every_value_has_words_of_its_own() -> None:
    assert set(SHAPE_WORDS) == set(em.SHAPES)
    assert set(DIVISION_WORDS) == set(em.DIVISIONS)
    assert set(CHARGE_WORDS) == set(em.CHARGES)
    assert set(STYLE_WORDS) == set(em.STYLES)
    for table in (SHAPE_WORDS, CHARGE_WORDS, STYLE_WORDS):
        phrases = [p for words in table.values() for p in set(words) if p]
        assert len(phrases) == len(set(phrases))


def test_sampling_is_deterministic_and_the_key_is_stable() -> None:
    assert some(30, seed=3) == some(30, seed=3)
    assert plain().key() == "d66d4269254e381c"


def test_results_do_not_depend_on_the_hash_seed() -> None:
    code = (
        "from logolib.emblems import clubs; import hashlib; print(hashlib.sha256(repr(clubs(40)).encode()).hexdigest())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": s},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for s in ("1", "2")
    }
    assert len(runs) == 1


def test_reserved_elements_appear_only_on_request() -> None:
    assert not any(e.reserved() for e in some(400))
    assert all(e.reserved() for e in some(100, reserved=1.0))
    share = sum(e.reserved() for e in some(400, reserved=0.3)) / 400
    assert 0.2 < share < 0.4
    with pytest.raises(ValueError, match="0..1"):
        sample_emblem(np.random.default_rng(0), reserved=1.5)


def test_samples_cover_the_lists() -> None:
    seen = some(1500)
    assert {e.shape for e in seen} == set(em.SHAPES) - em.RESERVED_SHAPES
    assert {e.division for e in seen} == set(em.DIVISIONS)
    assert {e.charge for e in seen} - {None} == set(em.CHARGES) - em.RESERVED_CHARGES
    assert {lettering(e) for e in seen} == {None, "ring", "ribbon", "below"}


def test_colours_contrast() -> None:
    for e in some(400, seed=1, reserved=0.3):
        if e.shape == "free":
            continue
        grounds = [e.field] + ([e.second] if e.second is not None and e.division != "chief" else [])
        if e.charge_colour is not None:
            assert all(legible(e.charge_colour, g) for g in grounds)
        if e.border is not None:
            assert all(e.border != g for g in (e.field, e.second))
        colours = {e.field, e.second, e.border, e.charge_colour, e.letter_colour} - {None}
        assert 1 <= len(colours) <= 4


def test_captions_name_what_the_picture_shows() -> None:
    rng = np.random.default_rng(5)
    for e in some(500, seed=2, reserved=0.3):
        text = describe(e, rng)
        plainly = text[0].lower() + text[1:]
        for colour in (e.second, e.border, e.charge_colour, e.letter_colour):
            assert colour is None or colour in plainly, text
        assert e.shape == "free" or e.field in plainly
        assert e.charge is None or e.charge in text
        for letters in (e.initials, e.wordmark, e.wordmark2):
            assert letters is None or f'"{letters}"' in text
        assert e.shape == "free" or any(w in text.lower() for w in (s.lower() for s in SHAPE_WORDS[e.shape]))
        assert e.style == "flat" or any(w in text for w in STYLE_WORDS[e.style])
        assert text[0].isupper()
        assert text.endswith(".")
        assert "None" not in text
        assert "  " not in text
        assert " a o" not in text.lower()
        assert " a e" not in text.lower()
        assert " a a" not in text.lower()


def test_a_brief_caption_leaves_out_only_what_goes_without_saying() -> None:
    rng = np.random.default_rng(6)
    for e in some(500, seed=3, reserved=0.3):
        text = describe(e, rng, brief=True)
        plainly = text[0].lower() + text[1:]
        light = any(c is not None and is_light(c) for c in (e.field, e.second))
        kept = [e.second, e.charge_colour] + ([] if light else [e.border])
        assert all(colour is None or colour in plainly for colour in kept), text
        assert e.shape == "free" or e.field in plainly
        assert e.charge is None or e.charge in plainly
        for letters in (e.initials, e.wordmark, e.wordmark2):
            assert letters is None or f'"{letters}"' in text
        assert e.style == "flat" or any(w in text for w in STYLE_WORDS[e.style])
        assert not light or not any(f"{e.border} {w}" in plainly for w in ("border", "edging")), text
        assert text[0].isupper() == text.endswith(".")
        assert not any(where in text for where in ("underneath", "ribbon", " ring", "below it", "above it"))
    brief = [describe(e, rng, brief=True) for e in some(400, seed=4)]
    assert 0.4 < sum(text.endswith(".") for text in brief) / 400 < 0.6
    assert len(" ".join(brief)) < 0.85 * len(" ".join(describe(e, rng) for e in some(400, seed=4)))


def test_a_share_of_brief_captions_changes_no_emblem() -> None:
    long, mixed, brief = (sample_many(400, 7, siblings=3, shares=Shares(0.5, brief)) for brief in (0.0, 0.3, 1.0))
    assert [e for e, _ in long] == [e for e, _ in mixed] == [e for e, _ in brief]
    differing = sum(a != b for (_, a), (_, b) in zip(long, mixed, strict=True))
    assert 0.2 < differing / 400 < 0.4


def test_a_share_of_divided_grounds_has_no_plain_one() -> None:
    for share, low, high in ((0.0, 0.3, 0.65), (0.5, 0.65, 0.85), (1.0, 1.0, 1.0)):
        grounds = [
            e for e, _ in sample_many(600, 9, siblings=3, shares=Shares(0.4, divided=share)) if e.shape != "free"
        ]
        assert low <= sum(e.division != "plain" for e in grounds) / len(grounds) <= high


def test_a_share_of_light_grounds_is_plain_and_coloured() -> None:
    for share, low, high in ((0.0, 0.05, 0.3), (0.5, 0.5, 0.75), (1.0, 1.0, 1.0)):
        grounds = [e for e, _ in sample_many(600, 11, shares=Shares(0.4, light=share)) if e.shape != "free"]
        light = [e.division == "plain" and e.field in ("gold", "sky blue", "silver", "pink") for e in grounds]
        assert low <= sum(light) / len(light) <= high


def test_a_share_of_figures_is_of_those_that_are_alike() -> None:
    for share, low, high in ((0.0, 0.1, 0.35), (0.5, 0.5, 0.75), (1.0, 1.0, 1.0)):
        found = [e for e, _ in sample_many(600, 10, shares=Shares(0.3, alike=share)) if e.charge is not None]
        assert low <= sum(e.charge in ALIKE_CHARGES for e in found) / len(found) <= high
    assert not set(ALIKE_CHARGES) & em.RESERVED_CHARGES


def test_one_emblem_has_many_captions() -> None:
    e = some(1, seed=4)[0]
    assert len(describe_all(e, 8)) == 8
    assert describe_all(e) == describe_all(e)


def silhouette(shape: str) -> NDArray[np.bool_]:
    return np.asarray(draw(plain(shape), 64)[..., 3] > 127)


def test_shapes_are_distinguishable_at_64_px() -> None:
    masks = {s: silhouette(s) for s in em.SHAPES}
    for a, b in itertools.combinations(masks, 2):
        iou = (masks[a] & masks[b]).sum() / (masks[a] | masks[b]).sum()
        assert iou < 0.93, (a, b, iou)


def test_charges_are_distinguishable_at_64_px() -> None:
    masks = {c: draw(plain("free", c), 64)[..., 3] > 127 for c in em.CHARGES}
    for a, b in itertools.combinations(masks, 2):
        iou = (masks[a] & masks[b]).sum() / (masks[a] | masks[b]).sum()
        assert iou < 0.93, (a, b, iou)


def test_a_lion_over_a_wordmark_has_a_face_at_64_px() -> None:
    crest = Emblem("heater", "plain", "gold", None, "red", "lion", "red", None, "LYON", None, "red", "flat")
    gold = np.abs(draw(crest, 64)[..., :3] - np.array(ImageColor.getrgb(COLOURS["gold"]))).max(-1) < 64
    areas = ndimage.label(gold)[0]
    ground, face, *rest = sorted(np.bincount(areas[gold])[1:], reverse=True)
    assert ground > 500
    assert face > 80
    assert len(rest) <= 4


def test_styles_change_the_picture() -> None:
    shown = [draw(plain(style=s), 64).tobytes() for s in em.STYLES]
    assert len(set(shown)) == len(shown)


def test_draw_gives_pixels_with_transparent_corners() -> None:
    for e in [plain(s) for s in em.SHAPES] + some(40, seed=6, reserved=0.3):
        pixels = draw(e, 64)
        assert pixels.dtype == np.uint8
        assert pixels.shape == (64, 64, 4)
        assert pixels[[0, 0, -1, -1], [0, -1, 0, -1], 3].max() == 0
        assert pixels[..., 3].max() == 255
    assert np.array_equal(draw(plain(), 96), draw(plain(), 96))
    with pytest.raises(ValueError, match="size"):
        draw(plain(), 0)


def test_nothing_leaves_the_frame() -> None:
    for e in some(80, seed=7, reserved=0.4):
        alpha = draw(e, 128)[..., 3]
        rim = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
        assert rim.max() == 0, e


def test_svg_is_self_contained() -> None:
    for e in some(20, seed=8):
        svg = emblem_svg(e)
        assert 'viewBox="0 0 256 256"' in svg
        assert "<text" not in svg
        assert "<image" not in svg
        assert "href" not in svg


@pytest.mark.parametrize(
    "change",
    [
        {"shape": "blob"},
        {"division": "per pale"},
        {"second": "red"},
        {"charge_colour": None},
        {"charge": None, "charge_colour": None},
        {"initials": "AB"},
        {"initials": "abcd", "letter_colour": "red"},
        {"wordmark2": "FC"},
        {"wordmark": "lower", "letter_colour": "red"},
        {"field": "beige"},
    ],
)
def test_wrong_descriptions_are_refused(change: dict[str, str | None]) -> None:
    fields: dict[str, str | None] = {**vars(plain()), **change}
    with pytest.raises(ValueError):  # noqa: PT011 - each case has its own message
        Emblem(**fields)  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), reserved=st.floats(0, 1))
def test_any_sample_can_be_drawn_and_described(seed: int, reserved: float) -> None:
    rng = np.random.default_rng(seed)
    e = sample_emblem(rng, reserved=reserved)
    assert draw(e, 32).shape == (32, 32, 4)
    places = arrange(e)
    for part in (places.charge, places.initials):
        assert part is None or part.place.scale * max(part.figure.size) > 14
    assert len(describe(e, rng).split()) >= 3


CAPITALS = st.text(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), min_size=1, max_size=16)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.sampled_from(em.SHAPES),
    division=st.sampled_from(em.DIVISIONS),
    colours=st.lists(st.sampled_from(sorted(em.COLOURS)), min_size=5, max_size=5),
    charge=st.none() | st.sampled_from(em.CHARGES),
    initials=CAPITALS.map(lambda t: t[:3]),
    words=st.none() | st.tuples(CAPITALS, st.none() | CAPITALS),
    style=st.sampled_from(em.STYLES),
)
def test_any_valid_description_can_be_drawn(
    shape: str,
    division: str,
    colours: list[str],
    charge: str | None,
    initials: str,
    words: tuple[str, str | None] | None,
    style: str,
) -> None:
    division = "plain" if shape == "free" else division
    first, second = words if words is not None else (None, None)
    e = Emblem(
        shape,
        division,
        colours[0],
        None if division == "plain" else colours[1],
        colours[2],
        charge,
        None if charge is None else colours[3],
        initials,
        first,
        second,
        colours[4],
        style,
    )
    assert draw(e, 48).shape == (48, 48, 4)
    describe(e, np.random.default_rng(0))


def test_clubs_are_stable_and_unique() -> None:
    full = clubs(500)
    assert clubs(10) == full[:10]
    assert len(full) == 500
    assert len({c.emblem.key() for c in full}) == 500
    assert 390 <= len({c.name for c in full}) <= 450
    assert 0.2 < np.mean([c.emblem.reserved() for c in full]) < 0.4
    assert clubs(5, seed=1) != clubs(5, seed=2)


def test_clubs_agree_with_their_names() -> None:
    for club in clubs(200):
        assert club.name == f"{club.town} {club.nickname}"
        names = {club.town.upper(), club.nickname.upper()}
        assert {club.emblem.wordmark, club.emblem.wordmark2} - {None} <= names
        if club.emblem.initials is not None:
            assert club.emblem.initials in (club.town[0], club.town[0] + club.nickname[0])
        start, end = club.years.split(" - ")
        assert start.isdigit()
        assert end == "Present" or int(end) > int(start)
