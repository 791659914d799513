"""Our models as files that dalle2-pytorch and open_clip load."""

from __future__ import annotations

import json
from pathlib import Path

from logolib.models.clip import load_clip
from logolib.models.decoder import load_decoder
from logolib.models.pickles import write_tensors
from logolib.models.prior import load_prior
from logolib.models.upstream import version
from logolib.models.weights import ModelError, read_config
from logolib.results import write_text
from logolib.text import BPE_SIZE

TARGETS = ("dalle2-pytorch", "open_clip")


def export(run: Path, to: str, out: Path) -> list[Path]:
    """Write RUN's models in another library's own layout; returns what was written.

    `dalle2-pytorch`: prior.pth and decoder.pth (model, version, config) and their configs as JSON, which
    its `DiffusionPriorConfig` and `DecoderConfig` accept. The decoder works on folded pixels: unfold its
    output with `torch.nn.functional.pixel_shuffle`. `open_clip`: epoch_K.pt-style weights and a model
    config, over open_clip's full vocabulary. Raises ModelError.
    """
    if to not in TARGETS:
        raise ModelError(f"{to!r} is no target; export to {' or '.join(TARGETS)}.")
    out.mkdir(parents=True, exist_ok=True)
    return _export_clip(run, out) if to == "open_clip" else _export_dalle2(run, out)


def _export_clip(run: Path, out: Path) -> list[Path]:
    clip = load_clip(run / "clip")
    state = dict(clip.net.state_dict())
    state["token_embedding.weight"] = clip.vocabulary.expand(state["token_embedding.weight"])
    text = {
        **clip.config["text_cfg"],
        "vocab_size": BPE_SIZE,
        "context_length": clip.vocabulary.context_length,
    }
    weights, config = out / "open_clip.pt", out / "open_clip.json"
    write_tensors({"epoch": 0, "name": "logolib", "state_dict": state}, weights)
    write_text(config, json.dumps({**clip.config, "text_cfg": text}, indent=1) + "\n")
    return [weights, config]


def _export_dalle2(run: Path, out: Path) -> list[Path]:
    written = []
    for part, model in (("prior", load_prior(run / "prior")), ("decoder", load_decoder(run / "decoder")[0])):
        config = read_config(run / part, f"train {part}")
        weights, readable = out / f"{part}.pth", out / f"{part}.json"
        # The version as text: upstream pickles a packaging.Version, which a safe loader refuses.
        write_tensors({"model": model.state_dict(), "version": version(), "config": config[part]}, weights)
        about = {"fold": config["fold"]} if "fold" in config else {}
        write_text(readable, json.dumps({part: config[part], **about}, indent=1) + "\n")
        written += [weights, readable]
    return written
