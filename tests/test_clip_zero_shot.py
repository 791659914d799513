"""What a user may rely on: what captions name is read rightly, and recognition is counted against chance."""

from __future__ import annotations

import numpy as np
import torch

from logolib.models import Clip
from logolib.text import Vocabulary
from logolib.train.zero_shot import named_colours, named_figures, named_letters, recognised, zero_shot

CAPTIONS = ['A blue letter "D" in gold.', 'Connected initials "GT" in gold.', "An orange tiger's paw.", "A red lion."]


def test_captions_tell_their_colours_letters_and_figures() -> None:
    assert [named_colours(c) for c in CAPTIONS] == [{"blue", "gold"}, {"gold"}, {"orange"}, {"red"}]
    assert [named_letters(c) for c in CAPTIONS] == [{"D"}, {"G", "T"}, set(), set()]
    assert [named_figures(c) for c in CAPTIONS] == [set(), set(), {"tiger", "paw"}, {"lion"}]


def test_recognition_is_the_nearest_prompt() -> None:
    right = np.eye(4, dtype=bool)
    perfect = recognised(torch.eye(4), torch.eye(4), right, 0)
    assert (perfect["accuracy"], perfect["low"], perfect["high"], perfect["chance"]) == (1.0, 1.0, 1.0, 0.25)
    assert recognised(torch.eye(4).roll(1, 0), torch.eye(4), right, 0)["accuracy"] == 0.0


def test_every_kind_has_its_classes_and_its_chance() -> None:
    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
    }
    clip = Clip(config, Vocabulary.of(CAPTIONS, 16)).eval()
    found = zero_shot(clip, torch.eye(4, 16), CAPTIONS, 0)
    assert found["colour"]["classes"] == ["blue", "gold", "orange", "red"]
    assert found["colour"]["chance"] == 5 / 16
    assert found["letter"]["n"] == found["mascot"]["n"] == 2
    assert zero_shot(clip, torch.eye(1, 16), CAPTIONS[-1:], 0) == {}
