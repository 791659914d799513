"""Training: the one loop, and the models that go through it."""

from logolib.train.captioner import train_captioner
from logolib.train.clip import train_clip
from logolib.train.decoder import train_decoder
from logolib.train.prior import train_prior
from logolib.train.upsampler import train_upsampler

__all__ = ["train_captioner", "train_clip", "train_decoder", "train_prior", "train_upsampler"]
