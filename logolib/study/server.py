"""The study as a web page: consent, one question at a time, and the organiser's view of the progress."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import parse_qs

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from pydantic import Field

from logolib.config import Settings
from logolib.study.page import ASSETS, asset, page
from logolib.study.sheets import PICTURES, RIGHT, Study, load_study, sheet
from logolib.study.store import MAX_RATERS, Refused, Store, Vote
from logolib.study.votes import MAX_MS, question_rows, to_csv

MAX_BODY = 4096  # bytes; a vote has about 120
COOKIE_S = 60 * 60 * 24 * 90  # a rater may return for three months
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self' data:; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


class SentVote(Settings):
    """A vote as the page sends it; anything else is refused."""

    position: int = Field(strict=True, ge=0, lt=100_000)
    choice: int | None = Field(strict=True, ge=0, lt=10)  # None: a tie
    ms: int = Field(strict=True, ge=0, le=MAX_MS)
    vote_id: str = Field(pattern=r"^[0-9a-f]{32}$")


def make_app(folder: Path, database: str, admin_token: str, *, secure: bool = False) -> FastAPI:
    """The web application of the study in `folder`; votes go to the SQLAlchemy URL `database`.

    secure: the cookies travel by https alone. Raises StudyError.
    """
    study = load_study(folder)
    store = Store(database, study.study)
    pictures = {code: (folder / PICTURES / f"{code}.png").read_bytes() for code in study.codes()}

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> Any:
        yield
        store.close()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(_Guard)

    @lru_cache(maxsize=MAX_RATERS)
    def questions(number: int) -> Any:
        return sheet(study, number)

    def cookie(response: Response, name: str, value: str, path: str) -> None:
        response.set_cookie(name, value, max_age=COOKIE_S, path=path, httponly=True, samesite="lax", secure=secure)

    async def known(request: Request) -> tuple[int, int] | None:
        token = request.cookies.get("rater", "")
        return await asyncio.wrap_future(store.rater(token)) if 0 < len(token) < 100 else None

    async def place(request: Request) -> tuple[int, int]:
        found = await known(request)
        if found is None:
            raise HTTPException(401, "Your place in this study is not known here; open your link again.")
        return found

    numbers: dict[str, int] = {}  # by token, which stays a rater's for good: a vote asks the database once

    async def session(request: Request) -> int:
        token = request.cookies.get("rater", "")
        if token not in numbers:
            numbers[token], _ = await place(request)
        return numbers[token]

    def state(number: int, done: int) -> dict[str, Any]:
        return question_state(study, questions(number), done)

    @app.exception_handler(Refused)
    async def refused(_request: Request, refusal: Refused) -> Response:
        return JSONResponse({"detail": str(refusal)}, 409)

    @app.exception_handler(RequestValidationError)
    async def no_vote(_request: Request, _error: RequestValidationError) -> Response:
        return JSONResponse({"detail": "This is no vote."}, 422)  # what was sent is not sent back

    @app.get("/")
    async def welcome(request: Request) -> Response:
        where = "resume" if await known(request) else "welcome"
        return HTMLResponse(page(where, title=study.title, questions=study.length, minutes=minutes(study)))

    @app.post("/join")
    async def join(request: Request) -> Response:
        response = RedirectResponse("/vote", 303)
        if await known(request) is None:
            _, token = await asyncio.wrap_future(store.join())
            cookie(response, "rater", token, "/")
        return response

    @app.get("/r/{token}")
    async def come_back(token: str) -> Response:
        if len(token) > 100 or await asyncio.wrap_future(store.rater(token)) is None:
            raise HTTPException(404, "This link belongs to no rater of this study.")
        response = RedirectResponse("/vote", 303)
        cookie(response, "rater", token, "/")
        return response

    @app.get("/vote")
    async def vote_page(request: Request) -> Response:
        if await known(request) is None:
            return RedirectResponse("/", 303)
        link = f"/r/{request.cookies['rater']}"
        return HTMLResponse(page("vote", title=study.title, question=study.question, link=link))

    @app.get("/api/next")
    async def following(request: Request) -> dict[str, Any]:
        return state(*await place(request))

    @app.post("/api/vote")
    async def vote(request: Request, sent: SentVote) -> dict[str, Any]:
        number = await session(request)
        if sent.position >= study.length or (sent.choice is not None and sent.choice >= study.shown):
            raise HTTPException(422, "There is no such question or picture.")
        done = await asyncio.wrap_future(store.vote(number, Vote(**sent.model_dump())))
        return state(number, done)

    @app.get("/p/{code}.png")
    async def picture(code: str) -> Response:
        if code not in pictures:
            raise HTTPException(404, "There is no such picture.")
        return Response(pictures[code], media_type="image/png", headers={"Cache-Control": "private, max-age=86400"})

    @app.get("/static/{name}")
    async def static(name: str) -> Response:
        if name not in ASSETS:
            raise HTTPException(404, "There is no such file.")
        return Response(asset(name), media_type=ASSETS[name], headers={"Cache-Control": "private, max-age=300"})

    def organiser(request: Request) -> bool:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        shown = given if scheme.lower() == "bearer" else request.cookies.get("organiser", "")
        return secrets.compare_digest(shown.encode(), admin_token.encode())

    @app.get("/admin")
    async def admin(request: Request) -> Response:
        if not organiser(request):
            return HTMLResponse(page("login", title=study.title), 401)
        figures = await asyncio.to_thread(lambda: progress(study, store.all()))  # raters do not wait for it
        return HTMLResponse(page("admin", title=study.title, **figures))

    @app.post("/admin")
    async def login(request: Request) -> Response:
        given = parse_qs((await request.body()).decode("utf8", "replace")).get("token", [""])[0]
        if not secrets.compare_digest(given.encode(), admin_token.encode()):
            return HTMLResponse(page("login", title=study.title), 401)
        response = RedirectResponse("/admin", 303)
        cookie(response, "organiser", given, "/admin")
        return response

    @app.get("/admin/votes.csv")
    async def votes_csv(request: Request) -> Response:
        if not organiser(request):
            raise HTTPException(401, "Log in at /admin first.")
        table = await asyncio.to_thread(lambda: votes_of(study, store.all()))
        return Response(table, media_type="text/csv; charset=utf-8")

    return app


def question_state(study: Study, questions: Any, done: int) -> dict[str, Any]:
    """What a rater's page needs to go on: never an arm, a prompt's number or a question's kind."""
    answer: dict[str, Any] = {"done": done, "total": study.length, "question": None, "ahead": []}
    if done < study.length:
        asked = questions[done]
        answer["question"] = {"position": done, "text": asked.text, "pictures": asked.pictures}
        answer["ahead"] = questions[done + 1].pictures if done + 1 < study.length else []
    return answer


def minutes(study: Study) -> int:
    """About how long a rater takes, at six seconds a question."""
    return max(1, round(study.length / 10))


def votes_of(study: Study, given: dict[int, list[Vote]]) -> str:
    """All votes as CSV; raters go by number."""
    rows: list[dict[str, Any]] = []
    for number, votes in given.items():
        asked = sheet(study, number)
        for vote in votes:
            rows += question_rows(study, f"r{number:04d}", asked[vote.position], vote.choice, vote.ms)
    return to_csv(rows)


def progress(study: Study, given: dict[int, list[Vote]]) -> dict[str, Any]:
    """The organiser's figures. None says who is ahead: that would invite stopping at the right moment."""
    votes = [vote for some in given.values() for vote in some]
    missed = 0
    for number, some in given.items():
        asked = sheet(study, number)
        answered = [(asked[vote.position], vote.choice) for vote in some]
        wrong = sum(q.kind == "check" and (c is None or q.arms[c] != RIGHT) for q, c in answered)
        missed += wrong > study.misses
    return {
        "study": study.study,
        "raters": len(given),
        "begun": sum(bool(some) for some in given.values()),
        "finished": sum(len(some) == study.length for some in given.values()),
        "votes": len(votes),
        "seconds": f"{median(vote.ms for vote in votes) / 1000:.1f} s" if votes else "none yet",
        "missed": missed,
    }


class _Guard:
    """Refuses large bodies before anything reads them, and puts the same headers on every answer (ASGI)."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                extra = [
                    (k.lower().encode(), v.encode()) for k, v in HEADERS.items() if k.lower().encode() not in there
                ]
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        body, more = b"", True
        while more and scope["method"] not in ("GET", "HEAD"):
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > MAX_BODY:
                refusal = JSONResponse({"detail": "That is too long."}, 413, {"Connection": "close"})
                await refusal(scope, receive, guarded)
                return
        given = False

        async def once() -> Any:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, once, guarded)
