"""What a user may rely on: weights come by name once, are checked, and stay in a cache."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
import torch
from loopback import site

from logolib.models import ModelError, fetch, load_prior
from logolib.models.upstream import create

PRIOR: dict[str, Any] = {
    "net": {"dim": 16, "depth": 1, "dim_head": 8, "heads": 2, "max_text_len": 0, "num_timesteps": 10},
    "image_embed_dim": 16,
    "image_size": 16,
    "timesteps": 10,
    "condition_on_text_encodings": False,
}


@pytest.fixture
def weights() -> bytes:
    data = io.BytesIO()
    torch.save({"model": create("DiffusionPriorConfig", PRIOR).state_dict(), "version": "1.15.6"}, data)
    return data.getvalue()


def test_an_address_is_fetched_once_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: bytes
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    digest = hashlib.sha256(weights).hexdigest()
    with site({"/prior.pth": weights, "/other.pth": weights[:-1]}) as (base, asked):
        prior = load_prior(f"{base}prior.pth#sha256={digest}", PRIOR)
        assert prior.net.learned_query.shape == (16,)  # type: ignore[union-attr]
        assert fetch(f"{base}prior.pth", digest).read_bytes() == weights
        assert asked["/prior.pth"] == 1
        with pytest.raises(ModelError, match="checksum"):
            fetch(f"{base}other.pth", digest)
        with pytest.raises(ModelError, match="needs its checksum"):
            fetch(f"{base}prior.pth")
        with pytest.raises(ModelError, match="404"):
            fetch(f"{base}none.pth", digest)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["prior.pth"]


def test_a_name_on_hugging_face_is_fetched_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: bytes
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    path, commit = "/some/prior/resolve/main/deep/latest.pth", "0" * 40
    headers = {"ETag": '"abc"', "X-Repo-Commit": commit}
    with site({path: (200, headers, weights)}) as (base, asked):
        monkeypatch.setenv("HF_ENDPOINT", base.rstrip("/"))
        load_prior("some/prior/deep/latest.pth", PRIOR)
        load_prior("some/prior/deep/latest.pth", PRIOR)
        assert asked[path] == 1
        with pytest.raises(ModelError, match="Hugging Face does not give it"):
            fetch("some/prior/none.pth")
    with pytest.raises(ModelError, match="There is no file"):
        fetch("nowhere.pth")


def test_a_file_on_disk_is_checked_when_asked(tmp_path: Path, weights: bytes) -> None:
    (tmp_path / "a.pth").write_bytes(weights)
    assert fetch(tmp_path / "a.pth") == tmp_path / "a.pth"
    with pytest.raises(ModelError, match="damaged or another file"):
        fetch(tmp_path / "a.pth", "0" * 64)
