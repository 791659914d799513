"""Pages to cards, by a site description."""

from __future__ import annotations

import html
import re
import warnings
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from bs4 import (
    BeautifulSoup,
    MarkupResemblesLocatorWarning,
    NavigableString,
    Tag,
    XMLParsedAsHTMLWarning,
)

from logolib.collect.description import CardRules, Places, SiteDescription, shipped
from logolib.data import tidy
from logolib.records import Card

_ELLIPSIS = re.compile(r"\s*(?:…|\.{3,}|\[\s*(?:…|\.{3,})\s*\])\s*$")
_INLINE = frozenset(
    {"a", "abbr", "b", "em", "font", "i", "mark", "q", "s", "small", "span", "strong", "sub", "sup", "u"}
)


@dataclass(frozen=True)
class Cell:
    """A card and the page behind its button, where there is one."""

    card: Card
    team_url: str | None


def is_cut(caption: str) -> bool:
    """True where a caption ends in an ellipsis."""
    return _ELLIPSIS.search(caption) is not None


def cells(
    body: bytes, page_url: str, league: str = "", site: SiteDescription | None = None, *, team: bool = False
) -> list[Cell]:
    """The cards of a page, in its order; furniture (images outside cards, cards that name nothing) is none.

    `league` is what the page's own words may overrule; `team` reads by the rules of team pages.
    """
    site = site or shipped("sportslogohistory")
    rules = site.team_card if team and site.team_card else site.card
    page = _Page(body, page_url, league, rules, site)
    nodes = page.soup.select(rules.select)
    matched, outer = set(map(id, nodes)), set[int]()
    for node in nodes:
        if node.select_one(rules.image) is not None:
            outer.update(id(parent) for parent in node.parents if id(parent) in matched)
    return [cell for node in nodes if id(node) not in outer and (cell := page.cell(node)) is not None]


def complete(card: Card, eras: list[Card]) -> Card:
    """The card with the whole caption and the years of the first era whose caption begins as its own does.

    Among several such eras, one with the same image goes first; where there is none, the same image decides.
    """
    stem, told = _stem(card.caption), [era for era in eras if era.caption]
    fits = [era for era in told if _stem(era.caption).startswith(stem)]
    fits = fits or [era for era in told if era.image_url == card.image_url]
    if not fits:
        return card
    there = min(fits, key=lambda other: other.image_url != card.image_url)
    return replace(
        card,
        caption=there.caption,
        truncated=there.truncated,
        years=there.years or card.years,
        caption_source=there.caption_source,
    )


def links(body: bytes, page_url: str) -> list[str]:
    """Addresses of all links of a page, absolute, each once, in its order."""
    found = (_absolute(str(a["href"]), page_url) for a in _soup(body).find_all("a", href=True))
    return list(dict.fromkeys(url for url in found if url is not None))


def sitemap(body: bytes) -> list[str]:
    """Addresses that a sitemap or a sitemap index lists."""
    text = body.decode("utf8", "replace")
    return [html.unescape(loc.strip()) for loc in re.findall(r"<loc>([^<]+)</loc>", text)]


def image_address(img: Tag, page_url: str, rules: CardRules, site: SiteDescription) -> str | None:
    """Where an image really lies: lazy attributes first, never a data: address, a CDN prefix folded away."""
    for name in rules.attributes:
        value = str(img.get(name) or "").strip()
        if "srcset" in name:
            value = _largest(value)
        if value and (url := _absolute(value, page_url)) is not None:
            return fold_cdn(url, page_url, site)
    return None


def fold_cdn(url: str, page_url: str, site: SiteDescription) -> str:
    """The canonical address of an image that a page optimiser serves, where it belongs to the page's host."""
    parts, page = urlsplit(url), urlsplit(page_url)
    for pattern in site.cdn:
        match = pattern.fullmatch(f"{parts.scheme}://{parts.netloc}{parts.path}")
        if match and (parts.netloc == page.netloc or match["host"] == (page.hostname or "").removeprefix("www.")):
            return f"{page.scheme}://{page.netloc}{match['path']}"
    return url


class _Page:
    """One page, as its description reads it."""

    def __init__(self, body: bytes, url: str, league: str, rules: CardRules, site: SiteDescription) -> None:
        self.soup = _soup(body)
        self._url, self._league, self._rules, self._site = url, league, rules, site
        places = (*rules.name, *rules.years, *rules.caption, *rules.league, *rules.kind)
        above = {where.css for where in places if where.above}
        self._order = {id(tag): i for i, tag in enumerate(self.soup.find_all(True))} if above else {}
        self._above = {css: self.soup.select(css) for css in above}

    def cell(self, node: Tag) -> Cell | None:
        if self._rules.needs and node.select_one(self._rules.needs) is None:
            return None
        images = node.select(self._rules.image)
        addresses = (image_address(img, self._url, self._rules, self._site) for img in images)
        image_url = next((url for url in addresses if url is not None), None)
        pattern = self._site.years
        years = next((m[0] for text in self._texts(node, self._rules.years) if (m := pattern.search(text))), "")
        names = (self._site.name_trim.sub("", text) for text in self._texts(node, self._rules.name))
        name = next((text for text in names if text and not pattern.fullmatch(text)), "")
        team_url = self._team_url(node)
        if image_url is None or not (name or team_url or years):
            return None
        caption = next(self._texts(node, self._rules.caption), "")
        kind = " ".join([*self._texts(node, self._rules.kind), unquote(urlsplit(self._url).path)])
        card = Card(
            image_url=image_url,
            caption=caption,
            truncated=is_cut(caption),
            club=name,
            league=next(self._texts(node, self._rules.league), self._league),
            years=years,
            kind=self._site.kind(kind),
            page_url=self._url,
            caption_source=self._url,
        )
        return Cell(card, team_url)

    def _texts(self, node: Tag, places: Places) -> Iterator[str]:
        """What stands in those places, in their order; nothing that is empty."""
        for where in places:
            if where.above:
                tags = self._above[where.css]
                i = bisect_left(tags, self._order[id(node)], key=lambda tag: self._order[id(tag)])
                found = tags[i - 1 : i] if i else []
            else:
                found = [node] if where.css == ":scope" else node.select(where.css)
            for tag in found:
                value = tag.get(where.attribute) or "" if where.attribute else _text(tag, where.without)
                if text := tidy(" ".join(value) if isinstance(value, list) else value):
                    yield text

    def _team_url(self, node: Tag) -> str | None:
        here = urldefrag(self._url).url
        for css in self._rules.team:
            found = (_absolute(str(a.get("href") or ""), self._url) for a in node.select(css))
            if url := next((u for u in found if u is not None and u != here), None):
                return url
        return None


def _soup(body: bytes) -> BeautifulSoup:
    with warnings.catch_warnings():  # that it looks like XML or like a file's name: it is read as a page all the same
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
        try:
            return BeautifulSoup(body.decode("utf8"), "lxml")
        except UnicodeDecodeError:
            return BeautifulSoup(body, "lxml")


def _absolute(value: str, page_url: str) -> str | None:
    try:
        url = urldefrag(urljoin(page_url, value.strip())).url
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname else None


def _largest(srcset: str) -> str:
    """The candidate of a srcset with the greatest width or density."""
    best, best_size = "", -1.0
    for match in re.finditer(r"(\S*[^\s,])(?:\s+([\d.]{1,9})[wx])?\s*(?:,\s*|$)", srcset):
        try:
            size = float(match[2] or 1)
        except ValueError:
            continue
        if size > best_size and not match[1].startswith("data:"):
            best, best_size = match[1], size
    return best


def _text(tag: Tag, without: str | None) -> str:
    """A tag's words, without comments, scripts and the elements of `without`; a block or a line break parts words."""
    left_out = set(map(id, tag.select(without))) if without else set()
    words = []
    for part in tag.descendants:
        if isinstance(part, Tag):
            words.append("" if part.name in _INLINE else " ")
        elif type(part) is NavigableString and left_out.isdisjoint(map(id, part.parents)):
            words.append(part)
    return "".join(words)


def _stem(caption: str) -> str:
    return _ELLIPSIS.sub("", caption).rstrip(" ,;:.").casefold()
