"""What the training stages see: collected pairs, and drawn emblems beside them."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from logolib.config import AS_THEY_COME, LogolibError, Shares, TrainSettings
from logolib.data import Pairs, batches, data_hash_of, load_pairs
from logolib.emblems.corpus import drawn
from logolib.images import to_float
from logolib.models.clip import Clip, embed_images, embed_texts
from logolib.models.prior import load_prior, sample_prior
from logolib.results import data_hash, sha256_file, write_text
from logolib.seeds import SampleGenerators, derive

CHECKSUMS = "checksums.json"
GUESS_STEPS = 8  # network evaluations a guess of the prior; more change its embeddings little


@dataclass(frozen=True)
class Corpus:
    """Training pairs: the drawn emblems once, each collected logo several times; and held-out pairs."""

    images: np.ndarray  # uint8 (N, size, size, 3)
    captions: list[str]
    order: np.ndarray  # rows to draw from, (groups, rows of a group): collected ones repeated, siblings together
    val_images: np.ndarray
    val_captions: list[str]
    hash: str

    def steps_per_epoch(self, batch_size: int) -> int:
        """Full batches that go once through all rows, as open_clip counts them; at least one."""
        return max(1, len(self.order) // max(1, batch_size // self.order.shape[1]))

    def batch(self, rows: np.ndarray, device: torch.device) -> Tensor:
        """Pictures as float (B, 3, size, size) in [-1, 1]."""
        return to_float(self.images[rows]).to(device)


def load_corpus(data: Path, run: Path, size: int, seed: int, settings: TrainSettings) -> Corpus:
    """Read DATA's shards at `size` pixels and draw `settings.drawn` emblems beside them, kept in RUN/drawn."""
    train, val = load_pairs(data, "train", size), load_pairs(data, "val", size)
    return make_corpus(train, val, data_hash_of(data), run, size, seed, settings)


def make_corpus(
    train: Pairs, val: Pairs, source: str, run: Path, size: int, seed: int, settings: TrainSettings
) -> Corpus:
    """Pairs of `size` pixels, whose hash is `source`, and `settings.drawn` emblems beside them, kept in RUN/drawn."""
    n_drawn, group, shares = settings.drawn, settings.siblings + 1, settings.shares
    n_drawn -= n_drawn % group
    images, captions = [train.images], list(train.captions)
    n = len(train.captions)
    if n_drawn:
        extra_images, extra_captions = kept_drawings(
            run / "drawn", size, derive(seed, "drawn") % 2**32, n_drawn, group - 1, shares
        )
        images.append(extra_images)
        captions += extra_captions
    repeat = settings.repeat if n_drawn else 1
    collected = np.random.default_rng(derive(seed, "groups")).permutation(np.tile(np.arange(n), repeat))
    order = np.concatenate([collected[: len(collected) // group * group], np.arange(n, n + n_drawn)])
    parts = [source, f"drawn {n_drawn} {group} {seed}", f"repeat {repeat}", f"size {size}"]
    parts += [f"{name} {share:g}" for name, share in shares._asdict().items() if share]
    return Corpus(
        np.concatenate(images), captions, order.reshape(-1, group), val.images, val.captions, data_hash(parts)
    )


@dataclass(frozen=True)
class Embedded:
    """A corpus in a CLIP's space: normalised embeddings, float32 (N, D), rows as in the corpus."""

    images: Tensor
    texts: Tensor
    val_images: Tensor
    val_texts: Tensor


def embed_corpus(clip: Clip, corpus: Corpus, run: Path, device: torch.device) -> Embedded:
    """Embed all pictures and captions once; kept in RUN/embeddings by data and weights."""

    def make() -> dict[str, np.ndarray]:
        encode = clip.vocabulary.encode
        return {
            "images": embed_images(clip, corpus.images).numpy(),
            "texts": embed_texts(clip, encode(corpus.captions)).numpy(),
            "val_images": embed_images(clip, corpus.val_images).numpy(),
            "val_texts": embed_texts(clip, encode(corpus.val_captions)).numpy(),
        }

    kept = _kept(run / "embeddings" / f"{corpus.hash}-{clip.fingerprint()}", make)
    return Embedded(**{name: torch.from_numpy(array).to(device) for name, array in kept.items()})


def guess_images(prior: Path, texts: Tensor, run: Path, key: str, seed: int, batch: int = 512) -> Tensor:
    """What the prior in a folder makes of text embeddings (N, D): one image embedding each, kept in RUN/embeddings."""

    def make() -> dict[str, np.ndarray]:
        network = load_prior(prior).to(texts.device)
        parts = []
        for first in range(0, len(texts), batch):
            some = texts[first : first + batch]
            noise = SampleGenerators([derive(seed, "guess", first + i) for i in range(len(some))])
            parts.append(sample_prior(network, some, noise, GUESS_STEPS).cpu())
        return {"guesses": torch.cat(parts).numpy()}

    name = f"{key}-{sha256_file(prior / 'model.safetensors')[:16]}"
    return torch.from_numpy(_kept(run / "embeddings" / name, make)["guesses"]).to(texts.device)


def _kept(folder: Path, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Arrays made once and kept in a folder, memory-mapped; their checksums are compared, damaged ones made again."""
    if (found := _read_kept(folder)) is not None:
        return found
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=folder.name, suffix=".partial"))
    try:
        for name, array in make().items():
            with open(partial / f"{name}.npy", "w+b") as file:  # "wb" lets numpy write itself, which hides a full disk
                np.save(file, array, allow_pickle=False)
        sums = {file.stem: sha256_file(file) for file in sorted(partial.iterdir())}
        write_text(partial / CHECKSUMS, json.dumps(sums))
        partial.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    found = _read_kept(folder)
    if found is None:
        raise LogolibError(f"{folder} cannot be read back; look whether the disk is whole, and run the command again.")
    return found


def _read_kept(folder: Path) -> dict[str, np.ndarray] | None:
    """The arrays of a folder, or None if it is not there or not as it was written."""
    try:
        sums = json.loads((folder / CHECKSUMS).read_text("utf8"))
        if any(sha256_file(folder / f"{name}.npy") != wanted for name, wanted in sums.items()):
            return None
        # Copy on write: torch shares the pages and would warn of an array that it must not write to.
        return {name: np.load(folder / f"{name}.npy", mmap_mode="c", allow_pickle=False) for name in sums}
    except (OSError, ValueError, AttributeError):
        return None


class BatchFeed:
    """The corpus's rows for a step, whichever step is asked for first: what exact resume needs."""

    def __init__(self, order: np.ndarray, batch_size: int, seed: int) -> None:
        self._order, self._batch_size, self._seed = order, max(1, batch_size // order.shape[1]), seed
        self._next = -1
        self._batches: Iterator[np.ndarray] = iter(())

    def __call__(self, step: int) -> np.ndarray:
        """The rows of one step, int64 (batch_size,)."""
        if step != self._next:
            self._batches = batches(len(self._order), self._batch_size, self._seed, start_step=step)
        self._next = step + 1
        return self._order[next(self._batches)].reshape(-1)


def kept_drawings(
    folder: Path,
    size: int,
    seed: int,
    n: int,
    siblings: int = 0,
    shares: Shares = AS_THEY_COME,
) -> tuple[np.ndarray, list[str]]:
    """Drawn emblems, drawn once and kept beside the run."""

    def make() -> dict[str, np.ndarray]:
        workers = os.cpu_count() or 1
        made = drawn(n, seed, size, siblings=siblings, shares=shares, workers=workers)
        return {"images": made.images, "captions": np.array(made.captions)}

    parts = [str(size), str(seed), str(n), str(siblings), *(f"{share:g}" for share in shares)]
    kept = _kept(folder / "-".join(parts), make)
    return kept["images"], kept["captions"].tolist()
