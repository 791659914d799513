"""The one training loop: warm-up and decay, clipping, averaging, checkpoints, exact resume."""

from __future__ import annotations

import copy
import ctypes
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from logolib.config import ClipSettings, DiffusionSettings, LogolibError, TrainSettings
from logolib.models.pickles import write_tensors
from logolib.models.precision import native_bf16
from logolib.results import reason_of
from logolib.seeds import derive
from logolib.train import processes
from logolib.train.best import Best
from logolib.train.checkpoint import read_checkpoint
from logolib.train.muon import OPTIMIZERS
from logolib.train.schedule import groups

# (network, step) -> scalar; draws its own batch for that step. One without gradient has sent its gradients back itself.
Loss = Callable[[nn.Module, int], Tensor]
Hook = Callable[[nn.Module, int], dict[str, Any]]  # (averaged network, step) -> what joins the curve


LOWERED = 1 / 3  # of the rate, after a loss has exploded
EXPLODED = 10.0  # a diffusion loss: its targets are of unit scale, so that guessing nothing costs about one
FINITE = sys.float_info.max


class TrainError(LogolibError):
    """Training that cannot go on, and what to change."""


class _ExplodedError(TrainError):
    """A step that must not reach the weights."""


@dataclass
class Fitted:
    """What the loop leaves: the network to use, its learning curve, and how many steps this process ran."""

    network: nn.Module
    curve: list[dict[str, Any]] = field(default_factory=list)
    steps_run: int = 0
    seconds: float = 0.0
    first: int = 0  # the step at which this process began
    rolled_back: int = 0  # the step at which the loss exploded once, if it did

    @property
    def last(self) -> int:
        """The step at which training ended, early or not."""
        return self.first + self.steps_run


@dataclass(frozen=True)
class Extras:
    """What one training adds to the loop that all share."""

    rates: dict[str, float] | None = None  # a parameter's share of the rate, by name
    best: Best | None = None  # keeps the best of the weights that the hook measures, and stops early
    on_point: Callable[[dict[str, Any]], None] | None = None  # gets each point of the curve
    on_step: Callable[[nn.Module, torch.optim.Optimizer, int], None] | None = None  # after each step, in process 0
    begin: Callable[[torch.optim.Optimizer], int] | None = None  # fills a new optimizer, says at which step to begin


def learning_rate(settings: TrainSettings, step: int) -> float:
    """Linear warm-up, then half a cosine down to zero, as open_clip's trainer does; step counts from 0."""
    if step < settings.warmup:
        return settings.lr * (step + 1) / settings.warmup
    progress = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.lr * 0.5 * (1 + math.cos(math.pi * progress))


def in_bf16(settings: TrainSettings, device: torch.device) -> bool:
    """Whether `precision` asks for bf16 there."""
    return settings.precision == "bf16" or (settings.precision == "auto" and native_bf16(device))


def autocast(settings: TrainSettings, device: torch.device) -> torch.autocast:
    """The autocast context that `precision` asks for."""
    return torch.autocast(device.type, torch.bfloat16, enabled=in_bf16(settings, device))


def keep_memory() -> None:
    """Let glibc keep freed blocks: giving them back to the kernel costs a third of a step on a CPU."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD
            libc.mallopt(-1, (1 << 31) - 1)  # M_TRIM_THRESHOLD


def best_device() -> torch.device:
    """The GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fit(
    network: nn.Module,
    loss: Loss,
    settings: TrainSettings,
    checkpoint: Path,
    *,
    seed: int,
    key: str,
    resume: bool,
    hook: Hook | None = None,
    hook_every: int | None = None,
    label: str = "train",
    progress: bool = True,
    extras: Extras | None = None,
) -> Fitted:
    """Train `network` in place for `settings.steps` steps, or until `extras.best` has waited long enough.

    Each step seeds torch from (seed, label, step), so that a resumed run draws what an unbroken one
    would. `checkpoint` is written every `save_every` steps; with `resume` it is continued when its `key`
    (a hash of data and settings) agrees, and ignored otherwise. A prior's or decoder's loss that explodes goes
    back to the checkpoint once, at a third of the rate. Of several processes (`processes.join`) each
    gives its part of the gradient, and the first measures and writes.
    Raises TrainError when the loss or its gradient is no longer finite, and when a GPU's memory is too small.
    """
    keep_memory()
    extras = extras or Extras()
    device, best, first_process = next(network.parameters()).device, extras.best, processes.rank() == 0
    parameters = [p for p in network.parameters() if p.requires_grad]
    ordered = groups(network, settings.wd, extras.rates)
    diffusion = settings if isinstance(settings, DiffusionSettings) else None
    optimizer = OPTIMIZERS[diffusion.optimizer if diffusion else "adamw"](
        [{"params": group.parameters, "weight_decay": group.weight_decay} for group in ordered],
        lr=settings.lr,
        betas=(0.9, settings.beta2),
    )
    average = copy.deepcopy(network).requires_grad_(False) if settings.ema else None
    curve: list[dict[str, Any]] = []
    done, rolled_back = 0, 0  # rolled_back: the step at which the loss exploded, 0 while it has not
    may_roll_back = diffusion is not None and diffusion.rollback and processes.count() == 1

    def restore(saved: dict[str, Any]) -> tuple[int, list[dict[str, Any]], int]:
        network.load_state_dict(saved["network"])
        optimizer.load_state_dict(saved["optimizer"])
        if average is not None:
            average.load_state_dict(saved["average"])
        if best is not None:
            best.load_state_dict(saved["best"])
        return saved["step"], saved["curve"], saved["rolled_back"]

    def save(step: int) -> None:
        if first_process:
            state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
            state |= {"average": average.state_dict() if average is not None else {}, "curve": curve, "key": key}
            state["rolled_back"] = rolled_back
            state["best"] = best.state_dict() if best is not None else {}
            write_tensors(state, checkpoint)
        processes.wait()

    def check(value: Tensor, what: str, most: float) -> None:
        if not value.item() <= most:  # NaN is not, either
            again = ", although the rate was lowered once" if rolled_back else ""
            raise _ExplodedError(
                f"The {label} {what} is {value.item():.3g} at step {done}{again}; the checkpoint of step {saved_at} "
                "is whole. The likely cause is too high a rate: "
                f"lower it ({label}.lr={settings.lr / 3:.1g}) and run again."
            )

    if resume and (saved := _load(checkpoint, key)) is not None:
        done, curve, rolled_back = restore(saved)
    elif extras.begin is not None:
        done = extras.begin(optimizer)
    if may_roll_back and done == 0:
        save(0)
    start, first = time.perf_counter(), done
    recent: list[float] = []
    spent = 0.0  # seconds in steps since the last point, measurements left out
    shown = progress and first_process
    bar = tqdm(total=settings.steps, initial=done, desc=label, disable=not shown, mininterval=1.0, unit="step")
    saved_at = done
    try:
        while done < settings.steps and not (best is not None and best.enough):
            began = time.perf_counter()
            torch.manual_seed(derive(seed, label, done))
            network.train()
            for group, plan in zip(optimizer.param_groups, ordered, strict=True):
                group["lr"] = learning_rate(settings, done) * plan.rate * (LOWERED if rolled_back else 1.0)
            try:
                with autocast(settings, device):
                    value = loss(network, done)
                check(value, "loss", EXPLODED if diffusion else FINITE)
                if value.requires_grad:
                    value.backward()
                processes.sum_gradients(parameters)
                norm = nn.utils.clip_grad_norm_(parameters, settings.clip_norm or math.inf)
                check(norm, "gradient", FINITE)
            except _ExplodedError:
                if rolled_back or not may_roll_back or (saved := _load(checkpoint, key)) is None:
                    raise
                exploded = done
                done, curve, _ = restore(saved)
                rolled_back = max(1, exploded)
                optimizer.zero_grad(set_to_none=True)
                recent.clear()
                bar.reset()
                bar.update(done)
                continue
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            done += 1
            if average is not None:
                _average(average, network, min(settings.ema, done / (done + 9)))
            recent.append(value.item())
            spent += time.perf_counter() - began
            at_hook = hook is not None and (done == settings.steps or (hook_every and done % hook_every == 0))
            if done % settings.log_every == 0 or done == settings.steps or at_hook:
                point: dict[str, Any] = {"step": done, "loss": sum(recent) / len(recent)}
                speed = settings.batch_size * len(recent) / spent
                recent.clear()
                spent = 0.0
                if at_hook and hook is not None:
                    measured = (average if average is not None else network).eval()
                    with torch.no_grad():
                        point |= processes.from_first(hook(measured, done) if first_process else None)
                    if best is not None:
                        best.offer(measured, done, point)
                curve.append(point)
                bar.set_postfix(loss=f"{point['loss']:.4f}")
                if extras.on_point is not None and first_process:
                    extras.on_point({**point, "lr": learning_rate(settings, done - 1), "images_per_s": speed})
            bar.update()
            if extras.on_step is not None and first_process:
                extras.on_step(network, optimizer, done)
            if done % settings.save_every == 0 or done == settings.steps or (best is not None and best.enough):
                save(done)
                saved_at = done
    except torch.cuda.OutOfMemoryError:
        raise TrainError(_too_large(label, settings)) from None
    finally:
        bar.close()
    result = average if average is not None else network
    if best is not None:
        best.restore(result)
    return Fitted(result.eval(), curve, done - first, time.perf_counter() - start, first, rolled_back)


def _too_large(label: str, settings: TrainSettings) -> str:
    instead = f" or {label}.accum_freq={2 * settings.accum_freq}" if isinstance(settings, ClipSettings) else ""
    return (
        f"The GPU's memory is too small for {label}.batch_size={settings.batch_size}; "
        f"set {label}.batch_size={max(2, settings.batch_size // 2)}{instead} and run again."
    )


def _average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Average <- decay average + (1 - decay) network; counters and other integers are copied."""
    with torch.no_grad():
        theirs = network.state_dict()
        for name, mine in average.state_dict().items():
            if mine.is_floating_point():
                mine.lerp_(theirs[name], 1 - decay)
            else:
                mine.copy_(theirs[name])


def _load(checkpoint: Path, key: str) -> dict[str, Any] | None:
    """A checkpoint of the same data and settings, or None."""
    if not checkpoint.exists():
        return None
    try:
        saved = read_checkpoint(checkpoint)
    except (OSError, ValueError) as error:
        why = reason_of(error)
        raise TrainError(f"The checkpoint {checkpoint} is damaged ({why}); delete it to start afresh.") from None
    return saved if saved.get("key") == key else None
