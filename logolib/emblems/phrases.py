"""Words for the parts of an emblem. Each list belongs to one value only, so that the value is recoverable."""

from __future__ import annotations

SHAPE_WORDS: dict[str, tuple[str, ...]] = {
    "heater": ("shield", "crest", "pointed shield"),
    "swiss": ("Swiss shield", "notched shield", "Swiss-style crest"),
    "round-based": ("round-bottomed shield", "U-shaped shield", "shield with a rounded base"),
    "roundel": ("roundel", "circle", "round badge", "circular badge"),
    "oval": ("oval", "oval badge"),
    "diamond": ("diamond", "diamond-shaped badge"),
    "square": ("square", "square badge"),
    "banner": ("hanging pennon", "swallowtail flag", "forked vertical flag"),
    "star": ("star-shaped badge", "star badge"),
    "seal": ("serrated seal", "sunburst badge", "starburst seal"),
    "hexagon": ("hexagon", "hexagonal badge", "six-sided badge"),
    "pennant": ("pennant", "triangular pennant"),
    "free": (),
}

# "{s}" is the shape, "{a}" the field colour, "{b}" the second colour.
DIVISION_WORDS: dict[str, tuple[str, ...]] = {
    "plain": ("{a} {s}", "{s} in {a}", "plain {a} {s}"),
    "per pale": (
        "{s} halved in {a} and {b}",
        "{s} with a {a} left half and a {b} right half",
        "{s} split vertically into {a} and {b}",
    ),
    "per fess": (
        "{s} with a {a} top half and a {b} bottom half",
        "{s} divided into {a} above and {b} below",
        "{s} split horizontally into {a} and {b}",
    ),
    "per bend": (
        "{s} split diagonally into {a} and {b}",
        "{s} divided diagonally in {a} and {b}",
        "diagonally halved {a} and {b} {s}",
    ),
    "quarterly": (
        "quartered {a} and {b} {s}",
        "{s} quartered in {a} and {b}",
        "{s} with {a} and {b} quarters",
    ),
    "stripes": (
        "{a} and {b} vertically striped {s}",
        "{a} {s} with {b} vertical stripes",
        "{s} with {a} and {b} vertical stripes",
    ),
    "hoops": ("{a} and {b} hooped {s}", "{s} with {a} and {b} hoops", "{a} {s} with {b} horizontal stripes"),
    "chevron": ("{a} {s} with a {b} chevron", "{a} {s} crossed by a {b} chevron"),
    "saltire": ("{a} {s} with a {b} saltire", "{a} {s} with a {b} diagonal cross"),
    "sash": ("{a} {s} with a {b} sash", "{a} {s} with a {b} diagonal band"),
    "chief": ("{a} {s} with a {b} chief", "{a} {s} with a {b} band across the top"),
    "pale": ("{a} {s} with a {b} central stripe", "{a} {s} with a wide {b} stripe down the middle"),
}

# "{c}" is the colour; phrases in PLURAL take no article.
CHARGE_WORDS: dict[str, tuple[str, ...]] = {
    "lion": ("{c} lion", "{c} lion's head", "front view of a {c} lion's head"),
    "eagle": ("{c} eagle", "{c} eagle with spread wings", "{c} spread eagle"),
    "wolf": ("{c} wolf", "{c} wolf's head", "front view of a {c} wolf's head"),
    "bull": ("{c} bull", "{c} bull's head", "front view of a {c} bull's head"),
    "bear": ("{c} bear", "{c} bear's head", "front view of a {c} bear's head"),
    "ram": ("{c} ram", "{c} ram's head", "{c} ram's head with curled horns"),
    "swords": ("crossed {c} swords", "two crossed {c} swords", "pair of crossed {c} swords"),
    "horseshoe": ("{c} horseshoe",),
    "trident": ("{c} trident",),
    "star": ("{c} star", "five-pointed {c} star"),
    "ball": ("{c} ball", "{c} soccer ball"),
    "basketball": ("{c} basketball",),
    "anchor": ("{c} anchor",),
    "crown": ("{c} crown",),
    "horse": ("{c} horse", "{c} horse's head", "side view of a {c} horse's head"),
    "dragon": ("{c} dragon", "{c} winged dragon"),
    "fish": ("{c} fish",),
    "tree": ("{c} tree", "{c} fir tree"),
    "sun": ("{c} sun", "{c} sun with rays"),
    "moon": ("{c} moon", "{c} crescent moon"),
    "tower": ("{c} tower", "{c} castle tower"),
    "ship": ("{c} ship", "{c} sailing ship"),
    "bolt": ("{c} bolt", "{c} lightning bolt"),
    "paw": ("{c} paw", "{c} paw print"),
    "crow": ("{c} crow", "side view of a {c} crow"),
    "dove": ("{c} dove", "{c} flying dove"),
    "cat": ("{c} cat", "{c} sitting cat"),
    "frog": ("{c} frog",),
    "spider": ("{c} spider",),
    "feather": ("{c} feather",),
    "flame": ("{c} flame",),
    "leaf": ("{c} leaf",),
    "mountain": ("{c} mountain", "{c} mountain peak"),
    "hammer": ("{c} hammer",),
    "key": ("{c} key",),
    "bell": ("{c} bell",),
    "snowflake": ("{c} snowflake",),
    "skull": ("{c} skull",),
    "bridge": ("{c} bridge",),
    "wheat": ("{c} ear of wheat", "{c} wheat ear"),
    "guitar": ("{c} guitar",),
    "rocket": ("{c} rocket",),
    "gear": ("{c} gear", "{c} toothed gear"),
    "heart": ("{c} heart",),
    "clover": ("{c} clover", "{c} four-leaf clover"),
    "volcano": ("{c} volcano", "{c} erupting volcano"),
    "wheel": ("{c} wheel", "{c} spoked wheel"),
}
PLURAL: tuple[str, ...] = ("crossed", "two")

# A closing phrase; "{m}" is what the phrase is about.
STYLE_WORDS: dict[str, tuple[str, ...]] = {
    "flat": ("in a flat style", "in flat colours", "", "", "", ""),
    "outlined": ("with bold black outlines", "with heavy black outlines", "all outlined in black"),
    "shaded": ("with a shaded right half", "with shading on the right side", "shaded on the right"),
    "stencil": ("in a stencil style", "cut as a stencil with two slits", "as a stencil with diagonal gaps"),
    "vintage": (
        "in a vintage style with a double outline",
        "in faded retro tones with a double outline",
        "in muted vintage colours with a double outline",
    ),
}
