"""What a user may rely on: the doctor finds what ended trainings in 2022, and corrects the config."""

from __future__ import annotations

import copy
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from logolib.cli import app
from logolib.data.tars import read_tars
from logolib.doctor import DoctorError, diagnose
from logolib.models import save_checkpoint
from logolib.models.upstream import create

SHARED = Path(os.environ.get("LOGOLIB_DATA", Path(__file__).parents[2] / "shared" / "data"))
OLD = SHARED / "reference" / "train_decoder_config-2022.json"
UNET = {"dim": 16, "image_embed_dim": 12, "cond_dim": 8, "dim_mults": [1, 2], "attn_heads": 2, "attn_dim_head": 8}
TRAIN: dict[str, Any] = {
    "decoder": {"unets": [UNET], "image_sizes": [16], "timesteps": 10, "learned_variance": False},
    "data": {
        "webdataset_base_url": "{}.tar",
        "img_embeddings_url": "embeddings",
        "batch_size": 4,
        "end_shard": 5,
        "splits": {"train": 0.75, "val": 0.15, "test": 0.1},
        "preprocessing": {"RandomResizedCrop": {"size": [16, 16], "scale": [1, 1], "ratio": [1, 1]}, "ToTensor": True},
    },
    "train": {"device": "cpu", "epochs": 20, "ema_beta": 0.9, "save_every_n_samples": 100},
    "evaluate": {},
    "tracker": {"log": {}, "save": {}},
}


def changed(**values: Any) -> dict[str, Any]:
    """The config that nothing is wrong with, with some settings `a__b` changed."""
    config = copy.deepcopy(TRAIN)
    for path, value in values.items():
        *names, last = path.split("__")
        node: Any = config
        for name in names:
            node = node[int(name)] if isinstance(node, list) else node.setdefault(name, {})
        node[last] = value
    return config


def found(config: dict[str, Any], folder: Path, data: Path | None = None) -> dict[str, tuple[str, str]]:
    """Key => severity and what, of all that is more than a note."""
    (folder / "config.json").write_text(json.dumps(config), "utf8")
    findings = diagnose(folder / "config.json", data)
    return {one.key: (one.severity, one.what) for one in findings if one.severity != "notes"}


def tar(path: Path, names: list[str], broken: bool = False) -> Path:
    """A shard of small pictures."""
    with tarfile.open(path, "w") as file:
        for name in names:
            data = io.BytesIO()
            kind = "PNG" if name.endswith("png") else "JPEG"
            Image.effect_noise((48, 48), 80).convert("RGB").save(data, kind)
            info = tarfile.TarInfo(name)
            info.size = data.tell()
            file.addfile(info, io.BytesIO(data.getvalue()))
    if broken:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def shards(folder: Path, n: int = 6, kind: str = "jpg") -> Path:
    """`n` tars of four pictures, as img2dataset numbers them."""
    folder.mkdir()
    for shard in range(n):
        tar(folder / f"{shard:06d}.tar", [f"{shard:06d}{i:04d}.{kind}" for i in range(4)])
    return folder


def test_a_good_config_on_good_data_ends_0(tmp_path: Path) -> None:
    data = shards(tmp_path / "data")
    assert found(TRAIN, tmp_path, data) == {}
    result = CliRunner().invoke(app, ["doctor", str(tmp_path / "config.json"), "--data", str(data), "--json"])
    assert result.exit_code == 0
    assert all(set(one) == {"severity", "key", "what", "remedy"} for one in json.loads(result.stdout))


@pytest.mark.skipif(not OLD.is_file(), reason="needs the config of 2022")
def test_the_config_of_2022_has_all_that_was_wrong_with_it(tmp_path: Path) -> None:
    data = tar(tmp_path / "000000.tar", [f"{i:010d}.png" for i in range(20)])
    fixed = tmp_path / "fixed.json"
    arguments = ["doctor", str(OLD), "--data", str(data), "--fix", str(fixed), "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    findings = json.loads(result.stdout)
    order = [("fails", "warns", "notes").index(one["severity"]) for one in findings]
    assert order == sorted(order)
    said = {one["key"]: one["what"] + " " + one["remedy"] for one in reversed(findings)}
    assert "1024" in said["decoder.unets.0.image_embed_dim"]
    assert "768" in said["decoder.unets.0.image_embed_dim"]
    assert "20 png are dropped" in said["data.webdataset_base_url"]
    assert "val 0, test 0" in said["data.splits"]
    assert "cut pieces off" in said["data.preprocessing.RandomResizedCrop"]
    assert "10,000,000 samples an epoch for 20 logos" in said["train.epoch_samples"]
    assert "latest.pth" in said["tracker.load"]
    assert "NaN" in said["decoder.learned_variance"]
    assert "231,350 tars" in said["data.end_shard"]
    config = json.loads(fixed.read_text("utf8"))
    assert config["train"]["epoch_samples"] == 20
    left = {one.key for one in diagnose(fixed, data) if one.severity == "fails"}
    assert left == {"data.splits", "data.webdataset_base_url"}  # which tars there are is no matter of the config
    assert {"data.splits", "data.webdataset_base_url"} <= {one.key for one in diagnose(OLD)}  # even without the data


def test_a_prior_s_config_trains(tmp_path: Path, tiny_data: Path, tiny_model: Path) -> None:
    net = {"dim": 48, "depth": 1, "heads": 2, "dim_head": 16}
    prior = {"net": net, "image_embed_dim": 48, "image_size": 64, "timesteps": 10, "condition_on_text_encodings": False}
    data = {"image_url": "x", "meta_url": "y", "batch_size": 2, "splits": {"train": 0.8, "val": 0.1, "test": 0.1}}
    config = {"prior": prior, "data": data, "train": {"epochs": 1}, "tracker": {}}
    (file := tmp_path / "prior.json").write_text(json.dumps(config))
    command = ["train", "prior", "--data", str(tiny_data), "--out", str(tmp_path), "--clip", str(tiny_model / "clip")]
    result = CliRunner().invoke(app, [*command, "--config", str(file), "--set", "prior.steps=2"])
    assert result.exit_code == 0, result.output
    made = json.loads((tmp_path / "prior" / "config.json").read_text("utf8"))["prior"]
    assert made["net"] | {"dim": 48} == {**net, "max_text_len": 0, "normformer": False}
    assert made["timesteps"] == 10
    del prior["condition_on_text_encodings"]
    file.write_text(json.dumps(config))
    refused = CliRunner().invoke(app, [*command, "--config", str(file)])
    assert refused.exit_code == 1
    assert "prior.condition_on_text_encodings (it does false)" in refused.output


@pytest.mark.skipif(not OLD.is_file(), reason="needs the config of 2022")
def test_the_corrected_config_trains(tmp_path: Path, tiny_data: Path, tiny_model: Path) -> None:
    fixed, run = tmp_path / "fixed.json", tmp_path / "run"
    diagnose(OLD, tiny_data, fixed)
    assert [one for one in diagnose(fixed, tiny_data) if one.severity == "fails"] == []
    command = ["train", "decoder", "--data", str(tiny_data), "--out", str(run), "--clip", str(tiny_model / "clip")]
    shorter = ["--set", "decoder.steps=2", "--set", "decoder.batch_size=2", "--set", "decoder.previews=1"]
    result = CliRunner().invoke(app, [*command, "--config", str(fixed), *shorter])
    assert result.exit_code == 0, result.output
    about = json.loads((run / "decoder" / "config.json").read_text("utf8"))["decoder"]
    assert about["unets"][0]["dim_mults"] == [1, 2, 3, 4]
    assert about["image_sizes"] == [64]
    refused = CliRunner().invoke(app, [*command, "--config", str(OLD), *shorter])
    assert refused.exit_code == 1
    assert "decoder.unets.0.sparse_attn" in refused.output


@pytest.mark.parametrize(
    ("values", "key", "severity", "words"),
    [
        ({"data__splits": {"train": 0.7, "val": 0.2, "test": 0.1}}, "data.splits", "fails", "off by rounding"),
        ({"train__epoch_sampels": 3}, "train.epoch_sampels", "warns", "Nobody reads"),
        ({"decoder__unets__0__sparse_atn": True}, "decoder.unets.0.sparse_atn", "warns", "Nobody reads"),
        ({"decoder__lowres_downsample": 1}, "decoder.lowres_downsample", "fails", "no such setting"),
        ({"decoder__image_sizes": [17]}, "decoder.image_sizes", "fails", "17 pixels"),
        ({"decoder__unets__0__cond_dim": 12}, "decoder.unets.0.cond_dim", "fails", "one token"),
        ({"data__batch_size": 10_000_000}, "data.batch_size", "fails", "are free"),
        ({"train__warmup_steps": 1000}, "train.warmup_steps", "warns", "are warm-up"),
        ({"train__ema_beta": 0.9999}, "train.ema_beta", "warns", "as noise"),
        ({"data__preprocessing": {"Resize": 64}}, "data.preprocessing.Resize", "fails", "knows no such"),
        ({"train__device": "cuda:0"}, "train.device", "fails", "no GPU"),
    ],
)
def test_each_mistake_is_found_by_its_name(
    tmp_path: Path, values: dict[str, Any], key: str, severity: str, words: str
) -> None:
    if key == "train.device" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    findings = found(changed(**values), tmp_path, shards(tmp_path / "data"))
    assert findings[key][0] == severity
    assert words in findings[key][1]


def test_a_prior_s_width_is_compared_with_the_clip_s(tmp_path: Path) -> None:
    config = {
        "prior": {
            "clip": {"make": "openai", "model": "ViT-L/14"},
            "net": {"dim": 512, "depth": 2},
            "image_embed_dim": 512,
            "image_size": 224,
        },
        "data": {"image_url": "a", "meta_url": "b", "splits": TRAIN["data"]["splits"], "batch_size": 8},
        "train": {},
        "tracker": TRAIN["tracker"],
    }
    findings = found(config, tmp_path)
    assert "768" in findings["prior.image_embed_dim"][1]
    assert findings["prior.net.max_text_len"][0] == "fails"


def test_damaged_and_misaligned_shards_are_named(tmp_path: Path) -> None:
    data = shards(tmp_path / "data")
    tar(data / "000001.tar", [f"000001{i:04d}.jpg" for i in range(4)], broken=True)
    for shard in (0, 2, 3, 4):
        np.save(data / f"img_emb_{shard:04d}.npy", np.ones((4 if shard != 3 else 2, 12), np.float32))
    np.save(data / "img_emb_0004.npy", np.stack([np.ones(12), np.zeros(12), np.ones(12), np.ones(12)]))
    seen = read_tars(data)
    assert set(seen.corrupt) == {"000001.tar"}
    assert set(seen.misaligned) == {"000003.tar", "000004.tar", "000005.tar"}
    assert "0000030002 points beyond the 2 rows" in seen.misaligned["000003.tar"]
    assert "0000040001" in seen.misaligned["000004.tar"]
    findings = {one.key: one.severity for one in diagnose(data)}
    assert findings["000003.tar"] == "fails"
    assert findings["000001.tar"] == "warns"


def test_a_checkpoint_is_looked_at(tmp_path: Path) -> None:
    decoder = create("DecoderConfig", TRAIN["decoder"])
    save_checkpoint(decoder, tmp_path / "good.pth", TRAIN["decoder"])
    assert {one.severity for one in diagnose(tmp_path / "good.pth")} == {"notes"}
    state = decoder.state_dict()
    state["unets.0.to_out.bias"] = torch.zeros(5)
    torch.save({"model": state, "version": "1.15.6", "config": TRAIN["decoder"]}, tmp_path / "bad.pth")
    (worst, *_) = diagnose(tmp_path / "bad.pth")
    assert worst.severity == "fails"
    assert "unets.0.to_out.bias is (5,) instead of (3,)" in worst.what


def test_dalle2_laion_s_config_is_followed_to_its_files(tmp_path: Path) -> None:
    decoder = create("DecoderConfig", TRAIN["decoder"])
    save_checkpoint(decoder, tmp_path / "good.pth", TRAIN["decoder"])
    source = {"unet_numbers": [1], "load_model_from": {"load_type": "local", "path": "good.pth"}}
    missing = {"load_model_from": {"load_type": "local", "path": "none.pth"}}
    config = {"decoder": {"unet_sources": [source]}, "prior": missing, "strict_loading": False}
    findings = found(config, tmp_path)
    assert findings["strict_loading"][0] == "warns"
    assert "no file" in findings[str(tmp_path / "none.pth")][1]
    assert str(tmp_path / "good.pth") not in findings


def test_what_is_nothing_of_the_kind_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{'", "utf8")
    (tmp_path / "y.yaml").write_text("a: 1", "utf8")
    for name, words in (("x.json", "not valid JSON"), ("y.yaml", "no config"), ("z.json", "There is no")):
        with pytest.raises(DoctorError, match=words):
            diagnose(tmp_path / name)


MEASURE = """
import copy, resource, sys, warnings
warnings.simplefilter("ignore")
import torch
from logolib.doctor.memory import decoder_step
from logolib.models.upstream import create

def config(dim, side, memory_efficient):
    unet = dict(dim=dim, image_embed_dim=64, cond_dim=32, dim_mults=[1, 2, 4], num_resnet_blocks=1, attn_heads=4,
                attn_dim_head=32, memory_efficient=memory_efficient)
    return dict(unets=[unet], image_sizes=[side], timesteps=10, learned_variance=False)

def train(decoder, side, batch):
    average, adam = copy.deepcopy(decoder), torch.optim.Adam(decoder.parameters())
    for _ in range(2):
        decoder(torch.rand(batch, 3, side, side), image_embed=torch.randn(batch, 64)).backward()
        adam.step()
        adam.zero_grad()

dim, side, efficient, batch = map(int, sys.argv[1:])
asked = config(dim, side, bool(efficient))
told = decoder_step(asked, batch).bytes
train(create("DecoderConfig", config(8, 16, False)), 16, 1)  # what the first step ever takes is the process's
before = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
train(create("DecoderConfig", asked), side, batch)
lines = dict(line.split(":", 1) for line in open("/proc/self/status"))
peak = int(lines["VmHWM"].split()[0]) * 1024 - before  # getrusage's peak would count the process that started this one
print(told / peak)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("network", [(32, 64, 0, 12), (80, 32, 1, 4)])  # mostly activations, mostly weights
def test_the_memory_told_is_within_a_quarter_of_the_peak(network: tuple[int, ...]) -> None:
    command = [sys.executable, "-c", MEASURE, *map(str, network)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=250)
    assert 0.75 < float(ran.stdout.split()[-1]) < 1.25


def test_upstream_s_tars_are_collected_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    from logolib.collect import collect
    from logolib.config import CollectSettings

    folder = tmp_path / "tars"
    folder.mkdir()
    for shard in range(2):
        tar(folder / f"{shard:06d}.tar", [f"{shard:06d}{i:04d}.png" for i in range(3)])
        with tarfile.open(folder / f"{shard:06d}.tar", "a") as file:
            data = io.BytesIO()
            Image.effect_noise((48, 48), 80).convert("RGB").save(data, "PNG")
            for name, content in ((f"{shard}.png", data.getvalue()), (f"{shard}.txt", b"A red lion on gold.")):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                file.addfile(info, io.BytesIO(content))
    whole = (folder / "000001.tar").read_bytes()
    (folder / "000001.tar").write_bytes(whole[: len(whole) // 3])
    result = collect(CollectSettings(source=str(folder)), tmp_path / "out", progress=False)
    skipped = {item["item"]: item["reason"] for item in result.skipped}
    assert "damaged tar" in skipped["000001.tar"]
    assert skipped["000000.tar/0000000000"] == "empty caption"
    assert result.values["logos"] == 1
