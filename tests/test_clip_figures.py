"""What a user may rely on: a trained CLIP's folder shows what it finds, and its result what it recognises."""

from __future__ import annotations

from pathlib import Path

from logolib.report import figures
from logolib.results import read_result


def test_what_a_clip_finds_and_recognises_can_be_seen(tiny_model: Path) -> None:
    result = read_result(tiny_model / "clip" / "result.json", "clip")
    n = min(64, result.values["n_val"])
    assert figures.similarity(tiny_model / "clip").axes[0].get_images()[0].get_array().shape == (n, n)
    shown = figures.neighbours(tiny_model / "clip", captions=2, nearest=n).data
    assert shown.count("<img") == 2 * n
    assert shown.count('alt="the right picture"') == 2
    labels = [label.get_text() for label in figures.zero_shot(result).axes[0].get_yticklabels()]
    assert len(labels) == len(result.values["zero_shot"])
    assert any(label.startswith("colour (") for label in labels)
