"""Starts the study's web server."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

from logolib.study.sheets import StudyError, load_study

TOKEN = "LOGOLIB_STUDY_TOKEN"  # environment variable with the organiser's token
WEAK = 16  # characters; a shorter token can be guessed


def serve(
    folder: Path,
    database: str | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    secure: bool = False,
    say: Callable[[str], object] = print,
) -> None:
    """Serve the study in `folder` until interrupted; votes go to `database`, votes.sqlite in the folder when None.

    The organiser's token stands in the environment variable LOGOLIB_STUDY_TOKEN; without one a new token is made
    and said once. Raises StudyError when the study, the database or the address cannot be used.
    """
    load_study(folder)
    token = os.environ.get(TOKEN) or secrets.token_urlsafe(18)
    if len(token) < WEAK:
        raise StudyError(f"The token in {TOKEN} is short; give it at least {WEAK} characters.")
    try:
        import uvicorn

        from logolib.study.server import make_app
    except ModuleNotFoundError as error:
        raise StudyError(f"The web page needs {error.name}; pip install 'logolib[study]'.") from None
    url = database or f"sqlite:///{(folder / 'votes.sqlite').resolve()}"
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=512)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio leaves given sockets as they are
    except OSError as error:
        raise StudyError(f"{host}:{port} cannot be listened on ({error.strerror}); choose another --port.") from None
    with listener:
        app = make_app(folder, url, token, secure=secure)
        own = f"[{host}]" if ":" in host else host
        say(f"The study is at http://{own}:{listener.getsockname()[1]}/ and its progress at /admin.")
        if TOKEN not in os.environ:
            say(f"The organiser's token is {token}; set {TOKEN} to choose your own.")
        settings = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,  # s: a rater looks longer than uvicorn's 5 and would connect anew for each vote
            timeout_graceful_shutdown=5,
        )
        uvicorn.Server(settings).run(sockets=[listener])
