"""The README's picture: the first picture of each prompt of a run's gallery, in order, without choice."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from logolib.images import save_png, sheet
from logolib.results import read_result


def main() -> None:
    """Read the command line: python benchmarks/readme_picture.py runs/demo book/_static/generated.png."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    pictures = read_result(given.run / "samples" / "result.json", "generate").values["pictures"]
    first = {picture["prompt"]: picture["file"] for picture in reversed(pictures)}
    files = [first[prompt] for prompt in dict.fromkeys(picture["prompt"] for picture in pictures)]
    shown = [np.asarray(Image.open(given.run / "samples" / file).resize((128, 128))) for file in files]
    save_png(sheet(shown, columns=8, gap=6), given.out)


if __name__ == "__main__":
    main()
