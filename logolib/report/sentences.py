"""What a stage found, in one sentence: what its command says before the files that it wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from logolib.results import StageResult

NAMES = 4  # words in the median caption below which captions are taken for names, such as "Port Winter FC"

Values = Mapping[str, Any]


def said(result: StageResult) -> str:
    """One sentence on a stage's result, or nothing where the list of files says it all."""
    if "verdict" in result.values:
        return str(result.values["verdict"])
    write = _SENTENCES.get(result.stage)
    return "" if write is None else write(result.values)


def _collect(values: Values) -> str:
    words = values["caption_words_median"]
    names = ", as a name has: `logolib caption` describes" if words < NAMES else ""
    return (
        f"{values['logos']:,} captioned logos of {values['clubs']:,} clubs; "
        f"the median caption has {words:.0f} words{names}."
    )


def _dataset(values: Values) -> str:
    return f"{values['train']:,} logos to train on; {values['val']:,} of other clubs are held out."


def _caption(values: Values) -> str:
    text = f"{values['accepted']:,} of {values['logos']:,} logos got a caption that the gate accepts"
    rest = values["left"]
    return f"{text}; {rest:,} more wait: --set caption.limit=0 takes all." if rest else f"{text}."


def _clip(values: Values) -> str:
    found, chance = values["retrieval"]["text_to_image_R@10"], values["chance"]["R@10"]
    return f"{found:.0%} of the held-out captions have their picture among the first 10; by chance {chance:.0%}."


def _prior(values: Values) -> str:
    return (
        f"Its guesses have a cosine of {values['cosine']:.2f} to held-out pictures; "
        f"the captions alone have {values['cosine_baseline']:.2f}."
    )


def _decoder(values: Values) -> str:
    first, last = values["curve"][0], values["curve"][-1]
    return f"The loss was {first['loss']:.3f} at step {first['step']} and is {last['loss']:.3f} at step {last['step']}."


def _generate(values: Values) -> str:
    return f"{len(values['pictures']):,} pictures, {values['seconds_per_picture']:.1f} s each."


def _design(values: Values) -> str:
    return str(values["power"]["verdict"])


_SENTENCES: dict[str, Callable[[Values], str]] = {
    "collect": _collect,
    "dataset": _dataset,
    "caption": _caption,
    "clip": _clip,
    "prior": _prior,
    "decoder": _decoder,
    "generate": _generate,
    "study design": _design,
}
