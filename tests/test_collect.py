"""What a user may rely on when collecting: one manifest from any source, politely, and nothing lost."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loopback import Route, card, league, png, run, site
from PIL import Image

from logolib.collect import DemoSite, HostError, serve
from logolib.collect.fetch import IMAGE_BYTES
from logolib.collect.manifest import slug
from logolib.collect.parse import cells, complete
from logolib.config import LogolibError
from logolib.data import read_manifest
from logolib.records import MANIFEST_COLUMNS, PROVENANCE_COLUMNS
from logolib.results import read_result

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "tests" / "site"
DATA = Path(os.environ.get("LOGOLIB_DATA", ROOT.parent / "shared" / "data")).resolve()
REAL = DATA / "sports-logos-captioned"
REPLAY = DATA.parent / "site" / "serve.py"
LEAGUE, TEAM = "http://club.example/harbour-primary-logo/", "http://club.example/tidewick-gulls-primary-logo/"
UPLOADS = "http://club.example/wp-content/uploads/2019/03"


def pixels(out: Path) -> dict[str, str]:
    """Hash of the pixels => caption, for every row."""
    found = {}
    for record in read_manifest(out):
        with Image.open(out / record.image) as image:
            assert image.mode == "RGBA"
            found[hashlib.sha256(repr(image.size).encode() + image.tobytes()).hexdigest()] = record.caption
    return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo")
    run("demo", out, crests=24)
    return out


# --- pages


def test_lazy_page_gives_its_cards_and_no_furniture() -> None:
    gulls, anchors = cells((PAGES / "league-lazy.html").read_bytes(), LEAGUE, "Harbour")
    assert gulls.card.image_url == f"{UPLOADS}/tidewick_gulls.png"
    assert (gulls.card.club, gulls.card.truncated, gulls.team_url) == ("Tidewick Gulls", True, TEAM)
    assert (anchors.card.caption, anchors.card.truncated) == ("A red anchor on a white shield.", False)


def test_optimised_page_gives_canonical_addresses() -> None:
    found = cells((PAGES / "league-nitro.html").read_bytes(), LEAGUE, "Harbour")
    assert [cell.card.image_url.removeprefix(UPLOADS) for cell in found] == [
        "/tidewick_gulls.png",
        "/ostwell_anchors.png",
    ]


def test_team_page_gives_whole_caption_and_newest_years_not_its_prose() -> None:
    cut = cells((PAGES / "league-lazy.html").read_bytes(), LEAGUE, "Harbour")[0].card
    whole = complete(cut, [cell.card for cell in cells((PAGES / "team.html").read_bytes(), TEAM, "Harbour")])
    assert whole.caption.endswith("smaller word in gold on a white ribbon.")
    assert (whole.truncated, whole.years) == (False, "2005 - Present")
    assert "pirate" not in whole.caption


def test_a_cut_caption_without_a_match_stays_marked() -> None:
    cut = cells(card("A", "A green owl on…", "/a.png").encode(), LEAGUE, "")[0].card
    assert complete(cut, [cell.card for cell in cells((PAGES / "team.html").read_bytes(), TEAM, "")]) == cut
    assert cut.truncated


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.binary(max_size=400), st.text("<>=\"'/ x-celdivimgsrctpah4[]:%&#;0…", max_size=300)))
def test_wild_pages_give_cards_or_nothing(wild: bytes | str) -> None:
    body = wild if isinstance(wild, bytes) else f'<div class="x-cell"><img src="{wild}">{wild}'.encode()
    for cell in cells(body, LEAGUE, ""):
        assert cell.card.image_url.startswith("http")


# --- the demo


def test_demo_gives_manifest_and_pictures(demo: Path) -> None:
    table = pd.read_parquet(demo / "manifest.parquet")
    assert tuple(table.columns) == MANIFEST_COLUMNS + PROVENANCE_COLUMNS
    assert len(table) == 24
    assert table["id"].str.lower().is_unique
    assert not table["truncated"].any()
    assert (table["source"] == "demo").all()
    assert table["years"].str.len().gt(0).all()
    assert not table["caption"].str.contains("long and storied").any()
    for one in table.itertuples():
        data = (demo / one.image).read_bytes()
        assert hashlib.sha256(data).hexdigest() == one.sha256
    result = read_result(demo / "result.json", "collect")
    assert result.values["logos"] == result.values["distinct_images"] == 24


def test_demo_repeats_itself_on_another_port(demo: Path, tmp_path: Path) -> None:
    run("demo", tmp_path, crests=24)
    assert (tmp_path / "manifest.parquet").read_bytes() == (demo / "manifest.parquet").read_bytes()


def test_demo_killed_half_way_resumes(demo: Path, tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from logolib.collect import collect, manifest;"
        "from logolib.config import CollectSettings; add = manifest.Store.add;"
        "manifest.Store.add = lambda s, *a: os._exit(9) if len(s.records) == 9 else add(s, *a);"
        "collect(CollectSettings(crests=24), Path(sys.argv[1]), progress=False)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT).returncode == 9
    assert not (tmp_path / "manifest.parquet").exists()
    assert run("demo", tmp_path, crests=24).values["skipped"] == 0
    assert (tmp_path / "manifest.parquet").read_bytes() == (demo / "manifest.parquet").read_bytes()


def test_demo_site_cuts_captions_at_35_words() -> None:
    with serve(DemoSite(40, 0)) as address, httpx.Client() as client:
        pages = [cell for url in _demo_leagues(client, address) for cell in cells(client.get(url).content, url, "")]
    assert len(pages) == 40
    cut = [cell.card for cell in pages if cell.card.truncated]
    assert all(len(card.caption.split()) == 35 for card in cut)
    assert all(len(cell.card.caption.split()) <= 35 for cell in pages)


def _demo_leagues(client: httpx.Client, address: str) -> list[str]:
    import re

    return [address + path for path in re.findall(r'<li><a href="/([^"]+)"', client.get(address).text)]


def test_port_in_use_is_one_sentence() -> None:
    shown = DemoSite(8, 0)
    with serve(shown) as address, pytest.raises(LogolibError, match="cannot be used"):
        serve(shown, port=int(address.rstrip("/").rpartition(":")[2])).__enter__()


# --- politeness and failure


def test_robots_are_obeyed_and_missing_pages_counted(tmp_path: Path) -> None:
    routes: dict[str, Route] = {
        "/robots.txt": b"User-agent: *\nDisallow: /private/\n",
        "/x-primary-logo/": league(
            card("Aa", "A red owl.", "/a.png"),
            card("Bb", "A blue owl.", "/private/b.png"),
            card("Cc", "A gold owl.", "/missing.png"),
            card("Dd", "", "/a.png"),
            card("Ee", "A teal owl.", "http://elsewhere.invalid/e.png"),
            card("Ff", "A pink owl.", "/f.png"),
        ),
        "/a.png": png("red"),
        "/private/b.png": png("blue"),
        "/f.png": b"no picture at all",
    }
    with site(routes) as (address, asked):
        result = run(f"{address}x-primary-logo/", tmp_path)
    assert result.values["logos"] == 1
    assert result.values["skipped"] == len(result.skipped) == 5
    reasons = " | ".join(item["reason"] for item in result.skipped)
    for part in ("robots.txt", "HTTP 404", "empty caption", "another host", "not an image"):
        assert part in reasons
    assert asked["/private/b.png"] == 0


def test_busy_answers_are_tried_again_and_redirects_stay_home(tmp_path: Path) -> None:
    answers = iter([(503, {"Retry-After": "0"}, b""), (429, {}, b""), (200, {}, png("green"))])
    routes: dict[str, Route] = {
        "/x-primary-logo/": league(
            card("Aa", "A green owl.", "/busy.png"),
            card("Bb", "A red owl.", "/moved.png"),
            card("Cc", "A blue owl.", "/away.png"),
            card("Dd", "A gold owl.", "/circle.png"),
        ),
        "/busy.png": lambda: next(answers),
        "/moved.png": (301, {"Location": "/red.png"}, b""),
        "/red.png": png("red"),
        "/away.png": (302, {"Location": "http://169.254.1.1/secret"}, b""),
        "/circle.png": (302, {"Location": "/circle.png"}, b""),
    }
    with site(routes) as (address, asked):
        result = run(f"{address}x-primary-logo/", tmp_path, connections=1)
    assert {r.club for r in read_manifest(tmp_path)} == {"Aa", "Bb"}
    assert asked["/busy.png"] == 3
    assert {item["reason"] for item in result.skipped} == {
        "redirected to another host",
        "redirected in circles",
    }


def test_a_body_beyond_the_limit_is_left(tmp_path: Path) -> None:
    page = league(card("Aa", "A red owl.", "/a.png"), card("Bb", "A blue owl.", "/huge.png"))
    routes: dict[str, Route] = {
        "/x-primary-logo/": page,
        "/a.png": png(),
        "/huge.png": bytes(IMAGE_BYTES + 1),
    }
    with site(routes) as (address, _):
        result = run(f"{address}x-primary-logo/", tmp_path)
    assert (result.values["logos"], result.skipped[0]["reason"]) == (1, "larger than 30 MB")


def test_root_without_nav_is_read_by_its_sitemap(tmp_path: Path) -> None:
    page = league(*(card(f"T{c}", f"A {c} owl.", f"/{c}.png", f"/t{c}-primary-logo/") for c in ("red", "blue")))
    routes: dict[str, Route] = {"/x-primary-logo/": page, "/red.png": png("red"), "/blue.png": png("blue")}
    with site(routes) as (address, _):
        urls = "".join(f"<url><loc>{address}{p}</loc></url>" for p in ("x-primary-logo/", "tred-primary-logo/"))
        routes["/sitemap.xml"] = f"<urlset>{urls}</urlset>".encode()
        result = run(address, tmp_path)
    assert (result.values["logos"], result.values["leagues"]) == (2, 1)


def test_an_interrupted_run_resumes_with_what_is_missing(tmp_path: Path) -> None:
    colours = ("red", "blue", "green", "gold", "teal", "pink")
    page = league(*(card(f"T{c}", f"A {c} owl.", f"/{c}.png") for c in colours))
    routes: dict[str, Route] = {"/x-primary-logo/": page} | {f"/{c}.png": png(c) for c in colours}

    def stop() -> tuple[int, dict[str, str], bytes]:
        raise ConnectionAbortedError

    def interrupt() -> tuple[int, dict[str, str], bytes]:
        import _thread

        _thread.interrupt_main()
        return 200, {}, png("gold")

    with site({**routes, "/gold.png": interrupt}) as (address, asked):
        with pytest.raises(KeyboardInterrupt):
            run(f"{address}x-primary-logo/", tmp_path, connections=1, delay_s=0.1)
        assert not (tmp_path / "manifest.parquet").exists()
        first = asked.copy()
        assert run(f"{address}x-primary-logo/", tmp_path, connections=1).values["logos"] == 6
        assert asked["/red.png"] == first["/red.png"] == 1
        before = asked.copy()
        run(f"{address}x-primary-logo/", tmp_path)
        assert {path for path in asked if asked[path] > before[path]} == {"/robots.txt", "/x-primary-logo/"}


@pytest.mark.parametrize(
    "source", ["http://127.0.0.1:1/", "http://", "https://[bad/", "no/such/folder", "ftp://club.example/"]
)
def test_an_unusable_source_is_one_sentence(source: str, tmp_path: Path) -> None:
    with pytest.raises(LogolibError) as error:
        run(source, tmp_path / "out")
    assert "\n" not in str(error.value)
    assert str(error.value).endswith(".")


def test_a_page_without_cards_is_one_sentence(tmp_path: Path) -> None:
    with (
        site({"/x/": b"<p>nothing</p>"}) as (address, _),
        pytest.raises(HostError, match="No captioned logo"),
    ):
        run(f"{address}x/", tmp_path)


# --- folders


def write(folder: Path, table: str, **images: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "captions.csv").write_text(table, "utf8")
    for name, data in images.items():
        (folder / f"{name}.png").write_bytes(data)
    return folder


def test_folder_skips_and_counts_what_is_unusable(tmp_path: Path) -> None:
    frames, ink = io.BytesIO(), io.BytesIO()
    red, *others = (Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "gold"))
    red.save(frames, format="GIF", save_all=True, append_images=others)
    Image.new("CMYK", (8, 8)).save(ink, format="JPEG")
    names = ("good", "again", "cut", "movie", "ink", "text", "blank", "../escape", "gone", "bomb")
    table = "file,caption\n" + "".join(f"{n}.png,A {n} owl.\n" for n in names) + 'good.png,"  "\n'
    folder = write(
        tmp_path / "in",
        table,
        good=png(),
        again=png(compress_level=1),
        cut=png(size=(90, 90))[:-40],
        movie=frames.getvalue(),
        ink=ink.getvalue(),
        text=b"hello",
        blank=png("#00000000"),
        bomb=png().replace((20).to_bytes(4, "big") + (16).to_bytes(4, "big"), b"\x00\x00\xff\xff" * 2),
    )
    (tmp_path / "escape.png").write_bytes(png("blue"))
    result = run(folder, tmp_path / "out")
    assert [r.club for r in read_manifest(tmp_path / "out")] == ["good"]
    assert (result.values["duplicates"], result.values["skipped"]) == (1, 9)


def test_folder_of_texts_takes_sub_folders(tmp_path: Path) -> None:
    for name, colour in (("a/one", "red"), ("b/two", "blue"), ("b/three", "green")):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".png").write_bytes(png(colour, (700, 350)))
        if "three" not in name:
            path.with_suffix(".txt").write_text(f"A {colour} shield…\n", "utf8")
    result = run(tmp_path / "in", tmp_path / "out")
    rows = read_manifest(tmp_path / "out")
    assert [(r.club, r.width, r.height, r.truncated) for r in rows] == [
        ("one", 512, 256, True),
        ("two", 512, 256, True),
    ]
    assert result.values["skipped"] == 1


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("file,words\na.png,b\n", "column"),
        ("file,caption\n", "no rows"),
        ("", "column"),
        ("file,caption\nx.png,y\n", "No "),
    ],
)
def test_folder_without_what_it_needs_is_one_sentence(table: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(LogolibError, match=says):
        run(write(tmp_path / "in", table), tmp_path / "out")


def test_other_tables_of_files_and_captions_are_understood(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", "")
    (folder / "captions.csv").unlink()
    (folder / "sub").mkdir()
    (folder / "sub" / "a.png").write_bytes(png())
    (folder / "list.csv").write_text("FilePath\tTitle\tTeam\nsub\\a.png\tA red “owl”.\tOwls\n", "utf-16")
    run(folder, tmp_path / "out")
    assert [(r.caption, r.club) for r in read_manifest(tmp_path / "out")] == [("A red “owl”.", "Owls")]


def test_names_that_differ_in_case_only_stay_two_files(tmp_path: Path) -> None:
    table = "file,caption,club\nLion.png,A red lion.,Lions\nlion.png,A blue lion.,LIONS\n"
    folder = write(tmp_path / "in", table, Lion=png("red"), lion=png("blue"))
    run(folder, tmp_path / "out")
    images = [record.image for record in read_manifest(tmp_path / "out")]
    assert len({image.casefold() for image in images}) == len(images) == 2


def test_the_output_may_not_hold_the_input(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", "file,caption\na.png,A red owl.\n", a=png())
    with pytest.raises(LogolibError, match="choose another"):
        run(folder, folder)
    assert (folder / "a.png").exists()


def test_a_new_collection_drops_only_what_it_wrote(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(write(tmp_path / "in", "file,caption\na.png,A red owl.\n", a=png()), out)
    (out / "images" / "mine.png").write_bytes(png("blue"))
    run(write(tmp_path / "in", "file,caption\na.png,A gold owl.\n", a=png("gold")), out)
    assert {p.name for p in (out / "images").iterdir()} == {
        "mine.png",
        *(Path(r.image).name for r in read_manifest(out)),
    }


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_a_wild_table_is_read_or_refused(tmp_path: Path, wild: bytes) -> None:
    folder = write(tmp_path / "in", "", a=png())
    (folder / "captions.csv").write_bytes(b"file,caption\na.png,A red owl.\n" + wild)
    says = ""
    try:
        assert run(folder, tmp_path / "out").values["logos"] == 1
    except LogolibError as error:
        says = str(error)
    assert "\n" not in says


@given(st.text(max_size=200))
def test_slugs_are_file_names(text: str) -> None:
    name = slug(text)
    assert name
    assert len(name) <= 60
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


# --- real logos


@pytest.mark.skipif(not REAL.is_dir(), reason="needs the real logos (LOGOLIB_DATA)")
def test_real_folder_and_its_replays_give_the_same_294_logos(tmp_path: Path) -> None:
    result = run(REAL, tmp_path / "folder")
    assert result.values["logos"] == result.values["distinct_images"] == 294
    assert (result.values["skipped"], result.values["truncated"]) == (0, 114)
    expected = pixels(tmp_path / "folder")
    if not REPLAY.is_file():
        pytest.skip("needs the replay beside the real logos")
    for era in ("2022", "nitro", "2021"):
        command = [sys.executable, str(REPLAY), "--era", era]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                result = run(server.stdout.readline().strip(), tmp_path / era, connections=4)
            finally:
                server.terminate()
        found = pixels(tmp_path / era)
        assert found.keys() == expected.keys()
        assert (result.values["skipped"], result.values["truncated"], result.values["leagues"]) == (0, 0, 27)
        for key, caption in expected.items():
            cut = caption.endswith("…")
            assert found[key] == (caption.rstrip("…") + " [rest of the caption]." if cut else caption)
        rows = pd.read_parquet(tmp_path / era / "manifest.parquet")
        assert rows.groupby("image")["years"].agg(set).map({"2005 - Present", "1990 - 2004"}.__eq__).all()
        assert not rows["caption"].str.contains("pirate ship|long and storied").any()
        assert not rows["image_url"].str.contains("nitro-cdn|data:").any()


def test_the_shipped_packages_draw_real_pictures(demo: Path) -> None:
    first = read_manifest(demo)[0]
    picture = np.asarray(Image.open(demo / first.image))
    assert picture.shape == (256, 256, 4)
    assert len(np.unique(picture.reshape(-1, 4), axis=0)) > 2
