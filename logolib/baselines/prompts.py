"""The prompts of the comparison: those of 2022, the demo's captions, or the user's own file."""

from __future__ import annotations

from pathlib import Path

from logolib.baselines.weights import BaselineError
from logolib.emblems import clubs

# What the report of 2022/23 asked its models for.
PROMPTS_2022: tuple[str, ...] = (
    "A soccer club logo",
    "A bald guy skiing in a green plain",
    "A fireman saving a child from a burning castle",
    "A judo champion tanning on a beach",
    "A little smurf riding a dog",
    "Beautiful sunset on a lake",
    "The Eiffel tower on the night",
    "Beautiful corgi playing soccer",
)


def pick_prompts(source: str, n: int, seed: int = 0) -> list[str]:
    """The first n prompts of `2022`, of `clubs` (the demo's captions) or of a text file, one a line.

    Raises BaselineError for a file that is missing, empty or no text.
    """
    if source == "2022":
        return list(PROMPTS_2022[:n])
    if source == "clubs":
        return [club.caption for club in clubs(n, seed)]
    try:
        lines = [line.strip() for line in Path(source).read_text("utf8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise BaselineError(
            f"The prompts {source!r} cannot be read ({error}); give 2022, clubs or a text file."
        ) from None
    if not any(lines):
        raise BaselineError(f"{source} holds no prompt; write one a line.")
    return [line for line in lines if line][:n]
