"""What a user may rely on: weights come back as they were, or within what their precision can hold."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from logolib.models.weights import BASE, ModelError, load_weights, model_folder, save_weights


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(8, 64, 3), nn.BatchNorm2d(64), nn.Flatten(), nn.Linear(64, 96))


@pytest.mark.parametrize(("precision", "error"), [("float32", 0.0), ("float16", 1e-3), ("int8", 1 / 127)])
def test_weights_come_back_within_their_precision(precision: str, error: float, tmp_path: Path) -> None:
    torch.manual_seed(0)
    before, after = network(), network()
    save_weights(before, tmp_path / "w.safetensors", precision)  # type: ignore[arg-type]
    load_weights(after, tmp_path / "w.safetensors")
    for a, b in zip(before.state_dict().values(), after.state_dict().values(), strict=True):
        assert a.dtype == b.dtype
        assert torch.allclose(a, b, rtol=0, atol=float(error * a.abs().max()))


def test_eight_bits_take_a_quarter_of_the_room(tmp_path: Path) -> None:
    large = nn.Linear(512, 512)
    sizes = []
    for precision in ("float32", "int8"):
        save_weights(large, tmp_path / precision, precision)  # type: ignore[arg-type]
        sizes.append((tmp_path / precision).stat().st_size)
    assert sizes[1] < 0.27 * sizes[0]


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    save_weights(nn.Linear(512, 64), tmp_path / "w", "int8")
    with pytest.raises(ModelError, match="of another model"):
        load_weights(nn.Linear(64, 64), tmp_path / "w")


def test_a_model_is_a_run_its_model_folder_or_the_base(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    assert model_folder(tmp_path) == model_folder(tmp_path / "model") == tmp_path / "model"
    assert model_folder("default") == BASE
