"""Polite HTTP to one host: robots.txt, a pause, retries, size limits, and a cache that outlives a kill."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import shutil
import tempfile
import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from urllib.parse import urljoin, urlsplit

import httpx
import stamina
from protego import Protego

from logolib import __version__
from logolib.config import CollectSettings, LogolibError
from logolib.data import tidy

AGENT = "logolib"
PAGE_BYTES = 8_000_000  # the longest league pages of WordPress sites stay under 1 MB
IMAGE_BYTES = 30_000_000
ATTEMPTS = 4
LONGEST_WAIT_S = 60.0  # a host that asks for more is left alone
REDIRECTS = 5
GIVE_UP_AFTER = 5  # failures in a row, each after all its attempts


class FetchError(LogolibError):
    """One address that gave nothing; the text is the reason."""


class HostError(LogolibError):
    """The whole host cannot be used."""


class _Busy(Exception):
    """An answer that asks to come back later."""

    def __init__(self, status: int, retry_after: str | None) -> None:
        super().__init__(f"HTTP {status}")
        self.wait_s = _seconds(retry_after)


def _seconds(retry_after: str | None) -> float | None:
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


def _retry(error: Exception) -> bool | float:
    """Stamina's hook: whether to try again, or after how many seconds."""
    if isinstance(error, _Busy):
        if error.wait_s is None:
            return True
        return error.wait_s if error.wait_s <= LONGEST_WAIT_S else False
    return isinstance(error, httpx.TransportError) and not isinstance(
        error, httpx.UnsupportedProtocol | httpx.ProxyError
    )


def site_of(url: str) -> tuple[str, int | None]:
    """Host without `www.` and port (None where it is the scheme's own); ValueError for no http address."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is no http address")
    own = {"http": 80, "https": 443}[parts.scheme]
    return parts.hostname.removeprefix("www."), None if parts.port in (None, own) else parts.port


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Cache:
    """Bodies by address in a folder; dropped when it belongs to another source."""

    def __init__(self, folder: Path, identity: str) -> None:
        self._folder, mark = folder, folder / "identity"
        if folder.exists() and (not mark.is_file() or mark.read_text("utf8") != identity):
            shutil.rmtree(folder)
        for kind in ("pages", "images"):
            (folder / kind).mkdir(parents=True, exist_ok=True)
        mark.write_text(identity, "utf8")

    def _path(self, kind: str, key: str) -> Path:
        return self._folder / kind / hashlib.sha256(key.encode("utf8", "replace")).hexdigest()

    def get(self, kind: str, key: str) -> bytes | None:
        """The body kept under that key, or None."""
        try:
            return self._path(kind, key).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, kind: str, key: str, body: bytes) -> None:
        """Keep a body; written beside and renamed."""
        handle, partial = tempfile.mkstemp(dir=self._folder, suffix=".partial")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(body)
            os.replace(partial, self._path(kind, key))
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise

    def forget_pages(self) -> None:
        """Drop the pages, so that the next run reads the site as it then is; images stay."""
        shutil.rmtree(self._folder / "pages")


class Fetcher:
    """Reads one host's pages and images, `settings.connections` at once; safe to use from threads.

    Images are kept by path, so that a loopback site may come back on another port; pages, which name the port
    in their links, by their whole address.
    Raises HostError when made for no http address, and on entry when the host does not answer.
    """

    def __init__(self, root: str, settings: CollectSettings, cache: Cache) -> None:
        try:
            self.site = site_of(root)
        except ValueError:
            raise HostError(f"{root!r} is no http or https address; check the source.") from None
        self.root = urljoin(root, "/")
        self.requests = 0
        self._cache, self._delay_s, self._timeout_s = cache, settings.delay_s, settings.timeout_s
        self._lock, self._next_at, self._failures = threading.Lock(), 0.0, 0
        self._robots = Protego.parse("")
        contact = tidy(settings.contact).encode("ascii", "replace").decode()
        about = f"(captioned logos for research; contact: {contact})"
        self._client = httpx.Client(
            headers={"User-Agent": f"{AGENT}/{__version__} {about}"},
            timeout=settings.timeout_s,
            limits=httpx.Limits(max_connections=settings.connections),
            trust_env=not _is_loopback(urlsplit(root).hostname or ""),  # a proxy cannot reach our loopback
        )

    def __enter__(self) -> Fetcher:
        address = urljoin(self.root, "/robots.txt")
        try:
            text = self._fetch(address, PAGE_BYTES).decode("utf8", "replace")
        except FetchError as error:
            if not str(error).startswith("HTTP 4"):  # RFC 9309, 2.3.1.3: a missing robots.txt allows all
                self._client.close()
                raise HostError(f"{self.root} cannot be read ({error}); check address and network.") from None
            text = ""
        self._robots = Protego.parse(text)
        self._delay_s = max(self._delay_s, float(self._robots.crawl_delay(AGENT) or 0))
        if self._delay_s > LONGEST_WAIT_S:
            self._client.close()
            raise HostError(f"{self.root} asks for {self._delay_s:g} s between requests; ask its owner.")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def sitemaps(self) -> list[str]:
        """The sitemaps that robots.txt names, or the usual address."""
        return list(self._robots.sitemaps) or [urljoin(self.root, "/sitemap.xml")]

    def same_site(self, url: str) -> bool:
        """True for an address of the host asked for."""
        try:
            return site_of(url) == self.site
        except ValueError:
            return False

    def page(self, url: str) -> bytes:
        """A page's body. Raises FetchError, or HostError when the host is gone."""
        return self._cached("pages", url, PAGE_BYTES)

    def image(self, url: str) -> bytes:
        """An image's body. Raises FetchError, or HostError when the host is gone."""
        return self._cached("images", url, IMAGE_BYTES)

    def _cached(self, kind: str, url: str, limit: int) -> bytes:
        if not self.same_site(url):
            raise FetchError("on another host")
        path = url.split("//", 1)[1].partition("/")[2]
        key = path if kind == "images" else url
        body = self._cache.get(kind, key)
        if body is None:
            if not self._robots.can_fetch(url, AGENT):
                raise FetchError("forbidden by robots.txt")
            body = self._fetch(url, limit)
            self._cache.put(kind, key, body)
        return body

    def _fetch(self, url: str, limit: int) -> bytes:
        for _ in range(REDIRECTS):
            answer = self._attempts(url, limit)
            if isinstance(answer, bytes):
                return answer
            url = urljoin(url, answer)
            if not self.same_site(url):
                raise FetchError("redirected to another host")
            if not self._robots.can_fetch(url, AGENT):
                raise FetchError("redirected to a page that robots.txt forbids")
        raise FetchError("redirected in circles")

    def _attempts(self, url: str, limit: int) -> bytes | str:
        try:
            for attempt in stamina.retry_context(
                on=_retry,
                attempts=ATTEMPTS,
                timeout=4 * LONGEST_WAIT_S,
                wait_initial=0.2,
                wait_max=10,
                wait_jitter=0.3,
            ):
                with attempt:
                    answer = self._once(url, limit)
        except (httpx.TransportError, _Busy) as error:
            with self._lock:
                self._failures += 1
                failures = self._failures
            if failures >= GIVE_UP_AFTER:
                raise HostError(
                    f"{self.root} stopped answering ({error}); run the same again later, nothing is lost."
                ) from None
            raise FetchError(f"no answer: {error}") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise FetchError(f"unusable answer: {error}") from None
        self._failures = 0
        return answer

    def _once(self, url: str, limit: int) -> bytes | str:
        """One request: the body, or the address of a redirect."""
        with self._lock:
            at = max(time.monotonic(), self._next_at)
            self._next_at = at + self._delay_s
            self.requests += 1
        time.sleep(max(0.0, at - time.monotonic()))
        deadline = time.monotonic() + 10 * self._timeout_s
        with self._client.stream("GET", url) as answer:
            if answer.is_redirect:
                return str(answer.headers.get("Location", ""))
            if answer.status_code == 429 or answer.status_code >= 500:
                raise _Busy(answer.status_code, answer.headers.get("Retry-After"))
            if answer.status_code != 200:
                raise FetchError(f"HTTP {answer.status_code}")
            body = bytearray()
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > limit:
                    raise FetchError(f"larger than {limit // 1_000_000} MB")
                if time.monotonic() > deadline:
                    raise FetchError("too slow")
        return bytes(body)
