"""Clauses of captions that speak of a logo's history and not of what is on it."""

from __future__ import annotations

import re

from logolib.data.colours import COLOURS

_ANY_COLOUR = "|".join(f"[{word[0].upper()}{word[0]}]{word[1:]}" for word in COLOURS)
# A colour as captions name it: "kelly green", "Bulldog Red", "black", never a figure such as "letter".
_NAME = rf"(?:(?:light|dark|bright|deep|royal|kelly|burnt|old|vegas|[A-Z][a-z]+) )*(?:{_ANY_COLOUR}|[A-Z][a-z]+)"
_NAMES = rf"{_NAME}(?:(?:,? and |, | ?& ?){_NAME})*"
_KIND = r"(?:primary|secondary|alternate|main)"
_LOGO = r"(?:[Ll]ogo|[Mm]ark|[Cc]rest|[Ee]mblem|[Bb]adge)"
_NEWER = (
    r"(?:[Nn]ew|[Aa]nother|[Dd]ifferent|[Ss]light(?:ly)?|[Dd]ark(?:er|ened)|[Ll]ight(?:er|ened)|[Bb]right(?:er|ened))"
)
_ALTERED = (
    r"(?:(?:slightly |again )?(?:added|adjusted|adopted|brightened|changed|darkened|introduced|lightened|revised|used))"
)

_BE = r"(?:is|was|were|has been|have been)"
# Whole sentences, without their full stop.
_SENTENCES = (
    # A new shade of gold. Another shade of Burnt Orange changed. New shade of red added to this logo.
    (
        rf"(?:With |In )?(?:(?:An?|The|an?|the) )?(?:{_NEWER} )+(?:shades?|tones?|hues?) of {_NAMES}"
        rf"(?: {_BE})?(?: {_ALTERED})?(?: (?:to|for|in) (?:this|the|their)[^.,]{{0,40}})?"
    ),
    # A new darkened purple.
    rf"(?:An? )?(?:{_NEWER} )+(?:{_ANY_COLOUR})",
    # The shade of gold has been lightened for this version.
    rf"The (?:shades?|tones?|hues?) of {_NAMES} {_BE} {_ALTERED}[^.]{{0,60}}",
    # Darker orange and blue from the previous logo.
    rf"(?:Slightly )?(?:[Dd]arker|[Ll]ighter|[Bb]righter) {_NAMES} (?:from|than) the (?:previous|last)[^.,]{{0,30}}",
    # Slight change to the shade of blue again. A minor update to the primary logo.
    (
        r"(?:(?:An?|Another) )?(?:[Ss]light|[Mm]inor|[Ss]mall|[Ss]ubtle) "
        r"(?:adjust|alter|chang|modif|revis|tweak|updat|variat)[a-z]*\b[^.,]{0,80}"
    ),
    # Designed by Nike. The logo was redesigned by Joe Bosack.
    rf"(?:(?:The|This) (?:new |current |{_KIND} )*{_LOGO} (?:was |is )?)?" + r"(?:[Rr]e-?)?[Dd]esigned by [^.,]{1,60}",
    # Former secondary logo, moved to primary in 1977. Moved from alternate logo. Second time as the primary logo.
    rf"(?:Former|Previous(?:ly an?)?) {_KIND} {_LOGO}(?:,? (?:was )?(?:moved|promoted|changed)\b[^.]{{0,50}})?",
    rf"(?:It )?(?:[Mm]oved|[Pp]romoted|[Cc]hanged) from (?:an? |the )?{_KIND} {_LOGO}(?: [^.,]{{0,40}})?",
    rf"(?:First|Second|Third|Fourth) time as (?:the |an? )?{_KIND}\b[^.,]{{0,30}}",
    # Colors remained the same cardinal and gold.
    r"(?:The )?[Cc]olou?rs (?:remain|remained|stayed|are|were) (?:the same|unchanged)\b[^.]{0,50}",
)
NOISE = re.compile("|".join(_SENTENCES))
# Clauses at the end of a sentence that describes: "A red shield, designed by Joe Bosack".
_PERSON = r"[A-Z][\w&'’-]*(?: (?:and |of |& )?[A-Z][\w&'’-]*){0,5}"
TAIL = re.compile(rf",? (?:(?:which|and|that) )?(?:was )?(?:re)?designed by {_PERSON}(?=[.;!]?[\"”]?$)")

_END = re.compile(r"(?:(?<=[.;!?])|(?<=[.;!?][\"”]))(?<!\bSt\.)(?<!\bMt\.)(?<!\bNo\.)(?<![ .][A-Z]\.) (?=\S)")


def sentences(text: str) -> list[str]:
    """The sentences of a line of text; a space after an initial or `St.` ends none."""
    return _END.split(text)
