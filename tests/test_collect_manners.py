"""What a site may rely on, and what becomes of what it answers: manners, and bad input."""

from __future__ import annotations

import time
import zlib
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import Answer, Route, card, league, png, reasons, run, site

from logolib.collect import HostError, fetch
from logolib.collect.host import Host, is_private, refuses_ai, seconds_of
from logolib.config import CollectSettings
from logolib.data import read_manifest

PAGE = "x-primary-logo/"


def test_no_more_than_the_connections_asked_for(tmp_path: Path) -> None:
    def slow(i: int) -> Answer:
        time.sleep(0.02)
        return 200, {}, png(size=(20, 20 + i))

    routes: dict[str, Route] = {f"/{i}.png": partial(slow, i) for i in range(12)}
    routes[f"/{PAGE}"] = league(*(card(f"T{i}", "An owl.", f"/{i}.png") for i in range(12)))
    for connections, out in ((2, "a"), (5, "b")):
        with site(routes) as (address, asked):
            run(f"{address}{PAGE}", tmp_path / out, connections=connections)
        assert 1 <= asked.at_once <= connections


def test_crawl_delay_and_request_rate_are_kept() -> None:
    host = Host(CollectSettings(delay_s=1))
    host.obey("User-agent: *\nCrawl-delay: 3\n")
    assert host.delay_s == 3
    host.obey("User-agent: logolib\nRequest-rate: 1/7\n")
    assert host.delay_s == 7


def test_a_pause_that_was_asked_for_holds_for_the_whole_host(tmp_path: Path) -> None:
    at: list[float] = []

    def later() -> Answer:
        at.append(time.monotonic())
        return (429, {"Retry-After": "1"}, b"") if len(at) == 1 else (200, {}, png("red" if len(at) == 2 else "blue"))

    page = league(card("A", "An owl.", "/a.png"), card("B", "A gull.", "/b.png"))
    with site({f"/{PAGE}": page, "/a.png": later, "/b.png": later}) as (address, _):
        assert run(f"{address}{PAGE}", tmp_path, connections=1).values["logos"] == 2
    assert min(b - at[0] for b in at[1:]) >= 0.95


def test_what_must_not_feed_ai_is_left_alone(tmp_path: Path) -> None:
    page = league(
        card("A", "A red owl.", "/a.png"),
        card("B", "A blue owl.", "/b.png"),
        card("C", "A gold owl on…", "/c.png", "/c-primary-logo/"),
    )
    routes: dict[str, Route] = {
        f"/{PAGE}": page,
        "/a.png": png("red"),
        "/b.png": (200, {"X-Robots-Tag": "noindex, noimageai"}, png("blue")),
        "/c.png": png("gold"),
        "/c-primary-logo/": b'<meta name="robots" content="noai">' + league(card("C", "A gold owl on red.", "/c.png")),
    }
    with site(routes) as (address, _):
        result = run(f"{address}{PAGE}", tmp_path)
        assert [r.club for r in read_manifest(tmp_path)] == ["A", "C"]
        assert "noai" in reasons(result)["b.png"]
        routes[f"/{PAGE}"] = (200, {"X-Robots-Tag": "noai"}, page)
        with pytest.raises(HostError, match="noai"):
            run(f"{address}{PAGE}", tmp_path / "again")


@pytest.mark.parametrize(
    ("header", "image", "refused"),
    [
        ("noai", False, True),
        ("noindex, NoAI", True, True),
        ("noimageai", False, False),
        ("otherbot: noai", True, False),
        ("otherbot: noindex, logolib: noai", True, True),
        ("unavailable_after: 25 Jun 2030 15:00:00 GMT, noai", False, True),
        ("none", True, False),
    ],
)
def test_robots_tags_are_understood(header: str, image: bool, refused: bool) -> None:
    assert refuses_ai([header], b"", image=image) is refused


@settings(deadline=None)
@given(st.text(max_size=40) | st.integers().map(str), st.binary(max_size=200))
def test_wild_headers_are_understood_or_ignored(header: str, body: bytes) -> None:
    assert (seconds_of(header) or 0) >= 0
    assert refuses_ai([header], b"<meta name=robots content=" + body + b">", image=False) in (True, False)
    assert is_private(header) in (True, False)


# --- bad input


def drip() -> Answer:
    return 200, {}, (time.sleep(0.1) or b"x" for _ in range(200))


def test_bad_answers_are_counted_and_explained_and_lose_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "DEADLINE", 0.25)
    header = b"IHDR" + (50_000).to_bytes(4, "big") * 2 + png()[24:29]
    huge = png()[:12] + header + zlib.crc32(header).to_bytes(4, "big") + png()[33:]
    svg = b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>'
    bad: dict[str, tuple[Route | None, str]] = {
        "gone.png": ((404, {}, b""), "HTTP 404"),
        "closed.png": ((403, {}, b""), "HTTP 403"),
        "broken.png": ((500, {}, b""), "no answer: HTTP 500"),
        "busy.png": ((429, {"Retry-After": "0"}, b""), "no answer: HTTP 429"),
        "long.png": ((429, {"Retry-After": "86400"}, b""), "no answer: HTTP 429"),
        "cut.png": ((200, {"Content-Length": "9999"}, png()[:40]), "no answer: peer closed"),
        "circle.png": ((302, {"Location": "/circle.png"}, b""), "redirected in circles"),
        "private.png": ((302, {"Location": "http://10.0.0.1/a.png"}, b""), "redirected to another host"),
        "meta.png": ((302, {"Location": "http://169.254.169.254/"}, b""), "redirected to another host"),
        "away.png": ((302, {"Location": "https://a.example/"}, b""), "redirected to another host"),
        "file.png": ((302, {"Location": "file:///etc/passwd"}, b""), "redirected to another host"),
        "drip.png": (drip, "too slow"),
        "page.png": ((200, {"Content-Type": "image/png"}, b"<!DOCTYPE html><p>no</p>"), "not an image but an HTML"),
        "entity.png": (svg, "SVG"),
        "huge.png": (huge, "huge"),
        "half.png": (png(size=(90, 90))[:-40], "damaged or truncated"),
    }
    page = league(*(card(n, f"An owl, {n}.", f"/{n}") for n in bad), card("Fine", "A fine owl.", "/fine.png"))
    routes: dict[str, Route] = {f"/{n}": route for n, (route, _) in bad.items() if route is not None}
    routes |= {
        f"/{PAGE}": page,
        "/fine.png": png("gold"),
        "/other/": (200, {"Content-Type": "application/pdf"}, b"%PDF"),
    }
    with site(routes) as (address, _):
        result = run(f"{address}{PAGE}", tmp_path, connections=8, pages=(f"/{PAGE}", "/other/"))
    found = reasons(result)
    for name, (_, reason) in bad.items():
        assert found.pop(name).startswith(reason), name
    assert found.pop("") == "no page but application/pdf"
    assert found == {}
    assert sum(result.values["reasons"].values()) == result.values["skipped"] == len(bad) + 1


def test_wild_captions_and_names_stay_inside_and_apart(tmp_path: Path) -> None:
    names = ("Owls", "OWLS", "../../escape", "/etc/passwd", "CON", "نسور", "a" * 300, "\u202eslwO")
    page = league(
        *(card(n, f"An owl\x07 \u202enumber\u202c\t{i} بومة", f"/{i}.png") for i, n in enumerate(names)),
        card("Prose", "owl " * 10_000, "/prose.png"),
    )
    routes: dict[str, Route] = {f"/{i}.png": png(size=(20, 20 + i)) for i in range(len(names))}
    with site(routes | {f"/{PAGE}": page, "/prose.png": png("teal")}) as (address, _):
        result = run(f"{address}{PAGE}", tmp_path)
    found = read_manifest(tmp_path)
    assert [r.caption for r in found] == [f"An owl number {i} بومة" for i in range(len(names))]
    assert len({r.id.lower() for r in found}) == len(names)
    assert {p.parent for r in found for p in [(tmp_path / r.image).resolve()]} == {(tmp_path / "images").resolve()}
    assert reasons(result) == {"prose.png": "no caption: a text of 10000 words"}


def test_a_host_that_fails_for_pictures_but_lives_loses_only_those(tmp_path: Path) -> None:
    bad = [f"/bad{i}.png" for i in range(7)]
    page = league(*(card(f"T{i}", "An owl.", url) for i, url in enumerate(bad)), card("Fine", "An owl.", "/fine.png"))
    routes: dict[str, Route] = {url: (503, {"Retry-After": "0"}, b"") for url in bad}
    with site(routes | {f"/{PAGE}": page, "/fine.png": png()}) as (address, _):
        result = run(f"{address}{PAGE}", tmp_path)
    assert (result.values["logos"], result.values["skipped"]) == (1, 7)


def test_pictures_on_another_host_need_its_name_in_the_description(tmp_path: Path) -> None:
    with site({"/a.png": png("red"), "/robots.txt": b"User-agent: *\nDisallow: /b\n", "/b.png": png()}) as (
        other,
        asked,
    ):
        page = league(*(card(n, f"An owl {n}.", f"{other}{n}.png") for n in "ab"), card("C", "An owl.", "/c.png"))
        with site({f"/{PAGE}": page, "/c.png": png("gold")}) as (address, _):
            result = run(f"{address}{PAGE}", tmp_path / "a")
            assert set(reasons(result).values()) == {"on another host"}
            assert sum(asked.values()) == 0
            text = f"card: {{select: div, name: [h4], caption: [p]}}\nimage_hosts: ['{other.split('/')[2]}']"
            (tmp_path / "site.yaml").write_text(text, "utf8")
            result = run(f"{address}{PAGE}", tmp_path / "b", site=str(tmp_path / "site.yaml"))
    assert {r.club for r in read_manifest(tmp_path / "b")} == {"a", "C"}
    assert reasons(result) == {"b.png": "forbidden by robots.txt"}
