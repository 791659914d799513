"""The book's link to itself as one PDF, where it was printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes  # type: ignore[import-untyped]
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class Printed(SphinxDirective):
    """`printed FILE`: a link to the PDF that lies beside the pages, or how to make it."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A paragraph."""
        file = Path(self.env.relfn2path(self.arguments[0])[1])
        self.env.note_dependency(str(file))
        if not file.is_file():
            return [nodes.paragraph("", "These pages as one PDF: ", nodes.literal(text="make pdf"), nodes.Text("."))]
        link = nodes.reference("", "These pages as one PDF", refuri=file.name, internal=False)
        return [nodes.paragraph("", "", link, nodes.Text(f" ({file.stat().st_size / 1e6:.1f} MB)."))]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive with Sphinx."""
    app.add_directive("printed", Printed)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
