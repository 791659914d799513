"""What a user may rely on where logos repeat: found, merged, kept on one side, and nothing said is lost."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import imagehash
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from logolib.config import DatasetSettings, LogolibError
from logolib.data import build_dataset, clean_caption, curate, near_pairs, read_manifest, sift_caption, split_clubs
from logolib.data.clean import club_place, connected
from logolib.data.duplicates import COARSE_BITS, FINE_BITS, SIDE, SIGNATURE, TONES, signature
from logolib.images import fit
from logolib.records import MANIFEST_COLUMNS
from logolib.results import read_result

SIZE = 64


def drawing(number: int, side: int = 200, swap: bool = False) -> Image.Image:
    """A crest of its own for each number, on clear ground; `swap` draws it in other colours, equally light."""
    rng = np.random.default_rng(number)
    picture = Image.new("RGBA", (200, 200))
    pen = ImageDraw.Draw(picture)
    pen.rounded_rectangle((20, 10, 180, 190), 30, "#12214a" if not swap else "#4a1212")
    for k in range(9):
        x, y = rng.integers(25, 140, 2).tolist()
        w, h = rng.integers(15, 60, 2).tolist()
        first = ("#f6b719", "#ffffff", "#d11f2d")[k % 3]
        other = ("#80cdf0", "#ffffff", "#1a7a45")[k % 3]
        (pen.ellipse if k % 2 else pen.rectangle)((x, y, x + w, y + h), other if swap else first)
    return picture.resize((side, side), Image.Resampling.LANCZOS)


def on_white(picture: Image.Image) -> Image.Image:
    """The same logo as a JPEG on white, with other margins."""
    ground = Image.new("RGB", (picture.width + 30, picture.height + 30), "white")
    ground.paste(picture, (15, 15), picture)
    data = io.BytesIO()
    ground.save(data, "JPEG", quality=85)
    return Image.open(data)


def collected(folder: Path, rows: list[dict[str, object]], pictures: list[Image.Image]) -> Path:
    """A manifest's folder of these pictures."""
    (folder / "images").mkdir(parents=True)
    table = []
    for i, (row, picture) in enumerate(zip(rows, pictures, strict=True)):
        picture.save(folder / "images" / f"{i}.png")
        plain: dict[str, object] = dict.fromkeys(MANIFEST_COLUMNS, "")
        plain |= {"id": f"logo-{i}", "image": f"images/{i}.png", "width": 1, "height": 1, "truncated": False}
        table.append(plain | {"caption": f"A crest of number {i}", "club": f"Club {i}", "source": "folder"} | row)
    pd.DataFrame(table).to_parquet(folder / "manifest.parquet")
    return folder


def built(folder: Path, out: Path, **changes: object) -> tuple[pd.DataFrame, dict[str, object]]:
    """The Parquet manifest and the values of a data set."""
    fields = DatasetSettings(size=SIZE, shard_size=4).model_copy(update=changes)
    values = build_dataset(fields, folder, out, progress=False).values
    return pd.read_parquet(out / "manifest.parquet").set_index("id"), values


def test_re_coded_scaled_and_re_framed_copies_are_one_drawing() -> None:
    originals = [drawing(i) for i in range(6)]
    copies = [*(on_white(one) for one in originals), *(drawing(i, side=90) for i in range(6))]
    looks = np.array([signature(fit(one.convert("RGBA"), SIDE)) for one in [*originals, *copies]])
    near = near_pairs(looks)
    found = {tuple(pair) for pair in near.pairs[near.same].tolist()}
    assert {(i, i + 6) for i in range(6)} | {(i, i + 12) for i in range(6)} <= found
    assert all(a % 6 == b % 6 for a, b in near.pairs.tolist())


def test_the_same_drawing_in_other_colours_is_kept_and_stays_on_its_side(tmp_path: Path) -> None:
    pictures = [drawing(i // 2, swap=bool(i % 2)) for i in range(24)]
    table, values = built(collected(tmp_path / "in", [{}] * 24, pictures), tmp_path / "out")
    assert (len(table), values["near_duplicates"], values["kin"]) == (24, 0, 12)
    assert all(table.split[f"logo-{i}"] == table.split[f"logo-{i + 1}"] for i in range(0, 24, 2))
    assert set(table.split) == {"train", "val"}


def test_no_near_duplicate_and_no_club_crosses(tmp_path: Path) -> None:
    numbers = [i if i < 20 else i - 20 for i in range(30)]
    pictures = [drawing(n) if i < 20 else on_white(drawing(n)) for i, n in enumerate(numbers)]
    rows = [{"club": f"Club {i // 2}"} for i in range(30)]
    table, values = built(collected(tmp_path / "in", rows, pictures), tmp_path / "out")
    assert (len(table), values["near_duplicates"], values["duplicates"]) == (20, 10, 0)
    sides = {name: set(group.club) for name, group in table.groupby("split")}
    assert not sides["train"] & sides["val"]
    hashes = {
        name: [imagehash.phash(Image.open(tmp_path / "out" / image).convert("RGB"), 16) for image in group.image]
        for name, group in table.groupby("split")
    }
    assert min(a - b for a, b in itertools.product(hashes["train"], hashes["val"])) > FINE_BITS
    assert {entry["id"] for entries in table.merged for entry in entries} == {f"logo-{i}" for i in range(20, 30)}


def test_a_whole_caption_is_kept_before_a_cut_one(tmp_path: Path) -> None:
    rows = [{"truncated": True}, {"truncated": False}, {}]
    table, values = built(collected(tmp_path / "in", rows, [drawing(0), drawing(0), drawing(1)]), tmp_path / "out")
    assert values["duplicates"] == 1
    assert list(table.index.sort_values()) == ["logo-1", "logo-2"]
    assert table.merged["logo-1"][0]["caption"] == "A crest of number 0"


def test_one_caption_over_several_years_is_collapsed(tmp_path: Path) -> None:
    rows = [{"caption": "A red owl.", "club": "Owls", "years": years} for years in ("1950-1960", "1961-1970", "")]
    rows += [{"caption": "A red owl.", "club": "Hawks", "years": "1980"}]
    folder = collected(tmp_path / "in", rows, [drawing(i) for i in range(4)])
    table, values = built(folder, tmp_path / "out")
    assert (values["collapsed"], sorted(table.club)) == (2, ["Hawks", "Owls"])
    assert table.years["logo-0"] == "1950-1960; 1961-1970"
    assert [entry["why"] for entry in table.merged["logo-0"]] == ["caption", "caption"]


@pytest.mark.parametrize(
    ("text", "clean", "removed"),
    [
        ('A red letter "I." Designed by Nike.', 'A red letter "I."', ["Designed by Nike."]),
        ("A green owl. A new shade of gold.", "A green owl.", ["A new shade of gold."]),
        ("Another shade of Burnt Orange changed. A bull.", "A bull.", ["Another shade of Burnt Orange changed."]),
        ("A bull. Slight change to the shade of blue again.", "A bull.", ["Slight change to the shade of blue again."]),
        ("A paw. Former secondary logo, moved to primary in 1977.", "A paw.", None),
        ("A paw, designed by Joe Bosack.", "A paw.", ["designed by Joe Bosack"]),
        ("The shade of gold has been lightened for this version. A bee.", "A bee.", None),
        ("A bee. Slightly darker blue from the previous primary logo.", "A bee.", None),
        ("A new shade of gold.", "", ["A new shade of gold."]),
        (
            "A crest, designed in style and colors of the city.",
            "A crest, designed in style and colors of the city.",
            [],
        ),
        ('New shade of red letter "C" with white trim.', 'New shade of red letter "C" with white trim.', []),
        ("St. Louis in red. D.C. in blue.", "St. Louis in red. D.C. in blue.", []),
        ("A star [rest of the caption] …", "A star", ["[rest of the caption]"]),
    ],
)
def test_clauses_about_history_go_and_are_kept_aside(text: str, clean: str, removed: list[str] | None) -> None:
    caption, taken = sift_caption(text)
    assert caption == clean
    assert removed is None or taken == removed
    assert clean_caption(caption) == caption


@given(
    st.lists(
        st.sampled_from(
            ["A red owl.", "A new shade of gold.", "Designed by Nike.", "“C.”", "\u200fשלום", "\x07", "[x]"]
        ),
        max_size=12,
    ).map(" ".join)
)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean_caption(clean_caption(text)) == clean_caption(text)


WILD = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)


@settings(max_examples=5, deadline=None)
@given(st.lists(st.tuples(WILD, WILD), min_size=6, max_size=6))
def test_wild_captions_and_clubs_lose_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, str]]
) -> None:
    rows: list[dict[str, object]] = [{"caption": caption, "club": club} for caption, club in texts]
    rows += [{"caption": "word " * 10_000}, {"caption": "\u202eA red owl\u202c"}, {"club": "owls"}, {"club": "OWLS"}]
    folder = tmp_path_factory.mktemp("wild")
    table, values = built(collected(folder / "in", rows, [drawing(i) for i in range(10)]), folder / "out")
    assert len(table) + values["skipped"] + values["collapsed"] == 10  # type: ignore[operator]
    assert {"logo-7", "logo-8", "logo-9"} <= set(table.index)
    assert table.split["logo-8"] == table.split["logo-9"]
    reasons = {one["item"]: one["reason"] for one in read_result(folder / "out" / "result.json").skipped}
    assert "10000 words" in reasons["logo-6"]
    for split in ("train", "val"):
        # as open_clip reads it; of a column of nothing but TRUE or 007 pandas would make other than text
        read = pd.read_csv(folder / "out" / f"clip_{split}.csv", sep="\t", dtype=str)
        assert [str(text) for text in read.title] == table[table.split == split].caption.tolist()


@pytest.mark.parametrize("name", ["images/../../secret.png", "/etc/passwd", "images/\x00.png", ".."])
def test_a_name_that_escapes_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    folder = collected(tmp_path / "in", [{}, {"image": name}], [drawing(0), drawing(1)])
    with pytest.raises(LogolibError, match="outside"):
        read_manifest(folder)
    with pytest.raises(LogolibError, match="another folder"):
        build_dataset(DatasetSettings(), folder, folder, progress=False)


def brute(looks: np.ndarray) -> set[tuple[int, int]]:
    """Near pairs by comparing each with each."""
    pairs = itertools.combinations(range(len(looks)), 2)
    return {
        (i, j)
        for i, j in pairs
        if np.bitwise_count(looks["coarse"][i] ^ looks["coarse"][j]) <= COARSE_BITS
        and np.bitwise_count(looks["fine"][i] ^ looks["fine"][j]).sum() <= FINE_BITS
    }


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 60))
def test_the_banded_search_finds_what_comparing_all_finds(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    looks = np.zeros(n, SIGNATURE)
    looks["coarse"] = rng.integers(0, 2**64, n, np.uint64)
    looks["tones"] = rng.integers(0, 255, (n, 192))
    for i in range(1, n, 2):  # a copy of another with a few bits changed
        looks[i] = looks[rng.integers(i)]
        for bit in rng.integers(0, 64, rng.integers(0, 6)):
            looks["coarse"][i] ^= np.uint64(1) << np.uint64(bit)
    near = near_pairs(looks)
    found = {tuple(pair) for pair in near.pairs.tolist()}
    every = brute(looks)
    assert found <= every
    families = connected(n, np.array(sorted(every), np.int64).reshape(-1, 2))
    assert len(set(families)) == len(set(connected(n, near.pairs)))  # equal ones are chained, not paired
    apart = np.abs(looks["tones"][near.pairs[:, 0]].astype(int) - looks["tones"][near.pairs[:, 1]]).mean(axis=1)
    assert (near.same == (apart <= TONES)).all()


def test_many_equal_pictures_take_no_longer() -> None:
    looks = np.zeros(20_000, SIGNATURE)
    assert len(near_pairs(looks).pairs) == 19_999
    assert len(near_pairs(looks[:0]).pairs) == 0


def test_rows_are_dealt_alike_when_more_come() -> None:
    rng = np.random.default_rng(0)
    looks = np.zeros(400, SIGNATURE)
    looks["pixels"] = np.arange(400)
    looks["coarse"], looks["fine"] = rng.integers(0, 2**64, 400, np.uint64), rng.integers(0, 2**64, (400, 4), np.uint64)
    columns = {"id": [f"i{i}" for i in range(400)], "caption": [f"c{i}" for i in range(400)]}
    columns |= {"club": [f"k{i // 2}" for i in range(400)], "years": [""] * 400}
    table = pa.table({**columns, "truncated": [False] * 400})
    first, grown = curate(table.slice(0, 200), looks[:200], 0.2), curate(table, looks, 0.2)
    assert (first.val == grown.val[:200]).all()
    assert 0.1 < grown.val.mean() < 0.3


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=12))
def test_kin_stand_on_one_side_and_strangers_do_not_move(links: list[tuple[int, int]]) -> None:
    clubs = [f"Club {i}" for i in range(31)] + [f"Other {i}" for i in range(40)]
    kin = [(clubs[a], clubs[b]) for a, b in links]
    alone, held_out = split_clubs(clubs, 0.2), split_clubs(clubs, 0.2, kin)
    assert all((a in held_out) == (b in held_out) for a, b in kin)
    assert {club for club in alone if club.startswith("Other")} == {c for c in held_out if c.startswith("Other")}
    assert club_place("Club  1") == club_place("CLUB 1")
