"""The page that previews and builds a spec, and shows it as it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from synthspec.compiler import compile_spec
from synthspec.sources.kinds import Access
from synthspec.studio.context import RequestRefused, Studio, Tab, json_answer, json_of, render, spec_path, studio_of
from synthspec.studio.runs.consent import needs_trust_alone, questions_of
from synthspec.studio.runs.offer import PREVIEWED, choices, offer, overrides_of
from synthspec.studio.runs.registry import Runs, RunWanted
from synthspec.studio.runs.stream import stream_of
from synthspec.studio.workspace import Workspace, anothers

TAB = Tab(20, "Preview and run", "run")
MOST_ROWS = 1_000_000_000
MOST_PREVIEWED = 100


def page(request: Request) -> Response:
    """The page; what it shows is asked for afterwards."""
    spec_path(request)
    return render(request, "run.html", spec=request.path_params["spec"], tab="run")


def plan(request: Request) -> Response:
    """What a run would be: rows, cost, backends, questions, and the runs so far."""
    path, studio = spec_path(request), studio_of(request)
    given = request.query_params
    rows, backend, budget = _rows(given.get("rows")), given.get("backend", ""), _budget(given.get("budget"))
    few = min(_rows(given.get("few")) or PREVIEWED, MOST_PREVIEWED)
    found = offer(path, rows, backend, budget, studio.dataset_folder, few)
    maker = studio.service(Workspace).maker(found["name"], path) if "name" in found else None
    if maker is not None:
        message, help = anothers(studio, path, found["name"], maker, "replace")
        found = {**found, "standing": None, "taken": {"error": message, "help": help}}
    runs = studio.service(Runs)
    told = [runs.state(r) for r in runs.of_spec(request.path_params["spec"])]
    return json_answer({**found, "choices": choices(), "runs": told})


async def start(request: Request) -> Response:
    """Start a preview or a build. What must be agreed to is told with status 409 until it is."""
    asked = await json_of(request)
    return json_answer(await run_in_threadpool(_started, request, asked), 201)


def _started(request: Request, asked: dict[str, Any]) -> dict[str, Any]:
    studio, path = studio_of(request), spec_path(request)
    kind, backend = asked.get("kind"), asked.get("backend") or ""
    if kind not in ("build", "preview") or not isinstance(backend, str) or backend.startswith("-"):
        raise RequestRefused(400, "that cannot be run", "choose a build or a preview, and a backend")
    rows, budget = _rows(asked.get("rows")), _budget(asked.get("budget"))
    if kind == "preview":
        rows = min(rows or PREVIEWED, MOST_PREVIEWED)
    compiled = compile_spec(path, overrides_of(rows if kind == "build" else None, backend, budget))
    trusts = needs_trust_alone(compiled)
    if compiled.spec is None or not (compiled.ok or trusts):
        errors = [d.message for d in compiled.diagnostics if d.severity == "error"]
        raise RequestRefused(422, errors[0] if errors else "the spec has errors", "correct them in the editor")
    if kind == "build":
        _refuse_anothers(studio, path, compiled.spec.name)
    agreed = asked.get("agreed") if isinstance(asked.get("agreed"), list) else []
    open_questions = [q.as_json() for q in questions_of(compiled) if q.id not in (agreed or [])]
    if open_questions:
        raise RequestRefused(409, "this must be agreed to first", asks=open_questions)
    if trusts:
        compiled = _compiled_with_trust(request, rows, backend, budget)
    spec = compiled.spec
    assert spec is not None
    planned = None if spec.open_ended else spec.rows
    wanted = RunWanted(
        kind, request.path_params["spec"], spec.name, planned, backend, budget, trusts, rows, spec.limits.budget
    )
    runs = studio.service(Runs)
    return runs.state(runs.start(wanted))


def _refuse_anothers(studio: Studio, path: Path, name: str) -> None:
    """Refuse a build that would replace the dataset of another spec."""
    maker = studio.service(Workspace).maker(name, path)
    if maker is not None:
        raise RequestRefused(409, *anothers(studio, path, name, maker, "replace"))


def _compiled_with_trust(request: Request, rows: int | None, backend: str, budget: float | None) -> Any:
    """The spec once its code was agreed to, which is remembered as it is: it is run to read its rows."""
    compiled = compile_spec(spec_path(request), overrides_of(rows, backend, budget), access=Access(trust=True))
    if not compiled.ok:
        errors = [d.message for d in compiled.diagnostics if d.severity == "error"]
        raise RequestRefused(422, errors[0], "correct them in the editor")
    return compiled


def watch(request: Request) -> Response:
    """The events of a run."""
    runs = studio_of(request).service(Runs)
    return stream_of(runs, runs.find(request.path_params["id"]), request)


async def pause(request: Request) -> Response:
    """Hold a build, or let it go on."""
    asked = await json_of(request)
    runs = studio_of(request).service(Runs)
    runs.pause(runs.find(request.path_params["id"]), asked.get("held") is True)
    return json_answer({})


def stop(request: Request) -> Response:
    """Stop a run."""
    runs = studio_of(request).service(Runs)
    runs.stop(runs.find(request.path_params["id"]))
    return json_answer({})


def _rows(given: Any) -> int | None:
    if given in (None, ""):
        return None
    try:
        rows = int(given)
    except (TypeError, ValueError):
        rows = 0
    if not 1 <= rows <= MOST_ROWS or isinstance(given, bool):
        raise RequestRefused(400, "rows must be a whole number from 1", "write a number, or nothing for the spec's own")
    return rows


def _budget(given: Any) -> float | None:
    if given in (None, ""):
        return None
    try:
        budget = float(given)
    except (TypeError, ValueError):
        budget = 0.0
    if not 0 < budget < float("inf"):
        raise RequestRefused(400, "a budget is an amount of US dollars above 0", "write a number, or nothing for none")
    return budget


ROUTES = (
    Route("/spec/{spec:path}/run", page),
    Route("/api/run/plan/{spec:path}", plan),
    Route("/api/run/start/{spec:path}", start, methods=["POST"]),
    Route("/api/run/{id}/events", watch),
    Route("/api/run/{id}/pause", pause, methods=["POST"]),
    Route("/api/run/{id}/stop", stop, methods=["POST"]),
)
