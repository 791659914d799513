"""The pages that raters and organisers see: files of the package, filled in with escaped text."""

from __future__ import annotations

from functools import cache
from html import escape
from importlib import resources
from string import Template

ASSETS = {"study.css": "text/css; charset=utf-8", "vote.js": "text/javascript; charset=utf-8"}
ASSETS["online.js"] = ASSETS["offline.js"] = ASSETS["vote.js"]


@cache
def asset(name: str) -> str:
    """One file of the pages."""
    return resources.files("logolib.study").joinpath("pages", name).read_text("utf8")


def page(name: str, *, title: str, **values: object) -> str:
    """`name`.html inside the frame that all pages share; every value is escaped."""
    filled = Template(asset(f"{name}.html")).substitute(
        {k: escape(str(v)) for k, v in values.items()} | {"title": escape(title)}
    )
    scripts = (
        '<script src="/static/vote.js"></script><script src="/static/online.js"></script>' if name == "vote" else ""
    )
    style = '<link rel="stylesheet" href="/static/study.css">'
    return frame(title, style, filled, scripts)


def frame(title: str, style: str, body: str, scripts: str) -> str:
    """A whole page; `style`, `body` and `scripts` are HTML."""
    return Template(asset("frame.html")).substitute(title=escape(title), style=style, body=body, scripts=scripts)
