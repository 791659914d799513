"""CLIP, prior and decoder: networks of other libraries behind one way to build, save and load them."""

from logolib.models.clip import Clip, ModelError, clip_adapter, load_clip
from logolib.models.export import export

__all__ = ["Clip", "ModelError", "clip_adapter", "export", "load_clip"]
