"""What a training would cost: memory, steps, hours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from logolib.config import LogolibError
from logolib.doctor.data import Data
from logolib.doctor.findings import Finding
from logolib.doctor.memory import decoder_step, memory_there, speed_there


def steps_of(config: dict[str, Any], samples: int | None) -> int | None:
    """Steps that a config asks for; None when the amount of data is not known."""
    epoch = config.get("train", {}).get("epoch_samples") or samples
    if not epoch:
        return None
    return max(1, int(config["train"].get("epochs", 20)) * int(epoch) // int(config["data"].get("batch_size", 64)))


def check_cost(config: dict[str, Any], data: Data | None) -> Iterator[Finding]:
    """Memory needed against memory there, steps and hours to come, and what those steps make absurd."""
    train, batch = config.get("train", {}), int(config.get("data", {}).get("batch_size", 64))
    steps = steps_of(config, data.samples if data else None)
    yield from _pace(train, steps)
    try:
        step = decoder_step(config["decoder"], batch, bool(train.get("use_ema", True)))
    except LogolibError:
        raise
    except Exception as error:  # whatever dalle2-pytorch raises for a network it cannot build
        what = (
            f"dalle2-pytorch cannot build this network: {' '.join(str(error).split())[:200] or type(error).__name__}."
        )
        yield Finding("fails", "decoder", what, "Mend what is named above first.")
        return
    there = memory_there()
    needs = (
        f"A step of batch {batch} needs about {_gb(step.bytes)} ({step.parameters / 1e6:.1f} M parameters: "
        f"{_gb(step.state)} with gradients, optimizer and average; the rest on the way back) besides the process and "
        f"the CLIP; {_gb(there)} are free."
    )
    if step.bytes > there:
        fits = max(1, int(batch * (there - step.state) / max(1, step.bytes - step.state)))
        yield Finding(
            "fails",
            "data.batch_size",
            needs,
            f"Set it to {fits} or less." if there > step.state else "Make dim smaller.",
        )
    else:
        yield Finding("notes", "data.batch_size", needs, "")
    if steps is not None:
        hours = steps * step.flops / speed_there() / 3600
        yield Finding(
            "warns" if hours > 24 * 7 else "notes",
            "train.epochs",
            f"{steps:,} steps are to come, about {_time(hours)} on this machine.",
            "Ask for fewer epochs or samples an epoch." if hours > 24 * 7 else "",
        )


def _pace(train: dict[str, Any], steps: int | None) -> Iterator[Finding]:
    warmup, beta = train.get("warmup_steps"), float(train.get("ema_beta", 0.999))
    if steps is None:
        return
    if isinstance(warmup, int) and warmup > steps / 3:
        what = f"{warmup:,} of {steps:,} steps are warm-up: the rate hardly gets where it should be."
        yield Finding("warns", "train.warmup_steps", what, f"Set it to {max(1, steps // 20)}.")
    back = 1 / (1 - min(beta, 1 - 1e-9))
    if train.get("use_ema", True) and back > steps / 5:
        what = f"The average looks back {back:,.0f} steps of {steps:,}: it ends near its start, as noise."
        yield Finding("warns", "train.ema_beta", what, "Set it to 0.99.")


def _gb(n: int) -> str:
    return f"{n / 1e9:.1f} GB" if n >= 1e8 else f"{n / 1e6:.0f} MB"


def _time(hours: float) -> str:
    if hours < 1.5:
        return f"{max(1, round(hours * 60))} minutes"
    return f"{hours:,.0f} hours" if hours < 72 else f"{hours / 24:,.0f} days"
