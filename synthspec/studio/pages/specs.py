"""The page of all specs: what there is, how each stands, and new ones."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from synthspec.studio.context import RequestRefused, Studio, json_answer, json_of, render, spec_path, studio_of
from synthspec.studio.runs.registry import Runs
from synthspec.studio.starting import MOST_BYTES, DroppedData, blocks, examples, look, make_spec
from synthspec.studio.workspace import Workspace


def page(request: Request) -> Response:
    """The page with what is known at once: names, and what was built. How specs stand is asked for afterwards."""
    studio = studio_of(request)
    listed = studio.service(Workspace).listed()
    specs, parts = [s for s in listed if not s["part"]], [s for s in listed if s["part"]]
    first = request.app.state.tabs[0].path
    return render(request, "specs.html", folder=studio.folder, specs=specs, parts=parts, first_page=first)


def listing(request: Request) -> Response:
    """The paths of the specs."""
    return json_answer({"specs": studio_of(request).service(Workspace).paths()})


def state(request: Request) -> Response:
    """How one spec stands."""
    studio = studio_of(request)
    found = studio.service(Workspace).state(spec_path(request))
    return json_answer({**found, **_last_run(studio, request.path_params["spec"])})


def _last_run(studio: Studio, spec: str) -> dict[str, Any]:
    """When a spec was run last from here, and what runs now."""
    runs = studio.service(Runs)
    known = runs.of_spec(spec)
    running = next((r for r in known if runs.is_running(r)), None)
    about: dict[str, Any] | None = None
    if running is not None:
        state, figures = runs.state(running), runs.events(running).figures
        about = {
            "id": running.id,
            "kind": running.kind,
            "state": state["state"],
            "kept": figures.kept,
            "rows": running.rows,
        }
    return {"running": about, "last_run": known[0].begun if known else None}


def offers(request: Request) -> Response:
    """What a new spec can be made from, besides data."""
    return json_answer({"examples": examples(), "blocks": blocks()})


async def drop(request: Request) -> Response:
    """Take a data file; what is in it is asked for afterwards."""
    name = request.query_params.get("name", "")
    dropped = studio_of(request).service(DroppedData)
    id, path = await run_in_threadpool(dropped.place, name)
    size = 0
    with path.open("wb") as file:
        async for piece in request.stream():
            size += len(piece)
            if size > MOST_BYTES:
                await run_in_threadpool(dropped.remove, id)
                raise RequestRefused(413, f"more than {MOST_BYTES >> 20} MB", "make the spec from a part of it")
            file.write(piece)
    return json_answer({"data": id}, 201)


async def look_into(request: Request) -> Response:
    """What is in a file that was dropped, and what would be made of it."""
    asked = await json_of(request)
    reading = {key: asked.get(key) for key in ("delimiter", "encoding")}
    found = await run_in_threadpool(look, studio_of(request), request.path_params["id"], reading, "dataset")
    return json_answer(dict(found.about))


async def make(request: Request) -> Response:
    """Write a new spec."""
    asked = await json_of(request)
    return json_answer({"spec": await run_in_threadpool(make_spec, studio_of(request), asked)}, 201)


ROUTES = (
    Route("/", page),
    Route("/api/specs", listing),
    Route("/api/state/{spec:path}", state),
    Route("/api/new/offers", offers),
    Route("/api/new/data", drop, methods=["POST"]),
    Route("/api/new/data/{id}", look_into, methods=["POST"]),
    Route("/api/new", make, methods=["POST"]),
)
