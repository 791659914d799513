"""Charts and picture walls, in one style that reads on a light page, a dark page and a phone."""

from __future__ import annotations

import base64
import io
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from IPython.display import HTML
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from logolib.data.colours import COLOURS
from logolib.report.tables import REFERENCES, Source, arm_name, load
from logolib.results import ResultError

BLUE, ORANGE, GREY, INK = "#2a66a8", "#d5761f", "#8a8f98", "#22262b"
STYLE: dict[str, Any] = {
    "figure.dpi": 200,  # 200: sharp on a phone's dense screen
    "figure.facecolor": "white",  # a white card; the page's style sheet rounds it, also on a dark page
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e8eb",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}
HEALTHY = {"decoder": (0.0, 0.08), "cosine": (0.7, 1.0)}  # where a training that works arrives; known-good runs
SAVED: dict[str, dict[str, Any]] = {"PNG": {"optimize": True}, "WEBP": {"quality": 85, "method": 6}}
WIDTH = 4.2  # inches: type stays readable when a phone shrinks the figure to its width


@contextmanager
def chart(height: float) -> Iterator[tuple[Figure, Axes]]:
    """A figure in the house style, closed so that a notebook shows it once."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(WIDTH, height), layout="constrained")
        try:
            yield figure, axes
        finally:
            plt.close(figure)


def caption_lengths(collected: Path) -> Figure:
    """Histogram of words a caption, from the manifest in `collected`."""
    words = _captions(collected).map(lambda caption: len(caption.split()))
    with chart(2.6) as (figure, axes):
        axes.hist(words, bins=range(0, int(words.max()) + 3, 2), color=BLUE, edgecolor="white")
        axes.axvline(words.median(), color=ORANGE, label=f"median: {words.median():.0f}")
        axes.set(xlabel="words in the caption", ylabel="captions")
        axes.grid(axis="x", visible=False)
        axes.legend()
    return figure


def colour_words(collected: Path) -> Figure:
    """Share of captions that name each colour, from the manifest in `collected`."""
    captions = _captions(collected).str.lower()
    shares = pd.Series({word: captions.str.contains(rf"\b{word}\b").mean() for word in COLOURS})
    shares = shares[shares > 0].sort_values()
    with chart(0.9 + 0.24 * len(shares)) as (figure, axes):
        colours = [COLOURS[word] for word in shares.index]
        axes.barh(list(shares.index), shares * 100, color=colours, edgecolor=GREY, linewidth=0.6)
        axes.set(xlabel="captions that name it, %")
        axes.grid(axis="y", visible=False)
    return figure


def learning_curve(source: Source) -> Figure:
    """Training loss over steps, the held-out loss where it was measured, and a decoder's healthy band."""
    result = load(source)
    curve = pd.DataFrame(result.values["curve"])
    with chart(2.8) as (figure, axes):
        if result.stage in HEALTHY:
            _band(axes, *HEALTHY[result.stage], "pictures appear")
        axes.plot(curve["step"], curve["loss"], color=BLUE, alpha=0.9, label="training")
        if "val_loss" in curve and curve["val_loss"].notna().any():
            held_out = curve.dropna(subset=["val_loss"])
            axes.plot(
                held_out["step"],
                held_out["val_loss"],
                color=ORANGE,
                marker="o",
                markersize=3,
                label="held out",
            )
        axes.set(xlabel="step", ylabel="loss", ylim=(0, None))
        axes.legend()
    return figure


def retrieval(source: Source) -> Figure:
    """Share of held-out pairs found among the first 1, 5 and 10, with intervals, beside chance."""
    values = load(source).values
    ways = (
        ("text_to_image", "caption to picture", BLUE, 0.16),
        ("image_to_text", "picture to caption", ORANGE, -0.16),
    )
    with chart(2.6) as (figure, axes):
        for way, label, colour, shift in ways:
            for row, k in enumerate((10, 5, 1)):
                share, ends = (
                    values["retrieval"][f"{way}_R@{k}"],
                    values["retrieval_interval"][f"{way}_R@{k}"],
                )
                interval(axes, row + shift, share, ends, colour, label if row == 0 else None)
        for row, k in enumerate((10, 5, 1)):
            _tick(axes, row, values["chance"][f"R@{k}"], GREY, "chance" if row == 0 else None)
        axes.set(xlabel="held-out pairs found", xlim=(0, 1), ylim=(-0.6, 2.6))
        axes.set_yticks(range(3), ["first 10", "first 5", "first 1"])
        _percent(axes)
        figure.legend(loc="outside upper left", ncols=3, fontsize=8.5, columnspacing=1, handletextpad=0.4)
    return figure


def zero_shot(source: Source) -> Figure:
    """Share of held-out pictures whose colour, letter and mascot CLIP names, with intervals, beside chance."""
    found = load(source).values["zero_shot"]
    with chart(0.9 + 0.5 * max(1, len(found))) as (figure, axes):
        for row, (_, values) in enumerate(reversed(found.items())):
            ends = (values["low"], values["high"])
            interval(axes, row, values["accuracy"], ends, BLUE, "recognised" if row == 0 else None)
            _tick(axes, row, values["chance"], GREY, "chance" if row == 0 else None)
        axes.set(xlabel="held-out pictures", xlim=(0, 1), ylim=(-0.6, max(1, len(found)) - 0.4))
        axes.set_yticks(range(len(found)), [f"{kind} ({v['n']})" for kind, v in reversed(found.items())])
        _percent(axes)
        if found:
            figure.legend(loc="outside upper left", ncols=2, fontsize=8.5)
    return figure


def similarity(folder: Path) -> Figure:
    """Cosines of held-out captions and pictures, from a trained CLIP's folder; right answers on the diagonal."""
    with np.load(folder / "held_out.npz", allow_pickle=False) as kept:
        cosines = kept["similarity"]
    with chart(WIDTH * 0.86) as (figure, axes):
        shown = axes.imshow(cosines, cmap="viridis", interpolation="nearest")
        figure.colorbar(shown, ax=axes, shrink=0.8, label="cosine")
        axes.set(xlabel="held-out picture", ylabel="held-out caption")
        axes.grid(visible=False)
    return figure


def neighbours(folder: Path, captions: int = 6, nearest: int = 4) -> HTML:
    """Some held-out captions and the pictures that a trained CLIP finds nearest to each, the right one marked."""
    with np.load(folder / "held_out.npz", allow_pickle=False) as kept:
        cosines, pictures, texts = kept["similarity"], kept["pictures"], kept["captions"]
    rows = []
    for i in np.linspace(0, len(texts) - 1, min(captions, len(texts))).round().astype(int):
        found = np.argsort(-cosines[i])[:nearest]
        shown = "".join(_neighbour(pictures[j], right=j == i) for j in found)
        rows.append(f'<div class="neighbours"><p>{escape(str(texts[i]))}</p>{shown}</div>')
    return HTML("".join(rows))


def _neighbour(picture: np.ndarray, *, right: bool) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    edge, name = (ORANGE, "the right picture") if right else ("transparent", "another picture")
    style = f"border: 3px solid {edge}; width: 84px; display: inline-block; margin: 2px"
    return f'<img alt="{name}" title="{name}" style="{style}" src="data:image/png;base64,{data}">'


def cosine_curve(source: Source) -> Figure:
    """Cosine between the prior's embedding and the picture's, over steps, beside the text embedding's own."""
    values = load(source).values
    curve = pd.DataFrame(values["curve"])
    with chart(2.6) as (figure, axes):
        _band(axes, *HEALTHY["cosine"], "healthy")
        if "cosine" in curve and curve["cosine"].notna().any():
            measured = curve.dropna(subset=["cosine"])
            axes.plot(
                measured["step"],
                measured["cosine"],
                color=BLUE,
                marker="o",
                markersize=3,
                label="during training",
            )
        axes.axhline(values["cosine"], color=BLUE, linestyle=":", label="prior, at the end")
        axes.axhline(values["cosine_baseline"], color=GREY, linestyle="--", label="text embedding as it is")
        axes.set(xlabel="step", ylabel="cosine, held out")
        axes.legend(fontsize=8.5)
    return figure


def fit(source: Source) -> Figure:
    """How often the judge picks the right caption for each arm, with its interval."""
    values = load(source).values
    arms = [*(arm for arm in values["arms"] if arm not in REFERENCES), *reversed(REFERENCES)]
    arms = [arm for arm in reversed(arms) if arm in values["measures"]["fit"]]
    with chart(1.0 + 0.36 * len(arms)) as (figure, axes):
        for row, arm in enumerate(arms):
            score = values["measures"]["fit"][arm]
            colour = GREY if arm in REFERENCES else BLUE
            interval(axes, row, score["mean"], (score["low"], score["high"]), colour)
            if arm in REFERENCES:
                axes.axvline(score["mean"], color=GREY, linewidth=1, linestyle=":" if arm == "shuffled" else "--")
        axes.set_yticks(range(len(arms)), [textwrap.fill(arm_name(arm), 18) for arm in arms])
        axes.set(xlabel=f"right caption picked of {values['choices']}", xlim=(0, 1), ylim=(-0.6, len(arms) - 0.4))
        _percent(axes)
        axes.grid(axis="y", visible=False)
    return figure


def attributes(source: Source) -> Figure:
    """Share of pictures whose asked-for attribute the judge reads, beside chance and ceiling, first model."""
    values = load(source).values
    arm = next((arm for arm in values["arms"] if arm in values["attributes"] and arm not in REFERENCES), None)
    if arm is None:
        raise ResultError("The evaluation has no attributes of a model; evaluate a trained run first.")
    found: Mapping[str, Mapping[str, float]] = values["attributes"][arm]
    with chart(1.2 + 0.34 * len(found)) as (figure, axes):
        for row, one in enumerate(reversed(list(found.values()))):
            first = row == 0
            interval(
                axes,
                row,
                one["accuracy"],
                (one["low"], one["high"]),
                BLUE,
                "drawn pictures" if first else None,
            )
            _tick(axes, row, one["chance"], ORANGE, "chance" if first else None)
            if one.get("ceiling") is not None:
                _tick(axes, row, one["ceiling"], GREY, "ceiling" if first else None)
        axes.set_yticks(range(len(found)), [name.replace("_", " ") for name in reversed(list(found))])
        axes.set(xlabel="pictures read as asked", xlim=(-0.02, 1.04), ylim=(-0.6, len(found) - 0.4))
        _percent(axes)
        figure.legend(loc="outside upper left", ncols=3, fontsize=8.5, columnspacing=1, handletextpad=0.4)
    return figure


def logos(collected: Path, most: int = 24) -> HTML:
    """A wall of logos, taken evenly from the manifest, each with its caption as alternative text."""
    manifest = _manifest(collected)
    chosen = manifest.iloc[:: max(1, len(manifest) // most)].head(most)
    cells = [
        f'<img src="{data_uri(collected / image, 160)}" alt="{escape(caption)}" title="{escape(caption)}">'
        for image, caption in zip(chosen["image"], chosen["caption"], strict=True)
    ]
    return HTML(f'<div class="wall">{"".join(cells)}</div>')


def captioned(collected: Path, most: int = 6) -> HTML:
    """A few collected logos, each above its whole caption."""
    manifest = _manifest(collected)
    chosen = manifest.iloc[:: max(1, len(manifest) // most)].head(most)
    return HTML(
        cards(
            [
                (str(caption), [collected / str(image)])
                for caption, image in zip(chosen["caption"], chosen["image"], strict=True)
            ]
        )
    )


def previews(folder: Path, most: int = 16) -> HTML:
    """The decoder's previews in the order of training, from noise to logo; `folder` holds its result.

    The book's script makes a slider of the strip.
    """
    shown = load(folder).values["previews"]
    if not shown:
        raise ResultError("The decoder drew no preview; lower decoder.preview_every and train again.")
    cells = [
        f'<figure><img src="{data_uri(folder / one["file"], 960, "WEBP")}" alt="Drawn after {one["step"]} steps">'
        f"<figcaption>after {one['step']} steps</figcaption></figure>"
        for one in _spread(shown, most)
    ]
    return HTML(f'<div class="strip">{"".join(cells)}</div>')


def pictures(folder: Path, prompts: int = 16) -> HTML:
    """Generated pictures in `folder`, grouped above the prompt they were drawn for."""
    drawn: dict[str, list[Path]] = {}
    for one in load(folder).values["pictures"]:
        drawn.setdefault(one["prompt"], []).append(folder / one["file"])
    return HTML(cards(list(drawn.items())[:prompts]))


def cards(groups: list[tuple[str, list[Path]]]) -> str:
    """Pictures with a line below, escaped; several files of a group stand in a square."""
    made = []
    for caption, files in groups:
        several = len(files) > 1
        images = "".join(
            f'<img src="{data_uri(file, 128 if several else 200)}" alt="{escape(caption)}">' for file in files[:4]
        )
        kind = "four" if several else "one"
        made.append(f'<figure><div class="{kind}">{images}</div><figcaption>{escape(caption)}</figcaption></figure>')
    return f'<div class="cards">{"".join(made)}</div>'


def picture(figure: Figure, alt: str) -> HTML:
    """A figure inside the page with a text for those who do not see it; glued outputs have no place for one."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    source = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    return HTML(f'<p><img class="chart" src="{source}" alt="{escape(alt)}"></p>')


def data_uri(file: Path, longest: int, form: Literal["PNG", "WEBP"] = "PNG") -> str:
    """A picture inside the page, over white, no longer than `longest` pixels; WebP is a fifth of the size."""
    try:
        with Image.open(file) as opened:
            image = opened.convert("RGBA")
    except OSError:
        raise ResultError(f"The picture {file.name} is missing or damaged; run its stage again.") from None
    over_white = Image.new("RGB", image.size, "white")
    over_white.paste(image, mask=image.getchannel("A"))
    over_white.thumbnail((longest, longest))
    buffer = io.BytesIO()
    over_white.save(buffer, form, **SAVED[form])
    return f"data:image/{form.lower()};base64," + base64.b64encode(buffer.getvalue()).decode()


def _manifest(collected: Path) -> pd.DataFrame:
    try:
        manifest = pd.read_parquet(collected / "manifest.parquet")
    except (OSError, ValueError):
        raise ResultError(
            f"{collected.name} holds no readable manifest.parquet; run the collect stage first."
        ) from None
    if manifest.empty:
        raise ResultError(f"The manifest in {collected.name} is empty; collect some logos first.")
    return manifest


def _captions(collected: Path) -> pd.Series:
    return _manifest(collected)["caption"].astype(str)


def _spread(items: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """At most `most` items, evenly spaced, the first and the last among them."""
    if len(items) <= most:
        return items
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


def interval(axes: Axes, row: float, middle: float, ends: Any, colour: str, label: str | None = None) -> None:
    """A dot and its interval in one row of a chart."""
    low, high = ends
    axes.plot([low, high], [row, row], color=colour, linewidth=2.6, alpha=0.45, solid_capstyle="round")
    axes.plot([middle], [row], "o", color=colour, markersize=5.5, label=label)


def _band(axes: Axes, low: float, high: float, label: str) -> None:
    axes.axhspan(low, high, color=GREY, alpha=0.15, linewidth=0, label=label)


def _tick(axes: Axes, row: float, at: float, colour: str, label: str | None) -> None:
    axes.plot([at], [row], "|", color=colour, markersize=15, markeredgewidth=1.8, label=label)


def _percent(axes: Axes) -> None:
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
