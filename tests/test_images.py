"""Pictures from anywhere are read or refused with a reason; ranges live in one place."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from logolib.images import ImageError, fit, flatten, read_image, save_png, sheet, to_float, to_uint8


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


PNG = encoded(Image.radial_gradient("L").convert("RGB"))
HEADS = (b"", PNG[:8], b"GIF89a", b"\xff\xd8\xff\xe0", b"RIFF\0\0\0\0WEBP", b"BM", b"II*\0", b"<svg>")


def is_read_or_refused(data: bytes) -> bool:
    try:
        return read_image(data).mode == "RGBA"
    except ImageError as error:
        return str(error) != ""


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(HEADS), st.binary(max_size=200))
def test_wild_bytes_are_an_image_or_an_image_error(head: bytes, tail: bytes) -> None:
    assert is_read_or_refused(head + tail)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(PNG) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_png_never_crashes(place: int, patch: bytes) -> None:
    assert is_read_or_refused(PNG[:place] + patch + PNG[place + len(patch) :])


def test_bad_pictures_say_why() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    bomb = encoded(Image.new("1", (9000, 9000)))
    cases = {
        "not an image": b"hello",
        "truncated": PNG[: len(PNG) // 2],
        "animated": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "CMYK": encoded(Image.new("CMYK", (8, 8)), "JPEG"),
        "huge": bomb,
    }
    for reason, data in cases.items():
        with pytest.raises(ImageError, match=reason):
            read_image(data)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_still_mode_becomes_rgba(mode: str) -> None:
    assert read_image(encoded(Image.new(mode, (5, 4)))).mode == "RGBA"


@given(st.integers(1, 300), st.integers(1, 300), st.integers(16, 64))
@settings(max_examples=40, deadline=None)
def test_fit_keeps_the_aspect(width: int, height: int, size: int) -> None:
    square = fit(Image.new("RGBA", (width, height), "red"), size)
    assert square.size == (size, size)
    left, top, right, bottom = square.getchannel("A").getbbox()
    assert max(right - left, bottom - top) == size
    assert abs((right - left) - size * width / max(width, height)) <= 1
    assert abs((bottom - top) - size * height / max(width, height)) <= 1


def test_clear_pixels_do_not_tint_the_edges() -> None:
    image = Image.new("RGBA", (64, 64), (255, 0, 255, 0))  # clear, but magenta underneath
    image.paste((0, 128, 0, 255), (0, 0, 33, 64))
    pixels = np.asarray(fit(image, 16, ground=(0, 0, 0)))
    assert pixels[..., 0].max() == 0


def test_flatten_shows_the_ground() -> None:
    assert flatten(Image.new("RGBA", (2, 2)), (1, 2, 3)).getpixel((0, 0)) == (1, 2, 3)


def test_bytes_survive_the_way_through_floats() -> None:
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    floats = to_float(pixels)
    assert floats.shape == (1, 3, 16, 16)
    assert (floats.min(), floats.max()) == (-1, 1)
    assert np.array_equal(to_uint8(floats), pixels)
    assert to_uint8(torch.full((1, 3, 1, 1), 9.0)).max() == 255


def test_a_sheet_holds_every_picture() -> None:
    pictures = [np.full((4, 4, 3), value, np.uint8) for value in (10, 20, 30)]
    canvas = np.asarray(sheet(pictures, columns=2, gap=1))
    assert canvas.shape == (11, 11, 3)
    assert {10, 20, 30} <= set(canvas.ravel().tolist())


def test_a_png_carries_its_prompt(tmp_path: Path) -> None:
    save_png(Image.new("RGB", (4, 4)), tmp_path / "a.png", prompt="a lion, grün")
    with Image.open(tmp_path / "a.png") as image:
        assert image.text["prompt"] == "a lion, grün"
    assert [f.name for f in tmp_path.iterdir()] == ["a.png"]
