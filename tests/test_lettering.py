"""What a user may rely on: words in quotes are set as type that reads back, or refused with the glyphs named."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from logolib.config import VectorSettings
from logolib.generate.drawing import Drawing, DrawingError, contrast, polygon, render, to_svg
from logolib.generate.lettering import WAYS, Way, letter, missing, set_words, without_words, words_of
from logolib.generate.lettering import Line as TextLine
from logolib.generate.reading import read_line, unrolled
from logolib.generate.usable import make_usable
from logolib.generate.vector import over_white

SHIELD = Drawing(200, 200, (polygon([(40, 20), (160, 20), (160, 110), (100, 185), (40, 110)], "#d11f2d"),))
PALETTE = ("#d11f2d", "#12214a", "#ffffff")
every_way = pytest.mark.parametrize("way", WAYS)


@pytest.mark.parametrize(
    ("prompt", "words", "bare"),
    [
        ('a red lion, wordmark "LYON"', ["LYON"], "a red lion"),
        ('a crow with the sky blue letters "WR" above it, flat', ["WR"], "a crow, flat"),
        ('a dove, the wordmark "SORRHOLT" over "DOVES" in green at the bottom', ["SORRHOLT", "DOVES"], "a dove"),
        ("a star, wordmark «SAINT-ÉTIENNE» on a blue ribbon underneath", ["SAINT-ÉTIENNE"], "a star"),
        ("a bear, the words “New York” in gold", ["New York"], "a bear"),
        ("a lion's head, the fox's tail", [], "a lion's head, the fox's tail"),
    ],
)
def test_words_in_quotes_are_found_and_their_clause_is_left_out(prompt: str, words: list[str], bare: str) -> None:
    assert words_of(prompt) == words
    assert without_words(prompt) == bare


@every_way
def test_the_canvas_holds_crest_and_words(way: Way) -> None:
    lettered = letter(SHIELD, "QUEVILLY", way, PALETTE)
    left, top, right, bottom = lettered.drawing.box
    assert left >= 0
    assert top >= 0
    assert right <= lettered.drawing.width
    assert bottom <= lettered.drawing.height
    assert len(lettered.drawing.shapes) <= 12


@every_way
def test_words_can_be_read_on_what_lies_under_them(way: Way) -> None:
    for palette in (PALETTE, ("#f6b719", "#ffffff"), ()):
        lettered = letter(SHIELD, "LYON", way, palette)
        *under, words = lettered.drawing.shapes
        ground = under[-1].fill if way == "ribbon" else "#ffffff"
        assert contrast(words.fill, ground) >= 3


@every_way
def test_long_words_get_smaller_and_stay_near_the_crest(way: Way) -> None:
    short, long = letter(SHIELD, "LYON", way), letter(SHIELD, "WOLVERHAMPTON WANDERERS", way)
    assert long.line.cap < short.line.cap
    assert long.drawing.width < 4 * 120


@pytest.mark.parametrize("name", ["SAINT-ÉTIENNE", "Malmö", "ΟΛΥΜΠΙΑΚΟΣ", "СПАРТАК", "Đà Nẵng", "Łódź"])
def test_accents_and_scripts_with_glyphs_are_set(name: str) -> None:
    assert missing(name, "sans") == []
    plain = set_words("E", "sans", TextLine(0, 0, 10), "#000000").path
    accented = set_words("É", "sans", TextLine(0, 0, 10), "#000000").path
    assert accented.count("M") > plain.count("M"), "the accent has a contour of its own"
    assert letter(SHIELD, name, "arc").words == name


@pytest.mark.parametrize(
    ("name", "named"),
    [("東京", "東.*U\\+6771"), ("الأهلي", "right to left"), ("मुंबई", "DEVANAGARI"), ("LYON 🦁", "U\\+1F981")],
)
def test_what_cannot_be_set_is_refused_by_name(name: str, named: str) -> None:
    with pytest.raises(DrawingError, match=named) as error:
        letter(SHIELD, name, "straight")
    assert "\n" not in str(error.value)


def test_no_words_are_refused() -> None:
    with pytest.raises(DrawingError, match="no words"):
        letter(SHIELD, "  ", "straight")


def test_decomposed_accents_are_the_same_words() -> None:
    assert letter(SHIELD, "E\u0301", "straight").drawing == letter(SHIELD, "\u00c9", "straight").drawing


@every_way
def test_words_are_outlines_or_type_at_will(way: Way) -> None:
    drawing = letter(SHIELD, "R&B <1>", way, PALETTE).drawing
    assert "<text" not in to_svg(drawing)
    svg = to_svg(drawing, as_text=True)
    assert re.search(r"<text[^>]*font-family=\"DejaVu Sans\"", svg)
    assert "R&amp;B &lt;1&gt;" in svg
    seen, meant = (over_white(render(text, 300)).mean(-1) < 250 for text in (svg, to_svg(drawing)))
    assert (seen & meant).sum() / max((seen | meant).sum(), 1) > 0.7  # roughly the same place, where DejaVu is there


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")
@every_way
def test_a_reader_reads_what_was_set(way: Way) -> None:
    names = ["HARTWICK", "NEW YORK", "ELDSMOUTH"]
    assert [read_line(unrolled(letter(SHIELD, name, way, PALETTE))) for name in names] == names


@every_way
def test_an_unrolled_line_is_the_straight_line(way: Way) -> None:
    strip = unrolled(letter(SHIELD, "MOON", way, ("#141414", "#ffffff")))
    dark = strip < 128 if strip.mean() > 128 else strip > 128
    straight = unrolled(letter(SHIELD, "MOON", "straight", ("#141414", "#ffffff"))) < 128
    rows = np.flatnonzero(dark.any(1))
    assert abs(len(rows) - len(np.flatnonzero(straight.any(1)))) <= 6
    assert dark.sum() == pytest.approx(straight.sum(), rel=0.1)


def test_a_picture_brings_its_own_words(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_itxt("prompt", 'a red shield, wordmark "LYON"')
    Image.fromarray(over_white(render(SHIELD, 100)).astype(np.uint8)).save(tmp_path / "a.png", pnginfo=info)
    result = make_usable("letter", VectorSettings(detail=128), [str(tmp_path / "a.png")], tmp_path / "out", way="arc")
    assert result.values["logos"][0]["words"] == "LYON"
    assert "<title>LYON</title>" in (tmp_path / "out" / "a.svg").read_text()
