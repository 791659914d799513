"""The league pages of sportslogohistory.com as they stood in November 2022, and their leagues' names."""

from __future__ import annotations

import re

HOST = "sportslogohistory.com"

LEAGUES: dict[str, str] = {
    "/aaf-primary-logo/": "AAF",
    "/aba-logos/": "ABA",
    "/acc-primary-logo/": "ACC",
    "/american-athletic-primary-logo/": "American Athletic",
    "/asun-primary-logo/": "ASUN",
    "/atlantic-10-primary-logo/": "Atlantic 10",
    "/big-10-primary-logo/": "Big Ten",
    "/big-12-primary-logo/": "Big 12",
    "/big-east-primary-logo/": "Big East",
    "/big-sky-primary-logo/": "Big Sky",
    "/big-west-primary-logo/": "Big West",
    "/c-usa-primary-logo/": "Conference USA",
    "/cfl-primary-logo/": "CFL",
    "/ivy-primary-logo/": "Ivy",
    "/mac-primary-logo/": "MAC",
    "/missouri-valley-primary-logo/": "Missouri Valley",
    "/mlb-primary-logo/": "MLB",
    "/mls-primary-logo/": "MLS",
    "/mountain-west-primary-logo/": "Mountain West",
    "/nba-primary-logo/": "NBA",
    "/nfl-primary-logo/": "NFL",
    "/nhl-primary-logo/": "NHL",
    "/ohio-valley-primary-logo/": "Ohio Valley",
    "/pac-12-primary-logo/": "Pac-12",
    "/patriot-primary-logo/": "Patriot",
    "/premier-primary-logo/": "Premier League",
    "/sec-primary-logo/": "SEC",
    "/sun-belt-primary-logo/": "Sun Belt",
    "/usfl-logos/": "USFL",
    "/west-coast-primary-logo/": "West Coast",
    "/wnba-primary-logo/": "WNBA",
    "/xfl-primary-logo/": "XFL",
}

LEAGUE_PATH = re.compile(r"/[^/]+-(?:primary-logos?|logos)/?")


def league_name(path: str) -> str:
    """A league's name from its page's path: the known one, or the path's words."""
    if path in LEAGUES:
        return LEAGUES[path]
    words = re.sub(r"-(?:primary-)?logos?$", "", path.strip("/").rpartition("/")[2]).replace("-", " ")
    return words.upper() if len(words) <= 4 else words.title()
