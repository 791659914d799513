"""The highest memory that a piece of work took."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType

import torch


class PeakMemory:
    """`with PeakMemory(device) as peak: ...`, then `peak.bytes`: of the process on a CPU, of the tensors on a GPU."""

    def __init__(self, device: str, every_s: float = 0.02) -> None:
        self.device, self.every_s, self.bytes = device, every_s, 0
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        if self.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        else:
            self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.device == "cuda":
            self.bytes = int(torch.cuda.max_memory_allocated())
            return
        self._over.set()
        self._watcher.join()
        self.bytes = max(self.bytes, _resident())

    def _watch(self) -> None:
        while not self._over.wait(self.every_s):
            self.bytes = max(self.bytes, _resident())


def _resident() -> int:
    """Bytes of this process in memory; 0 where the system does not tell."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0
