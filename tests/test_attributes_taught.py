"""What a user may rely on: a text tower learns what drawn emblems show, and stays the tower that it was."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch

from logolib.emblems.corpus import sample_many
from logolib.models import Clip
from logolib.text import Vocabulary
from logolib.train.attributes import ATTRIBUTES, teach_attributes

TINY: dict[str, Any] = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {"context_length": 64, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


def test_a_tower_learns_what_drawn_emblems_show() -> None:
    torch.manual_seed(0)
    clip = Clip(TINY, Vocabulary.of([caption for _, caption in sample_many(2000, 0)], 64)).eval()
    clip.net.visual.requires_grad_(False)
    before = {name: weight.clone() for name, weight in clip.state_dict().items()}
    learns = {name: weight.requires_grad for name, weight in clip.named_parameters()}

    taught = teach_attributes(clip, 150, seed=0, emblems=2000, progress=False)

    assert set(taught) == {*ATTRIBUTES, "cosine"}
    colours = Counter(emblem.charge_colour for emblem, _ in sample_many(2000, 1, for_judging=True))
    assert taught["charge_colour"] > colours.most_common(1)[0][1] / 2000 + 0.15  # what always saying the commonest gets
    assert taught["cosine"] > 0.9
    changed = {name for name, weight in clip.state_dict().items() if not weight.equal(before[name])}
    assert changed
    assert all(name.startswith("net.") and "visual" not in name and "token_embedding" not in name for name in changed)
    assert {name: weight.requires_grad for name, weight in clip.named_parameters()} == learns
