"""The judge: a CLIP that no arm has been trained, filtered or ranked with."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from logolib.config import LogolibError
from logolib.evaluate.marker import Marker, load_marker
from logolib.models.clip import Clip, embed_images, embed_texts, load_clip
from logolib.models.lineage import Lineage, from_record, part_lineage, stated, zoo_lineage
from logolib.models.weights import load_weights
from logolib.text import Vocabulary

WEIGHTS = Path(__file__).resolve().parents[1] / "weights"
CHOICES = 10  # captions that the judge chooses from: chance is one in ten


class JudgeError(LogolibError):
    """A judge that is missing, damaged or no stranger to what it judges."""


@dataclass(frozen=True)
class Judge:
    """A CLIP with the name under which results cite it, and where it comes from."""

    name: str
    images: Callable[[np.ndarray], Tensor]  # uint8 (N, H, W, 3) => unit embeddings (N, D)
    texts: Callable[[Sequence[str]], Tensor]  # captions => unit embeddings (M, D)
    lineage: Lineage


def load_judge(which: str = "shipped") -> Judge:
    """The shipped judge, a folder that `Clip.save` wrote, or an open_clip MODEL/TAG, which is downloaded.

    Raises JudgeError or ModelError.
    """
    if which == "shipped":
        return clip_judge("shipped judge", _shipped_clip(), shipped_lineage("judge"))
    folder = Path(which)
    if folder.is_dir():
        clip, told = load_clip(folder), stated(folder)
        return clip_judge(f"CLIP {folder.name}", clip, part_lineage(folder) if told is None else told)
    import open_clip

    model, _, tag = which.partition("/")
    if (model, tag) not in open_clip.list_pretrained():
        raise JudgeError(
            f"There is no judge {which!r}; evaluate.judge is `shipped`, a CLIP's folder, or MODEL/TAG of open_clip, "
            "such as ViT-B-32/metaclip_400m."
        )
    try:
        net, _, prepare = open_clip.create_model_and_transforms(model, pretrained=tag)
        tokenize = open_clip.get_tokenizer(model)
    except Exception as error:  # huggingface_hub's own, OSError, RuntimeError
        reason = str(error).strip().split("\n")[0][:160]
        raise JudgeError(
            f"open_clip's weights {which} cannot be had ({reason}); evaluate.judge=shipped is here."
        ) from None
    return zoo_judge(f"open_clip {which}", net, prepare, tokenize, zoo_lineage(model, tag))


def clip_judge(name: str, clip: Clip, lineage: Lineage) -> Judge:
    """A CLIP of ours as a judge; its fingerprint is among its weights."""
    fingerprint = clip.fingerprint()
    return Judge(
        f"{name} {fingerprint[:8]}",
        lambda pictures: embed_images(clip, pictures),
        lambda captions: embed_texts(clip, clip.vocabulary.encode(list(captions))),
        lineage | Lineage(weights=frozenset({fingerprint})),
    )


def zoo_judge(name: str, net: Any, prepare: Any, tokenize: Any, lineage: Lineage) -> Judge:
    """A model of open_clip's with its own transform and tokenizer as a judge."""
    net = net.eval().requires_grad_(False)

    def images(pictures: np.ndarray) -> Tensor:
        parts = (pictures[i : i + 64] for i in range(0, len(pictures), 64))
        prepared = (torch.stack([prepare(Image.fromarray(one)) for one in part]) for part in parts)
        return torch.cat([net.encode_image(part, normalize=True) for part in prepared]).float()

    def texts(captions: Sequence[str]) -> Tensor:
        tokens = tokenize(list(captions))
        return torch.cat([net.encode_text(part, normalize=True) for part in tokens.split(64)]).float()

    return Judge(name, images, texts, lineage)


def load_shipped_marker() -> Marker:
    """The marker that comes with the library."""
    return load_marker(WEIGHTS / "marker.json", WEIGHTS / "marker.safetensors")


def shipped_lineage(which: str) -> Lineage:
    """What the shipped `judge` or `marker` learnt from, as `benchmarks/train_judge.py` recorded it."""
    try:
        return from_record(json.loads((WEIGHTS / f"{which}-metrics.json").read_text("utf8"))["lineage"])
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise JudgeError(
            f"The record of the shipped {which} cannot be read ({error}); install logolib again."
        ) from None


def refuse_kin(judge: str, own: Lineage, arm: str, its: Lineage) -> None:
    """Raise JudgeError when a judge and an arm share a training set or weights, or when nobody knows."""
    for name, lineage in ((f"the judge {judge}", own), (arm, its)):
        if lineage.unknown:
            raise JudgeError(
                f"Nobody recorded what {name} comes from ({', '.join(sorted(lineage.unknown)[:3])}), so that no judge "
                f"can be called independent; name its training sets and parent weights in lineage.json in its folder."
            )
    if shared := own.shared(its):
        more = f" and {len(shared) - 1} more" if len(shared) > 1 else ""
        raise JudgeError(
            f"The judge {judge} is no stranger to {arm}: both come from {shared[0]}{more}; "
            "set evaluate.judge to another one."
        )


def similarity(judge: Judge, pictures: np.ndarray, captions: Sequence[str]) -> np.ndarray:
    """uint8 (N, H, W, 3) and M captions => cosines (N, M), float64."""
    return _cosines(judge.images(pictures), judge.texts(captions))


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
