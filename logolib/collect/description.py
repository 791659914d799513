"""What is known of a site, in data: which pages to read, and where on them a logo's facts stand."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import soupsieve
import yaml
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from logolib.config import LogolibError, Settings, read_yaml

SHIPPED = ("sportslogohistory", "figure")  # in this order they are tried on a site that none of them names


class DescriptionError(LogolibError):
    """A site description that is missing or cannot be used."""


def _css(value: str) -> str:
    try:
        soupsieve.compile(value)
    except soupsieve.SelectorSyntaxError as error:
        raise ValueError(f"{value!r} is no CSS selector ({str(error).splitlines()[0]})") from None
    return value


def _cdn(value: re.Pattern[str]) -> re.Pattern[str]:
    if not {"host", "path"} <= value.groupindex.keys():
        raise ValueError("a CDN pattern needs the groups host and path")
    return value


Css = Annotated[str, AfterValidator(_css)]


class Where(Settings):
    """One place to look for a text; in YAML, a bare string is its `css`."""

    css: Css
    attribute: str | None = None  # read this attribute, not the text
    without: Css | None = None  # leave these elements' text out
    above: bool = False  # the nearest match before the card, anywhere on the page


Places = tuple[Annotated[Where, BeforeValidator(lambda v: {"css": v} if isinstance(v, str) else v)], ...]


class IndexPages(Settings):
    """The pages that list logos."""

    path: re.Pattern[str] = re.compile("/.*")  # which links of the navigation and the sitemap are such pages
    leagues: dict[str, str] = {}  # path => league: known pages, read without looking for them
    trim: re.Pattern[str] = re.compile("$")  # cut from a path before its words name the league


class CardRules(Settings):
    """Where a logo's facts stand; of several places the first that says something counts."""

    select: Css  # one element a logo; where they nest, the innermost with a picture
    needs: Css | None = None  # without such an element inside it is site furniture
    image: Css = "img"
    attributes: tuple[str, ...] = ("nitro-lazy-src", "data-src", "data-lazy-src", "srcset", "src")
    name: Places = ()
    years: Places = ()
    caption: Places
    league: Places = ()
    kind: Places = ()
    team: tuple[Css, ...] = ()  # links to a page of all eras of the club


class SiteDescription(Settings):
    """One site, or all sites of one shape."""

    hosts: tuple[str, ...] = ()  # sites that are known to be of this shape
    image_hosts: tuple[str, ...] = ()  # other hosts, host or host:port, that may be asked for pictures
    index: IndexPages = IndexPages()
    card: CardRules
    team_card: CardRules | None = None  # None: the team pages' cards are like the index pages'
    years: re.Pattern[str] = re.compile(r"(?:1[89]|20)\d\d(?:\s*(?:[-–—/]|to)\s*(?:\d\d(?:\d\d)?|present|now))?", re.I)
    name_trim: re.Pattern[str] = re.compile("$")
    kinds: dict[str, str] = Field({"wordmark": "wordmark", "alternate": "alternate"})  # word => kind; else primary
    cdn: tuple[Annotated[re.Pattern[str], AfterValidator(_cdn)], ...] = ()  # whole address, groups host and path

    def league(self, path: str) -> str:
        """A league's name from its page's path: the known one, or the path's words."""
        if path in self.index.leagues:
            return self.index.leagues[path]
        words = self.index.trim.sub("", path.strip("/").rpartition("/")[2]).replace("-", " ")
        return words.upper() if len(words) <= 4 else words.title()

    def kind(self, text: str) -> str:
        """The kind of logo that a page's path or a card's words name."""
        return next((kind for word, kind in self.kinds.items() if word in text.lower()), "primary")


@cache
def shipped(name: str) -> SiteDescription:
    """A description of the package, by its name in SHIPPED."""
    text = resources.files("logolib.collect").joinpath("sites", f"{name}.yaml").read_text("utf8")
    return _parse(read_yaml(text), name)


def descriptions(site: str, host: str) -> list[SiteDescription]:
    """What to try on a host: the description asked for, else the one that names the host, else all shipped.

    Raises DescriptionError.
    """
    if site in SHIPPED:
        return [shipped(site)]
    if site != "auto":
        return [_read(Path(site).expanduser())]
    known = [shipped(name) for name in SHIPPED]
    return [one for one in known if host in one.hosts] or known


def _read(path: Path) -> SiteDescription:
    try:
        return _parse(read_yaml(path.read_text("utf8")), str(path))
    except (OSError, UnicodeDecodeError):
        names = ", ".join(SHIPPED)
        raise DescriptionError(f"There is no site description {path}; give auto, {names} or a YAML file.") from None
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise DescriptionError(f"The site description {path} is no YAML ({reason}); mend it.") from None


def _parse(values: Any, name: str) -> SiteDescription:
    try:
        return SiteDescription.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        reason = " ".join(first["msg"].removeprefix("Value error, ").split())
        raise DescriptionError(f"The site description {name} cannot be used: {place}: {reason}.") from None
