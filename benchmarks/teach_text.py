"""Teach the text tower of a CLIP what drawn emblems show, and leave all else of it (`logolib.train.attributes`).

What `clip.attribute_steps` does at the end of a training, for a CLIP that is there already:
python benchmarks/teach_text.py logolib/weights/base/clip runs/taught/clip --steps 500
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from logolib.config import LogolibError
from logolib.models.clip import load_clip
from logolib.models.lineage import part_lineage
from logolib.train.attributes import teach_attributes
from logolib.train.loop import best_device


def main() -> None:
    """Read the command line, teach and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    try:
        clip = load_clip(given.clip).to(best_device())
        read = teach_attributes(clip, given.steps, given.seed)
        clip.save(given.out, lineage=part_lineage(given.clip).record())
    except LogolibError as error:
        sys.exit(str(error))
    print(json.dumps(read))


if __name__ == "__main__":
    main()
