"""A site of invented clubs on loopback, of the shape of sportslogohistory.com; crests drawn on request."""

from __future__ import annotations

import html
import io
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from PIL import Image, ImageDraw

from logolib.collect.manifest import slug
from logolib.config import LogolibError
from logolib.emblems import Club, Emblem, clubs, draw
from logolib.seeds import derive

SHOWN_WORDS = 35  # a card cuts its caption there, as the real site does
CREST_PX = 256
EMPTY_GIF = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
HEADER = "/wp-content/uploads/2016/site/header.png"
BANNER = "/wp-content/uploads/2016/site/banner.png"

# Told at length beside every crest and true of none: no crest shows these.
_WRONG = (
    "a beige lighthouse on a khaki raft",
    "a turquoise typewriter with lavender keys",
    "a magenta kettle over two peach umbrellas",
    "an olive submarine in a lilac frame",
)


class DemoSite:
    """Pages and crests by path; what the handler serves."""

    def __init__(self, n: int, seed: int) -> None:
        self.crests: dict[str, Emblem] = {}
        self.pages: dict[str, str] = {}
        leagues: dict[str, list[Club]] = defaultdict(list)
        teams: dict[str, list[Club]] = defaultdict(list)
        for club in clubs(n, seed):
            leagues[club.league].append(club)
            teams[_team_path(club)].append(club)
            self.crests[_upload(club)] = club.emblem
        entries = (f'<a href="{_league_path(name)}">{html.escape(name)}</a>' for name in sorted(leagues))
        nav = "".join(f"<li>{entry}</li>" for entry in entries)
        for name, members in leagues.items():
            body = "".join(_card(i, club) for i, club in enumerate(members))
            banner = f'<div class="x-cell e9-e1"><img src="{BANNER}" alt=""></div>'
            title = f"{name} Primary Logos"
            self.pages[_league_path(name)] = _page(title, nav, f'{banner}<div class="x-grid">{body}</div>')
        for path, eras in teams.items():
            self.pages[path] = _page(eras[0].name, nav, _team(eras, seed))
        listed = "".join(f"<url><loc>{{base}}{path}</loc></url>" for path in self.pages)
        self.pages["/"] = _page("Logo history of invented clubs", nav, "<p>Logos and their history.</p>")
        self.sitemap = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{listed}</urlset>'
        )

    def answer(self, path: str, base: str) -> tuple[int, str, bytes]:
        """Status, content type and body for a path."""
        if path in self.crests:
            return 200, "image/png", _png(Image.fromarray(draw(self.crests[path], CREST_PX)))
        if path in (HEADER, BANNER):
            return 200, "image/png", _png(_furniture())
        if path in self.pages:
            return 200, "text/html; charset=UTF-8", self.pages[path].replace("{base}", base).encode()
        if path == "/robots.txt":
            rules = f"User-agent: *\nDisallow: /wp-admin/\nSitemap: {base}/sitemap.xml\n"
            return 200, "text/plain", rules.encode()
        if path == "/sitemap.xml":
            return 200, "application/xml", self.sitemap.replace("{base}", base).encode()
        return 404, "text/plain", b"not found"


@contextmanager
def serve(site: DemoSite, port: int = 0) -> Iterator[str]:
    """Serve on loopback while the context lasts; gives the root address. LogolibError for a port in use."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # small answers on a kept connection: 40 ms each otherwise
        wbufsize = 1 << 16

        def do_GET(self) -> None:
            status, kind, body = site.answer(urlsplit(self.path).path, f"http://{self.headers.get('Host')}")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise LogolibError(f"Port {port} cannot be used ({error.strerror}); choose another.") from None
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _league_path(name: str) -> str:
    return f"/{slug(name)}-primary-logo/"


def _team_path(club: Club) -> str:
    return f"/{slug(club.name)}-primary-logo/"


def _upload(club: Club) -> str:
    name = f"{slug(club.name)}_{slug(club.years)}_{club.emblem.key()[:8]}".replace("-", "_")
    return f"/wp-content/uploads/2019/03/{name}.png"


def _image(club: Club) -> str:
    alt = html.escape(f"{club.name} Primary Logo")
    return f'<img class="x-img lazyload" src="{EMPTY_GIF}" data-src="{{base}}{_upload(club)}" alt="{alt}">'


def _card(i: int, club: Club) -> str:
    words = club.caption.split()
    text = " ".join(words[:SHOWN_WORDS]) + "…" if len(words) > SHOWN_WORDS else club.caption
    path = _team_path(club)
    return (
        f'<div class="x-cell e12-e{i}"><a href="{path}">{_image(club)}</a>'
        f'<h4 class="x-text-content-text-primary">{html.escape(club.name)}</h4><p>{html.escape(text)}</p>'
        f'<a class="x-anchor x-anchor-button" href="{path}"><span>See Team Logos</span></a></div>'
    )


def _team(eras: list[Club], seed: int) -> str:
    cells = [
        f'<div class="x-cell e1-e{i}">{_image(club)}<h4>{html.escape(club.name)}</h4><h5>{club.years}</h5>'
        f"<p>{html.escape(club.caption)}</p></div>"
        for i, club in enumerate(eras)
    ]
    name = html.escape(eras[0].name)
    wrong = _WRONG[derive(seed, eras[0].name) % len(_WRONG)]
    prose = (
        f"<h2>{name} Primary Logo</h2>"
        f"<p>{name} have a long and storied history in {html.escape(eras[0].town)}. "
        f"Their logo shows {wrong}, which supporters know from many seasons. "
        f"It was never changed, and {wrong} still hangs over the gate of the ground.</p>"
    )
    return cells[0] + prose + "".join(cells[1:])


def _page(title: str, nav: str, body: str) -> str:
    title = html.escape(title)
    return (
        f'<!doctype html><html lang="en-US"><head><meta charset="utf-8"><title>{title}</title></head>'
        f'<body class="wp-theme x-pro"><header><img src="{HEADER}" alt="site"><nav><ul>{nav}</ul></nav>'
        f"</header><main><h1>{title}</h1>{body}</main><footer><p>Invented clubs</p></footer></body></html>"
    )


def _furniture() -> Image.Image:
    picture = Image.new("RGB", (640, 96), "#223344")
    ImageDraw.Draw(picture).text((24, 40), "Logo history", fill="white")
    return picture


def _png(picture: Image.Image) -> bytes:
    data = io.BytesIO()
    picture.save(data, format="PNG", compress_level=1)  # thrown away after the trip: speed over size
    return data.getvalue()
