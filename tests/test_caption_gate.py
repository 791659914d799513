"""The gate lets specific captions of their own picture through, and says which test each of the others fails."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from logolib.caption import TESTS, CaptionError, Gate, Reference, Seen, calibrate, look, shipped_gate
from logolib.caption.calibrate import GENERIC, shuffled
from logolib.caption.colours import FAMILIES, amounts, is_blank, named
from logolib.caption.fit import margins, named_clip
from logolib.caption.judged import judged
from logolib.caption.letters import against_name, against_reading
from logolib.caption.words import drawn_words, lettering
from logolib.emblems import clubs, draw
from logolib.models.weights import ModelError

DATA = Path(os.environ.get("LOGOLIB_DATA", Path(__file__).parents[2] / "shared" / "data"))
REAL = DATA / "sports-logos-captioned"
real_data = pytest.mark.skipif(not REAL.is_dir(), reason="no real logos here")
OF_2022 = ("A blue lion drawing.", "A circle-shaped diagram.", "A Football ball.")


@pytest.fixture(scope="module")
def gate() -> Gate:
    return shipped_gate(named_clip("default"))


@pytest.fixture(scope="module")
def disc(gate: Gate) -> Seen:
    (seen,) = look(gate.clip, [flat((209, 31, 45))], ocr=False)
    return seen


def flat(colour: tuple[int, int, int], side: int = 64) -> np.ndarray:
    """A disc of one colour on nothing."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    picture = np.zeros((side, side, 4), np.uint8)
    picture[x**2 + y**2 < (side / 2 - 2) ** 2] = (*colour, 255)
    return picture


@pytest.mark.parametrize("caption", OF_2022)
def test_the_three_sentences_of_2022_are_refused_on_every_picture(gate: Gate, caption: str) -> None:
    crests = [draw(club.emblem, 128) for club in clubs(6, 3)]
    pictures = [*crests, flat((29, 95, 200)), flat((209, 31, 45))]
    verdicts = gate.judge(look(gate.clip, pictures, ocr=False), [caption] * len(pictures))
    assert not any(verdict.accepted for verdict in verdicts)
    assert {verdict.test for verdict in verdicts} <= {"names", "information"}


def test_a_refused_caption_says_which_test_it_failed(gate: Gate) -> None:
    (club,) = clubs(1, 5)
    seen = look(gate.clip, [draw(club.emblem, 128)], [club.name], ocr=False)
    captions = {
        "names": "A tall ship under sail between two towers.",
        "information": "A red and white logo.",
    }
    for test, caption in captions.items():
        (verdict,) = gate.judge(seen, [caption])
        assert (verdict.accepted, verdict.test) == (False, test)
        assert verdict.reason == TESTS[test]
    (copy,) = gate.judge(seen, [club.caption], [club.caption.upper()])
    assert copy.test == "copy"


@pytest.mark.parametrize(
    "caption",
    [
        "Ein steigender Löwe auf rotem Grund mit goldener Krone darüber.",
        "Un aigle noir et blanc au-dessus d'un ballon.",
        "Een rode leeuw op een gouden schild in een cirkel.",
        "Červený lev na zlatém štítu s modrým okrajem.",
        "Красный лев на золотом щите с синей каймой.",
        "赤いライオン",
    ],
)
def test_captions_in_other_languages_are_refused_as_such(gate: Gate, disc: Seen, caption: str) -> None:
    (verdict,) = gate.judge([disc], [caption])
    assert (verdict.accepted, verdict.test) == (False, "language")


def test_a_picture_with_nothing_on_it_has_no_true_caption(gate: Gate) -> None:
    white = np.full((64, 64, 4), 255, np.uint8)
    seen = look(gate.clip, [white, np.zeros((64, 64, 4), np.uint8)], ocr=False)
    caption = 'A red lion on a gold shield with the letters "AB" in white.'
    assert [verdict.test for verdict in gate.judge(seen, [caption] * 2)] == ["content", "content"]


def test_drawn_crests_set_a_gate_that_holds_on_other_clubs() -> None:
    clip = named_clip("default")
    made = clubs(120, 11)
    seen = look(clip, [draw(club.emblem, 96) for club in made], [club.name for club in made], ocr=False)
    captions = [club.caption for club in made]
    gate = calibrate(clip, drawn_words(), seen[:60], captions[:60])
    measured = judged(gate, seen[60:], captions[60:])
    assert measured["recall"][0] >= 0.8
    assert measured["false_passed"][0] <= 0.1
    assert measured["passed"]["generic"][0] == 0
    nameless = judged(gate, [replace(one, club="") for one in seen[60:]], captions[60:])
    assert nameless["recall"][0] >= 0.7


def test_too_few_pairs_set_no_gate() -> None:
    clip = named_clip("default")
    seen = look(clip, [flat((209, 31, 45))] * 3, ["a", "b", "c"], ocr=False)
    with pytest.raises(CaptionError, match="eight or more"):
        calibrate(clip, drawn_words(), seen, ["A red disc."] * 3)


@real_data
def test_a_short_true_caption_of_a_real_logo_passes(gate: Gate) -> None:
    with (REAL / "captions.csv").open(encoding="utf8", newline="") as file:
        (row,) = [row for row in csv.DictReader(file) if row["caption"].startswith("An orange tiger's paw")]
    picture = np.asarray(Image.open(REAL / row["file"]).convert("RGBA"))
    seen = look(gate.clip, [picture], [row["team"]])
    (verdict,) = gate.judge(seen, ["An orange tiger's paw."])
    assert verdict.accepted, verdict


@real_data
def test_real_captions_pass_and_those_of_other_clubs_do_not(gate: Gate) -> None:
    with (REAL / "captions.csv").open(encoding="utf8", newline="") as file:
        rows = list(csv.DictReader(file))[::5]
    pictures = [np.asarray(Image.open(REAL / row["file"]).convert("RGBA")) for row in rows]
    names, captions = [row["team"] for row in rows], [row["caption"] for row in rows]
    seen = look(gate.clip, pictures, names, ocr=False)
    assert np.mean([v.accepted for v in gate.judge(seen, captions)]) >= 0.75
    mine, theirs = shuffled(names, captions, 3, 0)
    verdicts = gate.judge([seen[i] for i in mine], [captions[j] for j in theirs])
    assert np.mean([v.accepted for v in verdicts]) <= 0.1
    generic = gate.judge([seen[i % len(seen)] for i in range(len(GENERIC))], list(GENERIC))
    assert np.mean([v.accepted for v in generic]) <= 0.05


@pytest.mark.parametrize(
    ("colour", "word"),
    [
        ((209, 31, 45), "red"), ((29, 95, 200), "blue"), ((18, 33, 74), "navy"), ((19, 138, 69), "green"),
        ((246, 183, 25), "yellow"), ((240, 111, 27), "orange"), ((108, 45, 150), "purple"), ((20, 20, 20), "black"),
        ((255, 255, 255), "white"), ((180, 188, 196), "grey"), ((112, 20, 38), "maroon"),
        ((116, 192, 238), "light blue"),
        ((13, 154, 148), "teal"), ((240, 127, 171), "pink"), ((122, 79, 43), "brown"),
    ],
)  # fmt: skip
def test_a_colour_is_seen_under_its_own_name(colour: tuple[int, int, int], word: str) -> None:
    shares = dict(zip(FAMILIES, amounts(flat(colour)), strict=True))
    assert shares[word] > 0.95
    assert shares["white" if word == "black" else "black"] == 0


def test_a_flat_ground_is_no_part_of_an_opaque_logo() -> None:
    picture = np.full((64, 64, 4), 255, np.uint8)
    picture[20:44, 20:44, :3] = (209, 31, 45)
    shares = dict(zip(FAMILIES, amounts(picture), strict=True))
    assert shares["red"] == 1
    assert shares["white"] == 0
    assert not is_blank(picture)


def test_colour_words_within_quotation_marks_name_no_colour() -> None:
    assert not named('The wordmark "GOLDEN RED" on a banner.').any()
    assert dict(zip(FAMILIES, named("Light blue and gold with navy trim."), strict=True)) == {
        name: name in ("light blue", "yellow", "navy") for name in FAMILIES
    }


@pytest.mark.parametrize(
    ("caption", "club", "found"),
    [
        ('Interlocked letters "BU" in green.', "Baylor University", "initials"),
        ('Interlocked letters "BU" in green.', "Utah State Aggies", "other initials"),
        ('Wordmark "TULSA" in gold.', "Tulsa Golden Hurricane", "word"),
        ('Wordmark "TULSA" in gold.', "Iowa Hawkeyes", "other word"),
        ("An orange tiger's paw.", "Clemson Tigers", "named"),
        ('A maroon letter "M."', "Minnesota Golden Gophers", "letter"),
        ('A maroon letter "M."', "Texas Longhorns", "other letter"),
        ("A red hawk.", "Iowa Hawkeyes", "none"),
        ("A red hawk.", "", "no name"),
    ],
)
def test_lettering_is_compared_with_the_name_of_the_club(caption: str, club: str, found: str) -> None:
    assert against_name(caption, club) == found


def test_lettering_is_compared_with_what_was_read() -> None:
    assert against_reading('Wordmark "MASON" in white.', ["MAS0N", "MASON"]) == "read"
    assert against_reading('Wordmark "MASON" in white.', ["MAS", "MASCN"]) == "read"
    assert against_reading('Wordmark "MASON" in white.', ["UTAH"]) == "other"
    assert against_reading("A white star.", ["UTAH"]) == "unquoted"
    assert against_reading("A white star.", []) == "nothing read"
    assert lettering("A letter “M.” and initials WF in gold") == ["M", "WF"]


def test_rare_words_tell_more_and_empty_ones_nothing() -> None:
    reference = Reference.of(["A red lion.", "A red eagle.", "A red drawing.", "A blue lion."])
    assert reference.bits("eagle") > reference.bits("lion") > reference.bits("red") > 0
    assert reference.bits("drawing") == 0
    assert reference.information("A red drawing.") < reference.information("A red eagle.")
    assert reference.information('A red "AB".') > reference.information('A red "A".')


def test_a_margin_is_measured_in_spreads_of_the_others() -> None:
    import torch

    torch.manual_seed(0)
    others = torch.nn.functional.normalize(torch.randn(200, 16), dim=-1)
    own = torch.nn.functional.normalize(torch.randn(4, 16), dim=-1)
    near, far = margins(own, own, others, others), margins(own, -own, others, others)
    assert (near > 2).all()
    assert (far < -2).all()
    assert (margins(own, own, others[:2], others[:2]) == 0).all()


def test_a_clip_that_is_not_there_is_refused() -> None:
    with pytest.raises(ModelError, match="knows no weights"):
        named_clip("ViT-B-32:nobody")


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=120))
def test_any_text_gets_a_verdict(gate: Gate, disc: Seen, text: str) -> None:
    (verdict,) = gate.judge([disc], [text])
    assert verdict.accepted == (verdict.test == "")
    assert verdict.accepted or verdict.reason
