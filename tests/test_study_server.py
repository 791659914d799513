"""The web page keeps each vote once, tells nobody whose picture is whose, and refuses what is no vote."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from study_world import small_study

from logolib.study import StudyError, load_study, sheet
from logolib.study.server import make_app
from logolib.study.store import Store, Vote
from logolib.study.votes import COLUMNS, read_votes

TOKEN = "the-organisers-own-token"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = ("arm-of-one", "arm-of-two")  # words that no page and no description says
    return small_study(tmp_path_factory.mktemp("study"), names=names, checks=2)


@pytest.fixture
def web(made: Path, tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(make_app(made, f"sqlite:///{tmp_path / 'votes.sqlite'}", TOKEN)) as client:
        yield client


def ballot(place: int = 0, **changes: Any) -> dict[str, Any]:
    return {"position": place, "choice": 0, "ms": 900, "vote_id": f"{place:032x}", **changes}


def organisers_rows(web: TestClient) -> list[dict[str, str]]:
    answer = web.get("/admin/votes.csv", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_a_rater_agrees_answers_every_question_and_the_csv_has_it(web: TestClient, made: Path, tmp_path: Path) -> None:
    study = load_study(made)
    assert "By starting you agree" in web.get("/").text
    assert web.get("/vote", follow_redirects=False).headers["location"] == "/"
    assert web.post("/join").url.path == "/vote"
    state = web.get("/api/next").json()
    asked = sheet(study, 0)
    for i, question in enumerate(asked):
        assert state["question"] == {"position": i, "text": question.text, "pictures": list(question.pictures)}
        picture = web.get(f"/p/{question.pictures[0]}.png")
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
        state = web.post("/api/vote", json=ballot(i, choice=None if i == 1 else 1)).json()
    assert state == {"done": study.length, "total": study.length, "question": None, "ahead": []}
    rows = organisers_rows(web)
    assert list(rows[0]) == list(COLUMNS)
    assert [(row["prompt_id"], row["left_arm"], row["right_arm"]) for row in rows] == [
        (q.prompt_id, *q.arms) for q in asked
    ]
    assert [row["winner"] for row in rows] == ["tie" if i == 1 else "right" for i in range(len(asked))]
    assert {row["rater"] for row in rows} == {"r0000"}
    (tmp_path / "votes.csv").write_text(web.get("/admin/votes.csv", headers={"Authorization": f"Bearer {TOKEN}"}).text)
    assert len(read_votes(study, [tmp_path / "votes.csv"])) == study.length


def test_the_same_vote_again_counts_once_and_gets_the_same_answer(web: TestClient) -> None:
    web.post("/join")
    first = web.post("/api/vote", json=ballot(0))
    assert (first.status_code, first.json()["done"]) == (200, 1)
    assert web.post("/api/vote", json=ballot(0)).json() == first.json()
    assert len(organisers_rows(web)) == 1


def test_a_rater_leaves_and_returns_by_cookie_or_by_link(web: TestClient) -> None:
    web.post("/join")
    web.post("/api/vote", json=ballot(0))
    assert "Welcome back" in web.get("/").text
    assert web.post("/join").url.path == "/vote"
    link = re.search(r'href="(/r/[^"]+)"', web.get("/vote").text)
    assert link is not None
    web.cookies.clear()
    assert web.get("/api/next").status_code == 401
    assert web.get(link[1]).url.path == "/vote"
    assert web.get("/api/next").json()["done"] == 1
    assert web.get("/r/somebody-elses").status_code == 404


def test_votes_that_are_none_are_refused_and_change_nothing(web: TestClient, made: Path) -> None:
    assert web.post("/api/vote", json=ballot(0)).status_code == 401
    web.cookies.set("rater", "guessed")
    assert web.post("/api/vote", json=ballot(0)).status_code == 401
    web.cookies.clear()
    web.post("/join")
    length = load_study(made).length
    for wrong in (
        {"choice": 2},
        {"choice": -1},
        {"choice": "0"},
        {"choice": True},
        {"choice": "<script>alert(1)</script>"},
        {"position": -1},
        {"position": length},
        {"position": 1.5},
        {"ms": -1},
        {"ms": 3_600_001},
        {"ms": 1e99},
        {"vote_id": "<script>"},
        {"vote_id": "a" * 33},
        {"rater": 0},
        {"note": "x"},
    ):
        assert web.post("/api/vote", json=ballot(**wrong)).status_code == 422, wrong
    for body in (b"", b"{", b"[]", b"null", b'{"position": NaN}', b"\xff\xfe"):
        headers = {"Content-Type": "application/json"}
        assert web.post("/api/vote", content=body, headers=headers).status_code in (400, 422), body
    late = web.post("/api/vote", json=ballot(3))
    assert (late.status_code, late.json()["detail"]) == (409, "This question comes later.")
    web.post("/api/vote", json=ballot(0))
    assert web.post("/api/vote", json=ballot(0, vote_id="f" * 32)).status_code == 409
    assert web.post("/api/vote", json=ballot(1, vote_id=f"{0:032x}")).status_code == 409
    assert web.post("/api/vote", json=ballot(0, choice=1)).status_code == 409
    assert [row["winner"] for row in organisers_rows(web)] == ["left"]


def test_a_vote_replayed_in_another_session_is_refused(web: TestClient) -> None:
    web.post("/join")
    web.post("/api/vote", json=ballot(0))
    web.cookies.clear()
    web.post("/join")
    assert web.post("/api/vote", json=ballot(0)).status_code == 409
    assert len(organisers_rows(web)) == 1


def test_a_megabyte_is_refused_announced_or_not(web: TestClient) -> None:
    web.post("/join")
    large = json.dumps(ballot(0, note="x" * 1_000_000)).encode()
    headers = {"Content-Type": "application/json"}
    assert web.post("/api/vote", content=large, headers=headers).status_code == 413
    pieces = (large[i : i + 1000] for i in range(0, len(large), 1000))
    assert web.post("/api/vote", content=pieces, headers=headers).status_code == 413
    assert organisers_rows(web) == []


def test_nothing_that_a_rater_gets_names_an_arm_a_key_or_a_kind(web: TestClient, made: Path) -> None:
    study = load_study(made)
    web.post("/join")
    answers = [web.get("/"), web.get("/vote"), web.get("/api/next"), web.get("/static/vote.js")]
    answers += [web.post("/api/vote", json=ballot(i)) for i in range(3)]
    for answer in answers:
        said = answer.text + str(answer.headers)
        for secret in (*study.arms, study.key, "check-", 'repeat"', '"main"', "p001"):
            assert secret not in said.replace("event.repeat", ""), (secret, answer.url)
    pictures = [web.get(f"/p/{code}.png") for code in sorted(study.codes())]
    assert len({str(sorted(picture.headers.items())) for picture in pictures}) == 1
    assert "etag" not in pictures[0].headers
    assert "last-modified" not in pictures[0].headers
    for path in (
        "/study.json",
        "/p/../study.json",
        "/p/%2e%2e%2fstudy.png",
        "/static/../study.json",
        "/docs",
        "/openapi.json",
    ):
        assert web.get(path).status_code == 404, path


def test_the_organisers_pages_need_the_token_and_do_not_say_who_is_ahead(web: TestClient, made: Path) -> None:
    web.post("/join")
    web.post("/api/vote", json=ballot(0))
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer"},
    ):
        assert web.get("/admin", headers=headers).status_code == 401
        assert web.get("/admin/votes.csv", headers=headers).status_code == 401
    assert web.post("/admin", data={"token": "wrong"}).status_code == 401
    page = web.post("/admin", data={"token": TOKEN})
    assert (page.status_code, page.url.path) == (200, "/admin")
    assert re.search(r"Votes</th><td>1</td>", page.text)
    assert not any(arm in page.text for arm in load_study(made).arms)


def test_cookies_and_headers_keep_to_themselves(web: TestClient) -> None:
    cookie = web.post("/join", follow_redirects=False).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    headers = web.get("/vote").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


def test_a_description_with_script_in_it_stays_text(tmp_path: Path) -> None:
    made = small_study(tmp_path, checks=0, prompts=2, title="<script>alert(1)</script>", question="<b>which?</b>")
    with TestClient(make_app(made, f"sqlite:///{tmp_path / 'v.sqlite'}", TOKEN)) as web:
        web.post("/join")
        for path in ("/", "/vote", "/admin"):
            assert "<script>alert" not in web.get(path).text
            assert "<b>" not in web.get(path).text


def test_a_database_of_another_study_or_none_at_all_is_refused(made: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'votes.sqlite'}"
    Store(url, "other-study").close()
    with pytest.raises(StudyError, match="holds votes of study other-study"):
        make_app(made, url, TOKEN)
    for bad in ("nonsense", "sqlite:////nowhere/at/all.sqlite", "unknown://host/db"):
        with pytest.raises(StudyError, match="cannot be opened"):
            make_app(made, bad, TOKEN)


def test_votes_outlive_the_store_that_took_them(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'votes.sqlite'}"
    store = Store(url, "s")
    number, token = store.join().result()
    waiting = [store.vote(number, Vote(i, None, 5, f"{i:032x}")) for i in range(50)]
    assert [vote.result() for vote in waiting] == list(range(1, 51))
    store.close()
    again = Store(url, "s")
    assert again.rater(token).result() == (number, 50)
    assert token not in (tmp_path / "votes.sqlite").read_bytes().decode("latin1")
    again.close()


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """A server of its own, on a socket in a short-named folder; never as root, which it refuses."""
    initdb, postgres = shutil.which("initdb"), shutil.which("postgres")
    if initdb is None or postgres is None:
        pytest.skip("no PostgreSQL on this machine")
    pytest.importorskip("psycopg2")
    as_other: dict[str, Any] = {"user": "nobody"} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as folder:
        if as_other:
            shutil.chown(folder, "nobody")
        data = f"{folder}/data"
        words = [initdb, "-D", data, "-A", "trust", "-U", "study", "--no-sync"]
        made = subprocess.run(words, capture_output=True, text=True, cwd=folder, **as_other)
        if made.returncode != 0:
            pytest.skip(f"initdb: {made.stderr.strip()[-200:]}")
        words = [postgres, "-D", data, "-k", folder, "-c", "listen_addresses="]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(words, cwd=folder, **quiet, **as_other)
        try:
            engine = sa.create_engine(f"postgresql+psycopg2://study@/postgres?host={folder}")
            for _ in range(300):
                try:
                    engine.connect().close()
                    break
                except sa.exc.OperationalError:
                    time.sleep(0.1)
            engine.dispose()
            yield f"postgresql+psycopg2://study@/postgres?host={folder}"
        finally:
            process.send_signal(signal.SIGINT)  # ends at once, whoever is connected
            process.wait(30)


def test_postgresql_keeps_the_same_votes(postgresql: str, made: Path) -> None:
    with TestClient(make_app(made, postgresql, TOKEN)) as web:
        web.post("/join")
        for i in range(4):
            assert web.post("/api/vote", json=ballot(i)).json()["done"] == i + 1
            assert web.post("/api/vote", json=ballot(i)).json()["done"] == i + 1
        assert web.post("/api/vote", json=ballot(2, vote_id="e" * 32)).status_code == 409
        assert len(organisers_rows(web)) == 4
    with TestClient(make_app(made, postgresql, TOKEN)) as web:
        assert len(organisers_rows(web)) == 4
