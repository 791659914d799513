"""Which models are compared, and what it takes to have each: the download, its size and its licence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from logolib.baselines.laion import Dalle2Laion
from logolib.baselines.models import Kandinsky, Model, Ours, StableDiffusion
from logolib.baselines.weights import AbsentError
from logolib.config import BaselineSettings
from logolib.models.lineage import CURATOR, Lineage, zoo_lineage

# Sizes and licences: as the files' pages and the model cards on Hugging Face list them, November 2026.
_SAFE = '--exclude "*.bin"'  # the same weights again, as pickles
_STABLE = (
    f"download it with `hf download {{}} {_SAFE}`: about 5.5 GB for CompVis/stable-diffusion-v1-4, "
    "CreativeML Open RAIL-M licence."
)
_KANDINSKY = (
    f"download both parts with `hf download {{}} {_SAFE}` and `hf download {{}} {_SAFE}`: about 16 GB together, "
    "Apache 2.0 licence."
)
_LAION = (
    "write one, as in configs/ of github.com/LAION-AI/dalle2-laion, and download what it names: from "
    "laion/DALLE2-PyTorch on Hugging Face, MIT licence, the prior is 1.3 GB, decoder/1.5B 5.0 GB and "
    "upsampler/1024/v1.0.3 1.2 GB; OpenAI's ViT-L/14, timm/vit_large_patch14_clip_224.openai, is about 1.7 GB."
)
_MINI = (
    "None of the PyTorch ports on PyPI is run. min-dalle fixes the sizes of its networks in its code, so that no small "
    "model can test a loader; importing it switches gradients off and sets the threads of the whole process; and its "
    "constructor downloads without a checksum. By hand: `pip install min-dalle`, which fetches about 5.4 GB from "
    "kuprel/min-dalle on Hugging Face, MIT licence."
)

# Trained on LAION, which a CLIP of OpenAI's filtered, and each with a CLIP's text or image tower in it.
_OF_LAION = Lineage(frozenset({"LAION"}), frozenset({CURATOR}))
_WITH_VIT_L = _OF_LAION | zoo_lineage("ViT-L-14", "openai")
_WITH_VIT_BIGG = _OF_LAION | zoo_lineage("ViT-bigG-14", "laion2b_s39b_b160k")
_UNKNOWN = Lineage(unknown=frozenset({"what its authors took"}))


@dataclass(frozen=True)
class Known:
    """A model as the settings and the table name it, and how it is loaded."""

    name: str
    title: str
    load: Callable[[BaselineSettings, str], Model]  # (settings, "cpu" | "cuda") -> model
    lineage: Lineage = _UNKNOWN  # what its authors say taught or filtered for it


def _stable_diffusion(settings: BaselineSettings, device: str) -> Model:
    name = settings.stable_diffusion
    return StableDiffusion(name, device, _STABLE.format(name))


def _kandinsky(settings: BaselineSettings, device: str) -> Model:
    names = settings.kandinsky, settings.kandinsky_prior
    return Kandinsky(*names, device, _KANDINSKY.format(*names))


def _dalle_mini(settings: BaselineSettings, device: str) -> Model:
    raise AbsentError(_MINI)


KNOWN: tuple[Known, ...] = (
    Known("ours", "logolib", lambda settings, device: Ours(settings.ours, device)),
    Known("stable-diffusion", "Stable Diffusion", _stable_diffusion, _WITH_VIT_L),
    Known("kandinsky", "Kandinsky 2.2", _kandinsky, _WITH_VIT_BIGG),
    Known(
        "dalle2-laion",
        "dalle2-laion",
        lambda settings, device: Dalle2Laion(settings.dalle2_laion, device, _LAION),
        _WITH_VIT_L,
    ),
    Known("dalle-mini", "DALL-E Mini", _dalle_mini),
)
