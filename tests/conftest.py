"""A tiny data set and a tiny trained model, made once for all tests."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from PIL import Image

from logolib.config import Profile, load_profile

# A job in the background starts with interrupts ignored; tests that interrupt need them heard.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def smoke() -> Profile:
    return load_profile("smoke")


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory, smoke: Profile) -> Path:
    """Twenty-four crests of the demo, as shards."""
    from logolib.collect import collect
    from logolib.data import build_dataset
    from logolib.emblems import clubs, draw

    root = tmp_path_factory.mktemp("tiny")
    folder = root / "folder"
    folder.mkdir()
    lines = ["file,caption,team,league"]
    for i, club in enumerate(clubs(24, 0)):
        Image.fromarray(draw(club.emblem, 64)).save(folder / f"{i}.png")
        caption = club.caption.replace('"', '""')
        lines.append(f'{i}.png,"{caption}",{club.name},{club.league}')
    (folder / "captions.csv").write_text("\n".join(lines), "utf8")
    settings = smoke.collect.model_copy(update={"source": str(folder)})
    collect(settings, root / "collected", progress=False)
    build_dataset(smoke.dataset, root / "collected", root / "data", progress=False)
    return root / "data"


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory, smoke: Profile, tiny_data: Path) -> Path:
    """A CLIP, a prior and a decoder after a few steps: everything but skill."""
    from logolib.train import train_clip, train_decoder, train_prior

    run = tmp_path_factory.mktemp("model")
    train_clip(smoke.clip, tiny_data, run, progress=False)
    train_prior(smoke.prior, tiny_data, run, progress=False)
    train_decoder(smoke.decoder, tiny_data, run, progress=False)
    assert json.loads((run / "clip" / "result.json").read_text("utf8"))["stage"] == "clip"
    return run
