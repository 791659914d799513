"""What would go wrong with a config's data, and with a data set alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logolib.data.tars import PICTURES, Tars, is_upstream, read_tars
from logolib.doctor.files import DoctorError
from logolib.doctor.findings import Finding

READ = "jpg"  # the only key of a picture that dalle2-pytorch's loader asks for
SANE_PASSES = 300  # over one data set in one training; few hundred logos are known by heart long before
SANE_EPOCH = 1_000_000  # samples an epoch that no collection of logos has


@dataclass(frozen=True)
class Data:
    """A data set: how many pictures of which format, in how many tars."""

    pictures: Counter[str]
    tars: int
    ours: bool  # written by `logolib dataset`, which splits it itself
    found: Tars

    @property
    def samples(self) -> int:
        """All pictures."""
        return self.pictures.total()


def look_at(data: Path, embeddings: Path | None = None, index_width: int = 4) -> Data:
    """Count the pictures of `logolib dataset`'s folder, of upstream's tars, or of a folder. Raises DoctorError."""
    if not data.exists():
        raise DoctorError(f"There is no data {data}.")
    if is_upstream(data):
        ours = any(name.name.startswith("train-") for name in data.glob("*.tar")) if data.is_dir() else False
        found = read_tars(data, embeddings, index_width)
        pictures = Counter({name: n for name, n in found.extensions.items() if name in PICTURES})
        return Data(pictures, len(found.shards), ours, found)
    if data.is_dir():
        suffixes = (path.suffix[1:].lower() for path in data.rglob("*") if path.is_file())
        pictures = Counter(suffix for suffix in suffixes if suffix in PICTURES)
        if pictures:
            return Data(pictures, 1, False, Tars())
    raise DoctorError(f"{data} holds neither tars nor pictures.")


def check_shards(data: Data) -> Iterator[Finding]:
    """Damaged tars, and embeddings that do not fit them."""
    for name, why in data.found.corrupt.items():
        remedy = "Fetch or pack it again; it is left out."
        yield Finding("warns" if data.tars else "fails", name, f"The tar is damaged: {why}.", remedy)
    for name, why in data.found.misaligned.items():
        yield Finding(
            "fails",
            name,
            f"The tar and its embeddings do not fit: {why}.",
            "Embed it again in the order of its keys, with a row of zeros for each key that is missing.",
        )
    if not data.samples:
        yield Finding("fails", "data", "There is no picture to learn from.", "Check the path.")


def parts(splits: dict[str, Any], tars: int) -> dict[str, int]:
    """How many tars dalle2-pytorch's script gives each split."""
    train, test = round(splits["train"] * tars), round(splits["test"] * tars)
    return {"train": train, "val": tars - train - test, "test": test}


def splits_of(config: dict[str, Any]) -> dict[str, float]:
    """The config's shares, with upstream's defaults."""
    return {"train": 0.75, "val": 0.15, "test": 0.1} | dict(config.get("data", {}).get("splits") or {})


def check_splits(config: dict[str, Any], data: Data | None) -> Iterator[Finding]:
    """Shares that are refused, and splits that come out empty."""
    splits = splits_of(config)
    total = sum(splits[name] for name in ("train", "val", "test"))
    if total != 1.0:
        by_rounding = abs(total - 1) < 1e-9
        yield Finding(
            "fails",
            "data.splits",
            f"The shares add up to {total!r}, and dalle2-pytorch wants exactly 1.0"
            + (": it compares floats, and these are off by rounding." if by_rounding else "."),
            "Use 0.75, 0.15 and 0.1." if by_rounding else "Make them add up to 1.",
        )
        return
    enough = next(n for n in range(1, 1000) if min(parts(splits, n).values()) > 0) if min(splits.values()) > 0 else 1
    remedy = f"Pack at least {enough} tars, or train with `logolib train decoder`, whose data set is split by club."
    if data is None:
        yield Finding(
            "warns",
            "data.splits",
            f"Splits are made of whole tars: with fewer than {enough} some are empty; one tar gives no validation and "
            "no test set, and the training stops at its first validation.",
            remedy,
        )
        return
    given = parts(splits, data.tars)
    empty = [name for name, n in given.items() if not n and splits[name] > 0]
    if empty and not data.ours:
        shares = ", ".join(f"{name} {n}" for name, n in given.items())
        what = (
            f"Splits are made of whole tars, and of {data.tars} the script gives {shares}: the {' and '.join(empty)} "
            f"split{'s are' if len(empty) > 1 else ' is'} empty, and the training stops at its first validation."
        )
        yield Finding("fails", "data.splits", what, remedy)


def check_pictures(config: dict[str, Any], data: Data | None) -> Iterator[Finding]:
    """Samples that the loader drops, and what it does to the others."""
    remedy = "Store them as .jpg, or train with logolib, which reads png with its transparency."
    if data is None:
        what = "dalle2-pytorch's loader reads .jpg only: png samples are dropped, and the warning is swallowed."
        yield Finding("warns", "data.webdataset_base_url", what, remedy)
    else:
        dropped = {name: n for name, n in data.pictures.items() if name != READ}
        if dropped:
            kinds = ", ".join(f"{n} {name}" for name, n in sorted(dropped.items()))
            left = data.pictures[READ]
            yield Finding(
                "notes" if data.ours else "warns" if left else "fails",  # ours is for logolib's own trainer
                "data.webdataset_base_url",
                f"dalle2-pytorch's loader reads .jpg only: of {data.samples} samples {kinds} are dropped without a "
                f"word, {left} are left.",
                remedy,
            )
    steps = config.get("data", {}).get("preprocessing", {"ToTensor": True})
    crop = steps.get("RandomResizedCrop")
    if isinstance(crop, dict):
        scale, ratio = crop.get("scale", [0.08, 1.0]), crop.get("ratio", [3 / 4, 4 / 3])
        if min(scale) < 1 or set(ratio) != {1}:
            yield Finding(
                "warns",
                "data.preprocessing.RandomResizedCrop",
                f"Random crops of {min(scale):.0%} of the area and up cut pieces off every logo, and the decoder "
                "learns to draw logos with pieces cut off.",
                "Set scale to [1.0, 1.0] and ratio to [1.0, 1.0], and store square pictures.",
            )
    elif len(data.found.sizes) > 1 if data is not None else False:
        what = "The pictures differ in size and nothing makes them equal: they cannot stand in one batch."
        yield Finding("fails", "data.preprocessing", what, "Add RandomResizedCrop with scale and ratio [1.0, 1.0].")
    if "RandomHorizontalFlip" in steps:
        what = "Mirrored logos have mirrored letters."
        yield Finding("warns", "data.preprocessing.RandomHorizontalFlip", what, "Remove it.")
    for name in set(steps) - {"RandomResizedCrop", "RandomHorizontalFlip", "ToTensor"}:
        what = "dalle2-pytorch knows no such transformation and fails at the first picture."
        yield Finding("fails", f"data.preprocessing.{name}", what, "Remove it.")


def check_amount(config: dict[str, Any], data: Data | None) -> Iterator[Finding]:
    """Settings that are absurd for the amount of data."""
    train, about = config.get("train", {}), config.get("data", {})
    epoch, epochs = train.get("epoch_samples"), int(train.get("epochs", 20))
    if epoch is None and about.get("resample_train"):
        what = "With resample_train an epoch never ends unless epoch_samples says when."
        yield Finding("fails", "train.epoch_samples", what, "Set it to the number of samples.")
    if epoch and data is not None and data.samples and epoch > 2 * data.samples:
        yield Finding(
            "warns",
            "train.epoch_samples",
            f"{epoch:,} samples an epoch for {data.samples:,} logos are {epoch / data.samples:,.0f} passes over each "
            f"between two validations, and {epochs:,} such epochs are asked for.",
            f"Set it to {data.samples}.",
        )
    elif epoch and data is None and epoch > SANE_EPOCH:
        yield Finding(
            "warns",
            "train.epoch_samples",
            f"{epoch:,} samples an epoch are {epoch / 500:,.0f} passes over a data set of 500 logos before the first "
            "validation.",
            "Set it to the number of samples, or to null without resample_train; --data counts them.",
        )
    samples = epoch or (data.samples if data else None)
    if samples and data and data.samples and epochs * samples > SANE_PASSES * data.samples:
        yield Finding(
            "warns",
            "train.epochs",
            f"{epochs:,} epochs of {samples:,} samples are {epochs * samples / data.samples:,.0f} passes over "
            f"{data.samples:,} logos: they are known by heart after {SANE_PASSES}.",
            f"Keep epochs x epoch_samples below {SANE_PASSES * data.samples:,}.",
        )
    if data is not None and not data.ours and about.get("end_shard") is not None:
        asked = int(about["end_shard"]) - int(about.get("start_shard", 0)) + 1
        if asked > data.tars:
            yield Finding(
                "fails",
                "data.end_shard",
                f"{asked:,} tars are asked for and {data.tars:,} are there; each missing one is a warning and a pause.",
                f"Set it to {int(about.get('start_shard', 0)) + data.tars - 1}.",
            )
    every = train.get("save_every_n_samples", 100_000)
    if data is not None and data.samples and every > 100 * data.samples:
        what = f"It saves every {every:,} samples: once in {every / data.samples:,.0f} passes."
        yield Finding("warns", "train.save_every_n_samples", what, f"Set it to {10 * data.samples}.")
