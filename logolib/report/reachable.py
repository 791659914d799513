"""What the theme and docutils leave out for readers by keyboard and by ear; axe-core finds nothing more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from docutils import nodes  # type: ignore[import-untyped]
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator


def name_toggles(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give each toggle of the sidebar's contents a name: that of the chapter whose pages it shows."""
    generate: Callable[..., Any] | None = context.get("generate_toctree_html")
    if generate is None:
        return

    def named(*args: Any, **options: Any) -> Any:
        contents = generate(*args, **options)
        for summary in contents("summary"):
            chapter = summary.find_parent("li").find("a")
            summary["aria-label"] = f"Pages of {chapter.get_text(strip=True)}"
        return contents

    context["generate_toctree_html"] = named


def visit_citation(translator: HTML5Translator, node: nodes.citation) -> None:
    """An entry of the bibliography as an item of its list; docutils' own role is deprecated (DPub-ARIA 1.1)."""
    type(translator).visit_citation(translator, node)
    translator.body[-1] = translator.body[-1].replace('role="doc-biblioentry"', 'role="listitem"')


def depart_citation(translator: HTML5Translator, node: nodes.citation) -> None:
    """As docutils does."""
    type(translator).depart_citation(translator, node)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register both with Sphinx."""
    app.connect("html-page-context", name_toggles, priority=900)  # 900: after the theme's own
    app.add_node(nodes.citation, override=True, html=(visit_citation, depart_citation))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
