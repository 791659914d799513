"""From a site of cards, a folder or the embedded demo to images and one manifest."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from importlib import resources
from pathlib import Path

from logolib.collect.demo_site import DemoSite, serve
from logolib.collect.fetch import Cache, Fetcher, FetchError, HostError
from logolib.collect.folder import Folder, FolderError
from logolib.collect.leagues import LEAGUES
from logolib.collect.manifest import Store
from logolib.collect.site import Site
from logolib.config import CollectSettings, LogolibError
from logolib.records import Card, LogoRecord
from logolib.results import StageResult, Stopwatch, data_hash, write_result

__all__ = [
    "LEAGUES",
    "CollectError",
    "DemoSite",
    "FetchError",
    "FolderError",
    "HostError",
    "collect",
    "serve",
]

DEMO_ROOT = "http://demo.invalid/"  # stands in the manifest for the port of the day
CACHE = ".logolib-cache"


class CollectError(LogolibError):
    """Nothing was collected, or it could not be kept."""


def collect(
    settings: CollectSettings, out: Path, *, seed: int = 0, profile: str = "custom", progress: bool = True
) -> StageResult:
    """Collect captioned logos into `out/manifest.parquet` and `out/images/ID.png` (RGBA, at most 512 px).

    Identical pictures give one row, the first. What was fetched stays in a cache in `out`, so that a run that
    was stopped, or that is repeated, fetches only what is missing. Single failures are skipped, listed and
    counted. Raises LogolibError (FolderError, HostError, CollectError) when there is nothing to collect.
    """
    watch = Stopwatch()
    try:
        store, pages = _run(settings, out, seed, progress)
        if not store.records:
            reason = f"the first reason is {store.skipped[0].reason!r}" if store.skipped else "it holds none"
            raise CollectError(f"No captioned logo could be read from {settings.source}: {reason}.")
        store.write()
        values = _values(store, pages)
        parts = data_hash(f"{r.sha256} {r.caption}" for r in store.records)
        result = StageResult(
            stage="collect",
            values=values,
            files={"manifest": "manifest.parquet", "images": "images"},
            provenance=watch.provenance(settings, seed, parts, profile),
            skipped=tuple(asdict(item) for item in store.skipped),
        )
        write_result(out / "result.json", result)
    except OSError as error:
        raise CollectError(f"{out} cannot be written ({error.strerror or error}); nothing is lost.") from None
    return result


def _run(settings: CollectSettings, out: Path, seed: int, progress: bool) -> tuple[Store, int]:
    """The filled store, and the number of pages read."""
    source = settings.source.strip()
    if source != "demo" and not source.startswith(("http://", "https://")):
        folder = Folder(Path(source).expanduser(), out)
        store = Store(out, "folder")
        for card, data in folder.logos(progress):
            store.add(card, data)
        store.skipped[:0] = folder.skipped
        return store, 0
    is_demo = source == "demo"
    with _address(settings, seed, is_demo) as (address, identity):
        store = Store(out, "demo" if is_demo else "site")
        cache = Cache(out / CACHE, identity)
        with Fetcher(address, settings, cache) as fetcher:
            site = Site(fetcher, address, settings.connections)
            with closing(site.logos(progress)) as logos:  # closed at once: Ctrl-C leaves no thread fetching
                for card, data in logos:
                    store.add(_without_port(card, fetcher.root) if is_demo else card, data)
        cache.forget_pages()
        store.skipped[:0] = sorted(site.skipped, key=lambda item: item.item)
        return store, len(site.pages)


def _without_port(card: Card, root: str) -> Card:
    image_url, page_url = (url.replace(root, DEMO_ROOT, 1) for url in (card.image_url, card.page_url))
    return replace(card, image_url=image_url, page_url=page_url)


@contextmanager
def _address(settings: CollectSettings, seed: int, is_demo: bool) -> Iterator[tuple[str, str]]:
    """The address to read, and what a cache must share with it to be of use."""
    if not is_demo:
        address = settings.source.strip()
        yield address, address.split("/")[2]
        return
    with serve(DemoSite(settings.crests, seed)) as address:
        yield address, f"demo crests={settings.crests} seed={seed} drawing={_drawing()}"


def _drawing() -> str:
    """A hash of the code that draws: crests drawn by other code are not kept."""
    files = sorted(f.name for f in resources.files("logolib.emblems").iterdir() if f.name.endswith(".py"))
    code = b"".join(resources.files("logolib.emblems").joinpath(name).read_bytes() for name in files)
    return hashlib.sha256(code).hexdigest()[:16]


def _values(store: Store, pages: int) -> dict[str, object]:
    records: list[LogoRecord] = store.records
    return {
        "logos": len(records),
        "clubs": len({r.club for r in records}),
        "leagues": len({r.league for r in records if r.league}),
        "pages": pages,
        "distinct_images": len({r.sha256 for r in records}),
        "duplicates": store.duplicates,
        "truncated": sum(r.truncated for r in records),
        "skipped": len(store.skipped),
        "caption_words_median": statistics.median(len(r.caption.split()) for r in records),
    }
