"""What a user may rely on in augmented versions: picture and caption change together, or neither does."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from logolib.data import augment
from logolib.data.augment import mirrors
from logolib.data.colours import COLOUR_WORD, oklab, rgb
from logolib.data.recolour import LIKE, palette, recolour

CAPTION = "A red shield with an orange sun and white rays."


def shield(first: str = "red", second: str = "orange") -> Image.Image:
    """A shield and a sun, drawn large and made small so that its edges are smooth; the ground is clear."""
    big = Image.new("RGBA", (384, 384))
    pen = ImageDraw.Draw(big)
    pen.rounded_rectangle((40, 20, 344, 364), 60, tuple(int(v) for v in rgb(first)))
    pen.ellipse((120, 90, 260, 230), tuple(int(v) for v in rgb(second)))
    pen.rectangle((90, 260, 300, 300), (255, 255, 255))
    return big.resize((96, 96), Image.Resampling.BOX)


def named(picture: Image.Image) -> set[str]:
    """The colour words of a test picture's palette, by nearest look."""
    words = ["red", "orange", "gold", "green", "teal", "blue", "navy", "purple", "maroon", "pink", "brown", "white"]
    apart = np.linalg.norm(
        oklab(palette(np.asarray(picture)))[:, None] - oklab(np.array([rgb(word) for word in words]))[None], axis=-1
    )
    assert (apart.min(axis=1) < LIKE).all()
    return {words[i] for i in apart.argmin(axis=1)}


@pytest.mark.parametrize("seed", range(8))
def test_picture_and_caption_take_the_same_new_colours(seed: int) -> None:
    made = recolour(shield(), CAPTION, np.random.default_rng(seed))
    assert made is not None
    picture, caption, swaps = made
    assert set(swaps) == {"red", "orange"}
    assert not set(swaps.values()) & {"red", "orange", "white"}
    assert set(COLOUR_WORD.findall(caption)) == {*swaps.values(), "white"} == named(picture)
    assert (np.asarray(picture)[..., 3] == np.asarray(shield())[..., 3]).all()
    assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", caption)


def test_smooth_edges_stay_between_the_new_colours() -> None:
    made = recolour(shield(), CAPTION, np.random.default_rng(0))
    assert made is not None
    before, after = np.asarray(shield()), np.asarray(made[0])
    ends = np.array([rgb(word) for word in made[2].values()] + [rgb("white")])
    inside = after[(before[..., 3] == 255)][:, :3].astype(float)
    low, high = ends.min(axis=0) - 12, ends.max(axis=0) + 12
    assert ((inside >= low) & (inside <= high)).all()


@pytest.mark.parametrize(
    ("caption", "club"),
    [
        ("The Red Sox in orange letters", ""),  # a name
        ('A red wordmark "orange" on white', ""),  # lettering
        ("A red shield with an orange sun", "Syracuse Orange"),  # the club's own name
        ("A red cardinal with an orange beak", ""),  # the bird
        ("A red-orange shield", ""),  # one mixed colour
        ("A reddish shield with an orange sun", ""),
        ("A red shield with a purple sun", ""),  # no purple is there
        ("A shield with a sun", ""),  # nothing to change
        ("RED shield", ""),
    ],
)
def test_colours_stay_where_a_change_could_be_untrue(caption: str, club: str) -> None:
    assert recolour(shield(), caption, np.random.default_rng(0), club=club) is None


@pytest.mark.parametrize(
    ("caption", "truth"),
    [
        ("A red owl on a shield.", True),
        ("A lion's head in gold with black trim", True),
        ('A red letter "C".', False),
        ("Interlocking N and Y in white", False),
        ("A bear with NY in blue", False),
        ("A script wordmark", False),
        ("An owl facing left", False),
        ("A shield split vertically into red and blue", False),
        ("Founded 1902", False),
    ],
)
def test_a_mirror_image_only_without_lettering_and_sides(caption: str, truth: bool) -> None:
    assert mirrors(caption) is truth
    assert not mirrors(caption, kind="wordmark")
    assert not mirrors(caption, truncated=True)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**63 - 1), st.sampled_from([CAPTION, 'A red letter "R"', "\u05e9 owl", "x" * 5000]))
def test_versions_depend_on_the_seed_alone_and_cut_nothing_off(seed: int, caption: str) -> None:
    full = Image.new("RGBA", (48, 48), (209, 31, 45, 255))
    one, other = augment(full, caption, seed), augment(full, caption, seed)
    assert one.picture.tobytes() == other.picture.tobytes()
    assert (one.caption, one.changes) == (other.caption, other.changes)
    alpha = np.asarray(one.picture)[..., 3]
    assert alpha[[0, -1]].max() == 0 == alpha[:, [0, -1]].max()
    assert one.picture.size == full.size
    assert one.picture.mode == "RGBA"


def test_a_ground_is_named_in_the_caption_and_told_from_the_logo() -> None:
    grounds = set()
    for seed in range(40):
        made = augment(shield(), CAPTION, seed)
        alpha = np.asarray(made.picture)[..., 3]
        match = re.search(r"On a (\w+) ground\.$", made.caption)
        assert (alpha.min() == 255) == bool(match)
        if match:
            grounds.add(match[1])
            corner = np.asarray(made.picture)[0, 0, :3]
            assert (corner == rgb(match[1])).all()
            assert match[1] not in named_in(made.caption[: match.start()])
    assert len(grounds) >= 3


def named_in(caption: str) -> set[str]:
    """The colour words of a caption."""
    return set(COLOUR_WORD.findall(caption.lower()))
