"""What may be asked for: prompts, and pictures to start from."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from PIL import Image

from logolib.config import LogolibError
from logolib.images import ImageError, fit, read_image

MAX_PROMPT = 2000  # characters; the text tower reads far fewer


class PromptError(LogolibError):
    """A prompt, or a picture in its place, that nothing can be drawn from."""


def check_prompt(prompt: str) -> str:
    """A prompt with control characters and runs of blanks folded. Raises PromptError when unusable."""
    clean = " ".join("".join(" " if is_control(c) else c for c in prompt).split())
    if not clean:
        raise PromptError("A prompt is empty; describe the logo, e.g. 'a red lion on a gold shield'.")
    if len(clean) > MAX_PROMPT:
        raise PromptError(f"A prompt has {len(clean)} characters; keep it under {MAX_PROMPT}.")
    return clean


def is_control(character: str) -> bool:
    """Whether a character shows nothing: control and format characters, and what Unicode leaves unassigned."""
    return unicodedata.category(character)[0] == "C"


def check_picture(
    picture: Image.Image | Path | str, size: int, ground: tuple[int, int, int] = (255, 255, 255)
) -> Image.Image:
    """A picture or its file => RGB on `ground`, padded to `size` x `size`. Raises PromptError when it is none."""
    if isinstance(picture, str | Path):
        try:
            picture = read_image(Path(picture).read_bytes())
        except OSError as error:
            raise PromptError(f"The picture {picture} cannot be read ({error.strerror}); give a PNG or JPEG.") from None
        except ImageError as error:
            raise PromptError(f"{picture} is no picture to start from ({error}); give a PNG or JPEG.") from None
    if not isinstance(picture, Image.Image):
        raise PromptError(f"{type(picture).__name__} is no picture; give a PIL image or the path of a file.")
    return fit(picture.convert("RGBA"), size, ground)
