"""What the caption stage proposed, what its gate let through, and how good the gate is."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from IPython.display import HTML

from logolib.report.figures import cards
from logolib.report.tables import Source, load, table
from logolib.results import ResultError


def gallery(folder: Path, accepted: bool) -> HTML:
    """Captions that the gate accepted, or refused and why, below their logos; `folder` holds the stage's result."""
    shown = [one for one in load(folder).values["gallery"] if one["accepted"] == accepted]
    if not shown:
        return HTML("<p>None.</p>")
    lines = [one["caption"] if accepted else f"{one['caption']} [{one['test']}: {one['reason']}]" for one in shown]
    files = [folder / "gallery" / f"{one['id']}.png" for one in shown]
    return HTML(cards([(line, [file]) for line, file in zip(lines, files, strict=True)]))


def listing(folder: Path) -> HTML:
    """Each logo with its surest accepted caption, or with the likeliest one and why it is refused."""
    try:
        verdicts = pd.read_csv(folder / "verdicts.csv", keep_default_na=False)
    except OSError:
        raise ResultError(f"There are no verdicts in {folder}; run the caption stage first.") from None
    sure = pd.to_numeric(verdicts["score"], errors="coerce").where(verdicts["accepted"] == 1, 0)
    ranked = verdicts.assign(sure=sure).sort_values(["accepted", "sure"], ascending=False)
    first = ranked.groupby("id").head(1).sort_index()
    rows = [
        [str(one.club), str(one.caption), "accepted" if one.accepted else f"{one.test}: {one.reason}"]
        for one in first.itertuples()
    ]
    return table(["club", "caption", "verdict"], rows)


def refused(source: Source) -> HTML:
    """How many candidates failed each test."""
    values = load(source).values
    rows = [[test, f"{n}", f"{n / values['candidates']:.0%}"] for test, n in values["refused"].items()]
    return table(["test", "candidates that fail it", "of all"], rows or [["none", "0", "0%"]])


def gate(source: Source) -> HTML:
    """What the gate lets through of captions it has not seen: true ones, and three kinds of false ones."""
    measured = load(source).values["gate"]
    rows = []
    for known, label in (("with_club", "known"), ("without_club", "not known")):
        for kind, (share, low, high) in measured[known]["passed"].items():
            failed = measured[known]["failed"].get(kind, {})
            worst = ", ".join(f"{test} {n}" for test, n in failed.items())
            rows.append([label, kind, f"{share:.0%}", f"{low:.0%} to {high:.0%}", worst])
    return table(["club's name", "captions", "pass", "95 % interval", "tests that the others fail"], rows)
