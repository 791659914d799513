"""From a site of cards, a folder or the embedded demo to images and one manifest."""

from __future__ import annotations

import hashlib
import re
import statistics
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from importlib import resources
from pathlib import Path

from anyio.from_thread import start_blocking_portal

from logolib.collect.cache import Cache, Kept
from logolib.collect.demo_site import DemoSite, serve
from logolib.collect.description import DescriptionError, SiteDescription, descriptions
from logolib.collect.fetch import Fetcher, FetchError, HostError
from logolib.collect.folder import Folder, FolderError
from logolib.collect.host import host_of
from logolib.collect.manifest import Store
from logolib.collect.site import Site
from logolib.config import CollectSettings, LogolibError
from logolib.records import Card
from logolib.results import StageResult, Stopwatch, data_hash, pass_lineage_on, write_result

__all__ = [
    "CollectError",
    "DemoSite",
    "DescriptionError",
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

    Identical pictures of the same years give one row, the first. What was fetched stays in a cache in `out`: a
    run that was stopped fetches only what is missing, and a repeated one asks only for what has changed and
    lists in `out/changes.csv` what was added, changed and gone. Single failures are skipped, listed and
    counted. Raises LogolibError (FolderError, HostError, DescriptionError, CollectError) when there is nothing
    to collect.
    """
    watch = Stopwatch()
    try:
        store, pages = _run(settings, out, seed, progress)
        values = _values(store, pages)
        parts = data_hash(f"{r.sha256} {r.caption}" for r in store.records)
        result = StageResult(
            stage="collect",
            values=values,
            files={"manifest": "manifest.parquet", "images": "images", "changes": "changes.csv"},
            provenance=watch.provenance(settings, seed, parts, profile),
            skipped=tuple(asdict(item) for item in store.skipped),
        )
        write_result(out / "result.json", result)
    except OSError as error:
        raise CollectError(f"{out} cannot be written ({error.strerror or error}); nothing is lost.") from None
    return result


def _run(settings: CollectSettings, out: Path, seed: int, progress: bool) -> tuple[Store, int]:
    """The filled and written store, and the number of pages read."""
    source = settings.source.strip()
    is_demo = source == "demo"
    if is_demo or source.startswith(("http://", "https://")):
        with _address(settings, seed, is_demo) as (address, identity):
            return _read_site(settings, out, address, identity, progress)
    folder = Folder(Path(source).expanduser(), out)
    store = Store(out, "folder")
    for card, data in folder.logos(progress):
        store.add(card, data)
    store.skipped[:0] = folder.skipped
    _write(store, source)
    pass_lineage_on(Path(source).expanduser(), out)
    return store, 0


def _read_site(settings: CollectSettings, out: Path, address: str, identity: str, progress: bool) -> tuple[Store, int]:
    is_demo = settings.source.strip() == "demo"
    try:
        host, _ = host_of(address)
    except ValueError:
        raise HostError(f"{address!r} is no http or https address; check the source.") from None
    known = descriptions(settings.site, host)
    store, cache = Store(out, "demo" if is_demo else "site"), Cache(out / CACHE, identity)
    fetcher, useless = Fetcher(address, settings, cache, _image_hosts(known)), list[Kept]()
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(fetcher):
        site = Site(fetcher, portal, address, settings.pages, known)
        with closing(site.logos(progress)) as logos:  # closed at once: Ctrl-C leaves nothing under way
            for card, kept in logos:
                if is_demo:  # neither the port nor the hour: the demo repeats itself
                    store.add(_without_port(card, fetcher.root), kept.body())
                elif not store.add(card, kept.body(), kept.fetched_at, kept.etag):
                    useless.append(kept)
    store.skipped[:0] = sorted([*site.skipped, *fetcher.notes], key=lambda item: item.item)
    try:
        _write(store, settings.source)
    finally:
        cache.finish(useless)
    return store, len(site.pages)


def _write(store: Store, source: str) -> None:
    if not store.records:
        reason = f"the first reason is {store.skipped[0].reason!r}" if store.skipped else "it holds none"
        raise CollectError(f"No captioned logo could be read from {source}: {reason}.")
    store.write()


def _image_hosts(known: list[SiteDescription]) -> frozenset[tuple[str, int | None]]:
    try:
        return frozenset(host_of(f"https://{host}") for one in known for host in one.image_hosts)
    except ValueError:
        raise DescriptionError("The site description's image_hosts are no hosts; give host or host:port.") from None


def _without_port(card: Card, root: str) -> Card:
    def moved(url: str) -> str:
        return url.replace(root, DEMO_ROOT, 1)

    source = moved(card.caption_source)
    return replace(card, image_url=moved(card.image_url), page_url=moved(card.page_url), caption_source=source)


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
    records, changes = store.records, Counter(how for how, _, _ in store.changes)
    return {
        "logos": len(records),
        "clubs": len({r.club for r in records}),
        "leagues": len({r.league for r in records if r.league}),
        "pages": pages,
        "distinct_images": len({r.sha256 for r in records}),
        "duplicates": store.duplicates,
        "truncated": sum(r.truncated for r in records),
        "skipped": len(store.skipped),
        "reasons": dict(Counter(re.split(r"[:;]", item.reason)[0] for item in store.skipped).most_common()),
        **{how: changes[how] for how in ("added", "changed", "gone")},
        "caption_words_median": statistics.median(len(r.caption.split()) for r in records),
    }
