"""The editor of a spec: its text, what is wrong with it, its plan and its prompts, and saving without loss."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from synthspec.document.source import MAX_BYTES
from synthspec.language_service import Position
from synthspec.studio.context import RequestRefused, Studio, Tab, json_answer, json_of, render, spec_path, studio_of
from synthspec.studio.editing.buffers import Buffers
from synthspec.studio.editing.drafts import Drafts
from synthspec.studio.editing.insertions import insert_part
from synthspec.studio.editing.merging import merge_texts, stretches
from synthspec.studio.editing.parts import part_of
from synthspec.studio.editing.saved_text import ChangedOnDisk, SavedText, read_saved, save_text
from synthspec.studio.paths import confined_spec
from synthspec.studio.workspace import Workspace

TAB = Tab(10, "Edit", "edit")
Given = Mapping[str, Any]


def page(request: Request) -> Response:
    """The page itself; its script asks for the text."""
    spec_path(request)
    return render(request, "editor.html", spec=request.path_params["spec"], tab=TAB.path)


def text(request: Request) -> Response:
    """The text of a spec as it is on the disk; nothing where the asker knows it already."""
    path = _path(request)
    saved = read_saved(path)
    if saved is None:
        renamed = _elsewhere(studio_of(request), path, _digest(request.headers.get("if-none-match", "")))
        raise RequestRefused(404, f"'{path.name}' no longer exists", _gone(renamed), renamed=renamed)
    tag = {"etag": f'"{saved.digest}"'}
    if _digest(request.headers.get("if-none-match", "")) == saved.digest:
        return Response(status_code=304, headers=tag)
    found = json_answer(asdict(saved))
    found.headers.update(tag)
    return found


async def save(request: Request) -> Response:
    """Save a text where the file is what the text began from (`If-Match`), or is not there (`If-None-Match: *`)."""
    given = await json_of(request)
    expected: str | None = _digest(request.headers.get("if-match", ""))
    if not expected and request.headers.get("if-none-match") != "*":
        raise RequestRefused(428, "a text is saved over the one that it began from", "send If-Match")
    path, new = _path(request), _text(given)
    try:
        saved = await run_in_threadpool(save_text, path, new, expected or None)
    except ChangedOnDisk as e:
        return json_answer(_conflict(studio_of(request), path, e.now, expected), 409)
    found = json_answer(asdict(saved))
    found.headers["etag"] = f'"{saved.digest}"'
    return found


def _conflict(studio: Studio, path: Path, now: SavedText | None, expected: str | None) -> dict[str, Any]:
    if now is None:
        renamed = _elsewhere(studio, path, expected)
        return {
            "error": f"'{path.name}' no longer exists",
            "help": _gone(renamed),
            "theirs": None,
            "renamed": renamed,
        }
    help = "compare the texts; yours is not saved yet, and nothing of it is lost"
    return {"error": f"'{path.name}' was changed by another program", "help": help, "theirs": asdict(now)}


def _elsewhere(studio: Studio, path: Path, digest: str | None) -> str | None:
    """The spec that has exactly the text of one that is gone: it was renamed."""
    for name in studio.service(Workspace).paths():
        other = studio.folder / name
        if digest and other != path and (found := read_saved(other)) is not None and found.digest == digest:
            return name
    return None


def _gone(renamed: str | None) -> str:
    return f"it seems to be named '{renamed}' now" if renamed else "it was deleted or renamed; saving creates it again"


async def merged(request: Request) -> Response:
    """Two edits of one text: where they differ, and as one where they touch different lines."""
    given = await json_of(request)
    texts = tuple(_text(given, key) for key in ("common", "mine", "theirs"))
    parts = await run_in_threadpool(stretches, *texts)
    return json_answer(
        {"merged": await run_in_threadpool(merge_texts, *texts), "stretches": [asdict(part) for part in parts]}
    )


def drafts(request: Request) -> Response:
    """The drafts of a spec."""
    found = studio_of(request).service(Drafts).of(request.path_params["spec"])
    return json_answer({"drafts": [asdict(d) for d in found]})


async def keep_draft(request: Request) -> Response:
    """Keep the draft of a tab."""
    given = await json_of(request)
    _path(request)
    kept = studio_of(request).service(Drafts)
    fields = (given.get(k) for k in ("tab", "text", "base", "base_digest"))
    draft = await run_in_threadpool(kept.put, request.path_params["spec"], *fields)
    return json_answer({"saved": draft.saved})


def drop_draft(request: Request) -> Response:
    """Forget the draft of a tab."""
    studio_of(request).service(Drafts).drop(request.path_params["spec"], request.query_params.get("tab"))
    return json_answer({})


def _asked(answer: Callable[[Buffers, Path, str, Given], dict[str, Any]]) -> Callable[[Request], Awaitable[Response]]:
    """A route that answers a question about the text that comes with it."""

    async def route(request: Request) -> Response:
        given = await json_of(request)
        buffers = studio_of(request).service(Buffers)
        found = await run_in_threadpool(answer, buffers, _path(request), _text(given), given)
        return json_answer(found)

    return route


def _language(buffers: Buffers, path: Path, text: str, given: Given) -> dict[str, Any]:
    what = given.get("what")
    if what == "diagnostics":
        return buffers.diagnostics(path, text)
    if what == "words":
        return buffers.words(path, text)
    if what == "remedies":
        return buffers.remedies(path, text)
    position = Position(_whole(given, "line", 1), _whole(given, "column", 1))
    if what == "rename":
        return buffers.rename(path, text, position, _text(given, "name"))
    return buffers.at(str(what), path, text, position)


def _plan(buffers: Buffers, path: Path, text: str, given: Given) -> dict[str, Any]:
    plan = buffers.plan(path, text)
    match given.get("what"):
        case "figures":
            return {**plan.figures(), "choices": plan.choices()}
        case "combinations":
            return plan.combinations(_whole(given, "start"))
        case "grid":
            return {"grid": plan.grid(_text(given, "first"), _text(given, "second"))}
        case "prompts":
            wanted = given.get("wanted") or {}
            if not isinstance(wanted, dict) or not all(isinstance(v, str) for v in wanted.values()):
                raise RequestRefused(400, "`wanted` is a map of texts")
            return plan.prompts(_whole(given, "index"), wanted)
    raise RequestRefused(400, f"the plan has no '{given.get('what')}'")


def _insertion(buffers: Buffers, path: Path, text: str, given: Given) -> dict[str, Any]:
    form = given.get("given")
    change = insert_part(text, part_of(str(given.get("kind")), form if isinstance(form, dict) else {}))
    return {"from": _units(text, change.start), "to": _units(text, change.end), "insert": change.text}


def _units(text: str, at: int) -> int:
    """A place in a text as browsers count, in UTF-16 code units."""
    return len(text[:at].encode("utf-16-le")) // 2


def _path(request: Request) -> Path:
    """The file that an address names; it need not be there."""
    return confined_spec(studio_of(request).folder, request.path_params["spec"])


def _text(given: Given, key: str = "text") -> str:
    found = given.get(key)
    if not isinstance(found, str):
        raise RequestRefused(400, f"`{key}` must be text")
    try:
        size = len(found.encode())
    except UnicodeEncodeError:
        raise RequestRefused(400, f"`{key}` contains half a character", "delete what shows as a box") from None
    if size > MAX_BYTES:
        raise RequestRefused(413, f"a spec has at most {MAX_BYTES // 1_000_000} MB", "put data in a source file")
    return found


def _whole(given: Given, key: str, least: int = 0) -> int:
    found = given.get(key, least)
    if not isinstance(found, int) or isinstance(found, bool) or found < least:
        raise RequestRefused(400, f"`{key}` must be a whole number from {least} on")
    return found


def _digest(header: str) -> str:
    return header.removeprefix("W/").strip('" ')


ROUTES = (
    Route("/spec/{spec:path}/edit", page),
    Route("/api/text/{spec:path}", text, methods=["GET"]),
    Route("/api/text/{spec:path}", save, methods=["PUT"]),
    Route("/api/merge/{spec:path}", merged, methods=["POST"]),
    Route("/api/drafts/{spec:path}", drafts, methods=["GET"]),
    Route("/api/drafts/{spec:path}", keep_draft, methods=["PUT"]),
    Route("/api/drafts/{spec:path}", drop_draft, methods=["DELETE"]),
    Route("/api/language/{spec:path}", _asked(_language), methods=["POST"]),
    Route("/api/plan/{spec:path}", _asked(_plan), methods=["POST"]),
    Route("/api/insert/{spec:path}", _asked(_insertion), methods=["POST"]),
)
