"""What was measured on real logos: kept as small JSON files, shown by the book's `measured` directive."""

from __future__ import annotations

import argparse
import json
import math
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes  # type: ignore[import-untyped]
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from logolib.report import tables
from logolib.results import ResultError, finite, read_result, write_text

FOLDERS = {
    "collect": "collected",
    "dataset": "data",
    "caption": "captions",
    "clip": "model/clip",
    "prior": "model/prior",
    "decoder": "model/decoder",
    "generate": "samples",
    "evaluate": "evaluation",
    "study": "study",
}  # where a run keeps each stage's result


def measure(run: Path, title: str, command: str, note: str = "") -> dict[str, Any]:
    """The numbers of a run without its captions or pictures, and where they come from.

    Raises ResultError when the run holds no result at all.
    """
    found = {stage: run / folder / "result.json" for stage, folder in FOLDERS.items()}
    results = {stage: read_result(path) for stage, path in found.items() if path.is_file()}
    if not results:
        raise ResultError(f"{run.name} holds no results; run the pipeline first.")
    first = next(iter(results.values())).provenance
    return {
        "title": title,
        "note": note,
        "command": command,
        **{key: first.get(key) for key in ("profile", "seed", "commit", "data_hash", "started")},
        "seconds": round(sum(float(result.provenance.get("seconds", 0)) for result in results.values()), 1),
        "verdict": str(results["evaluate"].values.get("verdict", "")) if "evaluate" in results else "",
        "numbers": {stage: finite(tables.numbers(stage, result)) for stage, result in results.items()},
    }


def to_html(kept: dict[str, Any]) -> str:
    """One measured file as HTML: title, note, one table, the command and its provenance."""
    rows = [
        [
            stage,
            tables.NUMBERS[stage][key].label,
            tables.written(stage, key, math.nan if value is None else value),
        ]
        for stage, found in kept["numbers"].items()
        for key, value in found.items()
    ]
    words = [str(kept[key]) for key in ("note", "verdict") if kept.get(key)]
    facts = ("profile", "seed", "commit", "data_hash", "seconds", "started")
    line = " · ".join(f"{key.replace('_', ' ')} {kept[key]}" for key in facts if kept.get(key) not in (None, ""))
    return (
        f"<h2>{escape(str(kept['title']))}</h2><p>{escape(' '.join(words))}</p>"
        f"{tables.table(['stage', 'what', 'value'], rows).data}"
        f'<p class="provenance"><code>{escape(str(kept.get("command", "")))}</code><br>{escape(line)}</p>'
    )


class Measured(SphinxDirective):
    """`measured FOLDER`: every JSON file of a folder beside the page, in order of name."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Raw HTML nodes, or one sentence when nothing is kept yet."""
        folder = Path(self.env.relfn2path(self.arguments[0])[1])
        files = sorted(folder.glob("*.json"))
        if not files:
            return [nodes.paragraph(text="Nothing is kept here yet.")]
        shown: list[nodes.Node] = []
        for file in files:
            self.env.note_dependency(str(file))
            try:
                html = to_html(json.loads(file.read_text("utf8")))
            except (ValueError, AttributeError, TypeError, KeyError):
                raise self.error(f"{file.name} is no measured result; make it again.") from None
            shown.append(nodes.raw("", html, format="html"))
        return shown


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive with Sphinx."""
    app.add_directive("measured", Measured)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def main() -> None:
    """Keep a run's numbers: python -m logolib.report.measured RUN OUT --title T --command C [--note N]."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--title", required=True)
    parser.add_argument("--command", required=True)
    parser.add_argument("--note", default="")
    given = parser.parse_args()
    kept = measure(given.run, given.title, given.command, given.note)
    write_text(given.out, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
