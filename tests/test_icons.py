"""The icon folder: nothing reserved, nothing of others' brands, and captions that say what is shown."""

from __future__ import annotations

import argparse
import csv
import importlib.util
import io
import re
import sys
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from logolib.collect import collect
from logolib.config import CollectSettings
from logolib.emblems import COLOURS, RESERVED_CHARGES, RESERVED_SHAPES, RESERVED_STYLES
from logolib.emblems.phrases import CHARGE_WORDS, SHAPE_WORDS

SQUARE = '<path fill="currentColor" d="M2 2h20v20H2z"/>'
PLAIN = {
    "icons": {
        name: {"body": SQUARE if name == "anchor" else f'<path d="M2 2h{12 + i}v20z"/>'}
        for i, name in enumerate(
            ("wolf-head", "anchor", "fire-lizard", "letter-b", "dice-6", "red-carpet", "a-b-c-d-e", "crown")
        )
    }
    | {"gone": {"body": SQUARE, "hidden": True}},
    "aliases": {"small-dragon": {"parent": "fire-lizard"}},
    "width": 24,
    "height": 24,
}
EMOJI = {
    "icons": {
        name: {"body": f'<circle cx="9" cy="{9 - i}" r="8" fill="#d00"/><path d="M2 2h9v9z"/>'}
        for i, name in enumerate(
            ("red-apple", "anchor", "flag-peru", "keycap-1", "frog", "woman-running", "man-running", "stray")
        )
    }
    | {"pale": {"body": '<circle cx="9" cy="9" r="8" fill="#fdfdfd"/>'}},
    "width": 18,
    "height": 18,
}
CATEGORIES = {"categories": {"Objects": [n for n in EMOJI["icons"] if n not in ("flag-peru", "stray")], "Flags": []}}


@pytest.fixture(scope="module")
def icons() -> ModuleType:
    path = Path(__file__).parents[1] / "benchmarks" / "icons.py"
    spec = importlib.util.spec_from_file_location("benchmark_icons", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def awesome(icons: ModuleType) -> list[Any]:
    return icons.fontawesome()


@pytest.mark.parametrize("charge", sorted(RESERVED_CHARGES))
def test_reserved_charges_are_found_by_every_phrase(icons: ModuleType, charge: str) -> None:
    for phrase in (charge, f"{charge}s", f"old-{charge}", *CHARGE_WORDS[charge]):
        assert icons.is_reserved(["thing", phrase.format(c="red")]), phrase


def test_reserved_shapes_and_styles_are_found(icons: ModuleType) -> None:
    phrases = [phrase for shape in RESERVED_SHAPES for phrase in SHAPE_WORDS[shape]]
    for word in (*RESERVED_SHAPES, *RESERVED_STYLES, *phrases, "camera-retro", "Bridges", "spiderweb", "drawbridge"):
        assert icons.is_reserved([word]), word


def test_words_that_only_look_reserved_are_kept(icons: ModuleType) -> None:
    assert not icons.is_reserved(["crown", "crowd", "sprocket", "flute", "wolf head"])


def test_iconify_keeps_only_what_a_caption_can_name(icons: ModuleType) -> None:
    plain = icons.iconify("game-icons", PLAIN, {})
    assert [icon.slug for icon in plain] == ["anchor", "crown", "wolf-head"]
    assert not any(icon.coloured for icon in plain)
    emoji = icons.iconify("noto", EMOJI, CATEGORIES)
    assert [icon.slug for icon in emoji] == ["anchor", "man-running", "pale", "red-apple", "woman-running"]
    assert all(icon.coloured for icon in emoji)


def test_one_thing_is_one_club_in_every_set(icons: ModuleType) -> None:
    assert icons.club("man running") == icons.club("woman running")
    assert icons.club("wolf head") == icons.club("wolf")
    assert icons.club("space suit") == icons.club("suit space")
    assert icons.club("anchor") != icons.club("ankh")


def test_font_awesome_without_brands_and_reserved(awesome: list[Any]) -> None:
    brands = resources.files("fontawesomefree") / "static" / "fontawesomefree" / "svgs" / "brands"
    marks = {path.name.removesuffix(".svg") for path in brands.iterdir()}
    slugs = {icon.slug for icon in awesome}
    assert len(slugs) > 250
    assert not slugs & marks
    assert not slugs & {"font-awesome", "web-awesome", "a", "flag", "flag-usa", "circle-h"}
    assert not {icon.name for icon in awesome} & RESERVED_CHARGES
    assert {"anchor", "horse-head", "crown"} <= slugs


def test_captions_are_sentences_that_name_the_colours(icons: ModuleType, awesome: list[Any]) -> None:
    found = icons.pictures([*awesome, *icons.iconify("noto", EMOJI, CATEGORIES)], 3, 0)
    for picture in found:
        told = picture.caption
        assert re.fullmatch(r"[A-Z][A-Za-z ,-]+\.", told), told
        assert not re.search(r"\ba [aeio]|  | ,", told, re.I), told
        assert picture.icon.name in told.lower(), told
        if picture.colour:
            assert picture.colour in told.lower(), told
            assert icons.clear(picture.colour, picture.ground)
        if picture.kind != "white":
            assert picture.ground in told.lower(), told
        named = set(re.findall(rf"\b(?:{'|'.join(COLOURS)})\b", told.lower().replace("red apple", "")))
        assert named <= {picture.colour, picture.ground}, told


def test_the_same_seed_gives_the_same_pictures(icons: ModuleType, awesome: list[Any]) -> None:
    some = awesome[:20]
    assert icons.pictures(some, 2, 0) == icons.pictures(some, 2, 0)
    assert icons.pictures(some, 2, 0) != icons.pictures(some, 2, 1)
    assert icons.pictures(some[5:], 2, 0) == icons.pictures(some, 2, 0)[10:]


def test_articles(icons: ModuleType) -> None:
    for name, told in (
        ("umbrella", "an umbrella"),
        ("unicorn", "a unicorn"),
        ("hourglass", "an hourglass"),
        ("crossed swords", "crossed swords"),
        ("cactus", "a cactus"),
        ("bowl of rice", "a bowl of rice"),
        ("man lifting weights", "a man lifting weights"),
        ("wings", "wings"),
    ):
        assert icons.phrase(name) == told
    assert icons.phrase("anchor", "orange") == "an orange anchor"


def test_a_figure_fills_its_ground_and_stays_inside(icons: ModuleType) -> None:
    anchor = icons.iconify("game-icons", PLAIN, {})[0]
    for kind, ground, wide in (("white", "white", 56), ("full", "navy", 50), ("square", "navy", 41)):
        picture = icons.Picture(anchor, "red" if kind == "white" else "gold", kind, ground, "A square.")
        with Image.open(io.BytesIO(icons.draw(picture, 64))) as image:
            seen = image.convert("RGB")
        assert seen.size == (64, 64)
        x0, y0, x1, y1 = _box(seen, COLOURS[picture.colour])
        assert abs((x1 - x0) - wide) <= 2
        assert abs((y1 - y0) - wide) <= 2
        assert abs(x0 + x1 - 64) <= 2


def _box(image: Image.Image, code: str) -> tuple[int, int, int, int]:
    colour = tuple(int(code[i : i + 2], 16) for i in (1, 3, 5))
    near = [
        (i % image.width, i // image.width)
        for i, pixel in enumerate(
            image.get_flattened_data() if hasattr(image, "get_flattened_data") else image.getdata()
        )
        if max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) < 40
    ]
    columns, rows = [x for x, _ in near], [y for _, y in near]
    return min(columns), min(rows), max(columns) + 1, max(rows) + 1


def test_the_folder_can_be_collected(
    icons: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = {"game-icons": PLAIN, "noto": EMOJI, "twemoji": {"icons": {}}}
    about = {"game-icons": {}, "noto": CATEGORIES, "twemoji": CATEGORIES}
    monkeypatch.setattr(icons, "fetch", lambda name, _: {"icons": sets[name], "metadata": about[name]})
    monkeypatch.setattr(icons, "fontawesome", lambda: [])
    out = tmp_path / "icons"
    given = argparse.Namespace(out=out, cache=tmp_path, size=32, seed=0, colourings=2, limit=None)
    icons.build(given)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    text = (out / "captions.csv").read_text("utf8")
    icons.build(given)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.png")} == before
    assert (out / "captions.csv").read_text("utf8") == text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == icons.COLUMNS
    assert len(rows) == 3 * 2 + 4  # the pale one does not show
    values = collect(CollectSettings(source=str(out)), tmp_path / "collected", progress=False).values
    assert values["skipped"] == 0
    assert values["clubs"] == 5
    assert values["leagues"] == 2
    capsys.readouterr()
    icons.build(argparse.Namespace(**{**vars(given), "limit": 3}))
    assert re.search(r": [123] pictures", capsys.readouterr().out)


def test_without_npm_one_sentence_says_so(icons: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(icons.IconsError, match="npm is missing"):
        icons.fetch("noto", tmp_path / "cache")
