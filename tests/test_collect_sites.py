"""What a user may rely on when another site is collected, or the same site again: by description, and by halves."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from loopback import Answer, Route, card, league, png, reasons, run, site

from logolib.collect import DescriptionError
from logolib.collect.description import SHIPPED, shipped
from logolib.collect.parse import cells
from logolib.data import read_manifest
from logolib.records import MANIFEST_COLUMNS, PROVENANCE_COLUMNS

ROOT = Path(__file__).resolve().parent.parent
PAGE = "x-primary-logo/"

TABLE_SITE = r"""
index: {path: '/leagues/[^/]+', trim: '-league$'}
card:
  select: 'table.crests tr'
  name: ['th']
  years: ['td.used']
  caption: [{css: 'td.says', without: 'sup'}]
  kind: ['td.sort']
  team: ['a.history']
team_card:
  select: 'section.crest'
  name: [{css: 'h1', above: true}]
  years: [{css: 'time', attribute: datetime}]
  caption: ['blockquote']
  attributes: [data-full, src]
kinds: {lettering: wordmark}
"""


def tagged(body: bytes, tag: str) -> Answer:
    return 200, {"ETag": tag}, body


def rows(out: Path) -> pd.DataFrame:
    return pd.read_parquet(out / "manifest.parquet")


def changes(out: Path) -> list[tuple[str, str, str]]:
    table = pd.read_csv(out / "changes.csv", keep_default_na=False)
    return sorted(zip(table["change"], table["what"], table["club"], strict=True))


# --- descriptions


def test_an_unseen_layout_is_read_by_a_new_description_alone(tmp_path: Path) -> None:
    (tmp_path / "tables.yaml").write_text(TABLE_SITE, "utf8")
    routes: dict[str, Route] = {
        "/": b'<a href="/leagues/harbour-league">Harbour</a> <a href="/about">About</a>',
        "/about": b"<table class=crests><tr><th>Nobody</th><td class=says>No page of crests.</td></tr></table>",
        "/leagues/harbour-league": b"""<table class=crests><tr><td><img src="/ad.png"></td></tr>
          <tr><th>Tidewick Gulls</th><td><img src="/gull.png"></td><td class=says>A white gull<sup>1</sup> over
          navy\xe2\x80\xa6</td><td class=sort>Crest</td><td><a class=history href="/gulls">all</a></td></tr>
          <tr><th>Ostwell Anchors</th><td><img src="/anchor.png"></td><td class=used>1931 to 1950</td>
          <td class=says>The word Anchors.</td><td class=sort>Lettering</td></tr></table>""",
        "/gulls": b"""<h1>Tidewick</h1><p>Their logo shows a pirate ship.</p>
          <section class=crest><img data-full="/gull.png" src="/small.png"><time datetime="2001">new</time>
          <blockquote>A white gull over navy waves.</blockquote></section>
          <section class=crest><img src="/old.png"><time datetime="1950-2000">old</time>
          <blockquote>A grey gull.</blockquote></section>""",
        "/gull.png": png("navy"),
        "/anchor.png": png("gold"),
        "/old.png": png("grey"),
    }
    with site(routes) as (address, asked):
        result = run(address, tmp_path / "out", site=str(tmp_path / "tables.yaml"))
    assert result.skipped == ()
    found = [(r.club, r.years, r.caption, r.kind, r.league, r.truncated) for r in read_manifest(tmp_path / "out")]
    assert found == [
        ("Tidewick Gulls", "2001", "A white gull over navy waves.", "primary", "Harbour", False),
        ("Tidewick Gulls", "1950-2000", "A grey gull.", "primary", "Harbour", False),
        ("Ostwell Anchors", "1931 to 1950", "The word Anchors.", "wordmark", "Harbour", False),
    ]
    assert asked["/ad.png"] == asked["/about"] == asked["/small.png"] == 0


def test_plain_figures_are_read_without_being_told(tmp_path: Path) -> None:
    page = b"""<img src="/header.png" alt="site"><h1>Harbour clubs</h1>
      <h2>Tidewick Gulls</h2><figure><img src="/a.png" alt="crest"><figcaption>A <b>white</b> gull.
      <time>1950\xe2\x80\x932000</time></figcaption></figure>
      <figure><img src="/b.png"><figcaption><p>A grey<br>gull.</p></figcaption></figure>
      <figure><img src="/furniture.png"></figure>"""
    routes: dict[str, Route] = {
        "/": page + b'<a href="/more.html">more</a>',
        "/more.html": b'<figure><img src="/c.png" alt="Ostwell Anchors logo"><figcaption>An anchor.</figcaption>',
        "/a.png": png("white"),
        "/b.png": png("grey"),
        "/c.png": png("blue"),
    }
    with site(routes) as (address, asked):
        run(address, tmp_path)
    assert [(r.club, r.caption, r.years) for r in read_manifest(tmp_path)] == [
        ("Tidewick Gulls", "A white gull.", "1950–2000"),
        ("Tidewick Gulls", "A grey gull.", ""),
        ("Ostwell Anchors", "An anchor.", ""),
    ]
    assert asked["/furniture.png"] == asked["/header.png"] == 0


def test_given_pages_are_read_and_no_others(tmp_path: Path) -> None:
    routes: dict[str, Route] = {f"/{n}": league(card(n, f"A {n} owl.", f"/{n}.png")) for n in ("red", "blue", "gold")}
    routes |= {f"/{n}.png": png(n) for n in ("red", "blue", "gold")}
    with site(routes) as (address, asked):
        result = run(address, tmp_path, pages=("/red", "gold", "/none"))
    assert (result.values["logos"], asked["/blue"], reasons(result)) == (2, 0, {"none": "HTTP 404"})


def test_images_are_read_from_the_lazy_attributes_first() -> None:
    order = shipped("sportslogohistory").card.attributes
    assert order == ("nitro-lazy-src", "data-src", "data-lazy-src", "srcset", "src")
    for i, name in enumerate(order):
        rest = " ".join(f'{other}="/{other}.png"' for other in order[i:])
        told = " ".join(f'{other}="data:image/gif;base64,AA"' for other in order[:i])
        page = f'<div class="x-cell"><img {told} {rest}><h4>Owls</h4><p>An owl.</p></div>'
        assert cells(page.encode(), "http://a.example/")[0].card.image_url == f"http://a.example/{name}.png"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("card: {select: 'div[', caption: [p]}", "no CSS selector"),
        ("card: {select: div}", "caption"),
        ("card: {select: div, caption: [p]}\nyears: '('", "years"),
        ("card: {select: div, caption: [p]}\ncdn: ['x']", "host and path"),
        ("card: {select: div, caption: [p], colour: red}", "colour"),
        ("card: {select: div, caption: [p]}\nimage_hosts: ['[']", "host:port"),
        ("{", "no YAML"),
        ("- 1", "cannot be used"),
    ],
)
def test_a_description_that_cannot_be_used_is_one_sentence(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text, "utf8")
    with pytest.raises(DescriptionError, match=says) as error:
        run("http://127.0.0.1:1/", tmp_path / "out", site=str(tmp_path / "a.yaml"))
    assert "\n" not in str(error.value)
    assert str(error.value).endswith(".")


def test_a_description_that_is_not_there_names_those_that_ship(tmp_path: Path) -> None:
    with pytest.raises(DescriptionError, match=", ".join(SHIPPED)):
        run("http://127.0.0.1:1/", tmp_path, site="nowhere.yaml")


# --- eras and provenance


def test_every_era_is_a_row_that_says_where_it_came_from(tmp_path: Path) -> None:
    routes: dict[str, Route] = {
        f"/{PAGE}": league(card("Owls", "A red owl on…", "/new.png", "/owls-primary-logo/")),
        "/owls-primary-logo/": league(
            card("Owls", "A red owl on gold.", "/new.png", years="2005 - Present"),
            card("Old Owls", "A red owl on gold.", "/new.png", years="1990 - 2004"),
            "<p>A long and storied history with a lime pirate ship.</p>",
            card("Owls", "A grey owl.", "/old.png", years="1950 - 1989"),
            card("Hawks", "A hawk.", "/hawk.png", team="/hawks-primary-logo/"),
        ),
        "/new.png": tagged(png("red"), '"r1"'),
        "/old.png": png("grey"),
    }
    with site(routes) as (address, asked):
        result = run(f"{address}{PAGE}", tmp_path)
    found = rows(tmp_path)
    assert list(found["years"]) == ["2005 - Present", "1990 - 2004", "1950 - 1989"]
    assert (set(found["club"]), set(found["league"])) == ({"Owls"}, {"X"})
    assert list(found["caption"]) == ["A red owl on gold.", "A red owl on gold.", "A grey owl."]
    assert found["id"].is_unique
    assert set(found["caption_source"]) == {f"{address}owls-primary-logo/"}
    assert list(found["etag"]) == ['"r1"', '"r1"', ""]
    assert found["fetched_at"].str.match(r"\d{4}-\d\d-\d\dT[\d:]{8}\+00:00").all()
    assert (result.values["logos"], result.values["distinct_images"], result.skipped) == (3, 2, ())
    assert asked["/new.png"] == 1


def test_a_manifest_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    with site({f"/{PAGE}": league(card("Owls", "An owl.", "/a.png")), "/a.png": png()}) as (address, _):
        run(f"{address}{PAGE}", tmp_path)
        path = tmp_path / "manifest.parquet"
        assert tuple(pq.read_schema(path).names) == MANIFEST_COLUMNS + PROVENANCE_COLUMNS
        pq.write_table(pq.read_table(path, columns=list(MANIFEST_COLUMNS)), path)
        assert read_manifest(tmp_path)[0].caption == "An owl."
        assert run(f"{address}{PAGE}", tmp_path).values["changed"] == 0


# --- the same site again


def test_a_second_run_asks_what_changed_and_tells(tmp_path: Path) -> None:
    cards = {n: card(n, f"A {n} owl.", f"/{n}.png") for n in ("red", "blue", "gold", "teal")}
    routes: dict[str, Route] = {f"/{n}.png": tagged(png(n), f'"{n}"') for n in cards}
    routes[f"/{PAGE}"] = tagged(league(*cards.values()), '"1"')
    with site(routes) as (address, asked):
        first = run(f"{address}{PAGE}", tmp_path)
        assert (first.values["added"], first.values["changed"], first.values["gone"]) == (4, 0, 0)
        same = run(f"{address}{PAGE}", tmp_path)
        assert (same.values["added"], same.values["changed"], same.values["gone"]) == (0, 0, 0)
        assert {path for path in asked if path.startswith("304")} == {f"304 /{PAGE}", *(f"304 /{n}.png" for n in cards)}
        del cards["gold"]
        cards |= {"teal": card("teal", "A teal owl, redrawn.", "/teal.png"), "pink": card("pink", "An owl.", "/p.png")}
        routes |= {"/p.png": png("pink"), "/blue.png": tagged(png("navy"), '"navy"')}
        routes[f"/{PAGE}"] = tagged(league(*cards.values()), '"2"')
        third = run(f"{address}{PAGE}", tmp_path)
    assert (third.values["added"], third.values["changed"], third.values["gone"]) == (1, 2, 1)
    assert changes(tmp_path) == [
        ("added", "", "pink"),
        ("changed", "caption", "teal"),
        ("changed", "picture", "blue"),
        ("gone", "", "gold"),
    ]
    assert {p.stem for p in (tmp_path / "images").iterdir()} == set(rows(tmp_path)["image"].map(lambda p: Path(p).stem))


def test_what_fails_for_a_while_stays_and_what_is_gone_goes(tmp_path: Path) -> None:
    page = league(*(card(n, f"A {n} owl.", f"/{n}.png") for n in ("red", "blue", "gold")))
    routes: dict[str, Route] = {f"/{n}.png": tagged(png(n), f'"{n}"') for n in ("red", "blue", "gold")}
    routes[f"/{PAGE}"] = page
    with site(routes) as (address, _):
        run(f"{address}{PAGE}", tmp_path)
        routes |= {"/red.png": (500, {"Retry-After": "0"}, b""), "/blue.png": (404, {}, b"")}
        result = run(f"{address}{PAGE}", tmp_path)
    assert set(rows(tmp_path)["club"]) == {"red", "gold"}
    assert reasons(result)["red.png"].startswith("no answer: HTTP 500; what came on 20")
    assert reasons(result)["blue.png"] == "HTTP 404"
    assert changes(tmp_path) == [("gone", "", "blue")]


def test_killed_at_any_moment_it_goes_on_with_what_is_missing(tmp_path: Path) -> None:
    names = ("red", "blue", "green", "gold", "teal", "pink")
    page = league(*(card(n, f"A {n} owl.", f"/{n}.png") for n in names))
    routes: dict[str, Route] = {f"/{PAGE}": page} | {f"/{n}.png": png(n) for n in names}
    child: list[subprocess.Popen[bytes]] = []

    def kill() -> Answer:
        while not child:
            time.sleep(0.01)
        child[0].send_signal(signal.SIGKILL)
        return 200, {}, png("gold")

    code = (
        "import sys; from pathlib import Path; from logolib.collect import collect;"
        "from logolib.config import CollectSettings as S;"
        "collect(S(source=sys.argv[1], connections=1), Path(sys.argv[2]), progress=False)"
    )
    with site({**routes, "/gold.png": kill}) as (address, asked):
        source = f"{address}{PAGE}"
        child.append(subprocess.Popen([sys.executable, "-c", code, source, str(tmp_path)], cwd=ROOT))
        assert child[0].wait() == -signal.SIGKILL
        assert not (tmp_path / "manifest.parquet").exists()
        before = asked.copy()
        assert run(source, tmp_path).values["logos"] == 6
    again = {path for path in asked if asked[path] > before[path]}
    assert again == {"/robots.txt", "/gold.png", "/teal.png", "/pink.png"}
