"""A site of cards: its index pages, the whole captions and all eras behind them, and the images."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

from anyio.from_thread import BlockingPortal
from tqdm import tqdm

from logolib.collect.cache import Kept
from logolib.collect.description import SiteDescription
from logolib.collect.fetch import Fetcher, FetchError, HostError
from logolib.collect.parse import Cell, cells, complete, links, sitemap
from logolib.records import Card, Skipped

SITEMAPS = 50  # read at most so many sitemaps of one site
A = TypeVar("A")
B = TypeVar("B")


@dataclass
class Site:
    """Reads one site by the first description that finds a card; `pages` and `skipped` fill up meanwhile."""

    fetcher: Fetcher
    portal: BlockingPortal
    address: str
    given: tuple[str, ...]  # pages to read instead of those that would be found
    descriptions: list[SiteDescription]
    pages: set[str] = field(default_factory=set)
    skipped: list[Skipped] = field(default_factory=list)
    _failed: dict[str, FetchError] = field(default_factory=dict)

    def logos(self, progress: bool) -> Generator[tuple[Card, Kept], None, None]:
        """Every era of every logo with its image, in the pages' order; what fails is listed in `skipped`.

        Raises HostError when there is no card, or when the host stops answering.
        """
        for description in self.descriptions:
            if found := [cell for page in self._index(description) for cell in page]:
                break
        else:
            why = f" ({self.skipped[0].reason})" if self.skipped else ""
            raise HostError(f"No captioned logo is on {self.address}{why}; give another page or a collect.site.")
        cards = self._cards(found, description)
        urls = list(dict.fromkeys(card.image_url for card in cards))
        answers = zip(urls, self._map(self._image, urls), strict=True)
        images: dict[str, Kept | FetchError] = {}
        for card in tqdm(cards, "logos", disable=not progress, unit=""):
            while card.image_url not in images:
                images.update([next(answers)])
            if isinstance(image := images[card.image_url], Kept):
                yield card, image
            else:
                self.skipped.append(Skipped(card.image_url, str(image)))

    def _map(self, function: Callable[[A], Awaitable[B]], items: Iterable[A]) -> Iterator[B]:
        """Results in the items' order, all of them begun at once; left early, what is under way is cancelled."""
        futures = [self.portal.start_task_soon(function, item) for item in items]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()

    async def _image(self, url: str) -> Kept | FetchError:
        try:
            return await self.fetcher.image(url)
        except FetchError as error:
            return error

    async def _body(self, url: str) -> bytes | FetchError:
        """A page, or why it cannot be read; what failed is not asked for again."""
        if url not in self._failed:
            try:
                return await self.fetcher.page(url)
            except FetchError as error:
                self._failed[url] = error
        return self._failed[url]

    def _index(self, description: SiteDescription) -> list[list[Cell]]:
        """The cells of every index page."""
        given = list(self.given)
        if not given and urlsplit(self.address).path not in ("", "/"):
            given = [self.address]
        elif not given and self.fetcher.site[0] in description.hosts:
            given = list(description.index.leagues)
        if given:
            return [*self._read([urljoin(self.address, page) for page in given], description).values()]
        home = self.fetcher.root
        body = self.portal.call(self._body, home)
        found = links(body, home) if isinstance(body, bytes) else []
        pages = self._read(self._index_like([home, *found], description), description)
        teams = {cell.team_url for page in pages.values() for cell in page}
        listed = self._index_like(self._from_sitemaps(), description)
        pages |= self._read([url for url in listed if url not in pages and url not in teams], description)
        followed = bool(description.card.team)  # then a page of cards without a page behind them is no index
        return [page for page in pages.values() if any(cell.team_url or not followed for cell in page)]

    def _from_sitemaps(self) -> list[str]:
        queue, read, found = self.fetcher.sitemaps(), set[str](), list[str]()
        while queue and len(read) < SITEMAPS:
            address = queue.pop(0)
            if address in read:
                continue
            read.add(address)
            body = self.portal.call(self._body, address)
            if isinstance(body, bytes):
                own = [url for url in sitemap(body) if self.fetcher.same_site(url)]
                queue += [url for url in own if urlsplit(url).path.endswith(".xml")]
                found += own
        return found

    def _index_like(self, urls: list[str], description: SiteDescription) -> list[str]:
        own = (url for url in urls if self.fetcher.same_site(url) and not urlsplit(url).path.endswith(".xml"))
        return list(dict.fromkeys(url for url in own if description.index.path.fullmatch(urlsplit(url).path)))

    def _read(self, urls: list[str], description: SiteDescription) -> dict[str, list[Cell]]:
        """The cells of some pages; none, and a line in `skipped`, for one that cannot be read."""
        found: dict[str, list[Cell]] = {}
        for url, body in zip(urls, self._map(self._body, urls), strict=True):
            if isinstance(body, bytes):
                self.pages.add(url)
                found[url] = cells(body, url, description.league(urlsplit(url).path), description)
            elif (left_out := Skipped(url, str(body))) not in self.skipped:
                self.skipped.append(left_out)
        return found

    def _cards(self, found: list[Cell], description: SiteDescription) -> list[Card]:
        """Each logo under each of its years, once: as the index shows it, and as its club's page does."""
        teams = {cell.team_url: cell.card for cell in found if cell.team_url is not None}
        eras: dict[str, list[Card]] = {}
        for url, body in zip(teams, self._map(self._body, teams), strict=True):
            if isinstance(body, bytes):
                self.pages.add(url)
                page = cells(body, url, teams[url].league, description, team=True)
                eras[url] = [cell.card for cell in page if cell.card.years or cell.team_url is None]
            else:
                cut = ", and a caption stays cut" if teams[url].truncated else ""
                self.skipped.append(Skipped(url, f"{body}; the club's other eras are missing{cut}"))
        cards: dict[tuple[str, str, str], Card] = {}
        for cell in found:
            card, others = cell.card, eras.get(cell.team_url or "", [])
            own = (replace(era, club=card.club or era.club, league=card.league) for era in others)
            for one in (complete(card, others), *own):
                cards.setdefault((one.image_url, one.years, one.caption), one)
        self.skipped += [Skipped(card.image_url, "empty caption") for card in cards.values() if not card.caption]
        return [card for card in cards.values() if card.caption]
