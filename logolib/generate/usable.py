"""The stage that turns drawn pictures into logos one can use: PNG, SVG, PDF, lettering, brand sheets."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from logolib.config import VectorSettings
from logolib.generate.brand import PAGE, brand_sheet
from logolib.generate.cleanup import Cleaned
from logolib.generate.drawing import Drawing, DrawingError, render, save_pdf, save_svg
from logolib.generate.lettering import Way, letter, without_words, words_of
from logolib.generate.prompts import check_prompt
from logolib.generate.vector import difference, vectorise
from logolib.images import save_png
from logolib.results import StageResult, Stopwatch, data_hash, write_result
from logolib.seeds import derive

Kind = Literal["vector", "letter", "brand"]
SIDE = 1024  # longest side of the PNG files, pixels
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")


def make_usable(
    kind: Kind,
    settings: VectorSettings,
    sources: Sequence[str],
    out: Path,
    *,
    words: str | None = None,
    way: Way = "straight",
    as_text: bool = False,
    model: str | Path = "default",
    seed: int = 0,
    profile: str = "custom",
) -> StageResult:
    """Write NAME.svg, .pdf and .png for each source into OUT: the logo, the logo with its words, or its brand sheet.

    sources: pictures, or prompts that `model` draws first, without the words in quotes, which are set
    as type. words: instead of those in quotes in the prompt. as_text: the SVG keeps words as type.
    Raises DrawingError, PromptError or ModelError.
    """
    watch = Stopwatch()
    if any(Path(source).suffix == ".png" and Path(source).resolve().parent == out.resolve() for source in sources):
        raise DrawingError(f"{out} holds the pictures themselves, which would be overwritten; choose another --out.")
    drawn = [_source(source, model, seed, place) for place, source in enumerate(sources)]
    if not drawn:
        raise DrawingError("There is no picture; name at least one file, or a prompt.")
    names = [name for name, _, _ in drawn]
    if twice := [name for name in names if names.count(name) > 1]:
        raise DrawingError(f"Two pictures are called {twice[0]}; write each into an --out of its own.")
    rows: list[dict[str, Any]] = []
    for name, pixels, prompt in drawn:
        mark, cleaned = vectorise(pixels, settings)
        said = words if words is not None else " ".join(words_of(prompt))
        page, width_mm = _page(kind, mark, cleaned, said, way, prompt)
        out.mkdir(parents=True, exist_ok=True)
        unit = "mm" if kind == "brand" else ""
        save_svg(page, out / f"{name}.svg", said or prompt, unit, as_text)
        save_pdf(page, out / f"{name}.pdf", said or prompt, width_mm)
        pixels_out = cleaned.rgba(SIDE) if kind == "vector" else render(page, SIDE)
        save_png(Image.fromarray(pixels_out), out / f"{name}.png", prompt=prompt)
        rows.append(
            {
                "file": f"{name}.svg",
                "prompt": prompt,
                "words": said if kind != "vector" else "",
                "paths": len(mark.shapes),
                "difference": round(difference(mark, cleaned), 4),
                "palette": list(cleaned.palette),
                "ground": cleaned.ground,
            }
        )
    values = {"logos": rows, "kind": kind}
    sums = [f"{name} {hashlib.sha256(pixels.tobytes()).hexdigest()}" for name, pixels, _ in drawn]
    provenance = watch.provenance(settings, seed, data_hash(sums), profile)
    result = StageResult(kind, values, {row["file"]: row["file"] for row in rows}, provenance)
    write_result(out / "result.json", result)
    return result


def _page(kind: Kind, mark: Drawing, cleaned: Cleaned, words: str, way: Way, prompt: str) -> tuple[Drawing, float]:
    """What is written, and its width on paper in millimetres."""
    if kind == "vector":
        return mark, 100.0
    if kind == "letter":
        return letter(mark, words, way, cleaned.palette, prompt).drawing, 100.0
    return brand_sheet(mark, cleaned, words, way, prompt), PAGE[0]


def _source(source: str, model: str | Path, seed: int, place: int) -> tuple[str, np.ndarray, str]:
    """A name for the files, pixels uint8 (H, W, 3 or 4), and the prompt where one is known."""
    path = Path(source)
    if path.suffix.lower() in PICTURES:
        return path.stem, *read_picture(path)
    from logolib.generate.pipeline import LogoPipeline

    prompt = check_prompt(source)
    bare = check_prompt(without_words(prompt) or prompt)
    pixels = LogoPipeline.from_pretrained(model)(bare, seeds=[derive(seed, place, 0) % 2**31], size=256).pixels[0]
    slug = re.sub(r"[^a-z0-9]+", "-", bare.lower()).strip("-")[:40].rstrip("-") or "logo"
    return f"{place}-{slug}", pixels, prompt


def read_picture(path: Path) -> tuple[np.ndarray, str]:
    """Pixels, uint8 (H, W, 3 or 4), and the prompt that logolib wrote into the file, if any."""
    try:
        with Image.open(path) as image:
            prompt = str(image.info.get("prompt", ""))
            image.thumbnail((SIDE, SIDE))
            mode = "RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB"
            return np.asarray(image.convert(mode)), prompt
    except FileNotFoundError:
        raise DrawingError(f"There is no picture {path}; `logolib generate` draws some.") from None
    except (OSError, Image.DecompressionBombError) as error:
        raise DrawingError(f"{path} is no picture that can be read ({error}).") from None
