"""From the arms' pictures to a blind study: codes for names, checks, and the power before the first vote."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from math import comb
from pathlib import Path
from typing import Any

from PIL import Image

from logolib.config import StudySettings
from logolib.emblems import Emblem, draw
from logolib.emblems.corpus import sample_many
from logolib.results import ListingError, StageResult, Stopwatch, drawn_for, sealed, write_result, write_text
from logolib.study.pictures import encode, open_picture, padded
from logolib.study.power import majority, prompts_needed, sign_test_power
from logolib.study.sheets import MAX_ROW, PICTURES, RIGHT, STUDY, WRONG, Asked, Study, StudyError

RESERVED = {"tie", "left", "right"}


def design(
    settings: StudySettings,
    arms: Mapping[str, Path],
    out: Path,
    *,
    seed: int = 0,
    profile: str = "custom",
) -> StageResult:
    """Build a blind study of two or more arms into OUT: study.json, pictures/CODE.png and result.json.

    An arm is a folder that `logolib generate` wrote, or one of pictures with captions.csv. Every arm must have
    a picture for every prompt; of several the first counts, so that nobody chooses. study.json tells which
    picture is whose and stays with those who run the study.
    Raises StudyError for arms that cannot be compared.
    """
    watch = Stopwatch()
    _check_names(settings, list(arms))
    if (out / STUDY).exists():
        raise StudyError(f"{out} holds a study already; its votes would fit no other, so choose another folder.")
    found = {name: _pictures(name, folder) for name, folder in arms.items()}
    prompts = _common(found)
    key = _key(seed, settings, {name: [files[prompt] for prompt in prompts] for name, files in found.items()})
    opened = [[open_picture(found[name][prompt]) for name in arms] for prompt in prompts]
    size = min(settings.size, *(max(picture.size) for row in opened for picture in row))

    groups = [
        _asked(key, f"p{i + 1:03d}", prompt, dict(zip(arms, row, strict=True)))
        for i, (prompt, row) in enumerate(zip(prompts, opened, strict=True))
    ]
    shown = 2 if settings.kind == "pairs" else len(arms)
    groups += _checks(key, settings.checks, shown, size)
    units = len(prompts) * (comb(len(arms), 2) if settings.kind == "pairs" else 1)
    per_rater = min(settings.per_rater or units, units)
    study = Study(
        study=hashlib.sha256(f"public {key}".encode()).hexdigest()[:12],
        key=key,
        kind=settings.kind,
        title=settings.title,
        question=settings.question,
        arms=tuple(arms),
        prompts=tuple(asked for asked, _ in groups[: len(prompts)]),
        checks=tuple(asked for asked, _ in groups[len(prompts) :]),
        per_rater=per_rater,
        repeats=min(round(settings.repeats * per_rater), per_rater // 2),
        misses=settings.misses,
        size=size,
        power=power_table(settings, len(prompts), len(arms)),
    )
    _write_pictures({code: image for _, pictures in groups for code, image in pictures.items()}, size, out)
    write_text(out / STUDY, sealed(study.model_dump(mode="json")))
    values = {
        "study": study.study,
        "arms": list(arms),
        "prompts": len(prompts),
        "questions": study.length,
        "minutes": round(study.length * 6 / 60),  # 6 s: what a pair takes an unhurried reader
        "raters_needed": -(-units * settings.raters // per_rater),
        "power": study.power,
    }
    result = StageResult("study design", values, {"study": STUDY}, watch.provenance(settings, seed, key[:16], profile))
    write_result(out / "result.json", result)
    return result


def power_table(settings: StudySettings, prompts: int, arms: int) -> dict[str, Any]:
    """What a study of so many prompts can show, each of the pairs of arms at its share of `alpha` (Holm's first)."""
    alpha = settings.alpha / comb(arms, 2)
    share, tied = majority(settings.effect, settings.raters)
    needed = prompts_needed(settings.effect, alpha, settings.power)
    return {
        "effect": settings.effect,
        "alpha": alpha,
        "power": sign_test_power(prompts, settings.effect, alpha),  # effect: share of prompts won
        "prompts_needed": needed,
        "raters": settings.raters,
        "power_of_votes": sign_test_power(prompts, share, alpha, tied),  # effect: share of independent votes won
        "prompts_needed_of_votes": prompts_needed(share, alpha, settings.power, tied),
        "verdict": _verdict(settings, prompts, needed),
    }


def _verdict(settings: StudySettings, prompts: int, needed: int | None) -> str:
    effect = f"{100 * settings.effect:.0f} of 100 prompts"
    if needed is None:
        return f"No study of reasonable size shows a preference on {effect}."
    if prompts >= needed:
        return f"With {prompts} prompts this study can show a preference on {effect} ({needed} are needed)."
    return (
        f"With {prompts} prompts this study can miss a preference on {effect}: {needed} are needed "
        f"to find it {100 * settings.power:.0f} times in 100."
    )


def _check_names(settings: StudySettings, arms: Sequence[str]) -> None:
    if len(arms) < 2:
        raise StudyError("A study compares at least two arms; name each with --arm NAME=FOLDER.")
    if settings.kind == "rows" and not 3 <= len(arms) <= MAX_ROW:
        raise StudyError(f"A row shows 3 to {MAX_ROW} arms, not {len(arms)}; set study.kind=pairs.")
    for name in arms:
        if not name or name in RESERVED or name.startswith((RIGHT, WRONG)) or set(name) & set(',"\r\n='):
            raise StudyError(f"An arm cannot be called {name!r}; give it a plain name.")


def _pictures(name: str, folder: Path) -> dict[str, Path]:
    """Prompt => file of an arm, the first of each prompt, in the arm's order."""
    try:
        return drawn_for(name, folder)
    except ListingError as error:
        raise StudyError(str(error)) from None


def _common(found: Mapping[str, Mapping[str, Path]]) -> list[str]:
    """The prompts, the same in every arm, in the first arm's order."""
    union = list(dict.fromkeys(prompt for files in found.values() for prompt in files))
    for name, files in found.items():
        lacking = [prompt for prompt in union if prompt not in files]
        if lacking:
            raise StudyError(
                f"The arm {name} has no picture for {len(lacking)} of {len(union)} prompts, {lacking[0][:80]!r} first; "
                "draw the same prompts for every arm."
            )
    if len(union) < 2:
        raise StudyError(f"The arms share {len(union)} prompt, from which nothing follows; draw at least two.")
    return union


def _key(seed: int, settings: StudySettings, files: Mapping[str, Sequence[Path]]) -> str:
    """Hex that equal arms, settings and seed give again, and that nobody knows who lacks the arms' files."""
    digest = hashlib.sha256(repr((seed, settings.model_dump(mode="json"))).encode())
    for name, paths in files.items():
        digest.update(name.encode())
        for path in paths:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _asked(key: str, name: str, text: str, pictures: Mapping[str, Image.Image]) -> tuple[Asked, dict[str, Image.Image]]:
    codes = {arm: hashlib.sha256(f"{key} {name} {arm}".encode()).hexdigest()[:32] for arm in pictures}
    return Asked(id=name, text=text, pictures=codes), {codes[arm]: image for arm, image in pictures.items()}


def _checks(key: str, n: int, shown: int, size: int) -> list[tuple[Asked, dict[str, Image.Image]]]:
    """Each a drawn emblem beside drawings that share no charge, shape or colour with its caption."""
    drawn = sample_many(100 + 10 * n, int(key[:8], 16))
    plain = [pair for pair in drawn if pair[0].charge and pair[0].shape != "free"]
    names = [RIGHT, WRONG, *(f"{WRONG}-{i}" for i in range(2, shown))]
    groups = []
    for i, (emblem, caption) in enumerate(plain[:n]):
        others = [other for other, _ in plain[n:] if _unlike(emblem, other)]
        pictures = [Image.fromarray(draw(one, size)) for one in (emblem, *others[: shown - 1])]
        groups.append(_asked(key, f"check-{i + 1}", caption, dict(zip(names, pictures, strict=True))))
    return groups


def _unlike(emblem: Emblem, other: Emblem) -> bool:
    colours = {emblem.field, emblem.second, emblem.border, emblem.charge_colour}
    theirs = {other.field, other.second, other.border, other.charge_colour} - {None}
    return emblem.charge != other.charge and emblem.shape != other.shape and not colours & theirs


def _write_pictures(pictures: Mapping[str, Image.Image], size: int, out: Path) -> None:
    """Files in an order, and with dates, that say nothing about the arms."""
    partial = out / f"{PICTURES}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    codes = sorted(pictures)
    for code, data in zip(codes, padded([encode(pictures[code], size) for code in codes]), strict=True):
        (partial / f"{code}.png").write_bytes(data)
        os.utime(partial / f"{code}.png", (0, 0))
    shutil.rmtree(out / PICTURES, ignore_errors=True)
    partial.rename(out / PICTURES)
