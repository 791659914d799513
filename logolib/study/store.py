"""Raters and votes in a database, written by one thread that shares each commit among all who wait."""

from __future__ import annotations

import hashlib
import queue
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from logolib.results import reason_of
from logolib.study.sheets import StudyError

MAX_RATERS = 10_000  # a study of logos has hundreds; more is someone's script

_TABLES = sa.MetaData()
_ABOUT = sa.Table("about", _TABLES, sa.Column("study", sa.String(12), primary_key=True))
_RATERS = sa.Table(
    "raters",
    _TABLES,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),  # from 0: also the sheet's
    sa.Column("token", sa.String(64), nullable=False, unique=True),  # SHA-256 of what the rater holds
    sa.Column("joined", sa.DateTime(timezone=True), nullable=False),
)
_VOTES = sa.Table(
    "votes",
    _TABLES,
    sa.Column("rater", sa.Integer, sa.ForeignKey("raters.number"), primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),  # on the rater's sheet, from 0
    sa.Column("choice", sa.Integer),  # picture from the left, from 0; NULL for a tie
    sa.Column("ms", sa.Integer, nullable=False),
    sa.Column("vote_id", sa.String(36), nullable=False, unique=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
)

Answer = TypeVar("Answer")


class Refused(Exception):
    """A vote that cannot be taken; the text says why."""


@dataclass(frozen=True)
class Vote:
    """One answer as the rater's page sends it."""

    position: int
    choice: int | None
    ms: int
    vote_id: str


class Store:
    """The votes of one study. What a method gives is committed."""

    def __init__(self, url: str, study: str) -> None:
        """Open or make the database. Raises StudyError when it cannot be, or holds another study's votes."""
        try:
            address = sa.make_url(url)
            sqlite = address.get_backend_name() == "sqlite"
            # The one thread that writes is not the one that opens.
            more: dict[str, Any] = {"connect_args": {"check_same_thread": False}} if sqlite else {"pool_pre_ping": True}
            self._engine = sa.create_engine(address, **more)
            if sqlite:
                sa.event.listen(self._engine, "connect", _durable)
            _TABLES.create_all(self._engine)
            with self._engine.begin() as connection:
                known = connection.scalars(sa.select(_ABOUT.c.study)).all()
                if not known:
                    connection.execute(_ABOUT.insert().values(study=study))
        except (sa.exc.SQLAlchemyError, ImportError, UnicodeDecodeError) as error:
            cause = reason_of(getattr(error, "orig", None) or error)
            raise StudyError(f"The database cannot be opened ({cause}); check --database.") from None
        if known and list(known) != [study]:
            self._engine.dispose()
            raise StudyError(f"The database holds votes of study {known[0]}, not {study}; choose another --database.")
        self._asked: queue.SimpleQueue[tuple[Callable[[sa.Connection], Any], Future] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="votes", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finish what waits, then let the database go."""
        self._asked.put(None)
        self._thread.join()
        self._engine.dispose()

    def join(self) -> Future[tuple[int, str]]:
        """Admit a rater: a number, and the secret that only the rater keeps. Refused when there are too many."""
        token = secrets.token_urlsafe(18)

        def admit(connection: sa.Connection) -> tuple[int, str]:
            number = connection.scalar(sa.select(sa.func.count()).select_from(_RATERS)) or 0
            if number >= MAX_RATERS:
                raise Refused("This study is full.")
            connection.execute(_RATERS.insert().values(number=number, token=_hash(token), joined=datetime.now(UTC)))
            return number, token

        return self._submit(admit)

    def rater(self, token: str) -> Future[tuple[int, int] | None]:
        """The rater's number and how many questions are answered; None for a token that nobody was given."""

        def find(connection: sa.Connection) -> tuple[int, int] | None:
            number = connection.scalar(sa.select(_RATERS.c.number).where(_RATERS.c.token == _hash(token)))
            return None if number is None else (number, _answered(connection, number))

        return self._submit(find)

    def vote(self, rater: int, vote: Vote) -> Future[int]:
        """Keep a vote; returns how many questions are answered.

        The same vote again changes nothing and gets the same answer. Refused: another vote for a question that
        is answered, a question out of turn, or a vote_id that stands for another vote.
        """

        def keep(connection: sa.Connection) -> int:
            kept = connection.execute(sa.select(_VOTES).where(_VOTES.c.vote_id == vote.vote_id)).one_or_none()
            done = _answered(connection, rater)
            if kept is not None:
                if (kept.rater, kept.position, kept.choice) != (rater, vote.position, vote.choice):
                    raise Refused("This vote was counted for another question.")
                return done
            if vote.position != done:
                raise Refused("This question is answered." if vote.position < done else "This question comes later.")
            values = {"choice": vote.choice, "ms": vote.ms, "vote_id": vote.vote_id, "at": datetime.now(UTC)}
            connection.execute(_VOTES.insert().values(rater=rater, position=vote.position, **values))
            return done + 1

        return self._submit(keep)

    def all(self) -> dict[int, list[Vote]]:
        """Every rater's votes in the order of the sheet; raters without votes have an empty list.

        Read beside the thread that writes, so that no vote waits for it. Raises StudyError when they are damaged.
        """
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(sa.select(_VOTES).order_by(_VOTES.c.rater, _VOTES.c.position)).all()
                numbers = connection.scalars(sa.select(_RATERS.c.number).order_by(_RATERS.c.number)).all()
            votes: dict[int, list[Vote]] = {number: [] for number in numbers}
            for row in rows:
                votes[row.rater].append(Vote(row.position, row.choice, row.ms, row.vote_id))
        except (sa.exc.SQLAlchemyError, KeyError, ValueError, TypeError) as error:
            cause = reason_of(getattr(error, "orig", None) or error)
            raise StudyError(f"The database of votes is damaged ({cause}); restore it from a copy.") from None
        return votes

    def _submit(self, work: Callable[[sa.Connection], Answer]) -> Future[Answer]:
        future: Future[Answer] = Future()
        self._asked.put((work, future))
        return future

    def _work(self) -> None:
        """Take what waits, do it in one transaction, commit, and only then answer."""
        ending = False
        while not ending:
            batch = [self._asked.get()]
            while not self._asked.empty():
                batch.append(self._asked.get())
            ending = None in batch
            jobs = [job for job in batch if job is not None]
            answers: list[tuple[Future, Any, Exception | None]] = []
            try:
                with self._engine.begin() as connection:
                    for work, future in jobs:
                        try:
                            answers.append((future, work(connection), None))
                        except Refused as refusal:
                            answers.append((future, None, refusal))
            except Exception as error:  # the database failed: nothing of the batch is kept, and all are told
                answers = [(future, None, error) for _, future in jobs]
            for future, answer, fault in answers:
                if fault is None:
                    future.set_result(answer)
                else:
                    future.set_exception(fault)


def _durable(connection: Any, _record: Any) -> None:
    """A commit returns when the votes are on the disk (SQLite, PRAGMA synchronous)."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")


def _answered(connection: sa.Connection, rater: int) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(_VOTES).where(_VOTES.c.rater == rater)) or 0


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
