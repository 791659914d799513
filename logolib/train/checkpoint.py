"""The file that a stopped training goes on from: read whole or not at all."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What was written, on the CPU. Raises ValueError when it is damaged: torch compares no checksum, zip has them."""
    try:
        with zipfile.ZipFile(path) as archive:
            if (bad := archive.testzip()) is not None:
                raise ValueError(f"its part {bad} is not what was written")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except ValueError:
        raise
    except Exception as error:  # BadZipFile; torch raises RuntimeError, UnpicklingError, EOFError, ...
        raise ValueError(str(error).strip().split("\n")[0][:160] or type(error).__name__) from None
    if not isinstance(state, dict):
        raise ValueError(f"it holds a {type(state).__name__}")
    return state
