"""Scripted raters answer a whole study in a real browser, on the served page and on the exported file."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from study_world import load_tool, small_study

from logolib.config import StudySettings
from logolib.results import read_result
from logolib.study import Study, load_study
from logolib.study.analyse import analyse
from logolib.study.export import export_page
from logolib.study.sheets import RIGHT
from logolib.study.votes import to_csv


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_study(tmp_path_factory.mktemp("study"), prompts=8, checks=2)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    quiet = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=chromium, args=[*quiet, "--disable-sync", "--no-first-run"])
        yield running
        running.close()


def answer_all(tab: Any, study: Study, favourite: str, faults: list[str]) -> None:
    """Take `favourite` wherever it stands, and the right picture of a check: by key, by click, or by a double click."""
    owner = {code: arm for asked in (*study.prompts, *study.checks) for arm, code in asked.pictures.items()}
    inlined = {}
    if tab.url.startswith("file:"):
        stored = json.loads(tab.locator("#study-data").text_content())["pictures"]
        inlined = {source: owner[code] for code, source in stored.items()}
    for i in range(study.length):
        tab.wait_for_selector(f"text=Question {i + 1} of {study.length}")
        sources = [picture.get_attribute("src") for picture in tab.locator("#choices img").all()]
        arms = [inlined.get(source) or owner[re.sub(r".*/|\.png", "", source)] for source in sources]
        wanted = next(place for place, arm in enumerate(arms) if arm in (favourite, RIGHT))
        button = tab.get_by_role("button", name=("Left picture", "Right picture")[wanted])
        tab.wait_for_selector("#tie:enabled")
        if i % 3 == 0:
            tab.keyboard.press(("ArrowLeft", "ArrowRight")[wanted])
        elif i % 3 == 1:
            button.click()
        else:
            button.dblclick(no_wait_after=True)
    tab.wait_for_selector("text=Thank you")
    assert faults == []


def watched(context: Any, faults: list[str]) -> Any:
    tab = context.new_page()
    tab.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    tab.on("pageerror", lambda error: faults.append(str(error)))
    return tab


def test_raters_with_a_preference_answer_the_served_study_and_analyse_finds_it(
    made: Path, browser: Any, tmp_path: Path
) -> None:
    study, faults = load_study(made), []
    server = load_tool().Server(made, f"sqlite:///{tmp_path / 'votes.sqlite'}")
    try:
        for width in (1280, 390):
            context = browser.new_context(viewport={"width": width, "height": 844})
            tab = watched(context, faults)
            tab.goto(server.url)
            tab.get_by_role("button", name="I agree, start").click()
            tab.wait_for_selector("#choices img")
            assert tab.locator("html").evaluate("page => page.scrollWidth") <= width
            assert tab.locator("#text").evaluate("heading => heading === document.activeElement")
            assert tab.get_by_role("progressbar").count() == 1
            answer_all(tab, study, "tuned", faults)
            context.close()
        rows = server.votes()
    finally:
        server.stop()
    assert len(rows) == 2 * study.length
    (tmp_path / "votes.csv").write_text(to_csv(rows), "utf8")
    analyse(StudySettings(bootstrap=100), made, [tmp_path / "votes.csv"], tmp_path / "out", scripted=True)
    values = read_result(tmp_path / "out" / "result.json").values
    assert values["pairs"][0]["preferred"] == "tuned"
    assert values["raters"] == {"counted": 2, "excluded": []}
    assert values["alpha"] is None  # all answers are the same
    assert "scripted" in values["verdict"]


def test_the_exported_file_gives_the_same_from_saved_answers(made: Path, browser: Any, tmp_path: Path) -> None:
    study, faults = load_study(made), []
    page = export_page(made, tmp_path / "study.html")
    context = browser.new_context(accept_downloads=True)
    context.route("http*://**", lambda route: faults.append(route.request.url))
    tab = watched(context, faults)
    tab.goto(page.as_uri())
    answer_all(tab, study, "base", faults)
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Save my answers").click()
    download.value.save_as(tmp_path / "answers.json")
    context.close()
    analyse(StudySettings(bootstrap=100), made, [tmp_path / "answers.json"], tmp_path / "out", scripted=True)
    values = read_result(tmp_path / "out" / "result.json").values
    assert values["pairs"][0]["preferred"] == "base"
