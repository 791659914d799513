"""Polite HTTP: robots.txt, a pause, retries, conditional requests, size and time limits, no other host."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from urllib.parse import urljoin, urlsplit

import anyio
import httpx
import stamina

from logolib import __version__
from logolib.collect.cache import Cache, Kept
from logolib.collect.host import AGENT, Host, HostKey, host_of, is_private, refuses_ai, seconds_of
from logolib.config import CollectSettings, LogolibError
from logolib.data import tidy
from logolib.records import Skipped

PAGE_BYTES = 8_000_000  # the longest league pages of WordPress sites stay under 1 MB
IMAGE_BYTES = 30_000_000
PAGE_KINDS = ("html", "xml", "text/plain", "octet-stream")  # a page is one of these or of no stated type
ATTEMPTS = 4
DEADLINE = 10  # times the timeout for a whole answer: a slow line may, a drip may not
LONGEST_WAIT_S = 60.0  # a host that asks for more is left alone
REDIRECTS = 5
GIVE_UP_AFTER = 5  # failures in a row, each after all its attempts; then robots.txt shows whether the host lives


class FetchError(LogolibError):
    """One address that gave nothing; the text is the reason."""

    passing = False  # may be better at another time


class _Trouble(FetchError):
    passing = True


class HostError(LogolibError):
    """The whole host cannot be used."""


class _Busy(Exception):
    """An answer that asks to come back later."""

    def __init__(self, status: int, retry_after: str | None) -> None:
        super().__init__(f"HTTP {status}")
        self.wait_s = seconds_of(retry_after)


@dataclass(frozen=True)
class _Answer:
    headers: httpx.Headers
    body: bytes


def _retry(error: Exception) -> bool | float:
    """Stamina's hook: whether to try again, or after how many seconds."""
    if isinstance(error, _Busy):
        if error.wait_s is None:
            return True
        return error.wait_s if error.wait_s <= LONGEST_WAIT_S else False
    return isinstance(error, httpx.TransportError) and not isinstance(
        error, httpx.UnsupportedProtocol | httpx.ProxyError
    )


class Fetcher:
    """Reads the pages and images of one site, `settings.connections` at once a host.

    Every answer is kept. In one run nothing that came is asked for again; a later run asks whether pages and
    images have changed, and leaves images alone for which the site gave nothing to compare. Where the site
    fails for a while, what was kept stands and a line in `notes` says so.
    Raises HostError on entry when the host does not answer.
    """

    def __init__(
        self, root: str, settings: CollectSettings, cache: Cache, image_hosts: frozenset[HostKey] = frozenset()
    ) -> None:
        self.site, self.root = host_of(root), urljoin(root, "/")
        self.notes: list[Skipped] = []
        self._settings, self._cache = settings, cache
        self._hosts: dict[HostKey, Host] = {}
        self._meeting: dict[HostKey, anyio.Lock] = {key: anyio.Lock() for key in {self.site, *image_hosts}}
        contact = tidy(settings.contact).encode("ascii", "replace").decode()
        about = f"(captioned logos for research; contact: {contact})"
        self._client = httpx.AsyncClient(
            headers={"User-Agent": f"{AGENT}/{__version__} {about}"},
            timeout=httpx.Timeout(settings.timeout_s, pool=None),  # who may ask is settled by the hosts' turns
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=settings.connections),
            trust_env=not is_private(urlsplit(root).hostname or ""),  # a proxy cannot reach our own network
        )

    async def __aenter__(self) -> Fetcher:
        try:
            host = await self._host(self.root)
        except FetchError as error:
            await self._client.aclose()
            raise HostError(f"{self.root} cannot be read ({error}); check address and network.") from None
        if host.delay_s > LONGEST_WAIT_S:
            await self._client.aclose()
            raise HostError(f"{self.root} asks for {host.delay_s:g} s between requests; ask its owner.")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    def sitemaps(self) -> list[str]:
        """The sitemaps that robots.txt names, or the usual address."""
        return list(self._hosts[self.site].robots.sitemaps) or [urljoin(self.root, "/sitemap.xml")]

    def same_site(self, url: str) -> bool:
        """True for an address of the host asked for."""
        return _same_host(url, self.root)

    async def page(self, url: str) -> bytes:
        """A page's body. Raises FetchError, or HostError when the host is gone."""
        if not self.same_site(url):
            raise FetchError("on another host")
        return (await self._kept(url, PAGE_BYTES, image=False)).body()

    async def image(self, url: str) -> Kept:
        """An image. Raises FetchError, or HostError when the host is gone."""
        return await self._kept(url, IMAGE_BYTES, image=True)

    async def _host(self, url: str) -> Host:
        """The host of an address, its robots.txt read. Raises FetchError where it may not or cannot be asked."""
        key = host_of(url)
        async with self._meeting[key]:
            if key in self._hosts:
                return self._hosts[key]
            host = self._hosts[key] = Host(self._settings)
            try:
                answer = await self._fetch(host, urljoin(url, "/robots.txt"), PAGE_BYTES, {})
                host.obey(answer.body.decode("utf8", "replace") if answer else "")
            except FetchError as error:
                if not str(error).startswith("HTTP 4"):  # RFC 9309, 2.3.1.3: a missing robots.txt allows all
                    host.is_gone = True
                    raise
            return host

    async def _kept(self, url: str, limit: int, *, image: bool) -> Kept:
        """What is kept of an address, asked for where that is too old.

        Images are kept by path, so that a loopback site may come back on another port; pages, which name the
        port in their links, by their whole address.
        """
        if not self._may_ask(url):
            raise FetchError("on another host")
        key = f"image {url.removeprefix(self.root)}" if image else url
        kept = self._cache.get(key)
        if kept is not None and (self._cache.is_new(kept) or (image and not kept.conditions())):
            return kept
        host = await self._host(url)
        if not host.allows(url):
            raise FetchError("forbidden by robots.txt")
        try:
            if host.is_gone:
                raise _Trouble("its host does not answer")
            answer = await self._fetch(host, url, limit, kept.conditions() if kept else {})
        except FetchError as error:
            if kept is None or not error.passing:
                raise
            self.notes.append(Skipped(url, f"{error}; what came on {kept.fetched_at} stands"))
            return kept
        if answer is None:
            if kept is None:
                raise FetchError("HTTP 304")
            self._cache.confirm(kept)
            return kept
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if not image and kind and not any(word in kind for word in PAGE_KINDS):
            raise FetchError(f"no page but {kind}")
        if refuses_ai(answer.headers.get_list("X-Robots-Tag"), answer.body, image=image):
            raise FetchError("the site asks that AI leave it alone (noai)")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        etag, modified = answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", "")
        return self._cache.put(key, answer.body, etag=etag, modified=modified, kind=kind, fetched_at=now)

    def _may_ask(self, url: str) -> bool:
        try:
            return host_of(url) in self._meeting
        except ValueError:
            return False

    async def _fetch(self, host: Host, url: str, limit: int, conditions: dict[str, str]) -> _Answer | None:
        """An answer, after redirects; None where the conditions hold and nothing has changed."""
        for _ in range(REDIRECTS):
            answer = await self._attempts(host, url, limit, conditions)
            if not isinstance(answer, str):
                return answer
            before, url = url, urljoin(url, answer)
            if not _same_host(before, url):
                raise FetchError("redirected to another host")
            if not host.allows(url):
                raise FetchError("redirected to a page that robots.txt forbids")
        raise FetchError("redirected in circles")

    async def _attempts(self, host: Host, url: str, limit: int, conditions: dict[str, str]) -> _Answer | str | None:
        try:
            async for attempt in stamina.retry_context(
                on=_retry,
                attempts=ATTEMPTS,
                timeout=4 * LONGEST_WAIT_S,
                wait_initial=0.2,
                wait_max=10,
                wait_jitter=0.3,
            ):
                with attempt:
                    answer = await self._once(host, url, limit, conditions)
        except (httpx.TransportError, _Busy) as error:
            host.failures += 1
            why = str(error) or type(error).__name__
            if host.failures >= GIVE_UP_AFTER and not await self._lives(host, url):
                host.is_gone = True
                if self.same_site(url):
                    raise HostError(
                        f"{self.root} stopped answering ({why}); run the same again later, nothing is lost."
                    ) from None
            raise _Trouble(f"no answer: {why}") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise _Trouble(f"unusable answer: {error}") from None
        host.failures = 0
        return answer

    async def _lives(self, host: Host, url: str) -> bool:
        """Whether a host still answers for its robots.txt, though it failed for other addresses."""
        try:
            await self._once(host, urljoin(url, "/robots.txt"), PAGE_BYTES, {})
        except (httpx.TransportError, _Busy):
            return False
        except FetchError:
            pass
        host.failures = 0
        return True

    async def _once(self, host: Host, url: str, limit: int, conditions: dict[str, str]) -> _Answer | str | None:
        """One request: the answer, the address of a redirect, or None for what has not changed."""
        async with host.turn():
            try:
                with anyio.fail_after(DEADLINE * self._settings.timeout_s):
                    return await self._stream(host, url, limit, conditions)
            except TimeoutError:
                raise _Trouble("too slow") from None

    async def _stream(self, host: Host, url: str, limit: int, conditions: dict[str, str]) -> _Answer | str | None:
        async with self._client.stream("GET", url, headers=conditions) as answer:
            if answer.status_code == httpx.codes.NOT_MODIFIED:
                return None
            if answer.is_redirect:
                return str(answer.headers.get("Location", ""))
            if answer.status_code == 429 or answer.status_code >= 500:
                busy = _Busy(answer.status_code, answer.headers.get("Retry-After"))
                if busy.wait_s is not None and busy.wait_s <= LONGEST_WAIT_S:
                    host.rest(busy.wait_s)
                raise busy
            if answer.status_code != 200:
                raise FetchError(f"HTTP {answer.status_code}")
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > limit:
                    raise FetchError(f"larger than {limit // 1_000_000} MB")
        return _Answer(answer.headers, bytes(body))


def _same_host(one: str, other: str) -> bool:
    try:
        return host_of(one) == host_of(other)
    except ValueError:
        return False
