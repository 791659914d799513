"""The judge: a CLIP that no generator has been trained, filtered or ranked with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from logolib.config import LogolibError
from logolib.evaluate.marker import Marker, load_marker
from logolib.models.clip import Clip, embed_images, embed_texts, load_clip
from logolib.models.weights import load_weights
from logolib.text import Vocabulary

WEIGHTS = Path(__file__).resolve().parents[1] / "weights"
CHOICES = 10  # captions that the judge chooses from: chance is one in ten


class JudgeError(LogolibError):
    """A judge that is missing, damaged or no stranger to the model it judges."""


@dataclass(frozen=True)
class Judge:
    """A CLIP with the name under which results cite it."""

    name: str
    clip: Clip
    fingerprint: str


def load_judge(which: str = "shipped") -> Judge:
    """The shipped judge, or a folder that `Clip.save` wrote. Raises JudgeError or ModelError."""
    if which == "shipped":
        clip = _shipped_clip()
    elif Path(which).is_dir():
        clip = load_clip(Path(which))
    else:
        raise JudgeError(f"There is no judge {which!r}; evaluate.judge is `shipped` or a CLIP's folder.")
    fingerprint = clip.fingerprint()
    name = "shipped judge" if which == "shipped" else f"CLIP {Path(which).name}"
    return Judge(f"{name} {fingerprint[:8]}", clip, fingerprint)


def load_shipped_marker() -> Marker:
    """The marker that comes with the library."""
    return load_marker(WEIGHTS / "marker.json", WEIGHTS / "marker.safetensors")


def refuse_kin(judge: Judge, name: str, fingerprint: str) -> None:
    """Raise JudgeError when the CLIP of model `name` is the judge."""
    if fingerprint == judge.fingerprint:
        raise JudgeError(f"The CLIP of {name} is the judge itself; set evaluate.judge to another one.")


def similarity(judge: Judge, pictures: np.ndarray, captions: Sequence[str]) -> np.ndarray:
    """uint8 (N, H, W, 3) and M captions => cosines (N, M), float64."""
    images = embed_images(judge.clip, pictures)
    texts = embed_texts(judge.clip, judge.clip.vocabulary.encode(list(captions)))
    return _cosines(images, texts)


def picked(scores: np.ndarray, own: np.ndarray, choices: int = CHOICES) -> np.ndarray:
    """Probability that each picture's own caption scores highest among `choices`, the others random.

    scores: cosines (N, M) with M different captions; own: column of each picture's own caption, (N,).
    Exact over all ways to choose the others; a tie counts as lost. ValueError when M < `choices`.
    """
    m = scores.shape[1]
    if not 1 < choices <= m:
        raise ValueError(f"cannot choose {choices} of {m} captions")
    rows = np.arange(len(scores))
    beaten = (scores < scores[rows, own][:, None]).sum(1)  # (N,)
    return _all_beaten(m - 1, choices - 1)[beaten]


def shuffled(scores: np.ndarray, own: np.ndarray, choices: int = CHOICES) -> tuple[np.ndarray, np.ndarray]:
    """`picked` and cosine of the same pictures for captions not their own, averaged over those; (N,) each."""
    m = scores.shape[1]
    kept = np.arange(m)[None] != own[:, None]
    others = scores[kept].reshape(len(scores), m - 1)
    choices = min(choices, m - 1)
    if choices < 2:
        return np.full(len(scores), 1.0), others.mean(1)
    beaten = (others[:, :, None] > others[:, None, :]).sum(2)  # (N, M - 1)
    return _all_beaten(m - 2, choices - 1)[beaten].mean(1), others.mean(1)


def _all_beaten(others: int, drawn: int) -> np.ndarray:
    """Probability that `drawn` of `others` captions are all among the k beaten ones, k = 0 .. `others`."""
    k = np.arange(others + 1)[:, None]
    i = np.arange(drawn)[None]
    return np.clip((k - i) / (others - i), 0, None).prod(1)


def _shipped_clip() -> Clip:
    try:
        stored = json.loads((WEIGHTS / "judge.json").read_text("utf8"))
        clip = Clip(stored["model"], Vocabulary(stored["bpe_ids"], stored["context_length"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JudgeError(f"The shipped judge cannot be read ({error}); install logolib again.") from None
    load_weights(clip.net, WEIGHTS / "judge.safetensors")
    return clip.eval().requires_grad_(False)


def _cosines(images: Tensor, texts: Tensor) -> np.ndarray:
    return (images.double() @ texts.double().T).numpy()
