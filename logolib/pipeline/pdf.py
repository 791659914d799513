"""Print a page: headless Chromium lays it out by the book's print style and writes a PDF."""

from __future__ import annotations

import shutil
from pathlib import Path

from logolib.pipeline.plan import PipelineError

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
FOOTER = '<p style="font: 8px sans-serif; width: 100%; text-align: center"><span class="pageNumber"></span></p>'


def print_page(page: Path, pdf: Path) -> None:
    """Write an HTML file as an A4 PDF with bookmarks and tags for readers aloud.

    Raises PipelineError without Chromium or playwright.
    """
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        program = None
    if program is None:
        raise PipelineError("Printing needs Chromium and the package playwright; install both and try again.")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=[*QUIET, "--disable-sync", "--no-first-run"])
        tab = browser.new_page(color_scheme="light")
        tab.goto(page.resolve().as_uri())
        tab.pdf(
            path=pdf,
            format="A4",
            margin={"top": "16mm", "bottom": "18mm", "left": "16mm", "right": "16mm"},
            print_background=True,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOTER,
            outline=True,
            tagged=True,
        )
        browser.close()
