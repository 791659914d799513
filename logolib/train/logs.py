"""A training's lines in `out.log`, and its curves for tensorboard."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from logolib.train import processes
from logolib.train.loop import TrainError


class RunLog:
    """Writes FOLDER/out.log, a line a point, and FOLDER/tensorboard when asked; goes on where the files end."""

    def __init__(self, folder: Path, label: str, steps: int, steps_per_epoch: int, report_to: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._writes = processes.rank() == 0
        self._file, self._label = folder / "out.log", label
        self._steps, self._per_epoch = steps, steps_per_epoch
        self._writer = _tensorboard(folder / "tensorboard") if report_to == "tensorboard" and self._writes else None

    def say(self, line: str) -> None:
        """One line with the time, in the form of open_clip's log."""
        if not self._writes:
            return
        with self._file.open("a", encoding="utf8") as file:
            file.write(f"{datetime.now():%Y-%m-%d,%H:%M:%S} | INFO | {line}\n")

    def __call__(self, point: dict[str, Any]) -> None:
        """One point of the curve."""
        step = int(point["step"])
        numbers = {name: float(value) for name, value in point.items() if name != "step"}
        shown = " ".join(f"{name}: {value:#.5g}" for name, value in numbers.items())
        epoch = (step - 1) // self._per_epoch
        self.say(f"{self._label} Epoch: {epoch} [{step}/{self._steps} ({100 * step / self._steps:.0f}%)] {shown}")
        if self._writer is not None:
            for name, value in numbers.items():
                self._writer.add_scalar(f"{'val' if name.startswith('val') else 'train'}/{name}", value, step)
            self._writer.flush()

    def close(self) -> None:
        """Close tensorboard's file."""
        if self._writer is not None:
            self._writer.close()


def _tensorboard(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise TrainError("tensorboard is not installed; `pip install tensorboard`, or set clip.report_to=''.") from None
    return SummaryWriter(str(folder))
