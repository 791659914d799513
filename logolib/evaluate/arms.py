"""The arms of an evaluation: models that draw what they are asked, and pictures that were drawn before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from logolib.config import EvaluateSettings, LogolibError
from logolib.generate import LogoPipeline
from logolib.generate.store import find_model
from logolib.images import ImageError, fit, read_image
from logolib.models.lineage import Lineage, from_record, model_lineage, part_lineage, stated
from logolib.models.weights import BASE, model_folder
from logolib.results import CAPTIONS, ResultError, drawn_for, first_of_each, read_result

REFERENCES = ("shuffled", "real")  # chance and ceiling; no arm may take their names
OURS = "logolib"  # in the comparison with other people's models: the base, an arm of its own here
WHITE = (255, 255, 255)


class EvaluateError(LogolibError):
    """An evaluation that cannot be made, and why."""


@dataclass(frozen=True)
class Arm:
    """One arm. `pictures` takes prompts and seeds, a whole number for each prompt => uint8 (N, size, size, 3)."""

    name: str
    lineage: Lineage
    pictures: Callable[[Sequence[str], Sequence[int]], np.ndarray]
    draws: bool = True  # whatever it is asked; else it has pictures for some prompts only


def load_arms(settings: EvaluateSettings, models: Sequence[Path | str], progress: bool) -> list[Arm]:
    """Models and folders of pictures as arms, in order, each under a name of its own.

    A folder of pictures is what `logolib generate` or `logolib baselines` wrote, or has captions.csv. Raises
    EvaluateError, ModelError or ListingError.
    """
    if not models:
        raise EvaluateError("There is no model to judge; name at least one folder with --model.")
    arms: list[Arm] = []
    for name, model in zip(arm_names(models), models, strict=True):
        if str(model) == "default" or not _holds_pictures(Path(model)):
            arms.append(_model(name, model, settings, progress))
        elif (others := _baselines(Path(model), settings.size)) is not None:
            arms += others
        else:
            arms.append(_pictures(name, Path(model), drawn_for(name, Path(model)), settings.size))
    if not arms:
        raise EvaluateError(f"{models[0]} holds pictures of no other model; name a model to judge with --model.")
    if len({arm.name for arm in arms}) < len(arms):
        raise EvaluateError("Two arms have one name; rename one of the folders.")
    return arms


def arm_names(models: Sequence[Path | str]) -> list[str]:
    """`generated` for one model; for several `base` for what ships and the names of runs, numbered where they agree."""
    if len(models) == 1:
        return ["generated"]
    names: list[str] = []
    for place in (model_folder(model).resolve() for model in models):
        stem = name = place.parent.name if place.name == "model" else place.name
        number = 1
        while name in names or name in REFERENCES:
            number += 1
            name = f"{stem} {number}"
        names.append(name)
    return names


def able_baselines(folder: Path, prompts: Sequence[str], size: int) -> tuple[list[Arm], list[dict[str, str]]]:
    """Other people's models that drew all of some prompts into a folder of `logolib baselines`; and why others are out.

    A folder without a result has neither. Raises ResultError or ListingError when it is damaged.
    """
    if not (folder / "result.json").is_file():
        return [], []
    result = read_result(folder / "result.json", "baselines")
    absent = [
        {"item": str(row["model"]), "reason": str(row["absent"])}
        for row in result.values["rows"]
        if row["absent"] and row["model"] != OURS
    ]
    able, partial = [], []
    for arm in _baselines(folder, size) or []:
        try:
            arm.pictures(prompts[:], range(len(prompts)))
        except EvaluateError as error:
            partial.append({"item": arm.name, "reason": str(error)})
        else:
            able.append(arm)
    return able, absent + partial


def _model(name: str, model: Path | str, settings: EvaluateSettings, progress: bool) -> Arm:
    pipe = LogoPipeline.from_pretrained(model)

    def draw(prompts: Sequence[str], seeds: Sequence[int]) -> np.ndarray:
        each = len(seeds) // len(prompts)
        with tqdm(total=len(seeds), desc=name, unit="picture", disable=not progress) as bar:

            def count(done: int, _total: int) -> None:
                bar.update(done - bar.n)

            drawn = pipe(
                prompts,
                num_images_per_prompt=each,
                seeds=seeds,
                size=settings.size,
                num_inference_steps=settings.steps,
                callback=count,
            )
            return drawn.pixels

    folder = find_model(model)
    lineage = model_lineage(folder)
    if pipe.upsampler is not None and settings.size > pipe.image_size and not (folder / "upsampler").is_dir():
        lineage |= part_lineage(BASE / "upsampler")  # which draws for a model that has none
    return Arm(name, lineage, draw)


def _holds_pictures(folder: Path) -> bool:
    if (folder / CAPTIONS).is_file():
        return True
    try:
        return read_result(folder / "result.json").stage in ("generate", "baselines")
    except ResultError:
        return False


def _baselines(folder: Path, size: int) -> list[Arm] | None:
    """The arms of a folder that `logolib baselines` wrote, without ours; None when it is another folder."""
    try:
        values = read_result(folder / "result.json", "baselines").values
    except ResultError:
        return None
    listed: dict[str, list[tuple[str, Path]]] = {}
    for row in values["pictures"]:
        if row["model"] != OURS:
            listed.setdefault(str(row["model"]), []).append((str(row["prompt"]), folder / str(row["file"])))
    known: Mapping[str, Mapping[str, list[str]]] = values.get("lineage", {})
    unknown = {"unknown": [str(folder.name)]}
    return [
        _pictures(name, folder, first_of_each(name, pairs), size, from_record(known.get(name, unknown)))
        for name, pairs in listed.items()
    ]


def _pictures(name: str, folder: Path, files: dict[str, Path], size: int, lineage: Lineage | None = None) -> Arm:
    """An arm of files. It answers for no model but what lineage.json beside them says."""
    lineage = lineage or stated(folder) or Lineage(unknown=frozenset({f"the pictures of {name}"}))

    def opened(prompts: Sequence[str], seeds: Sequence[int]) -> np.ndarray:
        wanted = [" ".join(prompt.split()) for prompt in prompts]
        lacking = [prompt for prompt in wanted if prompt not in files]
        if lacking:
            raise EvaluateError(
                f"{name} has no picture for {len(lacking)} of {len(wanted)} prompts, {lacking[0][:60]!r} first; draw "
                f"all of them: logolib baselines with baselines.prompts=held-out and baselines.n={len(wanted)}."
            )
        # one picture stands for all seeds of its prompt
        return np.stack([_opened(name, files[prompt], size) for prompt in wanted]).repeat(
            len(seeds) // len(wanted), axis=0
        )

    return Arm(name, lineage, opened, draws=False)


def _opened(name: str, file: Path, size: int) -> np.ndarray:
    try:
        return np.asarray(fit(read_image(file.read_bytes()), size, WHITE))
    except (OSError, ImageError) as error:
        raise EvaluateError(f"The arm {name} has an unusable picture {file} ({error}); draw it again.") from None
