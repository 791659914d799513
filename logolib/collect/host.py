"""One host's manners: its robots.txt, its pause between requests, how many at once, and what it asks of AI."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import anyio
from protego import Protego

from logolib.config import CollectSettings

AGENT = "logolib"
_META = re.compile(rb"<meta\s[^>]*?name\s*=\s*[\"']?(?:robots|logolib)\b[^>]*>", re.I)
_CONTENT = re.compile(rb"content\s*=\s*[\"']?([^\"'>]*)", re.I)
_VALUED = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})

HostKey = tuple[str, int | None]


class Host:
    """State of one host; `turn` waits until it may be asked again."""

    def __init__(self, settings: CollectSettings) -> None:
        self.robots = Protego.parse("")
        self.delay_s = settings.delay_s
        self.failures = 0  # in a row
        self.is_gone = False
        self._places = anyio.CapacityLimiter(settings.connections)
        self._next_at = 0.0

    def obey(self, robots: str) -> None:
        """Take up the rules of a robots.txt, its crawl delay and request rate among them."""
        self.robots = Protego.parse(robots)
        rate = self.robots.request_rate(AGENT)
        asked = [self.robots.crawl_delay(AGENT) or 0, rate.seconds / rate.requests if rate and rate.requests else 0]
        self.delay_s = max(self.delay_s, *map(float, asked))

    def allows(self, url: str) -> bool:
        """Whether robots.txt allows an address."""
        return bool(self.robots.can_fetch(url, AGENT))

    def rest(self, seconds: float) -> None:
        """Ask nothing for so long."""
        self._next_at = max(self._next_at, anyio.current_time() + seconds)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold one of the host's connections, after its pause."""
        async with self._places:
            at = max(self._next_at, anyio.current_time())
            self._next_at = at + self.delay_s
            await anyio.sleep(max(0.0, at - anyio.current_time()))
            yield


def host_of(url: str) -> HostKey:
    """Host without `www.` and port (None where it is the scheme's own); ValueError for no http address."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is no http address")
    own = {"http": 80, "https": 443}[parts.scheme]
    return parts.hostname.removeprefix("www."), None if parts.port in (None, own) else parts.port


def is_private(host: str) -> bool:
    """True of an address that only this machine or its network can reach."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))


def seconds_of(retry_after: str | None) -> float | None:
    """A Retry-After header, seconds or date, as seconds from now."""
    if retry_after is None:
        return None
    try:
        if retry_after.strip().isdigit():
            return float(retry_after)
        when = parsedate_to_datetime(retry_after)
        return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def refuses_ai(headers: Iterable[str], body: bytes, *, image: bool) -> bool:
    """Whether X-Robots-Tag, or a page's own robots tag, says noai (noimageai counts for pictures) to all or to us."""
    words = {"noai", "noimageai"} if image else {"noai"}
    said = [*headers]
    if not image:
        metas = (_CONTENT.search(match[0]) for match in _META.finditer(body[:200_000]))
        said += [match[1].decode("ascii", "ignore") for match in metas if match]
    for line in said:
        to = "*"
        for part in line.lower().split(","):
            name, colon, rest = part.partition(":")
            if colon and name.strip() not in _VALUED:
                to, part = name.strip(), rest
            if to in ("*", AGENT) and part.strip() in words:
                return True
    return False
