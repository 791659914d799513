"""The whole study as one HTML file that needs no server; each rater's answers come back as a JSON file."""

from __future__ import annotations

import base64
import json
from html import escape
from pathlib import Path
from string import Template

from logolib.results import write_text
from logolib.study.page import asset, frame
from logolib.study.sheets import PICTURES, Study, load_study, sheet

SHEETS = 16  # different orders in one file; each opening of the file takes one at random
FOOT = (
    "Your choices and the time they took stay in this browser until you save them; no name or address is among them, "
    "and what you send may be published. You can stop at any time. "
    '<button id="save" type="button">Save my answers</button>'
)


def export_page(folder: Path, out: Path) -> Path:
    """Write the study in `folder` to the HTML file `out`; neither arms nor kinds of question are in it.

    Raises StudyError when the study is missing or damaged.
    """
    study = load_study(folder)
    vote = Template(asset("vote.html")).substitute(question=escape(study.question), link="#")
    start, end = vote.index("<footer"), vote.index("</footer>")
    body = f'{vote[:start]}<footer id="foot">{FOOT}{vote[end:]}'
    # "<" is escaped so that no description can end the script element
    data = json.dumps(_data(study, folder), separators=(",", ":")).replace("<", "\\u003c")
    scripts = f'<script type="application/json" id="study-data">{data}</script>'
    scripts += f"<script>{asset('vote.js')}</script><script>{asset('offline.js')}</script>"
    write_text(out, frame(study.title, f"<style>{asset('study.css')}</style>", body, scripts))
    return out


def _data(study: Study, folder: Path) -> dict[str, object]:
    sheets = [sheet(study, number) for number in range(SHEETS)]
    texts = list(dict.fromkeys(question.text for questions in sheets for question in questions))
    place = {text: i for i, text in enumerate(texts)}
    codes = sorted({code for questions in sheets for question in questions for code in question.pictures})
    return {
        "study": study.study,
        "texts": texts,
        "sheets": [[(place[q.text], q.pictures) for q in questions] for questions in sheets],
        "pictures": {code: _data_url((folder / PICTURES / f"{code}.png").read_bytes()) for code in codes},
    }


def _data_url(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"
