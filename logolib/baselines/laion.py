"""dalle2-laion: a CLIP, a prior and decoders of dalle2-pytorch, from the files that its ModelLoadConfig names."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from pydantic import BaseModel, ConfigDict, ValidationError

from logolib.baselines.models import Drawn
from logolib.baselines.weights import AbsentError, BaselineError, check_memory, locate
from logolib.models import Clip, load_decoder, load_prior
from logolib.models.clip import named_config
from logolib.models.clip_files import load_checkpoint
from logolib.results import read_json
from logolib.text import Vocabulary

CLIP_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
GUESSES = 2  # of the prior, the one nearer to the text is taken: dalle2-pytorch's own default


class _Part(BaseModel):
    """A part of a ModelLoadConfig; keys without a meaning here are let pass."""

    model_config = ConfigDict(frozen=True)


class _File(_Part):
    """Where a file lies: beside the config, or in `cache_dir`, where dalle2-laion puts what it fetches."""

    load_type: Literal["local", "url"]
    path: str
    cache_dir: str = "."
    filename_override: str | None = None

    def find(self, beside: Path, download: str) -> Path:
        """The file. Raises AbsentError."""
        name = self.filename_override or self.path.split("?")[0].rsplit("/", 1)[-1]
        file = beside / (self.path if self.load_type == "local" else Path(self.cache_dir) / name)
        if not file.is_file():
            raise AbsentError(f"{file.name} ({self.path}) is not on this machine; {download}")
        return file


class _Weights(_Part):
    load_model_from: _File
    load_config_from: _File | None = None

    def files(self, beside: Path, download: str) -> tuple[Path, Path | None]:
        """Weights and, where it is apart, their config."""
        config = self.load_config_from.find(beside, download) if self.load_config_from else None
        return self.load_model_from.find(beside, download), config


class _Prior(_Weights):
    default_cond_scale: float | None = None


class _Unets(_Weights):
    unet_numbers: list[int]
    default_cond_scale: list[float] | None = None


class _Decoder(_Part):
    unet_sources: list[_Unets]


class _Clip(_Part):
    make: Literal["openai", "open_clip"] = "openai"
    model: str = "ViT-L/14"  # of open_clip's zoo, or a JSON file
    base_model_kwargs: dict[str, Any] = {}


class _Load(_Part):
    decoder: _Decoder
    prior: _Prior
    clip: _Clip = _Clip()


class Dalle2Laion:
    """The three networks, sampled as dalle2-pytorch does; decoders hand the picture on from unet to unet."""

    def __init__(self, config: str, device: str, download: str = "") -> None:
        """config: a ModelLoadConfig as JSON; paths in it are relative to it. Raises BaselineError or ModelError."""
        load, beside = _read(Path(config), download), Path(config).parent
        self.unets = sorted(load.decoder.unet_sources, key=lambda source: source.unet_numbers)
        numbers = [number for source in self.unets for number in source.unet_numbers]
        if not numbers or numbers != list(range(1, len(numbers) + 1)):
            raise BaselineError(f"{config} numbers its unets {numbers}; number them from 1, each once.")
        files = [source.files(beside, download) for source in (load.prior, *self.unets)]
        clip_file = _clip_file(load.clip, beside, download)
        size = sum(file.stat().st_size for file in (clip_file, *(file for file, _ in files)))
        for place in {"cpu", device}:  # files are read on the CPU, wherever the networks go
            check_memory("dalle2-laion", size, place)
        self.device, self.scale = device, load.prior.default_cond_scale or 1.0
        self.clip = _clip(load.clip, clip_file, beside).to(device)
        self.prior: Any = load_prior(*files[0]).to(device)
        self.decoders: list[Any] = [load_decoder(*both).to(device) for both in files[1:]]

    def draw(self, prompt: str, seed: int, size: int, steps: int) -> Drawn:
        """See `Model`; pictures come in the networks' own size and are scaled, and a seed is one device's."""
        progress = contextlib.redirect_stderr(io.StringIO())
        with torch.random.fork_rng(), torch.no_grad(), progress:
            torch.manual_seed(seed)
            tokens = self.clip.vocabulary.encode([prompt]).to(self.device)
            text, words = read_text(self.clip, tokens)
            image = self._image_embedding(text, words, steps)
            picture: Any = None
            for source, decoder in zip(self.unets, self.decoders, strict=True):
                picture = _draw(decoder, source, image, words, picture, steps)
        pixels = (picture[0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().cpu().numpy()
        return Drawn(np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.LANCZOS)))

    def _image_embedding(self, text: torch.Tensor, words: torch.Tensor, steps: int) -> torch.Tensor:
        """Of some guesses the one nearest to the text, as `DiffusionPrior.sample` takes it, (1, D)."""
        given = {"text_embed": text.expand(GUESSES, -1)}
        if self.prior.condition_on_text_encodings:
            given["text_encodings"] = words.expand(GUESSES, -1, -1)
        guesses = self.prior.p_sample_loop(
            (GUESSES, self.prior.image_embed_dim),
            text_cond=given,
            cond_scale=self.scale if self.prior.can_classifier_guidance else 1.0,
            timesteps=min(steps, self.prior.noise_scheduler.num_timesteps),
        )
        return guesses[torch.cosine_similarity(guesses, text).argmax()][None]


def read_text(clip: Clip, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens (B, L) => embeddings (B, D) and states (B, L, width), zero after the end token, as upstream's adapters."""
    states: list[torch.Tensor] = []
    hook = clip.net.ln_final.register_forward_hook(lambda _module, _inputs, output: states.append(output))
    try:
        text = clip.encode_text(tokens)
    finally:
        hook.remove()
    before_end = (tokens == clip.vocabulary.end).cumsum(-1) == 0
    shown = torch.nn.functional.pad(before_end, (1, -1), value=True)
    return text, states[0].float() * shown.unsqueeze(-1)


def _draw(decoder: Any, source: _Unets, image: torch.Tensor, words: torch.Tensor, picture: Any, steps: int) -> Any:
    """Pixels in [0, 1], (1, 3, H, W), by the unets of one source, from those of the source before."""
    decoder.sample_timesteps = [min(steps, schedule.num_timesteps) for schedule in decoder.noise_schedulers]
    scales = dict(zip(source.unet_numbers, source.default_cond_scale or (), strict=False))
    guided = decoder.can_classifier_guidance
    return decoder.sample(
        image=picture,
        image_embed=image,
        text_encodings=words if decoder.condition_on_text_encodings else None,
        cond_scale=tuple(scales.get(i + 1, 1.0) if guided else 1.0 for i in range(len(decoder.unets))),
        start_at_unet_number=source.unet_numbers[0],
        stop_at_unet_number=source.unet_numbers[-1],
    )


def _read(file: Path, download: str) -> _Load:
    try:
        return _Load.model_validate(read_json(file.read_text("utf8")))
    except FileNotFoundError:
        raise AbsentError(f"There is no ModelLoadConfig {file}; {download}") from None
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise BaselineError(f"{file} is no ModelLoadConfig of dalle2-laion: {where} is missing or wrong.") from None
    except (OSError, ValueError) as error:
        raise BaselineError(f"{file} cannot be read ({error}); it must be JSON.") from None


def _clip_file(clip: _Clip, beside: Path, download: str) -> Path:
    """The CLIP's weights: `base_model_kwargs.pretrained`, or in Hugging Face's cache where open_clip keeps them."""
    if given := clip.base_model_kwargs.get("pretrained"):
        return _File(load_type="local", path=str(given)).find(beside, download)
    import open_clip

    name = clip.model.replace("/", "-")
    tags = ["openai"] if clip.make == "openai" else open_clip.list_pretrained_tags_by_model(name)
    about = open_clip.get_pretrained_cfg(name, tags[-1]) if tags else {}  # the last: what dalle2-pytorch takes
    if not about.get("hf_hub"):
        raise BaselineError(
            f"open_clip has no weights of {clip.model}; name a file: clip.base_model_kwargs.pretrained."
        )
    folder = locate(str(about["hf_hub"]).strip("/"), download)
    files = [folder / file for file in CLIP_FILES if (folder / file).is_file()]
    if not files:
        raise BaselineError(f"{folder} is half-downloaded: it holds no weights of a CLIP; finish the download.")
    return files[0]


def _clip(clip: _Clip, file: Path, beside: Path) -> Clip:
    own = clip.model.endswith(".json")
    config = named_config(str(beside / clip.model) if own else clip.model.replace("/", "-"))
    if clip.make == "openai":
        config["quick_gelu"] = True  # OpenAI's were trained with it
    made = Clip(config, Vocabulary.full(config["text_cfg"].get("context_length", 77)))
    load_checkpoint(made, file, clip.model)
    return made.eval().requires_grad_(False)
