"""Invented sports clubs, each with a crest and its caption."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from logolib.emblems.describe import describe
from logolib.emblems.model import Emblem
from logolib.emblems.sample import dress, pick, sample_charge

_HEADS: tuple[str, ...] = (
    "Bros", "Cald", "Drav", "Elds", "Fenn", "Garv", "Hesk", "Ister", "Jorv", "Kelm", "Lund", "Marn",
    "Norr", "Osk",
    "Pell", "Quor", "Rav", "Sorr", "Tarn", "Ulv", "Velm", "Wend", "Yarl", "Zell", "Thrav", "Brack",
    "Oster", "Silv",
)  # fmt: skip
_TAILS: tuple[str, ...] = (
    "mere", "wick", "holt", "haven", "stead", "moor", "dale", "by", "burn", "gate", "mouth", "vale",
    "cliff", "ness",
    "field", "port", "crest", "ridge",
)  # fmt: skip
_LEAGUES: tuple[str, ...] = (
    "Northern Premier Division",
    "Coastal Football League",
    "Highland Hockey League",
    "Lakes Basketball Association",
    "Inland Baseball League",
    "Lower Valley Conference",
    "Islands Rugby Union",
    "Metropolitan Super League",
)
_NICKNAMES: dict[str, tuple[str, ...]] = {
    "lion": ("Lions", "Pride"), "eagle": ("Eagles", "Flyers"), "wolf": ("Wolves", "Pack"),
    "bull": ("Bulls", "Toros"),
    "bear": ("Bears", "Grizzlies"), "ram": ("Rams",), "swords": ("Knights", "Blades"),
    "horseshoe": ("Smiths", "Farriers"),
    "trident": ("Tritons", "Mariners"), "star": ("Stars", "Lone Stars"), "ball": ("Rovers", "Wanderers"),
    "basketball": ("Hoopers", "Globes"), "anchor": ("Anchors", "Sailors"), "crown": ("Kings", "Royals"),
    "horse": ("Stallions", "Mustangs"), "dragon": ("Dragons",), "fish": ("Pikes", "Anglers"),
    "tree": ("Foresters", "Pines"),
    "sun": ("Suns", "Dawn"), "moon": ("Moons", "Night Owls"), "tower": ("Towers", "Castles"),
    "ship": ("Sailers", "Clippers"),
    "bolt": ("Bolts", "Thunder"), "paw": ("Cougars", "Panthers"), "crow": ("Crows", "Ravens"),
    "dove": ("Doves", "Pigeons"),
    "cat": ("Cats", "Wildcats"), "frog": ("Frogs",), "spider": ("Spiders",), "feather": ("Quills", "Plumes"),
    "flame": ("Flames", "Blaze"), "leaf": ("Leaves", "Greens"), "mountain": ("Peaks", "Climbers"),
    "hammer": ("Hammers", "Forge"), "key": ("Keys", "Keepers"), "bell": ("Bells", "Ringers"),
    "snowflake": ("Frost", "Blizzard"),
    "skull": ("Pirates", "Reapers"), "bridge": ("Bridges",), "wheat": ("Millers", "Harvesters"),
    "guitar": ("Strings", "Rockers"),
    "rocket": ("Rockets",), "gear": ("Engineers", "Mechanics"), "heart": ("Hearts",),
    "clover": ("Clovers", "Shamrocks"),
    "volcano": ("Volcanoes", "Lava"), "wheel": ("Wheels", "Wagoners"),
}  # fmt: skip


@dataclass(frozen=True)
class Club:
    """A club in one era. `years` reads "1998 - 2011" or "2012 - Present"; `caption` describes `emblem`."""

    name: str
    town: str
    nickname: str
    league: str
    years: str
    emblem: Emblem
    caption: str


def _lettering(rng: np.random.Generator, town: str, nickname: str) -> tuple[str | None, str | None, str | None]:
    """Initials, first and second wordmark that agree with the club's name."""
    initials = town[0] + nickname[0] if rng.random() < 0.75 else town[0]
    roll = rng.random()
    if roll < 0.3:
        words: tuple[str | None, str | None] = (town.upper(), nickname.upper())
    elif roll < 0.62:
        words = (town.upper(), None)
    elif roll < 0.72:
        words = (nickname.upper(), None)
    else:
        words = (None, None)
    return (initials if rng.random() < 0.36 else None, *words)


def _new_era(rng: np.random.Generator, emblem: Emblem, nickname: str) -> Emblem:
    """A later crest of the same club: new colours and shape, and at times no charge or another style."""
    kinds = frozenset(["style"]) if emblem.style == "vintage" and rng.random() < 0.5 else frozenset()
    initials = emblem.initials
    fresh = dress(rng, kinds, emblem.charge, initials, emblem.wordmark, emblem.wordmark2)
    if rng.random() < 0.5 and fresh.shape != "free" and emblem.shape not in ("free", "star", "diamond"):
        fresh = replace(fresh, shape=emblem.shape, division="plain", second=None)
    return fresh


def _club(rng: np.random.Generator, taken: set[str]) -> list[Club]:
    """One club, with one or two eras; its name is not among those taken."""
    reserved = rng.random() < 0.3
    kinds = frozenset([pick(rng, ("shape", "charge", "style"))]) if reserved else frozenset()
    charge = sample_charge(rng, "charge" in kinds)
    nickname = pick(rng, _NICKNAMES[charge])
    town = pick(rng, _HEADS) + pick(rng, _TAILS)
    while f"{town} {nickname}" in taken or town in taken:
        town = pick(rng, _HEADS) + pick(rng, _TAILS)
        if rng.random() < 0.3:
            town = pick(rng, ("New ", "Port ", "East ", "Upper ")) + town
    league = pick(rng, _LEAGUES)
    initials, first, second = _lettering(rng, town, nickname)
    shown: str | None = charge
    if "charge" not in kinds:
        if initials is not None and rng.random() < 0.25:
            shown = None
        elif rng.random() < 0.08:
            shown = sample_charge(rng, False)
    emblem = dress(rng, kinds, shown, initials, first, second)
    start = int(rng.integers(1960, 2018))
    eras = [emblem]
    if rng.random() < 0.19:
        eras.insert(0, _new_era(rng, emblem, nickname))
    clubs = []
    for i, crest in enumerate(eras):
        last = i == len(eras) - 1
        end = "Present" if last and rng.random() < 0.9 else str(start + int(rng.integers(5, 24)))
        years = f"{start} - {end}"
        if not last:
            start = int(end) + 1
        clubs.append(Club(f"{town} {nickname}", town, nickname, league, years, crest, describe(crest, rng)))
    return clubs


def clubs(n: int = 500, seed: int = 0) -> list[Club]:
    """The first n crests of invented clubs; about one club in five has two eras in a row.

    The list for a smaller n is a prefix of that for a larger one. No two emblems are equal. ValueError for
    n < 0.
    """
    if n < 0:
        raise ValueError("n must not be negative")
    found: list[Club] = []
    names: set[str] = set()
    keys: set[str] = set()
    index = 0
    while len(found) < n:
        made = _club(np.random.default_rng([seed, index]), names)
        index += 1
        fresh = {c.emblem.key() for c in made}
        if len(fresh) < len(made) or fresh & keys:
            continue
        keys |= fresh
        names |= {made[0].name, made[0].town}
        found += made
    return found[:n]
