"""Train the judge and the marker that `logolib evaluate` ships, on drawn emblems alone.

Writes OUT/{judge,marker}.safetensors (half precision), .json (what rebuilds them) and -metrics.json (what
they reach on fresh drawings of combinations never trained on). Drawings and checkpoints lie in WORK; a
second call resumes. What ships, each after python benchmarks/train_judge.py --threads 1:
the judge: --only judge; the marker: --only marker --drawn 30000, and when the lion was drawn anew --only marker
--go-on --steps 3000 --drawn 60000.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from open_clip.loss import ClipLoss
from safetensors.torch import save_file
from torch import Tensor, nn

from logolib.config import TrainSettings
from logolib.emblems import describe
from logolib.emblems.corpus import Drawn, draw_many, sample_many
from logolib.evaluate.judge import WEIGHTS, load_shipped_marker, picked
from logolib.evaluate.marker import ATTRIBUTES, SIZE, Marker, asked, targets
from logolib.images import to_float
from logolib.models.clip import Clip, embed_images, embed_texts
from logolib.models.lineage import Lineage, drawn_set
from logolib.results import Stopwatch, data_hash, write_text
from logolib.seeds import derive
from logolib.text import Vocabulary
from logolib.train.clip import retrieval
from logolib.train.corpus import BatchFeed
from logolib.train.loop import fit

# A plain residual network with mean pooling; the generator's CLIP is open_clip's RN with attention pooling.
JUDGE = {
    "embed_dim": 128,
    "vision_cfg": {
        "image_size": 64,
        "timm_model_name": "test_resnet",
        "timm_pool": "avg",
        "timm_proj": "linear",
    },
    "text_cfg": {"width": 64, "heads": 4, "layers": 2},
}
CONTEXT_LENGTH = 48  # tokens; nine captions in ten are shorter, and longer ones end in lettering too small to read
SHIPPED = {"marker": (4400, 64), "judge": (800, 48)}  # steps and batch of what ships
CAPTIONS = 4  # different captions an emblem, one taken at random each time it comes up
RESERVED = 0.3  # share of emblems with elements that no generator's drawings have, and collected clubs do


def main() -> None:
    """Read the command line and train what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("judge", "marker"))
    parser.add_argument("--go-on", action="store_true", help="the marker starts from the one that ships")
    parser.add_argument("--steps", type=int, help="4400 for the marker, 800 for the judge")
    parser.add_argument("--batch", type=int, help="64 for the marker, 48 for the judge")
    parser.add_argument("--drawn", type=int, default=12000, help="emblems to train on")
    parser.add_argument("--held-out", type=int, default=800, help="emblems to measure on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--work", type=Path, default=Path("build/judge"))
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    given.out.mkdir(parents=True, exist_ok=True)
    train = corpus(given.work, given.drawn, derive(given.seed, "judge") % 2**32, given.threads)
    unseen = derive(given.seed, "judge held out") % 2**32
    held_out = corpus(given.work, given.held_out, unseen, given.threads, for_judging=True)
    for name, make in (("marker", train_marker), ("judge", train_judge)):
        if given.only in (None, name):
            steps, batch = SHIPPED[name]
            own = {**vars(given), "steps": given.steps or steps, "batch": given.batch or batch}
            make(argparse.Namespace(**own), train, held_out)


def corpus(work: Path, n: int, seed: int, workers: int, for_judging: bool = False) -> Drawn:
    """Emblems of the training side, or plain ones of the judging side; their pictures are kept in WORK."""
    pairs = sample_many(n, seed, for_judging=for_judging, reserved=0.0 if for_judging else RESERVED)
    emblems = [emblem for emblem, _ in pairs]
    path = work / f"{data_hash(e.key() for e in emblems)}.npy"
    if not path.exists():
        work.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial.npy")
        np.save(partial, draw_many(emblems, SIZE, workers))
        partial.replace(path)
    return Drawn(np.load(path, allow_pickle=False), [caption for _, caption in pairs], emblems)


def soften(pictures: Tensor) -> Tensor:
    """What generated pictures suffer: shift, loss of detail, noise, a cast of colour."""
    dx, dy = (int(i) for i in torch.randint(-3, 4, (2,)))
    pictures = F.pad(pictures, (3, 3, 3, 3), value=1.0)[..., 3 + dy : 3 + dy + SIZE, 3 + dx : 3 + dx + SIZE]
    small = int(torch.randint(28, 60, ()))
    blurred = F.interpolate(pictures, (small, small), mode="bilinear", antialias=True, align_corners=False)
    blurred = F.interpolate(blurred, (SIZE, SIZE), mode="bicubic", align_corners=False)
    pictures = torch.where(torch.rand(len(pictures), 1, 1, 1) < 0.5, blurred, pictures)
    strength = torch.rand(len(pictures), 1, 1, 1).square() * 0.25
    cast = 1 + 0.04 * torch.randn(len(pictures), 3, 1, 1)
    return (((pictures + 1) * cast - 1) + strength * torch.randn_like(pictures)).clamp(-1, 1)


def train_marker(given: argparse.Namespace, train: Drawn, held_out: Drawn) -> None:
    """Cross-entropy over all attributes; ignored where an emblem has none to ask for."""
    watch = Stopwatch()
    torch.manual_seed(derive(given.seed, "marker weights"))
    labels = targets(train.emblems)
    rows_of = BatchFeed(np.arange(len(train.emblems))[:, None], given.batch, derive(given.seed, "marker order"))

    def loss(network: nn.Module, step: int) -> Tensor:
        rows = rows_of(step)
        logits = network(soften(to_float(train.images[rows])))
        return sum((F.cross_entropy(logits[name], labels[name][rows]) for name in labels), torch.zeros(()))

    def hook(network: nn.Module, _step: int) -> dict[str, Any]:
        assert isinstance(network, Marker)
        return {name: row["accuracy"] for name, row in accuracies(network, held_out, 400).items()}

    settings = train_settings(given, lr=2e-3)
    start = load_shipped_marker().requires_grad_(True).train() if given.go_on else Marker()
    marker = _fit(given, start, loss, settings, "marker", hook)
    assert isinstance(marker, Marker)
    save_half(marker, marker.config(), given.out / "marker")
    softened = Drawn(_softened(held_out.images, given.seed), held_out.captions, held_out.emblems)
    metrics = {"held_out": accuracies(marker, held_out), "held_out_softened": accuracies(marker, softened)}
    _write_metrics(given, "marker", metrics, settings, marker, watch)


def train_judge(given: argparse.Namespace, train: Drawn, held_out: Drawn) -> None:
    """Contrastive loss, and beside it one linear reader of attributes on both towers' embeddings.

    The reader gives many labels a picture where contrast gives one, and is thrown away afterwards.
    """
    watch = Stopwatch()
    torch.manual_seed(derive(given.seed, "judge weights"))
    rng = np.random.default_rng(derive(given.seed, "judge captions"))
    texts = [[describe(emblem, rng) for _ in range(CAPTIONS)] for emblem in train.emblems]
    vocabulary = Vocabulary.of((caption for captions in texts for caption in captions), CONTEXT_LENGTH)
    pupil = _Pupil(Clip(JUDGE, vocabulary))
    tokens = [vocabulary.encode([captions[i] for captions in texts]) for i in range(CAPTIONS)]
    labels = targets(train.emblems)
    rows_of = BatchFeed(np.arange(len(train.emblems))[:, None], given.batch, derive(given.seed, "judge order"))
    held_tokens = vocabulary.encode(held_out.captions)

    def loss(network: nn.Module, step: int) -> Tensor:
        rows = rows_of(step)
        assert isinstance(network, _Pupil)
        images = network.clip.encode_image(soften(to_float(train.images[rows])))
        words = network.clip.encode_text(tokens[int(torch.randint(CAPTIONS, ()))][rows])
        scale = network.clip.net.logit_scale.clamp(max=np.log(100)).exp()
        value: Tensor = ClipLoss()(images, words, scale)
        for embeddings in (images, words):
            for name, logits in network.read(embeddings).items():
                value = value + 0.3 * F.cross_entropy(logits, labels[name][rows])
        return value

    def hook(network: nn.Module, _step: int) -> dict[str, Any]:
        assert isinstance(network, _Pupil)
        return measure_judge(network.clip, held_out.images[:200], held_tokens[:200], given.seed)

    settings = train_settings(given, lr=2e-3)
    taught = _fit(given, pupil, loss, settings, "judge", hook)
    assert isinstance(taught, _Pupil)
    clip = taught.clip
    about = {"model": JUDGE, "bpe_ids": list(vocabulary.bpe_ids), "context_length": vocabulary.context_length}
    save_half(clip.net, about, given.out / "judge")
    softened = _softened(held_out.images, given.seed)
    metrics = {
        "among_200": measure_judge(clip, held_out.images[:200], held_tokens[:200], given.seed),
        "among_200_softened": measure_judge(clip, softened[:200], held_tokens[:200], given.seed),
        "all": measure_judge(clip, held_out.images, held_tokens, given.seed),
    }
    _write_metrics(given, "judge", metrics, settings, clip, watch)


class _Pupil(nn.Module):
    """A CLIP and the linear readers that help to train it."""

    def __init__(self, clip: Clip) -> None:
        super().__init__()
        self.clip = clip
        self.readers = nn.ModuleDict({k: nn.Linear(clip.dim, len(v)) for k, v in ATTRIBUTES.items()})

    def read(self, embeddings: Tensor) -> dict[str, Tensor]:
        # 10: embeddings have length 1, and logits must reach further
        return {name: reader(embeddings * 10) for name, reader in self.readers.items()}


def train_settings(given: argparse.Namespace, lr: float) -> TrainSettings:
    """What the loop takes."""
    return TrainSettings(
        steps=given.steps,
        batch_size=given.batch,
        lr=lr,
        wd=0.05,
        warmup=max(1, given.steps // 20),
        ema=0.98,
        log_every=20,
        save_every=100,
    )


def accuracies(marker: Marker, fresh: Drawn, most: int | None = None) -> dict[str, dict[str, float]]:
    """Per attribute: share read right, chance (always the commonest answer), and how many emblems have it."""
    read = marker.read(fresh.images[:most])
    wanted = [asked(emblem) for emblem in fresh.emblems[:most]]
    found = {}
    for name in marker.classes:
        pairs = [(w[name], r[name]) for w, r in zip(wanted, read, strict=True) if name in w]
        commonest = Counter(w for w, _ in pairs).most_common(1)[0][1]
        right = sum(w == r for w, r in pairs)
        found[name] = {"accuracy": right / len(pairs), "chance": commonest / len(pairs), "n": len(pairs)}
    return found


def measure_judge(clip: Clip, images: np.ndarray, tokens: Tensor, seed: int) -> dict[str, float]:
    """Retrieval both ways, and the share of own captions picked among ten."""
    pictures, words = embed_images(clip, images), embed_texts(clip, tokens)
    values = dict(retrieval(pictures, words, seed, 100)["retrieval"])
    return {**values, "picked": float(picked((pictures @ words.T).numpy(), np.arange(len(images))).mean())}


def save_half(module: nn.Module, about: dict[str, Any], stem: Path) -> None:
    """Half-precision weights and the config beside them."""
    state = {k: v.half() if v.is_floating_point() else v for k, v in module.state_dict().items()}
    save_file({k: v.contiguous() for k, v in state.items()}, stem.with_suffix(".safetensors"))
    stem.with_suffix(".safetensors").chmod(0o644)
    module.load_state_dict(state)
    write_text(stem.with_suffix(".json"), json.dumps(about) + "\n")


def _fit(
    given: argparse.Namespace, network: nn.Module, loss: Any, settings: TrainSettings, name: str, hook: Any
) -> nn.Module:
    key = data_hash([name, settings.model_dump_json(), str(given.seed), str(given.drawn), str(given.go_on)])
    every = max(1, given.steps // 10)
    where = given.work / f"{name}.pt"
    fitted = fit(
        network,
        loss,
        settings,
        where,
        seed=given.seed,
        key=key,
        resume=True,
        hook=hook,
        hook_every=every,
        label=name,
    )
    return fitted.network


def _softened(images: np.ndarray, seed: int) -> np.ndarray:
    torch.manual_seed(derive(seed, "soften"))
    out = []
    for start in range(0, len(images), 50):
        part = to_float(images[start : start + 50])
        small = F.interpolate(part, (44, 44), mode="bilinear", antialias=True, align_corners=False)
        part = F.interpolate(small, (SIZE, SIZE), mode="bicubic", align_corners=False)
        part = (part + 0.06 * torch.randn_like(part)).clamp(-1, 1)
        out.append(part.add(1).mul(127.5).round().byte().permute(0, 2, 3, 1).numpy())
    return np.concatenate(out)


def _write_metrics(
    given: argparse.Namespace,
    name: str,
    metrics: dict[str, Any],
    settings: TrainSettings,
    net: nn.Module,
    watch: Stopwatch,
) -> None:
    about = {
        **metrics,
        "parameters": sum(p.numel() for p in net.parameters()),
        "drawn": given.drawn,
        "lineage": Lineage(frozenset({drawn_set(derive(given.seed, "judge") % 2**32)})).record(),
        "provenance": watch.provenance(settings, given.seed, f"drawn {given.drawn}", "judge"),
    }
    write_text(given.out / f"{name}-metrics.json", json.dumps(about, indent=1) + "\n")
    print(json.dumps(metrics, indent=1))


if __name__ == "__main__":
    main()
