"""Opens every page of the built book in headless Chromium: axe-core's rules, and some of our own.

    python benchmarks/axe.py [HTML] [--only NAME...]     # or: make axe

Each page is seen light, dark and on a phone. Besides axe-core: nothing is fetched from elsewhere, a page with all that
it loads stays under 5 MB, every picture has a text, no heading skips a level. Writes book/benchmarks/axe.json, a line
for each page; ends with 1 when there is a violation.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from axe_playwright_python.sync_playwright import Axe

from logolib.report.benchmarks import keep

HTML = Path("build/html")
TABLE = Path("book/benchmarks/axe.json")
VIEWS = (("light", 1280), ("dark", 1280), ("light", 390))  # 390 pixels: a phone
MOST_BYTES = 5_000_000
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
OURS = ("pictures", "headings", "requests", "bytes")
SEEN = """() => ({
  sources: [...document.images].map(one => one.currentSrc || one.src),
  untold: [...document.images].filter(one => !one.alt.trim()).map(one => one.outerHTML.slice(0, 80)),
  headings: [...document.querySelectorAll("main :is(h1, h2, h3, h4, h5, h6)")]
    .filter(one => one.checkVisibility()).map(one => Number(one.tagName[1])),
})"""


@dataclass(frozen=True)
class Checked:
    """One page: how many rules applied to it, its size with all that it loads, and what is wrong."""

    page: str
    rules: int
    bytes: int
    faults: tuple[str, ...]

    def row(self) -> dict[str, Any]:
        """Its line of the table."""
        return {"page": self.page, "rules": self.rules, "kB": self.bytes // 1000, "violations": len(self.faults)}


def pages(html: Path) -> list[Path]:
    """The pages of a built book."""
    return [page for page in sorted(html.rglob("*.html")) if "_static" not in page.parts]


def chromium() -> str | None:
    """The browser on this machine, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


@contextmanager
def browser(program: str) -> Iterator[Any]:
    """Headless Chromium that asks nobody for anything."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=program, args=[*QUIET, "--disable-sync", "--no-first-run"])
        try:
            yield running
        finally:
            running.close()


def check(running: Any, html: Path, page: Path) -> Checked:
    """One page in every view."""
    rules, loaded, faults = set(OURS), {page.as_uri()}, set()
    for scheme, width in VIEWS:
        found, seen, asked = _look(running, page, scheme, width)
        rules |= {one["id"] for kind in ("violations", "passes") for one in found[kind]}
        faults |= {f"{scheme}, {width} px: {text}" for one in found["violations"] for text in _written(one)}
        faults |= {f"a picture without text: {one}" for one in seen["untold"]}
        faults |= set(_disorder(seen["headings"]))
        loaded |= {*asked, *seen["sources"]}
    size, outside = _weighed(loaded)
    faults |= {f"fetched from elsewhere: {url[:120]}" for url in outside}
    if size > MOST_BYTES:
        faults.add(f"{size:,} bytes, more than {MOST_BYTES:,}")
    return Checked(page.relative_to(html).as_posix(), len(rules), size, tuple(sorted(faults)))


def _look(running: Any, page: Path, scheme: str, width: int) -> tuple[dict[str, Any], dict[str, Any], set[str]]:
    """What axe-core finds in one view, what our own eyes do, and the addresses that were asked for."""
    asked: set[str] = set()
    tab = running.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme, reduced_motion="reduce")
    tab.on("request", lambda request: asked.add(request.url))
    tab.goto(page.as_uri())
    found = Axe().run(tab, options={"resultTypes": ["violations", "passes"]}).response
    seen = tab.evaluate(SEEN)
    tab.close()
    return found, seen, asked


def _written(violation: dict[str, Any]) -> Iterator[str]:
    for node in violation["nodes"]:
        why = " ".join(one["message"] for kind in ("any", "all", "none") for one in node[kind])
        yield f"{violation['id']} ({violation['impact']}) at {node['target']}: {' '.join(why.split())[:200]}"


def _disorder(levels: list[int]) -> Iterator[str]:
    """What is wrong with the levels of a page's headings, in their order."""
    if levels.count(1) != 1 or levels[:1] != [1]:
        yield f"{levels.count(1)} headings of the first level, or another before it"
    for before, after in zip(levels, levels[1:], strict=False):
        if after > before + 1:
            yield f"a heading of level {after} follows one of level {before}"


def _weighed(urls: Iterable[str]) -> tuple[int, list[str]]:
    """Bytes of the files among some addresses, and the addresses that are neither files nor inside the page."""
    files = {Path(unquote(urlparse(url).path)) for url in urls if url.startswith("file:")}
    outside = sorted(url for url in urls if url and not url.startswith(("file:", "data:", "blob:")))
    return sum(file.stat().st_size for file in files if file.is_file()), outside


def main() -> int:
    """Check all pages, print what is wrong, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("html", type=Path, nargs="?", default=HTML)
    parser.add_argument("--only", nargs="*", metavar="NAME", help="these pages, and no table")
    given = parser.parse_args()
    html = given.html.resolve()
    chosen = [page for page in pages(html) if not given.only or page.stem in given.only]
    program = chromium()
    if not chosen or program is None:
        print("There is no such page; `make report` builds them." if program else "Chromium is not installed.")
        return 1
    done = []
    with browser(program) as running:
        for page in chosen:
            done.append(check(running, html, page))
            print("\n  ".join([f"{done[-1].page}: {len(done[-1].faults)} violations", *done[-1].faults]), flush=True)
        version = running.version
    if not given.only:
        total = {"page": "all", "kB": sum(one.bytes for one in done) // 1000}
        total["violations"] = sum(len(one.faults) for one in done)
        views = "; ".join(f"{scheme}, {width} pixels wide" for scheme, width in VIEWS)
        engine = re.search(r"axe v([\d.]+\d)", Axe().axe_script)
        note = (
            f"axe-core {engine[1] if engine else ''} in Chromium {version}. Each page was seen {views}; kB: with all "
        )
        keep(TABLE, [*(one.row() for one in done), total], f"{note}that it loads.")
    return int(any(one.faults for one in done))


if __name__ == "__main__":
    sys.exit(main())
