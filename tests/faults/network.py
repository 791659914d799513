"""No network, and who is asked: every verb that would fetch something, and a guard that lists all hosts."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from faults.judged import Case, verb
from faults.stages import Stage, stages
from faults.world import World
from logolib.generate.pipeline import LogoPipeline
from logolib.models import fetch

LOOPBACK = ("127.", "::1", "localhost", "demo.invalid")
_ASKED: list[str] = []
_HEARS = False


def _hear(event: str, values: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        _ASKED.append(str(values[0]))
    elif event == "socket.connect" and isinstance(values[1], tuple):
        _ASKED.append(str(values[1][0]))


def asked_of() -> list[str]:
    """Every host that this process asks from now on, as the list fills up: names that are looked up, and addresses."""
    global _HEARS
    if not _HEARS:
        sys.addaudithook(_hear)
        _HEARS = True
    _ASKED.clear()
    return _ASKED


def is_own(host: str) -> bool:
    """Whether a host is this machine."""
    return host in ("None", "") or host.startswith(LOOPBACK)


@contextlib.contextmanager
def no_network() -> Iterator[None]:
    """Nobody but this machine can be found or reached."""
    look_up, connect = socket.getaddrinfo, socket.socket.connect

    def lost(host: Any, *more: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if not is_own(name):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return look_up(host, *more, **named)

    def refused(self: socket.socket, address: Any) -> Any:
        if isinstance(address, tuple) and not is_own(str(address[0])):
            raise OSError(errno.ENETUNREACH, "Network is unreachable")
        return connect(self, address)

    socket.getaddrinfo, socket.socket.connect = lost, refused  # type: ignore[assignment,method-assign]
    try:
        yield
    finally:
        socket.getaddrinfo, socket.socket.connect = look_up, connect  # type: ignore[method-assign]


def network_cases(world: World) -> Iterator[Case]:
    """What needs a network says so; what needs none does its work and asks nobody."""
    for name, use in _needing(world).items():
        yield Case("no network", name, _without(use, must_fail=True))
    for stage in stages():
        yield Case("no network", stage.name, _without(_of(stage, world), must_fail=False))


def _of(stage: Stage, world: World) -> Callable[[Path], object]:
    def use(at: Path) -> None:
        stage.prepare(world, at)
        stage.run(world, at)

    return use


def _without(use: Callable[[Path], object], *, must_fail: bool) -> Callable[[Path], str]:
    def run(at: Path) -> str:
        asked = asked_of()
        with no_network():
            use(at)
        if must_fail:
            return "it ends well without what it was to fetch"
        strangers = sorted({host for host in asked if not is_own(host)})
        return f"it asks {', '.join(strangers)}" if strangers else ""

    return run


def _needing(world: World) -> dict[str, Callable[[Path], object]]:
    smoke = ("--profile", "smoke")
    model = world.root / "run/model"
    judge = ("--set", "evaluate.judge=ViT-B-32/metaclip_400m", "--data", world.root / "data")
    sums = "0" * 64
    push = LogoPipeline.from_pretrained
    return {
        "collect http": lambda at: verb("collect", "http://logos.example/", "--out", at / "out", *smoke),
        "collect https": lambda at: verb("collect", "https://logos.example/x", "--out", at / "out", *smoke),
        "collect no address": lambda at: verb("collect", "http://[::bad/", "--out", at / "out", *smoke),
        "generate by name": lambda at: verb("generate", "a lion", "--model", "owner/name", "--out", at / "out", *smoke),
        "letter by name": lambda at: verb(
            "letter", "a lion 'FC'", "--model", "owner/name", "--out", at / "out", *smoke
        ),
        "evaluate, judge": lambda at: verb("evaluate", "--model", model, *judge, "--out", at / "out", *smoke),
        "weights by name": lambda at: fetch("owner/name/prior.pth"),
        "weights by address": lambda at: fetch(f"https://weights.example/prior.pth#sha256={sums}"),
        "weights without checksum": lambda at: fetch("https://weights.example/prior.pth"),
        "push to the hub": lambda at: push(model).push_to_hub("owner/name", token="hf_none"),
    }
