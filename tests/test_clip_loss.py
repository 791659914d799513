"""What a user may rely on: the loss of a batch is the same in parts, on several processes, and as open_clip has it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from open_clip.loss import ClipLoss
from together import run_on_two
from torch import Tensor

from logolib.models import Clip
from logolib.text import Vocabulary
from logolib.train.contrastive import batch_loss, symmetric_loss

CAPTIONS = ["A red lion.", "A blue eagle on gold.", "Green bars.", "A red lion.", "A star.", "A white bear."]
SAME = torch.tensor([0, 1, 2, 0, 3, 4])
TINY: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}
OF_ONE_PROCESS = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(sys.argv[1])))
from test_clip_loss import gradients
from logolib.train import processes
import torch
processes.join()
found = [gradients(1, True), gradients(2, False)]
if processes.rank() == 0:
    torch.save(found, sys.argv[2])
torch.distributed.destroy_process_group()
"""


def batch() -> tuple[Clip, Tensor, Tensor]:
    torch.manual_seed(0)
    clip = Clip(TINY, Vocabulary.of(CAPTIONS, 16)).double()
    return clip, torch.randn(6, 3, 32, 32, dtype=torch.float64), clip.vocabulary.encode(CAPTIONS)


def gradients(parts: int, multi_positive: bool) -> dict[str, Tensor]:
    """The loss and its gradients, of this process's share of the batch, summed over all."""
    import numpy as np

    from logolib.train import processes

    clip, images, tokens = batch()
    rows = processes.own_part(np.arange(6))
    value = batch_loss(clip, images[rows], tokens[rows], SAME if multi_positive else None, parts=parts)
    if value.requires_grad:
        value.backward()
    processes.sum_gradients(clip.parameters())
    found = {name: p.grad for name, p in clip.named_parameters() if p.grad is not None}
    return {"loss": value.detach(), **found}


def test_the_loss_is_open_clip_s() -> None:
    torch.manual_seed(0)
    images, texts = F.normalize(torch.randn(5, 8), dim=-1), F.normalize(torch.randn(5, 8), dim=-1)
    scale = torch.tensor(20.0)
    torch.testing.assert_close(symmetric_loss(images, texts, scale), ClipLoss()(images, texts, scale))
    distinct = symmetric_loss(images, texts, scale, torch.arange(5))
    torch.testing.assert_close(distinct, ClipLoss()(images, texts, scale))


def test_a_repeated_caption_is_right_wherever_it_stands() -> None:
    eye = torch.eye(3)
    images, texts = eye[[0, 1, 0]], eye[[0, 1, 0]]
    scale = torch.tensor(100.0)
    several = symmetric_loss(images, texts, scale, torch.tensor([0, 1, 0]))
    torch.testing.assert_close(several, torch.tensor(2 * 0.6931472 / 3))  # the entropy of two equal answers
    swapped = symmetric_loss(images[[2, 1, 0]], texts, scale, torch.tensor([0, 1, 0]))
    torch.testing.assert_close(swapped, several)


@pytest.mark.parametrize("multi_positive", [False, True])
@pytest.mark.parametrize("parts", [2, 4])
def test_a_batch_in_parts_has_the_gradients_of_one_piece(parts: int, multi_positive: bool) -> None:
    whole, split = gradients(1, multi_positive), gradients(parts, multi_positive)
    assert whole.keys() == split.keys()
    for name in whole:
        torch.testing.assert_close(split[name], whole[name])


def test_a_batch_in_parts_has_gradients_under_autocast_too() -> None:
    clip, images, tokens = batch()
    clip = clip.float()
    with torch.autocast("cpu", torch.bfloat16):
        batch_loss(clip, images.float(), tokens, parts=2)
    missing = [name for name, p in clip.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    # keys' biases shift all scores alike, and words that do not occur are not looked up
    assert missing == []


def test_two_processes_have_the_loss_and_gradients_of_one(tmp_path: Path) -> None:
    script, kept = tmp_path / "share.py", tmp_path / "found.pt"
    script.write_text(OF_ONE_PROCESS, "utf8")
    command = [sys.executable, str(script), str(Path(__file__).parent), str(kept)]
    run_on_two(command)
    shared = torch.load(kept, weights_only=True)
    for found, alone in zip(shared, [gradients(1, True), gradients(2, False)], strict=True):
        assert found.keys() == alone.keys()
        for name in alone:
            torch.testing.assert_close(found[name], alone[name])
