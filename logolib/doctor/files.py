"""Reading what the doctor is given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import yaml

from logolib.config import LogolibError, read_yaml
from logolib.results import read_json, reason_of

WRONG_TYPES = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RuntimeError, StopIteration)
Shape = Literal["decoder", "prior", "load"]


class DoctorError(LogolibError):
    """A file that is no config, checkpoint or data set."""


class TypesError(DoctorError):
    """A config in which a setting is of another type than it must be."""


@contextmanager
def right_types(file: Path) -> Iterator[None]:
    """Turn what a value of a wrong type raises, wherever it is used, into a TypesError that names the file."""
    try:
        yield
    except WRONG_TYPES as error:
        raise TypesError(
            f"{file} has a setting of a type or a size that it cannot have ({reason_of(error)}); compare it with "
            "dalle2-pytorch's own configs."
        ) from None


def read_config_file(file: Path) -> dict[str, Any]:
    """A JSON or YAML mapping. Raises DoctorError."""
    try:
        text = file.read_text("utf8")
    except (OSError, UnicodeDecodeError) as error:
        raise DoctorError(f"{file} cannot be read ({reason_of(error)}).") from None
    try:
        content = read_json(text) if file.suffix == ".json" else read_yaml(text)
    except (ValueError, yaml.YAMLError) as error:
        raise DoctorError(f"{file} is not valid {file.suffix[1:].upper()}: {reason_of(error)}.") from None
    if not isinstance(content, dict):
        raise DoctorError(f"{file} holds a {type(content).__name__}, not a config.")
    return content


def shape_of(config: dict[str, Any], file: Path) -> Shape:
    """Whether it is of `train_decoder`, of `train_diffusion_prior` or of dalle2-laion. Raises DoctorError."""
    decoder, prior = config.get("decoder"), config.get("prior")
    if any(isinstance(part, dict) and {"unet_sources", "load_model_from"} & set(part) for part in (decoder, prior)):
        return "load"
    if isinstance(decoder, dict) and "unets" in decoder:
        return "decoder"
    if isinstance(prior, dict) and "net" in prior:
        return "prior"
    named = ", ".join(str(name)[:40] for name in list(config)[:20])
    raise DoctorError(
        f"{file} is no config of dalle2-pytorch: it has {named or 'nothing'}, and neither decoder.unets nor prior.net."
    )
