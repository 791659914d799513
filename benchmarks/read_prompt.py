"""What the marker reads as the figure in pictures of one prompt, drawn with the seeds 0, 1, 2 and so on.

python benchmarks/read_prompt.py 'a red lion on a gold shield, wordmark "LYON"'
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from logolib.config import LogolibError
from logolib.evaluate.judge import load_shipped_marker
from logolib.evaluate.marker import SIZE
from logolib.generate import LogoPipeline


def main() -> None:
    """Read the command line, draw and read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prompt")
    parser.add_argument("--model", default="default")
    parser.add_argument("--pictures", type=int, default=16)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--guidance", type=float, default=2.0)
    given = parser.parse_args()
    try:
        pipe, prompts = LogoPipeline.from_pretrained(given.model), [given.prompt] * given.pictures
        options = {"num_inference_steps": given.steps, "guidance_scale": given.guidance}
        made = pipe(prompts, seeds=list(range(given.pictures)), size=SIZE, **options).pixels
        read = Counter(row["charge"] for row in load_shipped_marker().read(made))
    except LogolibError as error:
        sys.exit(str(error))
    print(", ".join(f"{figure} {count}" for figure, count in read.most_common()))


if __name__ == "__main__":
    main()
