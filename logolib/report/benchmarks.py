"""What the scripts in `benchmarks/` measured: kept as JSON beside the book, shown by its `benchmark` directive."""

from __future__ import annotations

import json
import os
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes  # type: ignore[import-untyped]
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from logolib.report import tables
from logolib.results import commit, write_text


def keep(path: Path, rows: Sequence[Mapping[str, Any]], note: str = "") -> None:
    """Write rows, one mapping of column to value each, with the command, the commit and the machine."""
    command = shlex.join(["python", os.path.relpath(sys.argv[0]), *sys.argv[1:]])
    kept = {"command": command, "commit": commit(), "machine": machine(), "measured": _today(), "note": note}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps({**kept, "rows": list(rows)}, indent=1, ensure_ascii=False) + "\n")


def machine() -> str:
    """The processor's name and its cores, and the graphics card if there is one."""
    import torch

    info = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in _lines(info) if line.startswith("model name")]
    found = f"{os.cpu_count()} cores of {names[0] if names else platform.processor() or platform.machine()}"
    return f"{found}, {torch.cuda.get_device_name()}" if torch.cuda.is_available() else found


def to_html(kept: Mapping[str, Any]) -> str:
    """The rows as a table, a column for each name that any row has, and where they come from."""
    columns = list(dict.fromkeys(name for row in kept["rows"] for name in row))
    body = [[_written(row.get(name, "")) for name in columns] for row in kept["rows"]]
    line = " · ".join(str(kept[key]) for key in ("machine", "commit", "measured") if kept.get(key))
    note = f"<p>{escape(str(kept['note']))}</p>" if kept.get("note") else ""
    return (
        f"{tables.table([name.replace('_', ' ') for name in columns], body).data}{note}"
        f'<p class="provenance"><code>{escape(str(kept["command"]))}</code><br>{escape(line)}</p>'
    )


class Benchmark(SphinxDirective):
    """`benchmark FILE`: one kept table."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Raw HTML, or an error that names the file."""
        file = Path(self.env.relfn2path(self.arguments[0])[1])
        self.env.note_dependency(str(file))
        try:
            return [nodes.raw("", to_html(json.loads(file.read_text("utf8"))), format="html")]
        except (OSError, ValueError, AttributeError, TypeError, KeyError):
            raise self.error(f"{file.name} is no kept benchmark; run its script again.") from None


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive with Sphinx."""
    app.add_directive("benchmark", Benchmark)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _written(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}"


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf8").splitlines()
    except OSError:
        return []


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
