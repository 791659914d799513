"""What is installed with the package: versions against requirements.lock, licences, and known weaknesses.

    python benchmarks/audit.py [--offline]     # or: make audit

Writes book/benchmarks/licences.json, a line for each licence. Ends with 1 where a version is not the locked one or
pip-audit knows of a weakness. pip-audit asks the Python Package Index; without it, without a network
or with --offline that part is left out, and a sentence says so.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from logolib.report.benchmarks import keep

LOCK = Path("requirements.lock")
TABLE = Path("book/benchmarks/licences.json")
# Names of one licence that packages write in several ways, most particular first.
KNOWN = (
    ("Apache-2.0", r"apache"),
    ("MPL-2.0", r"mpl|mozilla"),
    ("LGPL", r"lgpl|lesser general"),
    ("GPL", r"\bgpl|general public"),
    ("BSD", r"bsd"),
    ("MIT", r"\bmit\b|expat"),
    ("PSF", r"psf|python software foundation|python-2"),
    ("ISC", r"\bisc"),
    ("Unlicense", r"unlicense|public domain"),
    ("HPND", r"hpnd|cmu"),
    ("NVIDIA's own terms", r"nvidia"),
    ("Zope", r"zpl|zope"),
)


def plain(name: str) -> str:
    """A package's name as the lock file writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(text: str) -> dict[str, set[str]]:
    """Package => its versions in a lock file, of which there are several where Pythons differ."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.M):
        found[plain(name)].add(version)
    return found


def licence(package: Distribution) -> str:
    """The licence that a package's metadata state, under one name; "" where they state none."""
    about = package.metadata
    stated = [about.get("License-Expression") or "", *(c for c in about.get_all("Classifier", []) if "License ::" in c)]
    stated.append((about.get("License") or "").strip().split("\n")[0][:80])
    for text in filter(None, stated):
        names = [name for name, pattern in KNOWN if re.search(pattern, text, re.I)]
        if names:
            return " and ".join(names[:2]) if re.search(r"\b(and|or)\b", text, re.I) else names[0]
    files = [file for file in package.files or () if re.search(r"licen[sc]e|copying", file.name, re.I)]
    for file in files:
        text = Path(str(package.locate_file(file)))
        head = text.read_text("utf8", "replace")[:400] if text.is_file() else ""
        for name, pattern in KNOWN:
            if re.search(pattern, head, re.I):
                return name
    return next((text for text in stated if text and not text.startswith("License ::")), "")


def installed(names: set[str]) -> dict[str, Distribution]:
    """The packages of some names that are here."""
    return {plain(one.metadata["Name"]): one for one in distributions() if plain(one.metadata["Name"] or "") in names}


def faults(lock: dict[str, set[str]], here: dict[str, Distribution]) -> Iterator[str]:
    """What is not as it should be, a sentence each."""
    for name, package in sorted(here.items()):
        if package.version not in lock[name]:
            told = " or ".join(sorted(lock[name]))
            yield f"{name} is {package.version}, not {told}; remove .venv/.ready and run `make lint`."


def weaknesses(offline: bool) -> tuple[str, bool]:
    """A sentence on known weaknesses, and whether there are any."""
    command = [sys.executable, "-m", "pip_audit", "--progress-spinner", "off", "--no-deps", "--disable-pip"]
    command += ["-r", str(LOCK)]
    if offline:
        return "Known weaknesses were not asked for (--offline).", False
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return "Known weaknesses were not looked up: the Python Package Index did not answer in time.", False
    if "No known vulnerabilities" in done.stdout + done.stderr:
        return "pip-audit knows of no weakness in the locked versions.", False
    if "No module named" in done.stderr:
        return "Known weaknesses were not looked up: pip-audit is not installed.", False
    found = [line for line in done.stdout.splitlines() if re.match(r"[\w.-]+\s+\d", line)]
    if found:
        return "pip-audit knows of weaknesses: " + "; ".join(" ".join(line.split()[:3]) for line in found), True
    reason = (done.stderr.strip().splitlines() or ["no answer"])[-1][:200]
    return f"Known weaknesses were not looked up: pip-audit could not ask the Python Package Index ({reason}).", False


def main() -> int:
    """Print what is wrong, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--offline", action="store_true", help="ask nobody")
    given = parser.parse_args()
    lock = locked(LOCK.read_text("utf8"))
    here = installed(set(lock))
    wrong = list(faults(lock, here))
    by_licence: dict[str, list[str]] = defaultdict(list)
    for name, package in sorted(here.items()):
        by_licence[licence(package) or "none stated"].append(name)
    said, weak = weaknesses(given.offline)
    absent = f"{len(lock) - len(here)} of them are for other systems or Pythons and are not installed here."
    note = f"{len(lock)} packages are locked; {absent} {said}"
    rows = [
        {"licence": name, "packages": len(names), "names": ", ".join(names)}
        for name, names in sorted(by_licence.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
    keep(TABLE, rows, note)
    print("\n".join([*wrong, note]))
    return int(bool(wrong) or weak)


if __name__ == "__main__":
    sys.exit(main())
