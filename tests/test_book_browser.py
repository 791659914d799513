"""A small book in a real browser: nobody is shut out, the gallery filters, the strip slides, the PDF is whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from PIL import Image
from project import ROOT, load_benchmark, make_project, write_notebook

from logolib.pipeline import build_book
from logolib.pipeline.plan import STAGES, Plan
from logolib.report import figures, gallery
from logolib.results import StageResult, write_result, write_text

SENTENCES = ["A red lion on a gold shield.", "A red star <b>on</b> blue.", "A white owl on a green roundel."]
COLOURS = {"demo": "red", "base": "blue", "real": "green"}
PROVENANCE = {"settings": {"source": "demo"}}
PAGES = {
    "index": "# The report\n\nTwo pages.\n",
    "gallery": "# The gallery\n\n```{gallery} results\n```\n",
    "reproduce": "# How to reproduce\n\n```{printed} results/logos-from-words.pdf\n```\n",
}

axe = load_benchmark("axe")


def write_evaluation(run: Path) -> None:
    """Three arms' pictures of the same sentences, and the results that name them."""
    for arm, colour in COLOURS.items():
        folder = run / "evaluation" / "arms" / arm
        folder.mkdir(parents=True)
        rows = ["file,caption"]
        for i, sentence in enumerate(SENTENCES):
            Image.new("RGB", (16, 16), colour).save(folder / f"{i}.png")
            rows.append(f"{i}.png,{sentence}")
        (folder / "captions.csv").write_text("\n".join(rows), "utf8")
    arms = {"arms": ["demo", "base", "shuffled", "real"]}
    write_result(run / "evaluation" / "result.json", StageResult("evaluate", arms, {}, PROVENANCE, ()))
    write_result(run / "collected" / "result.json", StageResult("collect", {}, {}, PROVENANCE, ()))


def strip(folder: Path) -> str:
    """A training's three previews as the decoder's notebook shows them."""
    folder.mkdir()
    for step in (1, 2, 3):
        Image.new("RGB", (16, 16)).save(folder / f"{step}.png")
    shown = [{"step": step, "file": f"{step}.png"} for step in (1, 2, 3)]
    write_result(folder / "result.json", StageResult("decoder", {"previews": shown}, {}, {}, ()))
    return str(figures.previews(folder).data)


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of a small run, built with the report's own configuration and styles, and its PDF."""
    if axe.chromium() is None:
        pytest.skip("no Chromium on this machine")
    root = tmp_path_factory.mktemp("project")
    make_project(root)
    shutil.copy(ROOT / "_config.yml", root)
    for name in ("_static", "_templates"):
        shutil.copytree(ROOT / "book" / name, root / "book" / name)
    shutil.copy(ROOT / "book" / "references.bib", root / "book")
    for name, text in PAGES.items():
        (root / "book" / f"{name}.md").write_text(text, "utf8")
    contents = "format: jb-book\nroot: index\nchapters:\n- file: gallery\n- file: reproduce\n- file: runs/06_decoder\n"
    (root / "book" / "_toc.yml").write_text(contents)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        build(root)
    return root / "build" / "html"


def build(root: Path) -> None:
    """Write a run whose stages have all ended, and publish it."""
    plan = Plan("demo", "smoke", "", {})
    write_text(plan.file, json.dumps({"name": "demo", "profile": "smoke", "changes": "", "parameters": {}}))
    for stage in STAGES.values():
        if stage.folder:
            write_text(plan.run / stage.folder / "result.json", "{}")
    shown = new_output("display_data", data={"text/html": strip(root / "strip")})
    (plan.run / "book").mkdir()
    cells = [new_markdown_cell("# The decoder"), new_code_cell("strip()", outputs=[shown])]
    write_notebook(plan.run / "book" / "06_decoder.ipynb", cells)
    nbformat.validate(nbformat.read(plan.run / "book" / "06_decoder.ipynb", 4))
    write_evaluation(plan.run)
    build_book(plan.file, pdf=True)


@pytest.fixture(scope="module")
def browser(html: Path) -> Iterator[Any]:
    program = axe.chromium()
    with axe.browser(program) as running:
        yield running


@pytest.mark.parametrize("name", ["gallery", "reproduce", "runs/06_decoder"])
def test_a_page_shuts_nobody_out(html: Path, browser: Any, name: str) -> None:
    checked = axe.check(browser, html, html / f"{name}.html")
    assert checked.faults == ()
    assert checked.rules > 20
    assert checked.bytes > 100_000  # its styles and scripts are counted too


def test_the_checks_see_what_is_wrong(html: Path, browser: Any, tmp_path: Path) -> None:
    text = '<title>t</title><main><h1>A</h1><h3>B</h3><img src="https://example.invalid/x.png"></main>'
    (tmp_path / "page.html").write_text(text)
    faults = " ".join(axe.check(browser, tmp_path, tmp_path / "page.html").faults)
    for word in ("html-has-lang", "image-alt", "without text", "level 3 follows one of level 1", "from elsewhere"):
        assert word in faults


def shown(tab: Any, what: str) -> list[str]:
    """The texts of what is seen of some elements."""
    return [one.inner_text() for one in tab.locator(what).all() if one.is_visible()]


def test_the_gallery_filters_by_words_colour_and_arm(html: Path, browser: Any) -> None:
    tab = browser.new_page()
    tab.goto((html / "gallery.html").as_uri())
    prompts, status = ".prompt > figcaption", tab.get_by_role("status")
    assert shown(tab, prompts) == SENTENCES
    tab.get_by_label("Words of the sentence").fill("SHIELD lion")
    assert shown(tab, prompts) == SENTENCES[:1]
    assert status.inner_text() == "1 of 3 sentences"
    tab.get_by_role("button", name="Show all").click()
    tab.wait_for_function("document.querySelector('output').value === '3 of 3 sentences'")
    tab.get_by_label("Colour in the sentence").select_option("red")
    assert shown(tab, prompts) == SENTENCES[:2]
    tab.get_by_label("the base, not fine-tuned").focus()
    tab.keyboard.press("Space")
    assert shown(tab, ".prompt [data-arm] figcaption") == ["demo", "true pictures (ceiling)"] * 2
    tab.close()


def test_gallery_and_strip_are_whole_without_scripts(html: Path, browser: Any) -> None:
    tab = browser.new_page(java_script_enabled=False)
    tab.goto((html / "gallery.html").as_uri())
    assert len(shown(tab, ".prompt img")) == len(SENTENCES) * len(COLOURS)
    assert not tab.locator("form.gallery-filter").is_visible()
    tab.goto((html / "runs" / "06_decoder.html").as_uri())
    assert shown(tab, ".strip figcaption") == ["after 1 steps", "after 2 steps", "after 3 steps"]
    tab.close()


def test_the_strip_slides_by_keyboard(html: Path, browser: Any) -> None:
    tab = browser.new_page()
    tab.goto((html / "runs" / "06_decoder.html").as_uri())
    assert shown(tab, ".strip figcaption") == ["after 3 steps"]
    slider = tab.get_by_role("slider")
    slider.focus()
    tab.keyboard.press("Home")
    assert shown(tab, ".strip figcaption") == ["after 1 steps"]
    assert slider.get_attribute("aria-valuetext") == "after 1 steps"
    tab.close()


def test_the_whole_book_is_one_pdf_beside_its_pages(html: Path) -> None:
    pdf = html / "logos-from-words.pdf"
    assert pdf.read_bytes().startswith(b"%PDF")
    assert f'href="{pdf.name}"' in (html / "reproduce.html").read_text("utf8")
    unprinted = html.parent / "demo" / "_build" / "singlehtml" / "index.html"
    assert "These pages as one PDF:" in unprinted.read_text("utf8")  # and how to make it


def test_other_clubs_true_logos_stay_out_of_the_gallery(tmp_path: Path) -> None:
    write_evaluation(tmp_path)
    results = tmp_path / "results"
    (results / "evaluate").mkdir(parents=True)
    shutil.copytree(tmp_path / "evaluation" / "arms", results / "evaluate" / "arms")
    shutil.copy(tmp_path / "evaluation" / "result.json", results / "evaluate.json")
    shutil.copy(tmp_path / "collected" / "result.json", results / "collect.json")
    assert [*gallery.shown_arms(results)] == ["demo", "base", "real"]
    theirs = StageResult("collect", {}, {}, {"settings": {"source": "https://example.org"}}, ())
    write_result(results / "collect.json", theirs)
    assert [*gallery.shown_arms(results)] == ["demo", "base"]
