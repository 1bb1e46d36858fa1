"""The studio as one ASGI application: the routes of every page, behind the door."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from synthspec.diagnostics.errors import SynthspecError
from synthspec.studio import pages
from synthspec.studio.context import FOLDER, RequestRefused, Studio, Tab, told
from synthspec.studio.paths import OutsideFolder
from synthspec.studio.security import GuardedApp

SAID = {404: ("there is no such page", "the specs are at /"), 405: ("that cannot be done here", "")}


def make_app(studio: Studio) -> Starlette:
    """The application of a studio."""
    mimetypes.add_type("text/javascript", ".js")  # whatever the system says
    found = tuple(_pages())
    routes: list[BaseRoute] = [Mount("/static", StaticFiles(directory=FOLDER / "static"), name="static")]
    for page in found:
        routes += page.ROUTES
    app = Starlette(
        routes=routes,
        middleware=[Middleware(GuardedApp, door=studio.door), Middleware(Inside)],
        exception_handlers={RequestRefused: _refused, HTTPException: _http, SynthspecError: _known},
        lifespan=_lifespan,
    )
    app.state.studio = studio
    app.state.tabs = tuple(sorted(page.TAB for page in found if isinstance(getattr(page, "TAB", None), Tab)))
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> Any:
    yield


def _pages() -> Iterator[ModuleType]:
    for module in sorted(iter_modules(pages.__path__), key=lambda m: m.name):
        if not module.name.startswith("_"):
            yield import_module(f"{pages.__name__}.{module.name}")


class Inside:
    """Lets nobody further who came without the cookie of a session, and no error out that nobody foresaw.

    The door is before it, so what is said here leaves as everything does: with our headers, without secrets.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not scope.get("studio.admitted"):
            message = "the studio does not know this browser"
            help = "open the address that the terminal shows: each works once, and a new one is shown there now"
            await told(Request(scope), RequestRefused(403, message, help))(scope, receive, send)
            return
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as e:
            if begun:
                raise
            await _unforeseen(Request(scope), e)(scope, receive, send)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestRefused)
    return told(request, error)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message, help = SAID.get(error.status_code, (str(error.detail), ""))
    return told(request, RequestRefused(error.status_code, message, help))


def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, SynthspecError)
    status = 404 if isinstance(error, OutsideFolder) else 422
    return told(request, RequestRefused(status, error.message, error.help))


def _unforeseen(request: Request, error: Exception) -> Response:
    said = " ".join(str(error).split())[:300]
    message = f"the studio stopped at an internal error ({type(error).__name__}{f': {said}' if said else ''})"
    return told(request, RequestRefused(500, message, "nothing is lost; if it happens again, report it with the spec"))
