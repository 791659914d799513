"""The book's pages hang together, and the built book needs nothing but its own folder."""

from __future__ import annotations

import importlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from logolib.report import tables

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
PAGES = sorted(BOOK.glob("*.md"))
REFERENCE = ("api", "changelog")  # looked up, not read from end to end: nothing is found there
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def listed(node: Any) -> Iterator[str]:
    """Every file that a table of contents names."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("root", "file"):
                yield value
            else:
                yield from listed(value)
    elif isinstance(node, list):
        for one in node:
            yield from listed(one)


def test_the_contents_list_every_page_and_notebook_once() -> None:
    found = sorted(listed(yaml.safe_load((BOOK / "_toc.yml").read_text("utf8"))))
    notebooks = [f"runs/{path.stem}" for path in (ROOT / "notebooks").glob("*.ipynb")]
    assert found == sorted([*(page.stem for page in PAGES), *notebooks])


@every_page
def test_a_page_has_one_title_a_question_and_what_was_found(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf8"), flags=re.S)
    assert len(re.findall(r"^# ", text, re.M)) == 1
    assert ":class: question" in text
    assert page.stem in ("index", *REFERENCE) or re.findall(r"^## (.*)", text, re.M)[-1] == "What was found"


@every_page
def test_a_page_cites_only_numbers_that_notebooks_store(page: Path) -> None:
    text = page.read_text("utf8")
    for notebook, key in re.findall(r"\{glue:text\}`runs/(\w+)\.ipynb::(\w+):", text):
        assert key in {*tables.NUMBERS[notebook[3:]], "seconds", "verdict", "judge", "rule"}
    for key, notebook in re.findall(r"```\{glue\} (\w+)\n:doc: runs/(\w+)\.ipynb", text):
        assert f'glue(\\"{key}\\"' in (ROOT / "notebooks" / f"{notebook}.ipynb").read_text("utf8")


@every_page
def test_a_page_names_only_what_exists(page: Path) -> None:
    text = page.read_text("utf8")
    assert not re.search(r"\]\((?!https?:)[^)\s]*#", text)  # headings are no targets in this book
    for target in re.findall(r"(?:\]\(|^```\{benchmark\} )([^)#\s]+)", text, re.M):
        there = ROOT / "notebooks" / target[5:] if target.startswith("runs/") else BOOK / target
        assert there.is_file(), target


@pytest.mark.parametrize("name", re.findall(r"^\.\. auto\w+:: (\S+)", (BOOK / "api.md").read_text("utf8"), re.M))
def test_what_the_reference_lists_is_there_and_tells_what_it_does(name: str) -> None:
    module, _, thing = name.rpartition(".")
    assert (getattr(importlib.import_module(module), thing).__doc__ or "").strip()


def test_every_citation_is_in_the_bibliography_and_every_entry_is_cited() -> None:
    entries = set(re.findall(r"^@\w+\{(\w+),", (BOOK / "references.bib").read_text("utf8"), re.M))
    cited = re.findall(r"\{cite:[pt]\}`([\w,]+)`", "".join(page.read_text("utf8") for page in PAGES))
    assert {key for keys in cited for key in keys.split(",")} == entries


def test_every_term_is_in_the_glossary() -> None:
    glossary = (BOOK / "glossary.md").read_text("utf8")
    terms = {term.lower() for term in re.findall(r"^([\w -]+)$", glossary, re.M)}
    texts = [page.read_text("utf8") for page in PAGES]
    texts += [path.read_text("utf8") for path in (ROOT / "notebooks").glob("*.ipynb")]
    for word in re.findall(r"\{term\}`([^`]+)`", "".join(texts)):
        inner = re.search(r"<(.+)>", word)
        assert (inner[1] if inner else word).lower() in terms


@pytest.fixture(scope="module")
def built() -> Path:
    html = ROOT / "build" / "html"
    if not (html / "index.html").is_file():
        pytest.skip("no built book: make report")
    return html


def pages(html: Path) -> list[Path]:
    return [page for page in sorted(html.rglob("*.html")) if "_static" not in page.parts]


def test_built_pages_name_nothing_outside_their_folder(built: Path) -> None:
    fetched = re.compile(r'<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)="((?:https?:)?//[^"]*)"')
    outside = {page.name: fetched.findall(page.read_text("utf8")) for page in pages(built)}
    assert not {name: found for name, found in outside.items() if found}


def test_built_pages_open_whole_and_silent(built: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    quiet = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
    faults: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=[*quiet, "--disable-sync", "--no-first-run"])
        tab = browser.new_page()
        tab.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("request", lambda asked: None if _own(asked.url) else faults.append(asked.url))
        for width in (1280, 390):
            tab.set_viewport_size({"width": width, "height": 844})
            for page in pages(built):
                tab.goto(page.as_uri())
                missing = "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
                faults.extend([f"{page.name}: no picture {source[:80]}" for source in tab.evaluate(missing)])
                if tab.evaluate("document.documentElement.scrollWidth") > width:
                    faults.append(f"{page.name} is wider than {width} pixels")
        browser.close()
    assert faults == []


def _own(url: str) -> bool:
    return url.startswith(("file:", "data:", "blob:"))
