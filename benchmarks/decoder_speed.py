"""How fast a decoder trains: ours against dalle2-pytorch's DecoderTrainer with its loader, at defaults and at best.

Same pictures, batch and machine, and the same Unet, but for the last row, which folds pixels as what ships does.
Each arm is a process of its own, so that its memory is its own; CLIPs after the first get two arms only.
python benchmarks/decoder_speed.py --clip ViT-B-32 ViT-L-14
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tarfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from logolib.config import CollectSettings, DatasetSettings, DecoderSettings, LogolibError
from logolib.models.clip import Clip, clip_adapter, embed_images, load_clip, named_config
from logolib.models.decoder import decoder_config
from logolib.models.precision import native_bf16
from logolib.models.upstream import create
from logolib.report.benchmarks import keep
from logolib.text import Vocabulary

ARMS = {
    "stock, CLIP in the loop": "DecoderTrainer as its script runs it",
    "stock, embeddings given": "the same with embeddings from .npy files, fixed variance, and bf16 where it is native",
    "ours, same Unet, fp32": "cached embeddings, pictures in memory, channels last, kept memory",
    "ours, same Unet": "the same in the precision that it chooses: bf16 where the processor has it",
    "ours, pixels folded by 4": "the same on 16 x 16 x 48, as in the base that ships",
}
SHORT = ("stock, CLIP in the loop", "ours, same Unet")  # of the CLIPs after the first
PICTURES, SHARDS, WARM = 256, 4, 3
UNET: dict[str, Any] = {
    "dim": 48,
    "dim_mults": (1, 2, 4),
    "attention": (False, False, True),
    "text_encodings": False,
    "prior_share": 0.0,
    "cond_dim": 96,
    "memory_efficient": False,
}


def main() -> None:
    """Read the command line; without --arm, run every arm and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arm", choices=ARMS, help="only this one, printed as JSON")
    parser.add_argument(
        "--clip", nargs="+", default=["ViT-B-32"], help="open_clip names; their weights do not matter here"
    )
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--work", type=Path, default=Path("build/decoder_speed"))
    parser.add_argument("--out", type=Path, default=Path("book/benchmarks/decoder-training.json"))
    given = parser.parse_args()
    try:
        if given.arm:
            print(json.dumps(_measured(given, given.work / given.clip[0])))
            return
        rows = [row for clip in given.clip for row in _rows(given, clip)]
    except LogolibError as error:
        sys.exit(str(error))
    keep(given.out, rows, f"{given.steps} steps of {given.batch_size} at 64 px after {WARM} to warm up.")
    print(given.out.read_text("utf8"))


def _rows(given: argparse.Namespace, clip: str) -> list[dict[str, Any]]:
    _prepare(given.work / clip, clip)
    rows = [_in_its_own_process(given, clip, arm) for arm in (ARMS if clip == given.clip[0] else SHORT)]
    for row in rows:
        row["times_the_default"] = round(row["pictures_per_s"] / rows[0]["pictures_per_s"], 2)
    return rows


def _in_its_own_process(given: argparse.Namespace, clip: str, arm: str) -> dict[str, Any]:
    command = [sys.executable, sys.argv[0], "--arm", arm, "--clip", clip, "--work", str(given.work)]
    command += ["--steps", str(given.steps), "--batch-size", str(given.batch_size)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise LogolibError(f"{arm} failed: {done.stderr.strip().splitlines()[-1]}")
    return {"trainer": arm, "clip": clip, "how": ARMS[arm], **json.loads(done.stdout.splitlines()[-1])}


def _measured(given: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Pictures a second after the first steps, and the peak of memory, in MB."""
    speed, peak = _stock(given, work) if given.arm.startswith("stock") else _ours(given, work)
    return {"pictures_per_s": round(speed, 2), "peak_MB": round(peak)}


def _peak() -> float:
    """This process's, in MB: getrusage's would count the process that started it."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text("utf8").splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def _stock(given: argparse.Namespace, work: Path) -> tuple[float, float]:
    """Pictures a second and the peak, stepping as upstream's train_decoder.py does, after some steps to warm up."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from accelerate import Accelerator  # type: ignore[import-untyped]
        from dalle2_pytorch.dataloaders import create_image_embedding_dataloader
        from dalle2_pytorch.trainer import DecoderTrainer
        from torchvision import transforms

    eyes, best = load_clip(work / "model" / "clip"), given.arm.endswith("given")
    config = decoder_config(DecoderSettings(fold=1, learned_variance=not best, **UNET), eyes)
    decoder: Any = create("DecoderConfig", config)
    if not best:
        decoder.clip = clip_adapter(eyes)
    best_flags: dict[str, Any] = {}
    if best:  # not made else: whatever is made first decides the precision of all
        bf16 = native_bf16(torch.device("cpu"))
        best_flags = {"lr": 3e-4, "accelerator": Accelerator(mixed_precision="bf16" if bf16 else "no")}
    trainer = DecoderTrainer(decoder, **best_flags)
    small = transforms.Compose([transforms.Resize(64), transforms.ToTensor()])
    sized = transforms.Compose([transforms.Resize(eyes.image_size), transforms.ToTensor()])

    def batches() -> Iterator[tuple[torch.Tensor, dict[str, torch.Tensor]]]:
        while True:
            yield from create_image_embedding_dataloader(
                str(work / "stock" / f"{{000000..{SHARDS - 1:06d}}}.tar"),
                num_workers=1,
                batch_size=given.batch_size,
                img_embeddings_url=str(work / "stock" / "embeddings") if best else None,
                index_width=4,
                img_preproc=small if best else sized,
            )

    done, started = 0, 0.0
    for pictures, embeddings in batches():
        if len(pictures) < given.batch_size:
            continue
        if done == WARM:
            started = time.perf_counter()
        trainer(pictures, unet_number=1, **({"image_embed": embeddings["img"]} if best else {}))
        trainer.update(unet_number=1)
        done += 1
        if done == WARM + given.steps:
            break
    return given.steps * given.batch_size / (time.perf_counter() - started), _peak()


def _ours(given: argparse.Namespace, work: Path) -> tuple[float, float]:
    """Of `train_decoder` itself: a long run less a short one, which begins and ends alike, and the long run's peak."""
    from logolib.train import train_decoder

    long = DecoderSettings(
        precision="fp32" if "fp32" in given.arm else "auto",
        fold=4 if "folded" in given.arm else 1,
        steps=WARM + given.steps,
        batch_size=given.batch_size,
        lr=3e-4,
        ema=0.99,
        save_every=1000,
        preview_every=1000,
        previews=1,
        **UNET,
    )
    seconds, peaks = [], []
    for settings in (long, long.model_copy(update={"steps": WARM})):
        result = train_decoder(settings, work / "data", work / "model", progress=False)
        seconds.append(settings.steps * given.batch_size / result.values["images_per_s"])
        peaks.append(_peak())
    return given.steps * given.batch_size / (seconds[0] - seconds[1]), peaks[0]


def _prepare(work: Path, name: str) -> None:
    """The same drawn pictures as our shards and as upstream's tars with .npy files, and a CLIP for both."""
    from logolib.collect import collect
    from logolib.data import build_dataset
    from logolib.emblems.corpus import drawn

    if (work / "model" / "clip" / "config.json").exists():
        return
    made = drawn(PICTURES, 0, 64)
    clip = Clip(named_config(name), Vocabulary.of(made.captions, 77))
    clip.save(work / "model" / "clip")
    folder, stock = work / "pictures", work / "stock"
    folder.mkdir(parents=True, exist_ok=True)
    (stock / "embeddings").mkdir(parents=True, exist_ok=True)  # of their own: upstream reads a number off each file
    embeddings = embed_images(clip.eval(), made.images).numpy()
    lines = ["file,caption,team"]
    each = PICTURES // SHARDS
    for shard in range(SHARDS):
        rows = range(shard * each, (shard + 1) * each)
        with tarfile.open(stock / f"{shard:06d}.tar", "w") as tar:
            for i, row in enumerate(rows):
                picture = Image.fromarray(made.images[row])
                picture.save(folder / f"{row}.png")
                lines.append(f'{row}.png,"{made.captions[row].replace(chr(34), chr(39))}",club {row}')
                for ending, content in (("jpg", _jpeg(picture)), ("txt", made.captions[row].encode())):
                    info = tarfile.TarInfo(f"{shard:06d}{i:04d}.{ending}")
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
        np.save(stock / "embeddings" / f"img_emb_{shard:06d}.npy", embeddings[rows.start : rows.stop])
    (folder / "captions.csv").write_text("\n".join(lines), "utf8")
    collect(CollectSettings(source=str(folder)), work / "collected", progress=False)
    build_dataset(DatasetSettings(size=64), work / "collected", work / "data", progress=False)


def _jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "jpeg", quality=95)
    return out.getvalue()


if __name__ == "__main__":
    main()
