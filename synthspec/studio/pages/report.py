"""The report of a spec's dataset: made when it is looked at, shown as the one file that `synthspec report` writes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from synthspec.dataset.manifest import FILE_NAME
from synthspec.dataset.switch_changes import INCOMPLETE
from synthspec.evaluation.report.page import page_policy
from synthspec.studio.context import RequestRefused, Studio, Tab, json_answer, render, spec_path, studio_of
from synthspec.studio.made_pages import MadePages, page_key
from synthspec.studio.workspace import Workspace

TAB = Tab(50, "Report", "report")
_KEY = re.compile(r"[0-9a-f]{32}")


def page(request: Request) -> Response:
    """The frame around the report; the report itself is asked for afterwards."""
    spec_path(request)
    has_rows = any(tab.path == "rows" for tab in request.app.state.tabs)
    return render(request, "report.html", spec=request.path_params["spec"], tab="report", has_rows=has_rows)


def state(request: Request) -> Response:
    """Whether there is a dataset, and a report of it as it is now."""
    try:
        folder, name = _dataset(request)
    except RequestRefused as e:
        return json_answer({"state": "another", "error": e.message, "help": e.help, **e.more})
    if folder is None:
        return json_answer({"state": "none"})
    key = page_key("report", str(folder), folders=[folder])
    return json_answer({**studio_of(request).service(MadePages).state(key), **_told(key, folder, name)})


def make(request: Request) -> Response:
    """Have the report made."""
    folder, name = _dataset(request)
    if folder is None:
        raise RequestRefused(404, "nothing is built yet", "build the spec first")
    key = page_key("report", str(folder), folders=[folder])
    made = studio_of(request).service(MadePages).make(key, ["report", str(folder)])
    return json_answer({**made, **_told(key, folder, name)}, 202)


def made(request: Request) -> Response:
    """A report that was made, under a policy of its own: only its own style and script, in a frame of ours."""
    return made_page(request, f"{spec_path(request).stem}-report.html")


def made_page(request: Request, name: str) -> Response:
    """The page of the key that a request names. With `download` it is given as a file of this name."""
    key = request.query_params.get("key", "")
    file = studio_of(request).service(MadePages).file(key) if _KEY.fullmatch(key) else None
    if file is None or not file.is_file():
        raise RequestRefused(404, "there is no such page", "it is made when its tab is opened")
    headers = {
        "content-security-policy": f"{page_policy()}; frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
        "x-frame-options": "SAMEORIGIN",
    }
    given = name if "download" in request.query_params else None
    return FileResponse(file, media_type="text/html; charset=utf-8", headers=headers, filename=given)


def _told(key: str, folder: Path, name: str) -> dict[str, Any]:
    return {"key": key, "incomplete": folder.name == INCOMPLETE, "name": name}


def _dataset(request: Request) -> tuple[Path | None, str]:
    """Raises RequestRefused where it is that of another spec of the same name."""
    studio, path = studio_of(request), spec_path(request)
    known = studio.service(Workspace)
    compiled = known.compiled(path)
    name = compiled.spec.name if compiled.spec is not None else path.stem
    known.dataset_folder(name, path)
    return dataset_of(studio, name), name


def dataset_of(studio: Studio, name: str) -> Path | None:
    """The folder of a dataset: the one that stands, else an incomplete one; None where nothing is built."""
    folder = studio.dataset_folder(name)
    return next((f for f in (folder, folder / INCOMPLETE) if (f / FILE_NAME).is_file()), None)


ROUTES = (
    Route("/spec/{spec:path}/report/page", made),
    Route("/spec/{spec:path}/report", page),
    Route("/api/report/{spec:path}", state),
    Route("/api/report/{spec:path}", make, methods=["POST"]),
)
