"""Docstrings for the book's API reference: prose with `code` in single marks, turned into what Sphinx reads."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

CODE = re.compile(r"`([^`]+)`")
MARKUP = re.compile(r"[\\*|`]|(?<=\w)_(?!\w)")  # what reStructuredText would take for its own
SIGNATURE = re.compile(r"<dl>\n((?:<dd>.*?</dd>\n)+)</dl>", re.DOTALL)


def to_rst(lines: list[str]) -> list[str]:
    """A docstring's lines as reStructuredText: `x` becomes code, everything else stays as it is written."""
    parts = CODE.split("\n".join(lines))
    marked = [rf"\ ``{part}``\ " if i % 2 else MARKUP.sub(r"\\\g<0>", part) for i, part in enumerate(parts)]
    return "".join(marked).split("\n")


def listed(html: str) -> str:
    """A page whose long signatures are lists; Sphinx writes definitions without terms, and screen readers stumble."""
    return SIGNATURE.sub(lambda found: f"<ul>{found[1].replace('dd>', 'li>')}</ul>", html)


def setup(app: Sphinx) -> dict[str, Any]:
    """Let every docstring that autodoc reads, and every page, pass through."""
    app.connect("autodoc-process-docstring", _process)
    app.connect("html-page-context", _process_page)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _process(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Sphinx takes what is changed in place."""
    lines[:] = to_rst(lines)


def _process_page(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """A page without a body, like the search, has no signature."""
    context["body"] = listed(context.get("body", ""))
