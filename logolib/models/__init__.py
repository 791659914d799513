"""CLIP, prior and decoder: networks of other libraries behind one way to build, save and load them."""

from logolib.models.checkpoints import load_decoder, load_prior, read_checkpoint, save_checkpoint
from logolib.models.clip import Clip, clip_adapter, load_clip
from logolib.models.export import export
from logolib.models.hub import fetch
from logolib.models.weights import ModelError

__all__ = [
    "Clip",
    "ModelError",
    "clip_adapter",
    "export",
    "fetch",
    "load_clip",
    "load_decoder",
    "load_prior",
    "read_checkpoint",
    "save_checkpoint",
]
