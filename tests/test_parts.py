"""What a user may rely on: a prior and a decoder learn the same on two processes as on one, within rounding."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from together import run_on_two

from logolib.config import DecoderSettings, PriorSettings, Profile
from logolib.models.weights import read_weights
from logolib.train import train_decoder, train_prior
from logolib.train.loop import TrainError

OF_ONE_PROCESS = """
import sys
from pathlib import Path
from logolib.config import PriorSettings, DecoderSettings
from logolib.train import train_decoder, train_prior
from torch import distributed
data, run, prior, decoder = sys.argv[1:]
train_prior(PriorSettings.model_validate_json(prior), Path(data), Path(run), progress=False)
train_decoder(DecoderSettings.model_validate_json(decoder), Path(data), Path(run), progress=False)
distributed.destroy_process_group()
"""


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_two_processes_train_what_one_trains(
    smoke: Profile, tiny_data: Path, tiny_model: Path, tmp_path: Path, optimizer: str
) -> None:
    short = {"steps": 2, "accum_freq": 2, "drawn": 0, "optimizer": optimizer}
    prior, decoder = smoke.prior.model_copy(update=short), smoke.decoder.model_copy(update=short)
    runs = [tmp_path / "one", tmp_path / "two"]
    for run in runs:
        run.mkdir()
        (run / "clip").symlink_to(tiny_model / "clip")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as the two have: sums in another order differ by a rounding, which Adam makes a step of
    train_prior(prior, tiny_data, runs[0], progress=False)
    train_decoder(decoder, tiny_data, runs[0], progress=False)
    torch.set_num_threads(threads)
    _on_two(tiny_data, runs[1], prior, decoder)
    for part in ("prior", "decoder"):
        one, two = (read_weights(run / part / "model.safetensors") for run in runs)
        assert one.keys() == two.keys()
        for name in one:
            torch.testing.assert_close(two[name], one[name], rtol=1e-4, atol=1e-5)


def test_parts_that_cannot_be_shared_are_refused(
    smoke: Profile, tiny_data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    settings = smoke.prior.model_copy(update={"batch_size": 8, "accum_freq": 9})
    with pytest.raises(TrainError, match=r"9 parts of a batch of 8 .* prior\.accum_freq=1"):
        train_prior(settings, tiny_data, tmp_path, clip=tiny_model / "clip", progress=False)


def _on_two(data: Path, run: Path, prior: PriorSettings, decoder: DecoderSettings) -> None:
    script = run / "share.py"
    script.write_text(OF_ONE_PROCESS, "utf8")
    command = [sys.executable, str(script), str(data), str(run), prior.model_dump_json(), decoder.model_dump_json()]
    run_on_two(command)
