"""What the doctor says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["fails", "warns", "notes"]
ORDER: tuple[Severity, ...] = ("fails", "warns", "notes")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: `fails` stops the training, `warns` spoils it, `notes` is good to know."""

    severity: Severity
    key: str  # the setting or file it is about, such as decoder.unets.0.image_embed_dim
    what: str  # one sentence
    remedy: str  # one sentence; "" where there is nothing to do


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Sorted by severity; within one, in the order they were found."""
    return sorted(findings, key=lambda finding: ORDER.index(finding.severity))


def as_text(findings: list[Finding]) -> str:
    """Findings for a terminal, a paragraph each."""
    if not findings:
        return "nothing is wrong"
    return "\n".join(
        f"{finding.severity:<5}  {finding.key}\n       {finding.what}"
        + (f"\n       => {finding.remedy}" if finding.remedy else "")
        for finding in findings
    )
