"""What a user may rely on: a picture becomes flat areas without ground, few paths that draw the same, and a page."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw

from logolib.config import LogolibError, VectorSettings
from logolib.emblems import clubs, draw
from logolib.generate.brand import brand_sheet
from logolib.generate.cleanup import GROUND, clean
from logolib.generate.drawing import DrawingError, contrast, render, save_pdf, to_svg
from logolib.generate.usable import make_usable
from logolib.generate.vector import difference, one_colour, over_white, vectorise

SETTINGS = VectorSettings(detail=256)


def roundel(ground: str = "#ffffff", noise: float = 0.0, size: int = 96) -> np.ndarray:
    """A red disc with a navy square in it."""
    image = Image.new("RGB", (size * 4, size * 4), ground)
    pen = ImageDraw.Draw(image)
    pen.ellipse((size // 2, size // 2, size * 4 - size // 2, size * 4 - size // 2), "#d11f2d")
    pen.rectangle((size * 1.5, size * 1.5, size * 2.5, size * 2.5), "#12214a")
    pixels = np.asarray(image.resize((size, size), Image.Resampling.LANCZOS)).astype(float)
    return (pixels + noise * np.random.default_rng(0).normal(size=pixels.shape)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("noise", [0.0, 4.0])
def test_the_ground_goes_and_the_colours_stay(noise: float) -> None:
    cleaned = clean(roundel("#e8e4d8", noise), SETTINGS)
    assert len(cleaned.palette) == 2
    for found, meant in zip(cleaned.palette, ("#d11f2d", "#12214a"), strict=True):
        apart = [abs(int(found[i : i + 2], 16) - int(meant[i : i + 2], 16)) for i in (1, 3, 5)]
        assert max(apart) <= 6
    assert cleaned.ground is not None
    assert (cleaned.labels[0] == GROUND).all()
    assert cleaned.labels[128, 128] == 1
    assert sum(cleaned.shares) == pytest.approx(1)
    rgba = cleaned.rgba(96)
    assert rgba[0, 0, 3] == 0
    assert rgba[48, 48, 3] == 255
    assert len(np.unique(rgba[..., 3])) > 4, "edges are soft"


def test_no_ring_of_a_third_colour_grows_where_two_meet() -> None:
    """Between navy and white lies a row of greys that a palette with a grey would take."""
    pixels = roundel()
    pixels[80:90, 40:60] = (150, 155, 170)
    cleaned = clean(pixels, SETTINGS)
    assert len(cleaned.palette) == 3
    grey = cleaned.labels == 2
    assert not grey[: int(0.75 * 256)].any()


def test_a_picture_without_flat_ground_keeps_its_border() -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, :32], pixels[:, 32:] = (200, 30, 40), (20, 40, 160)
    cleaned = clean(pixels, SETTINGS)
    assert cleaned.ground is None
    assert (cleaned.labels >= 0).all()


def test_what_is_transparent_already_is_the_ground() -> None:
    alpha = (clean(roundel(), SETTINGS).rgba(96)[..., 3:] > 127) * np.uint8(255)
    cleaned = clean(np.concatenate([roundel("#d11f2d"), alpha], axis=-1), SETTINGS)
    assert (cleaned.labels[0] == GROUND).all()
    assert len(cleaned.palette) == 2


def test_a_blank_picture_is_refused() -> None:
    with pytest.raises(DrawingError, match="nothing but its ground"):
        clean(np.full((32, 32, 3), 240, np.uint8), SETTINGS)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(arrays(np.uint8, st.tuples(st.integers(8, 24), st.integers(8, 24), st.sampled_from([3, 4]))))
def test_any_picture_is_traced_or_refused_in_a_sentence(pixels: np.ndarray) -> None:
    try:
        drawing, cleaned = vectorise(pixels, VectorSettings(detail=64))
    except LogolibError:
        return
    assert 1 <= len(drawing.shapes) <= 60
    assert len(cleaned.palette) <= 6
    ElementTree.fromstring(to_svg(drawing))


def test_crests_become_few_paths_that_draw_the_same() -> None:
    for club in clubs(4, 1):
        drawing, cleaned = vectorise(draw(club.emblem, 128), SETTINGS)
        svg = ElementTree.fromstring(to_svg(drawing, 'A "title" & more'))
        paths = [e for e in svg if e.tag.endswith("}path")]
        assert len(paths) == len(drawing.shapes) <= 60
        assert {p.get("fill") for p in paths} <= set(cleaned.palette)
        assert difference(drawing, cleaned) < 0.02


def test_a_difference_shows_when_a_shape_is_gone() -> None:
    drawing, cleaned = vectorise(roundel(), SETTINGS)
    assert difference(drawing, cleaned) < 0.01
    assert difference(replace(drawing, shapes=drawing.shapes[:1]), cleaned) > 0.01


def test_one_colour_keeps_the_figure_apart_from_its_ground() -> None:
    _, cleaned = vectorise(roundel(), SETTINGS)
    flat = one_colour(cleaned, "#101010")
    assert [shape.fill for shape in flat.shapes] == ["#101010"]
    alpha = render(flat, 96)[..., 3]
    assert (alpha[48, 20] > 127) != (alpha[48, 48] > 127), "the square would drown in the disc"


def _inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return b""


def test_a_pdf_is_vector_and_the_same_every_time(tmp_path: Path) -> None:
    drawing, _ = vectorise(roundel(), SETTINGS)
    save_pdf(drawing, tmp_path / "a.pdf", "A logo")
    save_pdf(drawing, tmp_path / "b.pdf", "A logo")
    data = (tmp_path / "a.pdf").read_bytes()
    assert data.startswith(b"%PDF")
    assert b"/Subtype /Image" not in data
    assert data == (tmp_path / "b.pdf").read_bytes()
    drawn = next(page for page in map(_inflated, re.findall(rb"stream\n(.*?)endstream", data, re.S)) if b" c\n" in page)
    fills = [tuple(map(float, found.split())) for found in re.findall(rb"([\d.]+ [\d.]+ [\d.]+) rg", drawn)]
    meant = [tuple(int(shape.fill[i : i + 2], 16) / 255 for i in (1, 3, 5)) for shape in drawing.shapes]
    assert [pytest.approx(colour, abs=0.01) for colour in meant] == list(dict.fromkeys(fills))


def test_a_brand_sheet_is_a_page_with_the_palette_and_a_mark_of_16_pixels(tmp_path: Path) -> None:
    mark, cleaned = vectorise(roundel(), SETTINGS)
    page = brand_sheet(mark, cleaned, "LYON", "ribbon")
    assert (page.width, page.height) == (297, 210)
    pixels = over_white(render(page, 1188))  # 4 pixels a millimetre
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 5
    fills = [shape.fill for shape in page.shapes]
    assert all(colour in fills for colour in cleaned.palette)
    small = brand_sheet(mark, cleaned)
    assert len(small.shapes) < len(page.shapes)
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_the_stage_writes_three_files_a_logo_and_says_what_it_measured(tmp_path: Path) -> None:
    Image.fromarray(roundel()).save(tmp_path / "disc.png")
    out = tmp_path / "out"
    result = make_usable("vector", SETTINGS, [str(tmp_path / "disc.png")], out)
    (row,) = result.values["logos"]
    assert row["paths"] <= 60
    assert row["difference"] < 0.02
    assert len(row["palette"]) == 2
    for suffix in ("svg", "pdf", "png"):
        assert (out / f"disc.{suffix}").stat().st_size > 100
    with Image.open(out / "disc.png") as image:
        assert image.mode == "RGBA"
    with pytest.raises(DrawingError, match="would be overwritten"):
        make_usable("vector", SETTINGS, [str(tmp_path / "disc.png")], tmp_path)
    with pytest.raises(DrawingError, match="Two pictures are called disc"):
        make_usable("vector", SETTINGS, [str(tmp_path / "disc.png"), str(out / "disc.png")], tmp_path / "both")
    with pytest.raises(DrawingError, match="no picture"):
        make_usable("vector", SETTINGS, [str(tmp_path / "none.png")], out)
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(DrawingError, match="can be read"):
        make_usable("vector", SETTINGS, [str(tmp_path / "broken.png")], out)
