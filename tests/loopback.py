"""Small sites on loopback for tests: real HTTP, answers by path."""

from __future__ import annotations

import io
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from PIL import Image

from logolib.collect import collect
from logolib.config import CollectSettings
from logolib.results import StageResult

Body = bytes | Iterator[bytes]
Answer = tuple[int, dict[str, str], Body]
Route = bytes | Answer | Callable[[], Answer]


def png(colour: str = "red", size: tuple[int, int] = (20, 16), **options: object) -> bytes:
    data = io.BytesIO()
    Image.new("RGBA", size, colour).save(data, format="PNG", **options)
    return data.getvalue()


def card(name: str, caption: str, image: str, team: str | None = None, years: str = "") -> str:
    button = f'<a href="{team}">See Team Logos</a>' if team else ""
    when = f"<h5>{years}</h5>" if years else ""
    return f'<div class="x-cell"><img src="{image}"><h4>{name}</h4>{when}<p>{caption}</p>{button}</div>'


def league(*cards: str) -> bytes:
    return f"<html><body>{''.join(cards)}</body></html>".encode()


def run(source: object, out: Path, **changes: object) -> StageResult:
    return collect(CollectSettings(source=str(source), **changes), out, progress=False)


def reasons(result: StageResult) -> dict[str, str]:
    """Last part of an address => why it was left out."""
    return {item["item"].rpartition("/")[2]: item["reason"] for item in result.skipped}


class Asked(Counter[str]):
    """Requests by path."""

    at_once = 0  # at most


@contextmanager
def site(routes: dict[str, Route]) -> Iterator[tuple[str, Asked]]:
    """A loopback site of the given answers; its address and how often each path was asked for.

    A route with an ETag answers 304 to who names it; that is counted under `304 PATH` as well.
    """
    asked = Asked()
    busy: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            busy.append(self.path)
            asked.at_once = max(asked.at_once, len(busy))
            asked[self.path] += 1
            try:
                route = routes.get(self.path, (404, {}, b""))
                route = route() if callable(route) else route
                status, headers, body = (200, {}, route) if isinstance(route, bytes) else route
                if "ETag" in headers and self.headers["If-None-Match"] == headers["ETag"]:
                    asked[f"304 {self.path}"] += 1
                    status, body = 304, b""
            finally:
                busy.remove(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            for piece in [body] if isinstance(body, bytes) else body:
                self.wfile.write(piece)

        def do_HEAD(self) -> None:
            status, headers, body = routes.get(self.path, (404, {}, b""))  # whole answers only
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    block_on_close = False  # a drip outlives its reader

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is no news."""
