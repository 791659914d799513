"""Many raters at once, double clicks, lost answers and killed servers: is every acknowledged vote kept once?

    python benchmarks/study_load.py [--raters 200] [--votes 25] [--kills 3]     # or: make study-load

Writes build/study-load.json; ends with 1 when a vote is lost or doubled, or the 99th percentile is 200 ms or more.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import io
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

TOKEN = "organiser-of-the-load-test"
LIMIT_MS = 200.0


@dataclass
class Seen:
    """What the raters saw: acknowledged answers per rater, and how long each vote took."""

    done: Counter[str] = field(default_factory=Counter)  # rater's secret => questions answered
    ms: list[float] = field(default_factory=list)
    retries: int = 0


class Server:
    """`logolib study serve` in a process of its own, on one port for good."""

    def __init__(self, study: Path, database: str | None = None) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        words = ["-m", "logolib.cli", "study", "serve", str(study), "--port", str(self.port)]
        self._command = [sys.executable, *words, *(["--database", database] if database else [])]
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._process = subprocess.Popen(
            self._command, env={**os.environ, "LOGOLIB_STUDY_TOKEN": TOKEN}, stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 120
        while True:
            try:
                httpx.get(f"{self.url}/static/study.css", timeout=5)
                return
            except httpx.TransportError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the server does not start") from None
                time.sleep(0.1)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, kindly or by SIGKILL; nothing of it is left running."""
        self._process.send_signal(how)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def votes(self) -> list[dict[str, str]]:
        """The organiser's CSV."""
        answer = httpx.get(f"{self.url}/admin/votes.csv", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)
        return list(csv.DictReader(io.StringIO(answer.raise_for_status().text)))


def make_study(folder: Path, prompts: int = 40, size: int = 64) -> Path:
    """A study of two arms of coloured squares, without repeats, checks or a meaning."""
    from logolib.config import StudySettings
    from logolib.study.design import design

    rng = np.random.default_rng(0)
    for arm in ("base", "tuned"):
        (folder / arm).mkdir(parents=True)
        lines = ["file,caption", *(f"{i}.png,logo {i}" for i in range(prompts))]
        (folder / arm / "captions.csv").write_text("\n".join(lines), "utf8")
        for i in range(prompts):
            colour = tuple(int(c) for c in rng.integers(0, 256, 3))
            Image.new("RGB", (size, size), colour).save(folder / arm / f"{i}.png")
    settings = StudySettings(repeats=0, checks=0)
    design(settings, {arm: folder / arm for arm in ("base", "tuned")}, folder / "study")
    return folder / "study"


async def crowd(url: str, raters: int, votes: int, think_s: tuple[float, float], seed: int = 0) -> Seen:
    """`raters` at once answer `votes` questions each, some clicking twice; who gets no answer sends the vote again."""
    seen = Seen()
    jar = CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))  # each rater brings the cookie by hand
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(base_url=url, cookies=jar, limits=limits, timeout=30) as client:
        await asyncio.gather(
            *(_rater(client, seen, votes, think_s, random.Random(f"{seed} {i}")) for i in range(raters))
        )
    return seen


async def _rater(
    client: httpx.AsyncClient, seen: Seen, votes: int, think_s: tuple[float, float], rng: random.Random
) -> None:
    await asyncio.sleep(rng.uniform(0, think_s[1]))
    joined = await _insist(client, seen, "POST", "/join")
    secret = joined.headers["set-cookie"].split(";")[0]
    headers = {"Cookie": secret}
    state = (await _insist(client, seen, "GET", "/api/next", headers=headers)).json()
    for _ in range(votes):
        await asyncio.sleep(rng.uniform(*think_s))
        vote = {
            "position": state["question"]["position"],
            "choice": rng.choice([0, 1, None]),
            "ms": rng.randrange(300, 9000),
            "vote_id": f"{rng.getrandbits(128):032x}",
        }
        clicks = 2 if rng.random() < 0.2 else 1
        start = time.perf_counter()
        answers = await asyncio.gather(
            *(_insist(client, seen, "POST", "/api/vote", headers=headers, json=vote) for _ in range(clicks))
        )
        seen.ms.append(1000 * (time.perf_counter() - start))
        state = answers[0].json()
        if any(answer.json()["done"] != vote["position"] + 1 for answer in answers):
            raise RuntimeError(f"{[answer.text for answer in answers]} is no answer to {vote}")
        seen.done[secret] = state["done"]


async def _insist(client: httpx.AsyncClient, seen: Seen, method: str, path: str, **more: object) -> httpx.Response:
    """Send until there is an answer, as the page does."""
    while True:
        try:
            answer = await client.request(method, path, **more)  # type: ignore[arg-type]
            if answer.status_code < 500:
                return answer
        except httpx.TransportError:
            pass
        seen.retries += 1
        await asyncio.sleep(0.2)


def lost_or_doubled(seen: Seen, rows: list[dict[str, str]]) -> tuple[int, int]:
    """Acknowledged votes that the CSV lacks, and rows beyond what was acknowledged."""
    kept = Counter(row["rater"] for row in rows)
    doubled = len(rows) - len({(row["rater"], row["prompt_id"]) for row in rows})
    return max(0, sum(seen.done.values()) - sum(kept.values())), doubled + max(0, len(rows) - sum(seen.done.values()))


def load(study: Path, raters: int, votes: int, think_s: tuple[float, float], database: str | None = None) -> dict:
    """Answers of a crowd to one server: how long votes take, and whether all are there once."""
    server = Server(study, database)
    try:
        start = time.perf_counter()
        seen = asyncio.run(crowd(server.url, raters, votes, think_s))
        seconds = time.perf_counter() - start
        lost, doubled = lost_or_doubled(seen, server.votes())
    finally:
        server.stop()
    p50, p99 = np.percentile(seen.ms, (50, 99))
    return {
        "raters": raters,
        "votes": sum(seen.done.values()),
        "votes_per_s": round(sum(seen.done.values()) / seconds, 1),
        "p50_ms": round(float(p50), 1),
        "p99_ms": round(float(p99), 1),
        "lost": lost,
        "doubled": doubled,
    }


def kill(study: Path, raters: int, votes: int, kills: int, database: str | None = None) -> dict:
    """The same while the server is killed and started again; raters go on where they were."""
    server = Server(study, database)

    async def both() -> Seen:
        answering = asyncio.create_task(crowd(server.url, raters, votes, (0.1, 0.5), seed=1))
        for _ in range(kills):
            await asyncio.sleep(1.5)
            await asyncio.to_thread(server.stop, signal.SIGKILL)
            await asyncio.to_thread(server.start)
        return await answering

    try:
        seen = asyncio.run(both())
        lost, doubled = lost_or_doubled(seen, server.votes())
    finally:
        server.stop()
    return {
        "kills": kills,
        "votes": sum(seen.done.values()),
        "sent_again": seen.retries,
        "lost": lost,
        "doubled": doubled,
    }


def main() -> int:
    """Run both, print and keep what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--raters", type=int, default=200)
    parser.add_argument("--votes", type=int, default=25)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--database", help="SQLAlchemy URL of an empty database; SQLite unless told")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        study = make_study(Path(folder))
        found = {"load": load(study, given.raters, given.votes, (1.0, 3.0), given.database)}
        found["kill"] = kill(
            study if given.database else make_study(Path(folder) / "two"), 40, 20, given.kills, given.database
        )
    print(json.dumps(found, indent=1))
    out = Path("build") / "study-load.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n", "utf8")
    whole = not any(found[part][fault] for part in found for fault in ("lost", "doubled"))
    return 0 if whole and found["load"]["p99_ms"] < LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
