"""Pages to cards: what a league page and a team page of a sportslogohistory-like site say."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, replace
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from bs4 import BeautifulSoup, Tag

from logolib.data import tidy
from logolib.records import Card

IMAGE_ATTRIBUTES = ("nitro-lazy-src", "data-src", "data-lazy-src", "srcset", "src")
_YEARS = re.compile(r"(?:1[89]|20)\d\d(?:\s*[-–—/]\s*(?:\d\d(?:\d\d)?|present|today|now))?", re.I)
_CDN = re.compile(r"/nitro-cdn/.+?/(?:www\.)?([\w.-]+\.[a-z]+)(/wp-content/.+)")
_CDN_HOST = re.compile(r"https?://[\w.-]*nitrocdn\.com/.+?/(?:www\.)?([\w.-]+\.[a-z]+)(/wp-content/.+)")
_TEAM_PAGE = re.compile(r"-logos?/?$")
_NO_CAPTION = ["a", "button", "script", "style", "noscript", "h1", "h2", "h3", "h4", "h5", "h6"]
_ELLIPSIS = re.compile(r"\s*(?:…|\.{3,}|\[\s*(?:…|\.{3,})\s*\])\s*$")


@dataclass(frozen=True)
class Cell:
    """A card and the page behind its button, where there is one."""

    card: Card
    team_url: str | None


def is_cut(caption: str) -> bool:
    """True where a caption ends in an ellipsis."""
    return _ELLIPSIS.search(caption) is not None


def cells(body: bytes, page_url: str, league: str) -> list[Cell]:
    """The cards of a page, in its order; furniture (images outside cards, cells without a name) is none."""
    found = []
    for node in _soup(body).select('div[class*="x-cell"]'):
        if node.select_one(':scope div[class*="x-cell"] img') is not None:
            continue  # an outer cell: its inner ones are the cards
        if (cell := _cell(node, page_url, league)) is not None:
            found.append(cell)
    return found


def complete(card: Card, team_page: list[Cell]) -> Card:
    """The card with the whole caption and the years of the first card there that begins as it does.

    Among several such cards, one with the same image goes first.
    """
    stem = _stem(card.caption)
    fits = [c.card for c in team_page if c.card.caption and _stem(c.card.caption).startswith(stem)]
    if not fits:
        return card
    there = min(fits, key=lambda other: other.image_url != card.image_url)
    return replace(card, caption=there.caption, truncated=there.truncated, years=there.years or card.years)


def links(body: bytes, page_url: str) -> list[str]:
    """Addresses of all links of a page, absolute, each once, in its order."""
    found = (_absolute(str(a["href"]), page_url) for a in _soup(body).find_all("a", href=True))
    return list(dict.fromkeys(url for url in found if url is not None))


def sitemap(body: bytes) -> list[str]:
    """Addresses that a sitemap or a sitemap index lists."""
    text = body.decode("utf8", "replace")
    return [html.unescape(loc.strip()) for loc in re.findall(r"<loc>([^<]+)</loc>", text)]


def image_address(img: Tag, page_url: str) -> str | None:
    """Where an image really lies: lazy attributes first, never a data: address, a CDN prefix folded away."""
    for name in IMAGE_ATTRIBUTES:
        value = str(img.get(name) or "").strip()
        if name == "srcset":
            value = _largest(value)
        if value and (url := _absolute(value, page_url)) is not None:
            return fold_cdn(url, page_url)
    return None


def fold_cdn(url: str, page_url: str) -> str:
    """The canonical address of an image that a page optimiser serves, where it belongs to the page's host."""
    parts, page = urlsplit(url), urlsplit(page_url)
    if parts.netloc == page.netloc and (match := _CDN.fullmatch(parts.path)):
        return f"{parts.scheme}://{parts.netloc}{match[2]}"
    match = _CDN_HOST.fullmatch(f"{parts.scheme}://{parts.netloc}{parts.path}")
    if match and match[1] == (page.hostname or "").removeprefix("www."):
        return f"{page.scheme}://{page.netloc}{match[2]}"
    return url


def _soup(body: bytes) -> BeautifulSoup:
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


def _text(node: Tag) -> str:
    for line_break in node.find_all("br"):
        line_break.replace_with(" ")
    return tidy(node.get_text())


def _stem(caption: str) -> str:
    return _ELLIPSIS.sub("", caption).rstrip(" ,;:.").casefold()


def _cell(node: Tag, page_url: str, league: str) -> Cell | None:
    images = (image_address(img, page_url) for img in node.find_all("img"))
    image_url = next((url for url in images if url is not None), None)
    headings = [_text(h) for h in node.find_all(re.compile("^h[1-6]$"))]
    years = next((h for h in headings if _YEARS.fullmatch(h)), "")
    name = next((h for h in headings if h and not _YEARS.fullmatch(h)), "")
    team_url = _team_url(node, page_url)
    if image_url is None or not (name or team_url or years):
        return None
    alt = next((tidy(str(img["alt"])) for img in node.find_all("img", alt=True)), "")
    caption = _caption(node)
    path = unquote(urlsplit(page_url).path).lower()
    return Cell(
        Card(
            image_url=image_url,
            caption=caption,
            truncated=is_cut(caption),
            club=name or re.sub(r"\s*(?:primary\s+)?logos?$", "", alt, flags=re.I),
            league=league,
            years=years,
            kind=next((kind for kind in ("wordmark", "alternate") if kind in path), "primary"),
            page_url=page_url,
        ),
        team_url,
    )


def _team_url(node: Tag, page_url: str) -> str | None:
    links = [(a, _absolute(str(a["href"]), page_url)) for a in node.find_all("a", href=True)]
    others = [(a, url) for a, url in links if url is not None and url != urldefrag(page_url).url]
    button = next((url for a, url in others if "see team logos" in _text(a).lower()), None)
    return button or next((url for _, url in others if _TEAM_PAGE.search(urlsplit(url).path)), None)


def _caption(node: Tag) -> str:
    """The first paragraph with words; without paragraphs, all text but headings and links."""
    paragraphs = node.find_all("p")
    if paragraphs:
        return next((text for text in map(_text, paragraphs) if text), "")
    pieces = (piece for piece in node.find_all(string=True) if piece.find_parent(_NO_CAPTION) is None)
    return tidy(" ".join(pieces))
