"""A small site on loopback whose pages lie in files, so that they can be damaged."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from faults.judged import verb
from faults.subjects import Subject
from faults.world import World
from logolib.collect import DemoSite, serve
from logolib.collect.parse import cells, links, sitemap

CRESTS = 8
URL = "http://demo.invalid/x/"


def write_site(folder: Path) -> None:
    """One page of each kind, the sitemap, robots.txt and a crest of a demo site, each with its address."""
    site = DemoSite(CRESTS, 0)
    folder.mkdir(parents=True)
    league = next(path for path, page in site.pages.items() if "x-grid" in page)
    team = next(path for path, page in site.pages.items() if "<h5>" in page)
    crest = next(iter(site.crests))
    paths = {"league.html": league, "team.html": team, "sitemap.xml": "/sitemap.xml", "robots.txt": "/robots.txt"}
    paths["crest.png"] = crest
    for name, path in paths.items():
        (folder / name).write_bytes(site.answer(path, "{base}")[2])
    (folder / "paths.json").write_text(json.dumps(paths), "utf8")


class _Site(DemoSite):
    """The demo site, with some answers from files."""

    def __init__(self, folder: Path) -> None:
        super().__init__(CRESTS, 0)
        named = json.loads((folder / "paths.json").read_text("utf8"))
        self._files = {path: folder / name for name, path in named.items()}

    def answer(self, path: str, base: str) -> tuple[int, str, bytes]:
        """Status, content type and body for a path."""
        status, kind, body = super().answer(path, base)
        if path in self._files:
            file = self._files[path]
            return (
                (200, kind, file.read_bytes().replace(b"{base}", base.encode())) if file.is_file() else (404, kind, b"")
            )
        return status, kind, body


def crawled(_: World, at: Path, *more: str) -> Any:
    """The rows of a manifest read from the site."""
    with serve(_Site(at / "web")) as address:
        verb("collect", address, "--out", at / "out", "--profile", "smoke", *more)
    found = json.loads((at / "out/result.json").read_text("utf8"))
    rows = pq.read_table(at / "out/manifest.parquet").to_pylist()
    if len(rows) != found["values"]["logos"]:
        raise AssertionError("the result counts other rows than the manifest has")
    for row in rows:
        if not row["caption"] or not (at / "out" / row["image"]).is_file():
            raise AssertionError(f"{row['id']} has no caption or no picture")
    return sorted((row["image_url"].rpartition("/")[2], row["caption"]) for row in rows)


def parsed(name: str, _: World, at: Path) -> Any:
    """Cards, links and addresses of one page."""
    path = at / "web" / name
    body = path.read_bytes() if path.is_file() else b""
    found = cells(body, URL, "L")
    for cell in found:
        if not cell.card.image_url.startswith("http"):
            raise AssertionError(f"{cell.card.image_url!r} is no address of a picture")
    return [(cell.card.image_url, cell.card.caption) for cell in found], links(body, URL), sitemap(body)


def by_description(_: World, at: Path) -> Any:
    """The same by a description of one's own."""
    return crawled(_, at, "--set", f"collect.site={at / 'site/site.yaml'}")


def as_it_stands(made: Any, whole: Any) -> str:
    """A page says what it says."""
    return ""


def page_subjects() -> list[Subject]:
    """Pages by the crawler and by the parser alone."""
    names = ("league.html", "team.html", "sitemap.xml", "robots.txt", "crest.png")
    crawls = [
        Subject("html" if "crest" not in n else "image", f"crawl {n}", ("web",), f"web/{n}", crawled, as_it_stands)
        for n in names
    ]
    parses = [Subject("html", f"parse {n}", ("web",), f"web/{n}", partial(parsed, n), as_it_stands) for n in names[:3]]
    site = Subject(
        "yaml", "site description", ("web", "site"), "site/site.yaml", by_description, as_it_stands, values=True
    )
    return [*crawls, *parses, site]
