"""A text tower taught to say what drawn emblems show: which figure, on which shape, and whose each colour is."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from logolib.config import Shares
from logolib.emblems import Emblem
from logolib.emblems.corpus import sample_many
from logolib.models.clip import Clip, embed_texts
from logolib.seeds import derive

ATTRIBUTES = (
    "shape",
    "division",
    "field",
    "second",
    "border",
    "charge",
    "charge_colour",
    "style",
    "letter_colour",
)
TOWER = ("transformer.", "ln_final.", "positional_embedding", "text_projection")  # words keep their own vectors
BATCH, RATE, WARM_UP = 192, 1e-3, 50
KEPT = 5.0  # weight of the cosine to the embedding before
HELD_OUT = 1000


def teach_attributes(
    clip: Clip, steps: int, seed: int, *, emblems: int = 80_000, progress: bool = True
) -> dict[str, float]:
    """Teach the text tower in place; the share of held-out captions of which each attribute is read, 0..1.

    A contrastive loss rewards a tower for what tells a batch's pictures apart, and stops there: a decoder is then
    told "red", but hardly whose colour it is. So linear heads, which are thrown away, read each attribute of a drawn
    emblem from the mean of its caption's encodings, the same that a decoder is told (`models.decoder.condition`).
    The embedding is held near the one before ("cosine"), so that a prior and pictures' embeddings go on fitting it.
    The held-out captions are of combinations that no training sees.
    """
    device = clip.mean.device
    known = sample_many(emblems, derive(seed, "attributes") % 2**32, siblings=3, shares=Shares(figures=0.5))
    held_out = sample_many(HELD_OUT, derive(seed, "attributes held out") % 2**32, for_judging=True)
    names = [sorted({str(getattr(one, name)) for one, _ in [*known, *held_out]}) for name in ATTRIBUTES]
    labels, val_labels = (_labels([one for one, _ in some], names).to(device) for some in (known, held_out))
    tokens, val_tokens = (clip.vocabulary.encode([text for _, text in some]) for some in (known, held_out))
    torch.manual_seed(derive(seed, "attribute heads"))
    heads = nn.ModuleList(nn.Linear(2 * clip.config["text_cfg"]["width"], len(some)) for some in names).to(device)
    before, val_before = embed_texts(clip, tokens), embed_texts(clip, val_tokens)

    wanted = {name: weight.requires_grad for name, weight in clip.named_parameters()}
    for name, weight in clip.named_parameters():
        weight.requires_grad_(name.removeprefix("net.").startswith(TOWER))
    tower = [weight for weight in clip.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(
        [{"params": tower, "lr": RATE}, {"params": heads.parameters(), "lr": 3 * RATE}], betas=(0.9, 0.98)
    )
    rates, order = [group["lr"] for group in optimizer.param_groups], np.random.default_rng(derive(seed, "order"))
    for step in tqdm(range(steps), "attributes", disable=not progress):
        share = min((step + 1) / WARM_UP, 0.5 + 0.5 * math.cos(math.pi * step / steps))
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * share
        rows = torch.as_tensor(order.integers(len(tokens), size=BATCH))
        embedding, mean = _read(clip, tokens[rows].to(device))
        loss = KEPT * (1 - (embedding * before[rows].to(device)).sum(-1)).mean()
        for head, right in zip(heads, labels[rows.to(device)].T, strict=True):
            loss = loss + F.cross_entropy(head(mean), right)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*tower, *heads.parameters()], 1.0)
        optimizer.step()
    for name, weight in clip.named_parameters():
        weight.requires_grad_(wanted[name])
    return _accuracy(clip, heads, val_tokens, val_labels, val_before)


def _labels(emblems: list[Emblem], names: list[list[str]]) -> Tensor:
    """Each emblem's place in each list of names, (N, attributes)."""
    places = [{name: place for place, name in enumerate(some)} for some in names]
    return torch.tensor(
        [[of[str(getattr(one, name))] for name, of in zip(ATTRIBUTES, places, strict=True)] for one in emblems]
    )


def _read(clip: Clip, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """The embedding of each text, and the mean of its encodings with entries near 1."""
    embedding, encodings = clip.encode_text_tokens(tokens)
    return embedding, F.normalize(encodings.sum(1), dim=-1) * encodings.shape[-1] ** 0.5


@torch.no_grad()
def _accuracy(clip: Clip, heads: nn.ModuleList, tokens: Tensor, labels: Tensor, before: Tensor) -> dict[str, float]:
    parts = [_read(clip, some.to(labels.device)) for some in tokens.split(256)]
    embeddings, means = (torch.cat(side) for side in zip(*parts, strict=True))
    found = {
        name: (head(means).argmax(-1) == right).float().mean().item()
        for name, head, right in zip(ATTRIBUTES, heads, labels.T, strict=True)
    }
    found["cosine"] = (embeddings.cpu() * before).sum(-1).mean().item()
    return {name: round(value, 3) for name, value in found.items()}
