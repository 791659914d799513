"""A site of cards: its league pages, the whole captions behind them, and the images."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from tqdm import tqdm

from logolib.collect.fetch import Fetcher, FetchError, HostError
from logolib.collect.leagues import HOST, LEAGUE_PATH, LEAGUES, league_name
from logolib.collect.parse import Cell, cells, complete, links, sitemap
from logolib.records import Card, Skipped

SITEMAPS = 50  # read at most so many sitemaps of one site


@dataclass
class Site:
    """Reads one site; `pages` and `skipped` fill up as `logos` is consumed."""

    fetcher: Fetcher
    address: str
    connections: int
    pages: set[str] = field(default_factory=set)
    skipped: list[Skipped] = field(default_factory=list)

    def logos(self, progress: bool) -> Generator[tuple[Card, bytes], None, None]:
        """Every card with its image, in the pages' order; what fails is listed in `skipped`.

        Raises HostError when there is no card, or when the host stops answering.
        """
        with ThreadPoolExecutor(self.connections) as pool:
            try:
                found = [cell for page in self._league_pages(pool) for cell in page]
                if not found:
                    raise HostError(f"No captioned logo is on {self.address}; give a league page or the root.")
                answers = pool.map(self._logo, found)
                for card, image, skipped in tqdm(answers, "logos", len(found), disable=not progress, unit=""):
                    self.skipped.extend(skipped)
                    if image is not None:
                        yield card, image
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _league_pages(self, pool: ThreadPoolExecutor) -> list[list[Cell]]:
        path = urlsplit(self.address).path
        if path not in ("", "/"):
            return [self._cells(self.address)]
        if self.fetcher.site[0] == HOST:
            return [*pool.map(self._cells, (urljoin(self.address, path) for path in LEAGUES))]
        from_nav = self._from_nav()
        pages = dict(zip(from_nav, pool.map(self._cells, from_nav), strict=True))
        teams = {cell.team_url for page in pages.values() for cell in page}
        rest = [url for url in self._from_sitemap() if url not in pages and url not in teams]
        pages |= dict(zip(rest, pool.map(self._cells, rest), strict=True))
        return [page for page in pages.values() if any(cell.team_url for cell in page)]

    def _from_nav(self) -> list[str]:
        try:
            return self._league_like(links(self.fetcher.page(self.fetcher.root), self.fetcher.root))
        except FetchError:
            return []

    def _from_sitemap(self) -> list[str]:
        queue, read, found = self.fetcher.sitemaps(), set[str](), list[str]()
        while queue and len(read) < SITEMAPS:
            address = queue.pop(0)
            if address in read:
                continue
            read.add(address)
            try:
                listed = sitemap(self.fetcher.page(address))
            except FetchError:
                continue
            queue += [url for url in listed if urlsplit(url).path.endswith(".xml")]
            found += listed
        return self._league_like(found)

    def _league_like(self, urls: list[str]) -> list[str]:
        fits = (u for u in urls if self.fetcher.same_site(u) and LEAGUE_PATH.fullmatch(urlsplit(u).path))
        return list(dict.fromkeys(fits))

    def _cells(self, url: str) -> list[Cell]:
        """A page's cards; none, and a line in `skipped`, where it cannot be read."""
        try:
            body = self.fetcher.page(url)
        except FetchError as error:
            self.skipped.append(Skipped(url, str(error)))
            return []
        self.pages.add(url)
        return cells(body, url, league_name(urlsplit(url).path))

    def _logo(self, cell: Cell) -> tuple[Card, bytes | None, list[Skipped]]:
        """A card with its whole caption, and its image."""
        card, skipped = cell.card, []
        if cell.team_url is not None:
            try:
                body = self.fetcher.page(cell.team_url)
                self.pages.add(cell.team_url)
                card = complete(card, cells(body, cell.team_url, card.league))
            except FetchError as error:
                if card.truncated:
                    skipped.append(Skipped(cell.team_url, f"{error}; the caption stays cut"))
        if not card.caption:
            return card, None, [*skipped, Skipped(card.image_url, "empty caption")]
        try:
            return card, self.fetcher.image(card.image_url), skipped
        except FetchError as error:
            return card, None, [*skipped, Skipped(card.image_url, str(error))]
