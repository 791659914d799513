"""Captioned pictures from open icon sets, as a folder that `logolib collect` reads: images/ and captions.csv.

Font Awesome Free (CC BY 4.0) comes from its Python package; Game-icons (CC BY 3.0), Noto Emoji (Apache-2.0)
and Twemoji (CC BY 4.0) come by `npm pack` at fixed versions and stay in CACHE. Nothing shows a reserved value of
logolib.emblems, so that those stay unseen. A second call draws only what is missing: python benchmarks/icons.py
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import resvg_py
from PIL import Image
from tqdm import tqdm

from logolib.config import LogolibError
from logolib.data.colours import COLOUR_WORD
from logolib.emblems import RESERVED_CHARGES, RESERVED_SHAPES, RESERVED_STYLES
from logolib.emblems.describe import with_article
from logolib.emblems.palette import COLOURS, apart, lab, legible
from logolib.emblems.phrases import CHARGE_WORDS, DIVISION_WORDS, SHAPE_WORDS, STYLE_WORDS
from logolib.emblems.sample import pick
from logolib.emblems.shapes import shape
from logolib.results import write_text
from logolib.seeds import derive

VERSIONS = {"game-icons": "1.2.4", "noto": "1.2.9", "twemoji": "1.2.5"}  # of npm's @iconify-json/SET
FONTAWESOME = "fontawesome"
LICENCES = {FONTAWESOME: "CC-BY-4.0", "game-icons": "CC-BY-3.0", "noto": "Apache-2.0", "twemoji": "CC-BY-4.0"}
COLUMNS = ("file", "caption", "club", "league", "licence")
STYLES = ("solid", "regular")  # of Font Awesome; its `brands` belong to others
NO_CATEGORIES = ("Flags", "Symbols", "Component")  # of emoji; symbols are mostly letters on buttons
GROUNDS = {"white": 0.45, "roundel": 0.25, "square": 0.18, "full": 0.12}  # how often a one-coloured icon has which
LIMITS = {"white": 112.0, "full": 100.0, "roundel": 88.0, "square": 82.0}  # of 128: half the figure's width there
FRAME = 1.12  # the silhouettes' frame of -110..110 in a picture of -128..128
CLEAR = 34.0  # least difference of CIE lightness; icons have finer lines than the charges that are drawn
LEAST = 0.035  # share of the picture that must differ clearly from the ground


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# What shows a reserved value, or its like, under another name; and words that only look like one.
LIKE_RESERVED = _set(
    """wyvern hydra drake drakkar toad tadpole arachnid tarantula cobweb web-spit ukulele banjo lute caldera lava magma
    eruption fuji viaduct aqueduct raven jackdaw missile spaceship spacecraft shuttle hexa hive honeycomb retro"""
)
INNOCENT = re.compile(r"\b(crown|crowd|crowbar|sprocket|shuttlecock|silcrow|pilcrow|salute|absolute|flute)\w*")

# Interface, letters, abstractions, places, fiction, politics: a word that no figure for a caption has in its name.
JUNK = _set(
    """
    circle square xmark xmarks slash exclamation check checkbox minus plus question arrows chevron caret angle angles
    file files folder calendar align list table text sort up down left right user users sign signs bars window grip
    filter object diagram chart flag flags button oclock thirty keycap letter facing tone abstract card brick logic
    notdef awesome nfi icons image images inbox indent outdent terminal tty rss blog hashtag barcode qrcode asterisk
    percent infinity divide multiply section paragraph copyright registered trademark language font heading bold italic
    underline subscript superscript strikethrough network share reply retweet wifi signal sitemap ethernet sliders
    expand compress maximize minimize crop eject upload download cursor display server database memory message comment
    comments podcast voicemail prescription signature timeline clone copy paste print fill code link ban info industry
    certificate receipt joint business neuter genderless transgender mars venus mercury shapes spinner rotate shuffle
    repeat stop play restroom universal ranking description backward forward pause previous next click save resize
    loading upgrade downgrade cctv inverted faces clockwise anticlockwise counterclockwise hundred zzz tally player
    silhouette silhouettes horizontal vertical status level poll bust busts perspective gps selfie family locked algeria
    america angola australia belgium bolivia brazil bulgaria cambodia corsica colombia colombian egypt france guatemala
    hungary iceland iraq italia japan kenya korea latvia libya mexico moldova mongolia nigeria oceania unlocked paraguay
    peru poland portugal spain lanka switzerland tanzania texas tunisia uruguay usa venezuela coa africa poo poop turd
    suicide slavery decapitation amputation severed murder bong cannabis breastfeeding harassing robbery confined
    balkenkreuz iron-cross union-jack hammer-sickle middle-finger glock ak47 uzi ppk famas luger walther thompson
    enfield steyr skorpion sas democrat republican triforce metroid samus pokecog staryu thwomp saiyan quidditch klingon
    deku sheikah koholint kindle converse moncler ubisoft diablo jason harry bond damme rapidshare companion leth
    bullet-bill boosh dig-dug spock vulcan jedi whills wolverine hobbit zat light-sabers death-star kenku ju achievement
    amplitude annexation avoidance awareness catch charm choice confirmed confrontation convergence convict convince
    crush cycle dead despair detour dig disintegrate distraction divergence divert dodge doubled dozen dread duality
    duration elysium enlightenment evasion expense freedom gaze growth halt help hidden idea interdiction invisible
    journey jump justice knockout lift look misdirection move mute occupy oppression overdose overdrive overhead
    overkill paranoia profit pull push pummeled read regeneration resonance revolt return run sensuousness sell shatter
    shrug silence silenced sing skills sleepy sly smart smitten snatch sprint strafe strong surprised suspicious swap
    talk telefrag telepathy terror think thrust toggles token trade transform transfuse truce uncertainty underhand
    unbalanced unplugged uprising usable vote wisdom extra feline female male ecology embrassed anatomy rally
    temperature dashing-away star-struck body-balance headshot stoned init
    """
)
SHORT = _set("a an and at by in of on ox the to")
NOUNS_IN_ING = _set("ring wing king sling spring string earring ceiling building wedding seedling dumpling icing")
JOINTS = re.compile(r" (?:of|with|in|on|and|at|to|without|behind|over|under|from|for|as|holding|wearing) ")
PEOPLE = {"man": True, "woman": True, "person": True, "men": False, "women": False, "people": False}
MASS = _set(
    """fire water music smoke rain snow fog lightning bread butter cheese grass garlic bacon corn rice dust wood ice
    meat money cash soap sugar salt blood fur sushi popcorn spaghetti broccoli algae bamboo wire charcuterie ginger sake
    honey jelly ketchup dynamite barbecue chess hockey cricket baseball softball volleyball tennis golf football armor
    lacrosse badminton bowling polo milk wheat thread yarn fondue custard oden falafel mail bacteria teeth feet mice
    geese dice children antennae sheep foam"""
)
SINGULAR = re.compile(r"(ss|us|is|gas|canvas|atlas|lens|series)$")
# Font Awesome puts the noun first: an adjective from the end, or a noun from the beginning, changes places. Of its
# other names with two words only those that end in one of HEADS are good English.
ADJECTIVES = _set("hot open closed empty full half large long curved pointed cracked flying wilt")
NOUNS = _set("hat face bag basket bottle bowl cart glass jug mask tower truck pump tent")
HEADS = _set(
    """head bishop king knight pawn queen rook board ball cane bell car carriage register glasses disc dropper
    extinguisher flame fins disk ring bulb hourglass plane fighter puck berry bird glass mug pestle can well roller
    bank slice piece cap chain vinyl dish light gate bottle drive columns walkie talkie yang net panel prints"""
)
VARIANT = _set("head face emblem symbol profile alt old front side open simple icon outline small big")


class IconsError(LogolibError):
    """An icon set that cannot be had."""


@dataclass(frozen=True)
class Icon:
    """One drawing of a set: SVG markup in its own box, and what it shows in words."""

    source: str
    slug: str
    name: str
    body: str
    box: tuple[float, float, float, float]
    coloured: bool
    lined: bool = False  # drawn in outline only


@dataclass(frozen=True)
class Picture:
    """An icon in its colours, and the sentence that says so."""

    icon: Icon
    colour: str
    kind: str  # of GROUNDS
    ground: str
    caption: str


@cache
def reserved_terms() -> tuple[str, ...]:
    """Names and phrases of all reserved charges, shapes and styles, and words for their likes."""
    tables = ((RESERVED_CHARGES, CHARGE_WORDS), (RESERVED_SHAPES, SHAPE_WORDS), (RESERVED_STYLES, STYLE_WORDS))
    found = [name for names, _ in tables for name in names]
    found += [phrase for names, words in tables for name in names for phrase in words[name]]
    terms = (_letters(term.replace("{c}", " ")) for term in found)
    return tuple(sorted({*terms, *(term.replace("-", " ") for term in LIKE_RESERVED)} - {""}))


def is_reserved(texts: Iterable[str]) -> bool:
    """True where a name, tag or alias holds a word for something reserved, alone or in a compound."""
    told = [INNOCENT.sub("", _letters(text)) for text in texts]
    return any(term in text for text in told for term in reserved_terms())


def _letters(text: str) -> str:
    return " ".join(re.findall(r"[a-z]+", text.lower()))


def words_of(slug: str, coloured: bool) -> str | None:
    """A set's name for an icon as plain words; None where no caption could be made of it."""
    words = slug.removesuffix("-alt").split("-")
    if len(words) > 4 or not all(w.isalpha() and w.isascii() and (len(w) > 2 or w in SHORT) for w in words):
        return None
    if not (JUNK.isdisjoint((*words, slug)) and set(words) - SHORT) or (not coloured and COLOUR_WORD.search(slug)):
        return None
    verb = len(words) == 1 and re.search(r"ing$|.{3}[^aeiou]ed$", slug) and slug not in NOUNS_IN_ING
    return None if verb else " ".join(words)


def fontawesome() -> list[Icon]:
    """Font Awesome's solid and regular icons."""
    root = resources.files("fontawesomefree") / "static" / "fontawesomefree"
    about = json.loads((root / "metadata" / "icons.json").read_text(encoding="utf-8"))
    found = []
    for slug, facts in sorted(about.items()):
        tags = [facts["label"], *facts.get("search", {}).get("terms", ()), *facts.get("aliases", {}).get("names", ())]
        name = words_of(slug, coloured=False)
        name = name and english(name)
        if name is None or is_reserved([slug, *map(str, tags)]) or "brands" in facts["styles"]:
            continue
        for style in (s for s in STYLES if s in facts["free"]):
            text = (root / "svgs" / style / f"{slug}.svg").read_text(encoding="utf-8")
            box = re.search(r'viewBox="([\d.\s-]+)"', text)
            assert box is not None
            x, y, w, h = map(float, box[1].split())
            body = "".join(re.findall(r"<path[^>]*>", text))
            lined = style == "regular" and "solid" in facts["free"]
            found.append(Icon(FONTAWESOME, slug, name, body, (x, y, w, h), False, lined))
    return found


def english(name: str) -> str | None:
    """A name of Font Awesome in English order; None for its longer compounds, which are messages and no figures."""
    words = name.split()
    if len(words) == 2 and (words[1] in ADJECTIVES or words[0] in NOUNS):
        return f"{words[1]} {words[0]}"
    return name if len(words) == 1 or (len(words) == 2 and words[1] in HEADS) else None


def iconify(source: str, icons: dict[str, Any], about: dict[str, Any]) -> list[Icon]:
    """The usable icons of a set in Iconify's JSON; `about` is its metadata, whose categories tell emoji apart."""
    coloured = bool(about.get("categories"))
    kept = {slug for name, slugs in about.get("categories", {}).items() if name not in NO_CATEGORIES for slug in slugs}
    aliases: dict[str, list[str]] = {}
    for alias, facts in icons.get("aliases", {}).items():
        aliases.setdefault(facts["parent"], []).append(alias)
    found = []
    for slug, facts in sorted(icons["icons"].items()):
        name = words_of(slug, coloured)
        out = facts.get("hidden") or (coloured and slug not in kept)
        if out or name is None or is_reserved([slug, *aliases.get(slug, ())]):
            continue
        x, y = (float(facts.get(k, icons.get(k, 0))) for k in ("left", "top"))
        w, h = (float(facts.get(k, icons.get(k, 16))) for k in ("width", "height"))
        found.append(Icon(source, slug, name, facts["body"], (x, y, w, h), coloured))
    return found


def club(name: str) -> str:
    """What all pictures of one thing share, whatever the set, the order of words, the sex or the number."""
    words = ["person" if w in PEOPLE else w for w in name.split()]
    words = [w[:-1] if len(w) > 3 and w.endswith("s") and not SINGULAR.search(w) else w for w in words]
    return " ".join(sorted({w for w in words if w not in VARIANT} or set(words)))


def phrase(name: str, colour: str = "") -> str:
    """The name with its colour and the article it takes."""
    text = f"{colour} {name}".strip()
    first, head = name.split()[0], JOINTS.split(name)[0].split()[-1]
    plural = head in MASS or (head.endswith("s") and not SINGULAR.search(head))
    if not PEOPLE.get(first, not plural):
        return text
    if re.match(r"u(?!ni|fo|ku|ra|se|sb)|hour", text):
        return f"an {text}"
    return f"a {text}" if text.startswith("one ") else with_article(text)


def caption(icon: Icon, colour: str, kind: str, ground: str, rng: np.random.Generator) -> str:
    """One sentence that names figure, colours and ground, and nothing else."""
    told = f"{phrase(icon.name)} in {colour}" if colour and rng.random() < 0.15 else phrase(icon.name, colour)
    if icon.lined:
        told += pick(rng, (" in outline", " drawn in outline"))
    if kind == "white":
        told += pick(rng, (" on a white background", " on white", " on a plain white background", "", ""))
        text = told
    elif kind == "full":
        text = f"{told} on {with_article(ground)} {pick(rng, ('background', 'background', 'ground'))}"
    else:
        field = with_article(pick(rng, DIVISION_WORDS["plain"]).format(a=ground, s=pick(rng, SHAPE_WORDS[kind])))
        bearing = pick(rng, ("with", "bearing", "featuring", "showing"))
        middle = pick(rng, ("in the middle", "in the center", "inside it"))
        text = pick(rng, (f"{told} on {field}", f"{field} {bearing} {told}", f"{field}, {told} {middle}"))
    return text[0].upper() + text[1:] + "."


def clear(colour: str, ground: str) -> bool:
    """True where a fine figure of the first colour reads on the second."""
    return legible(colour, ground) and abs(lab(colour)[0] - lab(ground)[0]) >= CLEAR


def pictures(icons: Iterable[Icon], colourings: int, seed: int) -> list[Picture]:
    """Every coloured icon once, every other in so many different colours and grounds."""
    found = []
    for icon in icons:
        rng = np.random.default_rng(derive(seed, icon.source, icon.slug, icon.lined))
        seen: set[tuple[str, str]] = set()
        while len(seen) < (1 if icon.coloured else colourings):
            kind = "white" if icon.coloured else pick(rng, tuple(GROUNDS), GROUNDS)
            names = [c for c in COLOURS if c != "white" and (kind == "full" or apart(c, "white"))]
            ground = "white" if kind == "white" else pick(rng, names)
            colour = "" if icon.coloured else pick(rng, [c for c in COLOURS if clear(c, ground)])
            if (colour, ground) not in seen:
                seen.add((colour, ground))
                found.append(Picture(icon, colour, kind, ground, caption(icon, colour, kind, ground, rng)))
    return found


def draw(picture: Picture, size: int) -> bytes | None:
    """The picture as PNG, the figure centred and as large as its ground allows; None where little shows."""
    icon, kind = picture.icon, picture.kind
    x, y, w, h = icon.box
    ink = COLOURS.get(picture.colour, "#000000")
    body = f'<g fill="{ink}" color="{ink}">{icon.body}</g>' if picture.colour else icon.body
    seen = _pixels(_svg(icon.box, body), 128, 128)[..., 3] > 40
    if not seen.any():
        return None
    rows, columns = np.nonzero(seen)
    unit = max(w, h) / 128  # the smaller side is padded
    left, top = x - (max(w, h) - w) / 2, y - (max(w, h) - h) / 2
    cx, cy = (columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2
    dx, dy = np.abs(columns + 0.5 - cx) + 0.5, np.abs(rows + 0.5 - cy) + 0.5
    half = np.hypot(dx, dy).max() if kind == "roundel" else max(dx.max(), dy.max())
    scale = LIMITS[kind] / (half * unit)
    under = f'<rect x="-128" y="-128" width="256" height="256" fill="{COLOURS["white"]}"/>'
    if kind == "full":
        under = under.replace(COLOURS["white"], COLOURS[picture.ground])
    elif kind != "white":
        under += f'<path transform="scale({FRAME})" d="{shape(kind).path}" fill="{COLOURS[picture.ground]}"/>'
    place = f"scale({scale:.5f}) translate({-(left + cx * unit):.4f} {-(top + cy * unit):.4f})"
    whole = _svg((-128, -128, 256, 256), f'{under}<g transform="{place}">{body}</g>')
    bare = _pixels(_svg((-128, -128, 256, 256), under), 64, 64)
    apart_from = np.abs(_pixels(whole, 64, 64).astype(int) - bare).max(axis=2) > 64
    return _png(whole, size, size) if apart_from.mean() >= LEAST else None


def _svg(box: tuple[float, float, float, float], body: str) -> str:
    view = " ".join(f"{v:g}" for v in box)
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {spaces} viewBox="{view}" width="256" height="256">{body}</svg>'


def _png(svg: str, width: int, height: int) -> bytes:
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, width=width, height=height, skip_system_fonts=True))


def _pixels(svg: str, width: int, height: int) -> np.ndarray:
    with Image.open(io.BytesIO(_png(svg, width, height))) as image:
        return np.asarray(image.convert("RGBA"), dtype=np.uint8).copy()


def fetch(source: str, work: Path) -> dict[str, dict[str, Any]]:
    """The set's icons.json and metadata.json, from WORK or through npm. IconsError where npm fails."""
    package = f"@iconify-json/{source}@{VERSIONS[source]}"
    path = work / f"{source}-{VERSIONS[source]}.tgz"
    if not path.exists():
        work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=work) as folder:
            command = ["npm", "pack", package, "--loglevel=error", "--pack-destination", folder]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=600)
            except FileNotFoundError:
                raise IconsError("npm is missing; install Node.js, which brings it.") from None
            except subprocess.TimeoutExpired:
                raise IconsError(f"npm did not bring {package} in ten minutes; try again.") from None
            packed = list(Path(folder).glob("*.tgz"))
            if done.returncode or len(packed) != 1:
                told = re.search(r"^npm err\S* (?!code)(.*)$", done.stderr, re.M | re.I)
                reason = told[1] if told else f"it ended with {done.returncode}"
                raise IconsError(f"npm cannot bring {package} ({reason}); see that a registry can be reached.")
            packed[0].replace(path)
    try:
        with tarfile.open(path) as tar:
            parts = {stem: tar.extractfile(f"package/{stem}.json") for stem in ("icons", "metadata")}
            return {stem: json.load(part) for stem, part in parts.items() if part is not None}
    except (tarfile.TarError, OSError, KeyError, ValueError) as error:
        raise IconsError(f"{path} is damaged ({error}); remove it and try again.") from None


def all_icons(work: Path) -> list[Icon]:
    """The usable icons of all sets."""
    found = fontawesome()
    for source in VERSIONS:
        parts = fetch(source, work)
        found += iconify(source, parts["icons"], parts["metadata"])
    return found


def build(given: argparse.Namespace) -> None:
    """Draw what is missing, and write captions.csv beside the pictures."""
    planned = pictures(all_icons(given.cache), given.colourings, given.seed)
    if given.limit is not None:
        order = np.random.default_rng(derive(given.seed, "limit")).permutation(len(planned))
        planned = [planned[i] for i in sorted(order[: given.limit])]
    code = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    rows = []
    for picture in tqdm(planned, "pictures", unit=""):
        icon = picture.icon
        key = hashlib.sha256(repr((code, given.size, picture)).encode()).hexdigest()[:10]
        path = given.out / "images" / icon.source / f"{icon.slug}-{key}.png"
        if not path.exists():
            data = draw(picture, given.size)
            if data is None:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(path.name + ".partial")
            partial.write_bytes(data)
            partial.replace(path)
        name = path.relative_to(given.out).as_posix()
        rows.append((name, picture.caption, club(icon.name), icon.source, LICENCES[icon.source]))
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows((COLUMNS, *rows))
    write_text(given.out / "captions.csv", table.getvalue())
    for source, count in Counter(row[3] for row in rows).items():
        print(f"{source} {count}")
    print(f"wrote {given.out / 'captions.csv'}: {len(rows)} pictures, {len({row[2] for row in rows})} clubs")


def main() -> None:
    """Read the command line and build the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/icons"))
    parser.add_argument("--cache", type=Path, default=Path("build/icons-cache"))
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--colourings", type=int, default=3, help="pictures of each one-coloured icon")
    parser.add_argument("--limit", type=int, help="at most so many pictures, taken at random from all")
    given = parser.parse_args()
    try:
        build(given)
    except LogolibError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
