"""What a user may rely on: real loading code, a table that marks what is not there, one sentence for what is wrong."""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

pytest.importorskip("diffusers")

from logolib.baselines import BaselineError, baselines, pick_prompts
from logolib.baselines.known import KNOWN
from logolib.baselines.laion import Dalle2Laion, read_text
from logolib.baselines.models import Kandinsky, StableDiffusion
from logolib.baselines.stage import _with_ratios
from logolib.baselines.timing import PeakMemory
from logolib.baselines.weights import AbsentError, check_class, check_memory, check_whole, locate
from logolib.config import BaselineSettings
from logolib.models import Clip, ModelError, save_checkpoint
from logolib.models.upstream import create
from logolib.models.weights import save_weights
from logolib.report import tables
from logolib.text import Vocabulary

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "08_baselines.ipynb"
pytestmark = pytest.mark.filterwarnings("ignore")  # diffusers and transformers warn of their own affairs


def tokenizer(folder: Path):  # type: ignore[no-untyped-def]
    """A CLIPTokenizer of single letters, as its two files."""
    from transformers import CLIPTokenizer

    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    words = [*letters, *(f"{one}</w>" for one in letters), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=16), len(words)


def checker():  # type: ignore[no-untyped-def]
    """A safety checker to which every picture is like all that it looks for."""
    from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPTextConfig, CLIPVisionConfig

    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = CLIPVisionConfig(**small, image_size=32, patch_size=16, projection_dim=8)
    text = CLIPTextConfig(**small, vocab_size=8, projection_dim=8, bos_token_id=0, eos_token_id=1, pad_token_id=1)
    made = StableDiffusionSafetyChecker(
        CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=8)
    )
    made.concept_embeds_weights.fill_(-2.0)
    return made


def save_stable(root: Path, prudish: bool) -> Path:
    """A StableDiffusionPipeline of a few thousand weights, saved as diffusers saves it."""
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPImageProcessor, CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    words, size = tokenizer(root / "words")
    pipe = StableDiffusionPipeline(
        vae=AutoencoderKL(block_out_channels=(8,), norm_num_groups=4, latent_channels=4, sample_size=16),
        text_encoder=CLIPTextModel(
            CLIPTextConfig(
                vocab_size=size,
                hidden_size=16,
                intermediate_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                max_position_embeddings=16,
                bos_token_id=size - 2,
                eos_token_id=size - 1,
                pad_token_id=size - 1,
            )
        ),
        tokenizer=words,
        unet=UNet2DConditionModel(
            sample_size=16,
            block_out_channels=(8, 16),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=16,
            attention_head_dim=2,
            norm_num_groups=4,
        ),
        scheduler=DDIMScheduler(),
        safety_checker=checker() if prudish else None,
        feature_extractor=CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32) if prudish else None,
        requires_safety_checker=prudish,
    )
    pipe.save_pretrained(root / "model")
    return root / "model"


@pytest.fixture(scope="module")
def stable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_stable(tmp_path_factory.mktemp("stable"), prudish=False)


@pytest.fixture(scope="module")
def kandinsky(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The decoder and the prior of a tiny Kandinsky 2.2, as their two folders."""
    from diffusers import (
        DDPMScheduler,
        KandinskyV22Pipeline,
        KandinskyV22PriorPipeline,
        PriorTransformer,
        UnCLIPScheduler,
        UNet2DConditionModel,
        VQModel,
    )
    from transformers import (
        CLIPImageProcessor,
        CLIPTextConfig,
        CLIPTextModelWithProjection,
        CLIPVisionConfig,
        CLIPVisionModelWithProjection,
    )

    root = tmp_path_factory.mktemp("kandinsky")
    torch.manual_seed(0)
    words, size = tokenizer(root / "words")
    width = 16
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=8,
        addition_embed_type="image",
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        block_out_channels=(8, 16),
        layers_per_block=1,
        encoder_hid_dim=width,
        encoder_hid_dim_type="image_proj",
        cross_attention_dim=width,
        attention_head_dim=4,
        resnet_time_scale_shift="scale_shift",
        norm_num_groups=4,
    )
    movq = VQModel(
        block_out_channels=(32, 32, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=4,
        norm_type="spatial",
        latent_channels=4,
        num_vq_embeddings=12,
        vq_embed_dim=4,
    )
    noise = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="linear", thresholding=False)
    KandinskyV22Pipeline(unet=unet, scheduler=noise, movq=movq).save_pretrained(root / "decoder")
    text = CLIPTextConfig(
        vocab_size=size,
        hidden_size=width,
        projection_dim=width,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=16,
        bos_token_id=size - 2,
        eos_token_id=size - 1,
        pad_token_id=size - 1,
    )
    vision = CLIPVisionConfig(
        hidden_size=width,
        projection_dim=width,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=32,
        patch_size=16,
    )
    KandinskyV22PriorPipeline(
        prior=PriorTransformer(
            num_attention_heads=2, attention_head_dim=8, embedding_dim=width, num_layers=1, num_embeddings=16
        ),
        image_encoder=CLIPVisionModelWithProjection(vision),
        text_encoder=CLIPTextModelWithProjection(text),
        tokenizer=words,
        scheduler=UnCLIPScheduler(prediction_type="sample", variance_type="fixed_small_log", clip_sample=True),
        image_processor=CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32),
    ).save_pretrained(root / "prior")
    return root / "decoder", root / "prior"


@pytest.fixture(scope="module")
def laion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ModelLoadConfig of a tiny dalle2-laion: an open_clip model, a prior and two decoders, a unet from each."""
    root = tmp_path_factory.mktemp("laion")
    torch.manual_seed(0)
    small = {"width": 16, "layers": 1}
    config = {
        "embed_dim": 16,
        "vision_cfg": {**small, "head_width": 8, "image_size": 32, "patch_size": 16},
        "text_cfg": {**small, "heads": 2, "context_length": 16, "vocab_size": 49408},
    }
    (root / "clip.json").write_text(json.dumps(config))
    save_weights(Clip(config, Vocabulary.full(16)).net, root / "clip.safetensors")
    prior = {
        "net": {"dim": 16, "depth": 1, "dim_head": 8, "heads": 2, "max_text_len": 16, "num_timesteps": 100},
        "image_embed_dim": 16,
        "image_size": 32,
        "timesteps": 100,
        "cond_drop_prob": 0.1,
        "condition_on_text_encodings": True,
    }
    unet = {"dim": 16, "image_embed_dim": 16, "cond_dim": 8, "dim_mults": [1, 2], "attn_heads": 2, "attn_dim_head": 8}
    worded = {**unet, "text_embed_dim": 16, "cond_on_text_encodings": True}
    common = {"timesteps": 100, "learned_variance": False}
    first = {**common, "unets": [worded], "image_sizes": [16]}
    second = {**common, "unets": [unet, unet], "image_sizes": [16, 32]}
    (root / "models").mkdir()
    for kind, about, file in (
        ("DiffusionPriorConfig", prior, "prior.pth"),
        ("DecoderConfig", first, "first.pth"),
        ("DecoderConfig", second, "models/second.pth"),
    ):
        network = create(kind, about)
        for weights in network.parameters():
            if not weights.any():
                torch.nn.init.normal_(weights, std=0.3)  # an untrained unet's last layer is zero: words would not count
        save_checkpoint(network, root / file, about)
    fetched = {"load_type": "url", "path": "https://example.org/a/latest.pth?x=1", "cache_dir": "models"}
    load = {
        "decoder": {
            "unet_sources": [
                {"unet_numbers": [2], "load_model_from": {**fetched, "filename_override": "second.pth"}},
                {
                    "unet_numbers": [1],
                    "default_cond_scale": [1.7],
                    "load_model_from": {"load_type": "local", "path": "first.pth"},
                },
            ]
        },
        "prior": {"default_cond_scale": 1.5, "load_model_from": {"load_type": "local", "path": "prior.pth"}},
        "clip": {"make": "open_clip", "model": "clip.json", "base_model_kwargs": {"pretrained": "clip.safetensors"}},
        "devices": "cuda:0",
        "strict_loading": False,
    }
    (root / "load.json").write_text(json.dumps(load))
    return root / "load.json"


def test_stable_diffusion_draws_the_same_picture_for_a_seed(stable: Path) -> None:
    model = StableDiffusion(str(stable), "cpu")
    one, again, other = (model.draw("a lion", seed, 64, 2).pixels for seed in (3, 3, 4))
    assert one.dtype == np.uint8
    assert one.shape == (64, 64, 3)
    assert (one == again).all()
    assert (one != other).any()


def test_kandinsky_draws_from_prior_and_decoder(kandinsky: tuple[Path, Path]) -> None:
    model = Kandinsky(str(kandinsky[0]), str(kandinsky[1]), "cpu")
    one, again = (model.draw("a lion", 3, 64, 2).pixels for _ in range(2))
    assert one.shape == (64, 64, 3)
    assert (one == again).all()


def test_dalle2_laion_draws_from_the_files_that_its_config_names(laion: Path) -> None:
    model = Dalle2Laion(str(laion), "cpu")
    before = torch.get_rng_state()
    drawn = [model.draw(prompt, seed, 48, 3).pixels for prompt, seed in (("a lion", 3), ("a lion", 3), ("a tree", 3))]
    assert drawn[0].shape == (48, 48, 3)
    assert (drawn[0] == drawn[1]).all()
    assert (drawn[0] != drawn[2]).any()
    assert (drawn[0] != model.draw("a lion", 4, 48, 3).pixels).any()
    assert torch.equal(before, torch.get_rng_state())


def test_words_are_read_up_to_the_end_token_as_dalle2_pytorch_reads_them(laion: Path) -> None:
    clip = Dalle2Laion(str(laion), "cpu").clip
    tokens = clip.vocabulary.encode(["a lion", "a lion with a crown"])
    text, words = read_text(clip, tokens)
    assert (text.shape, words.shape) == ((2, 16), (2, 16, 16))
    ends = (tokens == clip.vocabulary.end).int().argmax(1)
    assert ((words.abs().sum(-1) > 0).sum(1) == ends + 1).all()


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda load: load.pop("prior"), BaselineError, "no ModelLoadConfig of dalle2-laion: prior is missing"),
        (lambda load: load["decoder"]["unet_sources"].pop(1), BaselineError, r"numbers its unets \[2\]"),
        (lambda load: load["clip"].update(make="x-clip"), BaselineError, "clip.make is missing or wrong"),
        (lambda load: load["prior"]["load_model_from"].update(path="no.pth"), AbsentError, "no.pth .*not on this mac"),
        (lambda load: load["prior"]["load_model_from"].update(path="first.pth"), ModelError, "a decoder, not a prior"),
    ],
)
def test_a_load_config_that_cannot_be_followed_is_refused(laion, tmp_path, change, error, said) -> None:  # type: ignore[no-untyped-def]
    shutil.copytree(laion.parent, tmp_path / "copy")
    load = json.loads(laion.read_text())
    change(load)
    (tmp_path / "copy" / "load.json").write_text(json.dumps(load))
    with pytest.raises(error, match=said):
        Dalle2Laion(str(tmp_path / "copy" / "load.json"), "cpu")


def test_the_notebook_compares_what_is_there_and_marks_the_rest(
    stable: Path, kandinsky: tuple[Path, Path], laion: Path, tmp_path: Path
) -> None:
    named = {"stable_diffusion": stable, "kandinsky": kandinsky[0], "kandinsky_prior": kandinsky[1]}
    changes = " ".join(f"baselines.{name}={value}" for name, value in {**named, "dalle2_laion": laion}.items())
    scope: dict[str, Any] = {}
    for cell in json.loads(NOTEBOOK.read_text("utf8"))["cells"]:
        if cell["cell_type"] == "code" and "remove-cell" not in cell["metadata"].get("tags", ()):
            exec("".join(cell["source"]), scope)
            scope.update(run=str(tmp_path), changes=f"{changes} baselines.steps=2 seed=1")
    result, tmp_path = scope["result"], tmp_path / "baselines"
    rows = {row["model"]: row for row in result.values["rows"] if row["device"] == "cpu"}
    for there in ("logolib", "Stable Diffusion", "Kandinsky 2.2", "dalle2-laion"):
        assert rows[there]["absent"] == ""
        assert rows[there]["seconds"] > 0
        assert rows[there]["peak_gb"] > 0
    assert "min-dalle" in rows["DALL-E Mini"]["absent"]
    assert rows["DALL-E Mini"]["seconds"] is None
    assert len(result.values["pictures"]) == 8
    assert len({picture["seed"] for picture in result.values["pictures"]}) == 2  # the same for every model
    assert all((tmp_path / picture["file"]).exists() for picture in result.values["pictures"])
    table = tables.baselines(tmp_path).data
    assert table.count("absent") == len(result.skipped)
    assert tables.numbers("baselines", tmp_path)["models_drawn"] == 4


def test_a_missing_model_says_what_to_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    others = tuple(one.name for one in KNOWN if one.name != "ours")
    chosen = BaselineSettings(models=others, dalle2_laion=str(tmp_path / "load.json"), n=1, size=64, steps=2)
    result = baselines(chosen, tmp_path / "out")
    reasons = {entry["item"].split(" on ")[0]: entry["reason"] for entry in result.skipped}
    for model, wanted in (
        ("Stable Diffusion", "hf download CompVis/stable-diffusion-v1-4"),
        ("Kandinsky 2.2", "kandinsky-2-2-prior"),
        ("dalle2-laion", "laion/DALLE2-PyTorch"),
        ("DALL-E Mini", "kuprel/min-dalle"),
    ):
        assert wanted in reasons[model]
        assert " GB" in reasons[model]
        assert "licence" in reasons[model]
    with pytest.raises(AbsentError, match="fetch it"):
        locate("nobody/nothing-of-the-kind", "fetch it")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (
            lambda root: (root / "unet" / "diffusion_pytorch_model.safetensors").unlink(),
            r"half-downloaded: unet/ holds",
        ),
        (lambda root: shutil.rmtree(root / "vae"), "half-downloaded: vae/ is missing"),
        (lambda root: (root / "unet" / "x.incomplete").write_bytes(b""), "half-downloaded"),
        (lambda root: (root / "model_index.json").write_text("{"), "damaged"),
        (lambda root: (root / "model_index.json").unlink(), "no model_index"),
    ],
)
def test_half_a_model_is_refused_before_it_loads(stable: Path, tmp_path: Path, harm, said: str) -> None:  # type: ignore[no-untyped-def]
    root = tmp_path / "model"
    shutil.copytree(stable, root)
    harm(root)
    with pytest.raises(BaselineError, match=said):
        StableDiffusion(str(root), "cpu")


@pytest.mark.parametrize("pickled", [False, True])
def test_weights_that_are_cut_off_are_refused(stable: Path, tmp_path: Path, pickled: bool) -> None:
    root = tmp_path / "model"
    shutil.copytree(stable, root)
    file = root / "unet" / "diffusion_pytorch_model.safetensors"
    whole = check_whole(root, check_class(root, "StableDiffusionPipeline"))
    if pickled:
        weights = load_file(file)
        file.unlink()
        file = file.with_suffix(".bin")
        torch.save(weights, file)
        assert check_whole(root, check_class(root, "StableDiffusionPipeline")) == whole
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(BaselineError, match="is cut off"):
        StableDiffusion(str(root), "cpu")


def test_weights_of_other_shapes_are_refused_in_a_sentence(stable: Path, tmp_path: Path) -> None:
    root = tmp_path / "model"
    shutil.copytree(stable, root)
    config = root / "unet" / "config.json"
    config.write_text(config.read_text().replace('"layers_per_block": 1', '"layers_per_block": 2'))
    with pytest.raises(BaselineError, match="cannot be loaded") as error:
        StableDiffusion(str(root), "cpu")
    assert "\n" not in str(error.value)


def test_without_diffusers_the_rest_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    result = baselines(BaselineSettings(models=("stable-diffusion",), n=1), tmp_path)
    assert 'pip install "logolib[baselines]"' in result.skipped[0]["reason"]


def test_a_model_of_another_class_is_named(stable: Path, kandinsky: tuple[Path, Path]) -> None:
    with pytest.raises(BaselineError, match="is a KandinskyV22Pipeline, not a StableDiffusionPipeline"):
        StableDiffusion(str(kandinsky[0]), "cpu")
    with pytest.raises(BaselineError, match="is a StableDiffusionPipeline, not a KandinskyV22PriorPipeline"):
        Kandinsky(str(kandinsky[0]), str(stable), "cpu")


def test_what_does_not_fit_is_refused_with_both_figures() -> None:
    with pytest.raises(BaselineError, match=r"needs about 1300000\.0 GB on the cpu and [\d.]+ GB are free"):
        check_memory("a giant", 10**15, "cpu")
    check_memory("a dwarf", 1000, "cpu")


def test_a_picture_that_the_safety_checker_blanks_is_said(tmp_path: Path) -> None:
    model = save_stable(tmp_path, prudish=True)
    chosen = BaselineSettings(models=("stable-diffusion",), stable_diffusion=str(model), n=1, size=64, steps=2)
    result = baselines(chosen, tmp_path / "out")
    assert "safety checker blanked" in result.skipped[0]["reason"]
    assert result.values["pictures"][0]["blanked"]
    assert "blanked" in tables.skipped(tmp_path / "out").data


def test_the_ratio_needs_both_devices() -> None:
    rows = [
        {"model": "a", "device": "cpu", "seconds": 20.0},
        {"model": "a", "device": "cuda", "seconds": 2.0},
        {"model": "b", "device": "cpu", "seconds": 20.0},
    ]
    assert [row["cpu_to_gpu"] for row in _with_ratios(rows)] == [10.0, 10.0, None]


def test_peak_memory_sees_what_is_gone_again() -> None:
    with PeakMemory("cpu") as before:
        pass
    with PeakMemory("cpu", every_s=0.001) as peak:
        held = np.ones(50_000_000)
        float(held.sum())
        time.sleep(0.1)  # a hundred looks, should both cores be busy
        del held
    assert peak.bytes > before.bytes + 2e8


def test_prompts_come_from_2022_the_clubs_or_a_file(tmp_path: Path) -> None:
    assert pick_prompts("2022", 1) == ["A soccer club logo"]
    assert len(pick_prompts("clubs", 5)) == 5
    (tmp_path / "mine.txt").write_text("one\n\n two \nthree\n")
    assert pick_prompts(str(tmp_path / "mine.txt"), 2) == ["one", "two"]
    (tmp_path / "empty.txt").write_text("\n")
    for source in ("empty.txt", "none.txt"):
        with pytest.raises(BaselineError):
            pick_prompts(str(tmp_path / source), 2)
    with pytest.raises(BaselineError, match="no model 'midjourney'"):
        baselines(BaselineSettings(models=("midjourney",)), tmp_path)
