"""What a user may rely on: other people's weights give the outputs they gave, or are refused by the layer's name."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from logolib.models import ModelError, load_decoder, load_prior, read_checkpoint, save_checkpoint
from logolib.models.upstream import create
from logolib.models.weights import save_weights

FILES = Path(os.environ.get("LOGOLIB_DATA", Path(__file__).parents[2] / "shared" / "data")) / "checkpoints"
RELEASES = ("0.15.4", "1.0.4", "1.15.6")
needs_files = pytest.mark.skipif(not FILES.is_dir(), reason="needs checkpoints of old releases")
PRIOR: dict[str, Any] = {
    "net": {"dim": 16, "depth": 1, "dim_head": 8, "heads": 2, "max_text_len": 0, "num_timesteps": 10},
    "image_embed_dim": 16,
    "image_size": 16,
    "timesteps": 10,
    "condition_on_text_encodings": False,
}
UNET = {"dim": 16, "image_embed_dim": 12, "cond_dim": 8, "dim_mults": [1, 2], "attn_heads": 2, "attn_dim_head": 8}
DECODER: dict[str, Any] = {"unets": [UNET], "image_sizes": [16], "timesteps": 10, "learned_variance": False}


def outputs(kind: str, model: Any, release: str) -> float:
    """The largest difference from what the release gave."""
    asked = {name: torch.from_numpy(value) for name, value in np.load(FILES / release / f"{kind}.npz").items()}
    with torch.no_grad():
        if kind == "prior":
            given = model.net(asked["image_embed"], asked["timestep"], text_embed=asked["text_embed"])
            return float((given - asked["output"]).abs().max())
        common = {"time": asked["timestep"], "image_embed": asked["image_embed"]}
        first = model.unets[0](asked["x1"], **common)
        second = model.unets[1](asked["x2"], **common, lowres_cond_img=asked["lowres"])
    return float(max((first - asked["output1"]).abs().max(), (second - asked["output2"]).abs().max()))


@needs_files
@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("kind", ["prior", "decoder"])
def test_each_release_gives_the_outputs_it_gave(kind: str, release: str) -> None:
    from dalle2_pytorch import Decoder, DiffusionPrior

    load, of = (load_prior, DiffusionPrior) if kind == "prior" else (load_decoder, Decoder)
    model = load(FILES / release / f"{kind}.pth")
    assert isinstance(model, of)
    assert outputs(kind, model, release) < 1e-4


@needs_files
@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("kind", ["prior", "decoder"])
def test_a_bare_state_dict_gives_them_too_once_its_release_is_known(kind: str, release: str) -> None:
    load = load_prior if kind == "prior" else load_decoder
    file, config = FILES / release / f"{kind}.state_dict.pth", FILES / release / f"{kind}.json"
    told = {**json.loads(config.read_text("utf8")), "version": release}
    assert outputs(kind, load(file, told), release) < 1e-4
    if release == "1.0.4":  # its layers cannot be told from those of 1.6, which computed something else
        with pytest.raises(ModelError, match=r'to_q\.weight.*"version"'):
            load(file, config)
    else:
        assert outputs(kind, load(file, config), release) < 1e-4


@needs_files
def test_a_config_is_guessed_from_the_layers_where_they_tell() -> None:
    assert outputs("prior", load_prior(FILES / "1.15.6" / "prior.state_dict.pth"), "1.15.6") < 1e-4
    bare = FILES / "1.15.6" / "decoder.state_dict.pth"
    assert outputs("decoder", load_decoder(bare, {"image_sizes": [16, 32]}), "1.15.6") < 1e-4
    with pytest.raises(ModelError, match="image_sizes"):
        load_decoder(bare)
    with pytest.raises(ModelError, match="null_text_encodings"):  # whether it read text encodings is not in the layers
        load_prior(FILES / "0.15.4" / "prior.state_dict.pth")


@needs_files
def test_what_upstream_can_express_goes_back_to_it(tmp_path: Path) -> None:
    model = load_decoder(FILES / "1.0.4" / "decoder.pth")
    config = json.loads((FILES / "1.0.4" / "decoder.json").read_text("utf8"))["decoder"]
    with pytest.raises(ModelError, match=r"unets\.0\.downs\.0\.4"):  # the old config says the new way down
        save_checkpoint(model, tmp_path / "decoder.pth", config)
    assert not list(tmp_path.iterdir())
    for unet in config["unets"]:
        unet.update(cross_embed_downsample=True, cross_embed_downsample_kernel_sizes=[4])
    save_checkpoint(model, tmp_path / "decoder.pth", config)
    content = torch.load(tmp_path / "decoder.pth", weights_only=True)
    theirs = create("DecoderConfig", content["config"]["decoder"]).eval()
    theirs.load_state_dict(content["model"])
    assert outputs("decoder", theirs, "1.0.4") < 1e-4
    assert outputs("decoder", load_decoder(tmp_path / "decoder.pth"), "1.0.4") < 1e-4


@needs_files
def test_what_upstream_cannot_express_does_not_go_back_to_it(tmp_path: Path) -> None:
    prior = load_prior(FILES / "0.15.4" / "prior.pth")
    config = json.loads((FILES / "0.15.4" / "prior.json").read_text("utf8"))["prior"]
    config["net"]["max_text_len"] = 0
    with pytest.raises(ModelError, match=r"net\.causal_transformer\.layers\.0\.0.*otherwise"):
        save_checkpoint(prior, tmp_path / "prior.pth", config)
    assert not list(tmp_path.iterdir())


@needs_files
def test_an_old_prior_does_not_pretend_to_guidance() -> None:
    prior: Any = load_prior(FILES / "0.15.4" / "prior.pth")
    assert not prior.can_classifier_guidance


def trained(trainer: Any, *given: torch.Tensor, **named: torch.Tensor) -> None:
    """A few steps large enough that the average falls behind."""
    for _ in range(3):
        trainer(*given, **named)
        trainer.update()


@pytest.mark.filterwarnings("ignore")
def test_the_average_is_read_from_a_prior_trainer_s_state(tmp_path: Path) -> None:
    from dalle2_pytorch.trainer import DiffusionPriorTrainer

    torch.manual_seed(0)
    trainer = DiffusionPriorTrainer(
        create("DiffusionPriorConfig", PRIOR), lr=1e-2, warmup_steps=2, ema_update_every=1, ema_update_after_step=0
    )
    trained(trainer, text_embed=torch.randn(4, 16), image_embed=torch.randn(4, 16))
    trainer.save(tmp_path / "latest.pth")  # with a pickled warm-up schedule, optimizer and packaging.Version
    model = load_prior(tmp_path / "latest.pth")  # its config is guessed
    average = trainer.ema_diffusion_prior.ema_model.state_dict()
    assert all(torch.equal(value, average[name]) for name, value in model.state_dict().items())
    assert not torch.equal(average["net.learned_query"], trainer.diffusion_prior.state_dict()["net.learned_query"])
    found = read_checkpoint(tmp_path / "latest.pth")
    assert found.trainer
    assert found.averaged


@pytest.mark.filterwarnings("ignore")
def test_the_average_is_read_from_a_decoder_trainer_s_state_and_goes_back_to_one(tmp_path: Path) -> None:
    from dalle2_pytorch.trainer import DecoderTrainer

    torch.manual_seed(0)
    trainer = DecoderTrainer(create("DecoderConfig", DECODER), lr=1e-2, ema_update_every=1, ema_update_after_step=0)
    trained(trainer, torch.rand(2, 3, 16, 16), image_embed=torch.randn(2, 12))
    trainer.save(tmp_path / "latest.pth")
    model = load_decoder(tmp_path / "latest.pth", {"decoder": DECODER})
    average = trainer.ema_unets[0].ema_model.state_dict()
    assert all(torch.equal(value, average[name]) for name, value in model.unets[0].state_dict().items())  # type: ignore[operator]
    save_checkpoint(model, tmp_path / "ours.pth", DECODER)
    again = DecoderTrainer(create("DecoderConfig", DECODER))
    again.load(tmp_path / "ours.pth", only_model=True)
    assert torch.equal(again.decoder.unets[0].to_out.weight, average["to_out.weight"])


class Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("sprung",)


def test_a_pickle_is_never_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    state = create("DiffusionPriorConfig", PRIOR).state_dict()
    torch.save({"model": state, "version": "1.15.6", "extra": Trap()}, "new.pth")
    Path("old.pth").write_bytes(pickle.dumps({"model": Trap()}))
    with pytest.raises(ModelError, match="posix.mkdir"):
        load_prior("new.pth", {"prior": PRIOR})
    with pytest.raises(ModelError, match="old.pth"):
        load_prior("old.pth", {"prior": PRIOR})
    assert not Path("sprung").exists()


def test_weights_that_do_not_fit_are_refused_by_the_layer_s_name(tmp_path: Path) -> None:
    state = create("DiffusionPriorConfig", PRIOR).state_dict()
    del state["net.learned_query"], state["net.null_image_embed"]
    torch.save(state, tmp_path / "nothing.pth")
    with pytest.raises(ModelError, match="neither prior nor decoder"):
        load_prior(tmp_path / "nothing.pth")
    state["net.learned_query"] = torch.zeros(16)
    state["net.surprise"] = torch.zeros(1)
    torch.save(state, tmp_path / "partial.pth")
    with pytest.raises(ModelError, match=r"net\.null_image_embed is missing, net\.surprise is unknown"):
        load_prior(tmp_path / "partial.pth", PRIOR)
    wide = {**PRIOR, "net": {**PRIOR["net"], "dim_head": 16}}
    torch.save(create("DiffusionPriorConfig", PRIOR).state_dict(), tmp_path / "narrow.pth")
    with pytest.raises(ModelError, match=r"null_kv is \(2, 8\) instead of \(2, 16\)"):
        load_prior(tmp_path / "narrow.pth", wide)
    with pytest.raises(ModelError, match="holds a prior, not a decoder"):
        load_decoder(tmp_path / "narrow.pth")
    with pytest.raises(ModelError, match="no file"):
        load_decoder(tmp_path / "nowhere.pth")


def test_our_own_folders_are_read_as_well(tmp_path: Path) -> None:
    own = create("DiffusionPriorConfig", PRIOR)
    save_weights(own, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"prior": PRIOR}), "utf8")
    assert torch.equal(load_prior(tmp_path).net.learned_query, own.net.learned_query)  # type: ignore[union-attr, arg-type]
    torch.testing.assert_close(load_prior(tmp_path / "model.safetensors", PRIOR).state_dict(), own.state_dict())
