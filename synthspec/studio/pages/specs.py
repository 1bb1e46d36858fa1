"""The page of all specs: what there is, and how each stands."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from synthspec.studio.context import as_json, render, spec_path, studio_of
from synthspec.studio.workspace import Workspace


def page(request: Request) -> Response:
    """The page itself, with the names of the specs; how they stand is asked for afterwards."""
    studio = studio_of(request)
    return render(request, "specs.html", folder=studio.folder, specs=studio.service(Workspace).paths())


def listing(request: Request) -> Response:
    """The paths of the specs."""
    return as_json({"specs": studio_of(request).service(Workspace).paths()})


def state(request: Request) -> Response:
    """How one spec stands."""
    return as_json(studio_of(request).service(Workspace).state(spec_path(request)))


ROUTES = (
    Route("/", page),
    Route("/api/specs", listing),
    Route("/api/state/{spec:path}", state),
)
