"""What a user may rely on: a base ships, draws by itself, and never met what the clubs keep for themselves."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from project import load_benchmark

from logolib.config import Profile
from logolib.emblems import RESERVED_CHARGES, RESERVED_SHAPES, RESERVED_STYLES
from logolib.emblems.corpus import sample_many
from logolib.emblems.phrases import CHARGE_WORDS
from logolib.generate import LogoPipeline
from logolib.models.clip import load_clip
from logolib.models.weights import BASE
from logolib.report.card import sittings_table, training_table
from logolib.train import train_decoder

PROMPT = 'a red lion on a gold shield, wordmark "LYON"'


@pytest.fixture(scope="module")
def base() -> LogoPipeline:
    return LogoPipeline.from_pretrained("default")


def test_the_base_is_small_enough_to_ship() -> None:
    sizes = [file.stat().st_size for file in BASE.rglob("*.safetensors")]
    assert sum(sizes) <= 24_000_000
    assert max(sizes) < 12_000_000


def test_the_base_draws_the_same_picture_again_and_another_for_another_prompt(base: LogoPipeline) -> None:
    prompts = [PROMPT, PROMPT, "a white ball on a blue roundel"]
    pixels = base(prompts, seeds=[0, 0, 0], num_inference_steps=4).pixels.astype(int)
    assert pixels.shape == (3, 64, 64, 3)
    assert np.abs(pixels[0] - pixels[1]).max() <= 2
    assert np.abs(pixels[0] - pixels[2]).mean() > 5
    assert pixels[0].std() > 20  # no blank page


def test_the_drawer_takes_no_part_in_generation() -> None:
    code = (
        "import sys; from logolib.generate import LogoPipeline;"
        f"LogoPipeline.from_pretrained('default')({PROMPT!r}, num_inference_steps=2);"
        "sys.exit(any(name.startswith('logolib.emblems') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_base_was_never_shown_a_reserved_element() -> None:
    for emblem, _ in sample_many(3000, 1):
        assert emblem.charge not in RESERVED_CHARGES
        assert emblem.shape not in RESERVED_SHAPES
        assert emblem.style not in RESERVED_STYLES


@pytest.mark.parametrize("charge", sorted(RESERVED_CHARGES))
def test_the_base_does_not_even_know_the_words_for_them(charge: str) -> None:
    vocabulary = load_clip(BASE / "clip").vocabulary
    for words in CHARGE_WORDS[charge]:
        assert vocabulary.unknown_words(words.format(c=""))


def test_the_card_counts_every_sitting(smoke: Profile, tiny_data: Path, tiny_model: Path, tmp_path: Path) -> None:
    further = tmp_path / "further"
    for part in ("clip", "prior"):
        shutil.copytree(tiny_model / part, further / part)
    again = smoke.decoder.model_copy(update={"start": str(tiny_model), "steps": 2})
    train_decoder(again, tiny_data, further, progress=False)
    load_benchmark("ship_base").ship(further, tmp_path / "base")
    record = json.loads((tmp_path / "base" / "base.json").read_text("utf8"))
    assert [one["steps"] for one in record["decoder"]["sittings"]] == [smoke.decoder.steps, 2]
    assert len(record["prior"]["sittings"]) == 1
    record["decoder"]["sittings"][1] |= {"reached": {"charge": [0.75, 0.68, 0.8]}, "alike": 0.5}
    table = re.sub(r">\s+<", "><", sittings_table(record["decoder"]["sittings"]))
    assert "<td>–</td><td>75% 68–80</td>" in table
    assert "<td>0</td><td>0.5</td>" in table
    row = training_table(record).split("<td>decoder</td>")[1].split("</tr>")[0]
    assert f"<td>{smoke.decoder.steps + 2}</td>" in row
    del record["decoder"]["sittings"]  # as bases before had it
    assert "<td>2</td>" in training_table(record).split("<td>decoder</td>")[1].split("</tr>")[0]
    made = record["decoder"]["provenance"]
    once_more = {**made, "settings": {**made["settings"], "start": "default", "steps": 5}}
    counted = load_benchmark("ship_base")._sittings(once_more, "decoder", record["decoder"])
    assert [one["steps"] for one in counted] == [smoke.decoder.steps, 2, 5]
