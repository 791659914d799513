"""Models in folders as users of diffusers know them: model_index.json, a subfolder a part, and a README."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from logolib import __version__
from logolib.models.clip import Clip
from logolib.models.weights import ModelError, model_folder, save_config, save_weights
from logolib.results import read_json, sha256_file, write_text

INDEX = "model_index.json"
NAME = re.compile(r"[\w.-]+/[\w.-]+")  # owner/repo
WEIGHTS = re.compile(r"\w+/model\.safetensors")
Parts = Mapping[str, tuple[nn.Module, dict[str, Any]]]  # prior, decoder, upsampler: network and config.json


def find_model(model: str | Path) -> Path:
    """The folder of `default`, of a path, or of a Hugging Face name (owner/repo), which is fetched; a path wins.

    Raises ModelError when there is none.
    """
    folder = model_folder(model)
    if folder.is_dir():
        return folder
    if isinstance(model, Path) or not NAME.fullmatch(model):
        raise ModelError(f"There is no model folder {folder}; `logolib run` trains one into runs/NAME/model.")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model, allow_patterns=["*.json", "*.safetensors", "README.md"]))
    except Exception as error:  # httpx's, huggingface_hub's own, OSError, ValueError
        raise ModelError(
            f"There is no model folder {folder}, and Hugging Face gave none of that name ({_short(error)}); "
            "`logolib run` trains one into runs/NAME/model."
        ) from None


def check_sums(folder: Path) -> None:
    """Compare weights with the checksums in FOLDER/model_index.json, where there is one. Raises ModelError."""
    path = folder / INDEX
    if not path.exists():
        return
    try:
        sums = dict(read_json(path.read_text("utf8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is damaged ({_short(error)}); save or download the model again.") from None
    for name in sorted(sums):
        file = folder / name
        if not WEIGHTS.fullmatch(name):
            raise ModelError(f"{path} names {name!r}, which is no part of a model; download the model again.")
        if not file.is_file():
            raise ModelError(f"The weights {file} are missing; save or download the model again.")
        if sha256_file(file) != sums[name]:
            raise ModelError(
                f"The weights {file} are not those that were saved: their checksum differs; "
                "save or download the model again."
            )


def save_model(folder: Path, clip: Clip, parts: Parts, fingerprint: str) -> None:
    """Write a folder that `LogoPipeline.from_pretrained` reads: each part's weights and config, index and README."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        decoder = parts["decoder"][1]  # what the decoder depends on, the CLIP does too, and more
        clip.save(folder / "clip", **{"lineage": decoder["lineage"]} if "lineage" in decoder else {})
        for part, (module, config) in parts.items():
            (folder / part).mkdir(exist_ok=True)
            save_weights(module, folder / part / "model.safetensors")
            save_config(folder / part, config)
        weights = sorted(folder.glob("*/model.safetensors"))
        for file in weights:
            file.chmod(0o644)  # safetensors writes for its owner alone
        index = {
            "_class_name": "LogoPipeline",
            "_logolib_version": __version__,
            "fingerprint": fingerprint,
            "sha256": {str(file.relative_to(folder)): sha256_file(file) for file in weights},
        }
        write_text(folder / INDEX, json.dumps(index, indent=1) + "\n")
        write_text(
            folder / "README.md",
            _card({"clip": clip, **{name: module for name, (module, _) in parts.items()}}, fingerprint),
        )
    except OSError as error:
        raise ModelError(f"{folder} cannot be written to ({error.strerror}); choose another folder.") from None


def push_model(save: Callable[[Path], None], repo: str, private: bool, token: str | None) -> str:
    """Save into a folder of its own and upload that to Hugging Face; returns the page. Raises ModelError."""
    from huggingface_hub import HfApi

    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder))
        try:
            api = HfApi(token=token)
            page = api.create_repo(repo, private=private, exist_ok=True)
            api.upload_folder(repo_id=repo, folder_path=folder)
        except Exception as error:  # httpx's, huggingface_hub's own, OSError, ValueError
            raise ModelError(
                f"Hugging Face did not take {repo} ({_short(error)}); log in with `hf auth login` and check the name."
            ) from None
    return str(page)


def _card(networks: Mapping[str, nn.Module], fingerprint: str) -> str:
    rows = [f"| {name} | {sum(p.numel() for p in network.parameters()):,} |" for name, network in networks.items()]
    return "\n".join(
        [
            "---",
            "library_name: logolib",
            "pipeline_tag: text-to-image",
            "tags: [logolib, text-to-image, unclip]",
            "---",
            "",
            "# A logo model",
            "",
            "Text to sports-club logo, made with logolib: CLIP, prior, decoder and, where there is one, upsampler.",
            "",
            "```python",
            "from logolib.generate import LogoPipeline",
            "",
            'pipeline = LogoPipeline.from_pretrained("OWNER/NAME")  # or the path of this folder',
            'pipeline("a red lion on a gold shield", size=256).images[0]',
            "```",
            "",
            "| part | parameters |",
            "|---|---|",
            *rows,
            "",
            f"Fingerprint of the weights: `{fingerprint}`. Checksums stand in `{INDEX}` and are checked at loading.",
            "",
            "It knows the words of its training captions only, and writes no legible letters.",
            "",
        ]
    )


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return (text.split(". ")[0][:160] or type(error).__name__).rstrip(".")
