"""The base model's card in the book: how it was trained and what it reaches, from the records that ship with it."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes  # type: ignore[import-untyped]
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from logolib.config import Shares
from logolib.models.weights import BASE
from logolib.report import tables

LABELS = {
    "shape": "shape of the ground",
    "division": "division of the ground",
    "field": "first colour of the ground",
    "second": "second colour of the ground",
    "border": "border",
    "charge": "figure",
    "charge_colour": "colour of the figure",
}


def training_table(record: dict[str, Any]) -> str:
    """One row a part: parameters, precision, and steps, pictures seen and minutes of all its sittings together."""
    rows = []
    for part, about in record.items():
        made = about["provenance"]
        sittings = about.get("sittings", [made["settings"] | {"seconds": made["seconds"]}])
        rows.append(
            [
                part,
                f"{about['values']['parameters']:,}",
                about["precision"],
                str(len(sittings)),
                f"{sum(one['steps'] for one in sittings):,}",
                f"{sum(one['steps'] * one['batch_size'] for one in sittings):,}",
                f"{sum(one['seconds'] for one in sittings) / 60:.0f}",
            ]
        )
    head = ["part", "parameters", "stored as", "sittings", "steps", "pictures seen", "minutes"]
    return str(tables.table(head, rows).data)


def attribute_table(measured: dict[str, Any]) -> str:
    """One row an attribute: right, before the weights were packed, interval, chance, ceiling, prompts."""
    before = measured.get("before_packing", measured)
    rows = [
        [
            LABELS[name],
            f"{row['accuracy']:.0%}",
            f"{before['attributes'][name]['accuracy']:.0%}",
            f"{row['low']:.0%} to {row['high']:.0%}",
            f"{row['chance']:.0%}",
            f"{row['ceiling']:.0%}",
            f"{row['n']:.0f}",
        ]
        for name, row in measured["attributes"].items()
    ]
    both = measured["together"]
    of = ", ".join(LABELS[name] for name in measured["together_of"])
    low_high = f"{both['low']:.0%} to {both['high']:.0%}"
    unpacked = f"{before['together']['accuracy']:.0%}"
    rows.append([f"all of these: {of}", f"{both['accuracy']:.0%}", unpacked, low_high, "", "", f"{both['n']:.0f}"])
    head = ["attribute", "right", "before packing", "95% interval", "chance", "ceiling", "prompts"]
    return str(tables.table(head, rows).data)


def sittings_table(sittings: list[dict[str, Any]]) -> str:
    """One column a sitting, the first one first: its length, its drawings, and what the base then reached."""
    rows = [
        ["minutes", *(f"{one['seconds'] / 60:.0f}" for one in sittings)],
        ["thousand pictures", *(f"{one['steps'] * one['batch_size'] / 1000:.0f}" for one in sittings)],
        *([f"decoder.{share}", *(f"{one.get(share, 0):g}" for one in sittings)] for share in Shares._fields),
        *([LABELS[name], *(_reached(one, name) for one in sittings)] for name in LABELS),
        ["all of these but division and border", *(_reached(one, "together") for one in sittings)],
    ]
    return str(tables.table(["sitting", *map(str, range(1, len(sittings) + 1))], rows).data)


def _reached(sitting: dict[str, Any], name: str) -> str:
    if name not in sitting.get("reached", {}):
        return "–"
    right, low, high = sitting["reached"][name]
    return f"{right:.0%} {low * 100:.0f}–{high * 100:.0f}"


def to_html(record: dict[str, Any], measured: dict[str, Any]) -> str:
    """Both tables and where their numbers come from."""
    facts = measured["provenance"]
    line = " · ".join(f"{key} {facts[key]}" for key in ("seed", "commit", "data_hash", "started"))
    return (
        f"<h2>Training</h2>{training_table(record)}<h2>What it reaches</h2>{attribute_table(measured)}"
        f"<p>Packing the weights moves a pixel by {measured.get('levels_moved', 0):.1f} of 255 levels on average.</p>"
        f'<p class="provenance"><code>python benchmarks/measure_base.py</code><br>{escape(line)}</p>'
    )


class ModelCard(SphinxDirective):
    """`model-card`: the tables of the base that ships."""

    def run(self) -> list[nodes.Node]:
        """Raw HTML nodes, or one sentence when nothing ships."""
        files = [BASE / "base.json", BASE / "measured.json"]
        if not all(file.exists() for file in files):
            return [nodes.paragraph(text="No base ships with this version.")]
        for file in files:
            self.env.note_dependency(str(file))
        record, measured = (json.loads(Path(file).read_text("utf8")) for file in files)
        return [nodes.raw("", self.to_html(record, measured), format="html")]

    def to_html(self, record: dict[str, Any], measured: dict[str, Any]) -> str:
        """What stands there."""
        return to_html(record, measured)


class BaseSittings(ModelCard):
    """`base-sittings`: how its decoder came about."""

    def to_html(self, record: dict[str, Any], measured: dict[str, Any]) -> str:
        """One table."""
        return sittings_table(record["decoder"]["sittings"])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive with Sphinx."""
    app.add_directive("model-card", ModelCard)
    app.add_directive("base-sittings", BaseSittings)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
