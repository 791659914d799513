"""The gallery: what each arm of an evaluation drew for the same sentences, on one page that a script can filter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes  # type: ignore[import-untyped]
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from logolib.config import LogolibError
from logolib.data.colours import COLOUR_WORD, COLOURS, colour_counts
from logolib.report import tables
from logolib.report.figures import data_uri
from logolib.results import drawn_for, read_result

NONE = "The evaluation of this run kept no pictures; `logolib run` with the run's name evaluates again."
MOST = 600  # pictures: with these a page stays far below 5 MB
LONGEST = 128  # pixels: twice the size at which a page shows them


def shown_arms(results: Path) -> dict[str, dict[str, Path]]:
    """Arm => prompt => picture, in the evaluation's order; empty where no pictures were kept.

    results: the folder in which a book's results are staged. True logos are among them only where they are drawings
    of ours: other clubs' marks are theirs to show. Raises ResultError or ListingError.
    """
    found = {}
    ours = read_result(results / "collect.json", "collect").provenance["settings"]["source"] == "demo"
    for arm in read_result(results / "evaluate.json", "evaluate").values["arms"]:
        folder = results / "evaluate" / "arms" / arm
        if folder.is_dir() and (arm != "real" or ours):
            found[str(arm)] = drawn_for(arm, folder)
    return found


def to_html(arms: Mapping[str, Mapping[str, Path]]) -> str:
    """A form that the page's script wakes up, and one figure a prompt with every arm's picture of it."""
    prompts = [*next(iter(arms.values()))][: MOST // len(arms)]
    figures = "".join(_prompt(prompt, {arm: files[prompt] for arm, files in arms.items()}) for prompt in prompts)
    return f'{_form(arms, prompts)}<div class="gallery">{figures}</div>'


def _form(arms: Iterable[str], prompts: list[str]) -> str:
    counts = colour_counts(prompts)
    colours = "".join(
        f'<option value="{word}">{word} ({counts[word]})</option>' for word in COLOURS if counts.get(word)
    )
    box = '<label><input type="checkbox" name="arm" value="{}" checked> {}</label>'
    boxes = "".join(box.format(escape(arm), escape(tables.arm_name(arm))) for arm in arms)
    return (
        '<form class="gallery-filter" hidden>'
        '<label>Words of the sentence <input type="search" name="words" autocomplete="off"></label>'
        f'<label>Colour in the sentence <select name="colour"><option value="">any</option>{colours}</select></label>'
        f"<fieldset><legend>Pictures by</legend>{boxes}</fieldset>"
        f'<button type="reset">Show all</button><output aria-live="polite">{len(prompts)} sentences</output></form>'
    )


def _prompt(prompt: str, files: Mapping[str, Path]) -> str:
    colours = " ".join(sorted(set(COLOUR_WORD.findall(prompt.lower()))))
    shown = "".join(_picture(arm, file) for arm, file in files.items())
    return (
        f'<figure class="prompt" data-colours="{colours}"><figcaption>{escape(prompt)}</figcaption>'
        f'<div class="arms">{shown}</div></figure>'
    )


def _picture(arm: str, file: Path) -> str:
    name = escape(tables.arm_name(arm))
    alt = "The true logo" if arm == "real" else f"Drawn by {name}"
    source = data_uri(file, LONGEST, "WEBP")
    return f'<figure data-arm="{escape(arm)}"><img src="{source}" alt="{alt}"><figcaption>{name}</figcaption></figure>'


class Gallery(SphinxDirective):
    """`gallery RESULTS`: the pictures of a run's evaluation, or one sentence where it kept none."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Raw HTML, or a paragraph."""
        results = Path(self.env.relfn2path(self.arguments[0])[1])
        self.env.note_dependency(str(results / "evaluate.json"))
        try:
            arms = shown_arms(results)
        except LogolibError as error:
            raise self.error(str(error)) from None
        if not arms:
            return [nodes.paragraph(text=NONE.replace("`", ""))]
        return [nodes.raw("", to_html(arms), format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive with Sphinx."""
    app.add_directive("gallery", Gallery)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
