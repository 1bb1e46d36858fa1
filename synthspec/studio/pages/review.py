"""Reviewing the rows of a dataset: row by row, with the keyboard alone."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from synthspec.generation.reviewing.progress import review_progress
from synthspec.generation.reviewing.retries import unheard
from synthspec.generation.reviewing.saying import RowRemark
from synthspec.generation.reviewing.sheet import sheet_rows, sheet_text
from synthspec.generation.row_story import as_told, rows_like
from synthspec.inference.store.derived.row_views import rows_at
from synthspec.inference.store.reviews import Reviews
from synthspec.studio.context import RequestRefused, Tab, json_answer, json_of, render, studio_of
from synthspec.studio.editing.row_examples import add_row, prompts_with_examples
from synthspec.studio.editing.saved_text import ChangedOnDisk, read_saved
from synthspec.studio.row_tables import SpecRows, row_tables

MOST_ALIKE = 50
ALIKE = 0.5  # share of words and pairs of words that two rows have in common, from which they are alike


def page(request: Request) -> Response:
    """The page itself."""
    return render(request, "review.html", spec=request.path_params["spec"], tab="review")


def progress(request: Request) -> Response:
    """How far the review has come, and what may be said of a row."""
    rows = row_tables(request).of(request)
    prompts = [p.name for p in rows.spec.prompts if p.is_asked]
    desk = row_tables(request).desk(rows)
    editable = list(desk.editor.editable) if desk.editor is not None else []
    more = {
        "prompts": prompts,
        "unheard": {p.name: said for p in rows.spec.prompts if (said := unheard(p))},
        "editable": editable,
        "examples": {name: file or rows.path.name for name, (_, file) in _examples(request, rows).items()},
        "undoable": sorted({r.reviewer for r in rows.review.reviews}),  # who has a review to take back
    }
    return json_answer({**review_progress(rows.folder).as_dict(), **more})


async def say(request: Request) -> Response:
    """Note what a person says of some rows, all or nothing."""
    body = await json_of(request)
    reviewer = str(body.get("reviewer") or "").strip()
    said = body.get("said")
    if not reviewer:
        raise RequestRefused(422, "say who reviews", "write your name at the top of the page")
    if not isinstance(said, list) or not said or not all(isinstance(one, Mapping) for one in said):
        raise RequestRefused(422, "no row is reviewed")
    remarks = [_remark(one, reviewer) for one in said]

    def work() -> dict[str, Any]:
        tables = row_tables(request)
        rows = tables.of(request)
        noted = tables.desk(rows).say(remarks)
        faults = {one.path: what.fault for one, what in zip(remarks, noted, strict=True) if what.fault}
        if faults:
            first = next(iter(faults.values()))
            raise RequestRefused(422, first, "nothing was noted", faults=faults)
        with Reviews(rows.folder) as reviews:
            return {"noted": sum(n.entry is not None for n in noted), "last": reviews.last_of(reviewer)}

    return json_answer(await asyncio.to_thread(work))


def _remark(one: Mapping[str, Any], reviewer: str) -> RowRemark:
    patch = one.get("patch")
    prompt = one.get("prompt")
    return RowRemark(
        str(one.get("path", "")),
        str(one.get("verb", "")),
        reviewer,
        str(one.get("reason") or ""),
        dict(patch) if isinstance(patch, Mapping) else {},
        str(prompt) if prompt else None,
        str(one.get("digest") or ""),
    )


async def undo(request: Request) -> Response:
    """Take a review back: that of a number, or a reviewer's last."""
    body = await json_of(request)
    reviewer = str(body.get("reviewer") or "")

    def work() -> dict[str, Any]:
        rows = row_tables(request).of(request)
        with Reviews(rows.folder) as reviews:
            number = body.get("number")
            chosen = number if isinstance(number, int) else reviews.last_of(reviewer)
            if chosen is None or not reviews.undo(chosen, reviewer):
                raise RequestRefused(409, "you have no review to undo")
            path = next(r.path for r in reviews.iterate() if r.id == chosen)
            return {"number": chosen, "path": path}

    return json_answer(await asyncio.to_thread(work))


async def check_edit(request: Request) -> Response:
    """What a row would be with new values, and the rules that it would break. Values are given as texts."""
    body = await json_of(request)
    texts = body.get("texts")
    if not isinstance(texts, Mapping):
        raise RequestRefused(422, "an edit names fields and their values")

    def work() -> dict[str, Any]:
        tables = row_tables(request)
        rows = tables.of(request)
        path = str(body.get("path", ""))
        row = rows_at(rows.folder, [path]).get(path)
        editor = tables.desk(rows).editor
        if row is None or editor is None:
            raise RequestRefused(404, f"there is no row {path}")
        before = rows.review.decisions.get(path)
        patch = {str(n): editor.read_value(str(n), str(t)) for n, t in texts.items()}
        made = editor.edit(row.names, row.combination, row.values, {**(before.patch if before else {}), **patch})
        values = as_told(row)["values"] | {n: v for n, v in made.values.items() if not made.faults}
        return {"patch": patch, "faults": list(made.faults), "values": values}

    return json_answer(await asyncio.to_thread(work))


def _examples(request: Request, rows: SpecRows) -> dict[str, tuple[str, str]]:
    """The prompts to whose examples a row can be added: the source, and its file."""
    saved = read_saved(rows.path)
    return prompts_with_examples(rows.spec, saved.text, studio_of(request).folder) if saved is not None else {}


async def make_example(request: Request) -> Response:
    """Put a row among the examples that a prompt shows: an edit of the spec's file, or a line more in theirs."""
    body = await json_of(request)
    path, prompt = str(body.get("path", "")), str(body.get("prompt") or "")

    def work() -> dict[str, Any]:
        tables = row_tables(request)
        rows = tables.of(request)
        row = rows_at(rows.folder, [path]).get(path)
        editor = tables.desk(rows).editor
        places = _examples(request, rows)
        if row is None or editor is None:
            raise RequestRefused(404, f"there is no row {path}")
        if prompt not in places:
            raise RequestRefused(422, "that prompt shows no examples to which a row can be added")
        revised = rows.review.revised.get(path)
        known = editor.known_of(row.names, row.combination, row.values)
        values = {**known, **row.values, **(revised.values if revised is not None else {})}
        try:
            return {"source": places[prompt][0], "file": add_row(rows.path, rows.spec, places[prompt], values)}
        except ChangedOnDisk:
            raise RequestRefused(409, "the file was changed meanwhile", "try it again") from None

    return json_answer(await asyncio.to_thread(work))


def alike(request: Request) -> Response:
    """Kept rows that are much like one, before it and after, as reviews have them; those taken out are left out."""
    tables = row_tables(request)
    rows = tables.of(request)
    with tables.opened(rows) as table:
        tables.require(rows, table, words=True)
        row = table.row(request.query_params.get("path", ""))
        if row is None:
            raise RequestRefused(404, "there is no such row")
        found = rows_like(table, row, rows.spec, MOST_ALIKE, after=True)
        near = [(other, share) for other, share in found if share >= ALIKE]
        stay = [(rows.review.shown(other), share) for other, share in near if rows.review.label(other) == other.state]
        return json_answer({"rows": [{**as_told(other), "share": share} for other, share in stay]})


def export(request: Request) -> Response:
    """The reviews as a file."""
    rows = row_tables(request).of(request)
    form = "jsonl" if request.query_params.get("form") == "jsonl" else "csv"
    with Reviews(rows.folder) as reviews:
        held = list(reviews.iterate())
    every = request.query_params.get("all") == "1"
    text = sheet_text(sheet_rows(rows.folder, held, every=every), form)
    kind = "application/jsonl" if form == "jsonl" else "text/csv"
    name = f"{rows.spec.name}-reviews.{form}".encode("ascii", "ignore").decode().replace('"', "")
    return Response(
        text, media_type=f"{kind}; charset=utf-8", headers={"content-disposition": f'attachment; filename="{name}"'}
    )


async def apply(request: Request) -> Response:
    """Rewrite the dataset's files as its reviews have it, in a process of its own."""
    await json_of(request)
    rows = await asyncio.to_thread(row_tables(request).of, request)
    command = [sys.executable, "-m", "synthspec", "review", str(rows.folder), "--apply", "--spec", str(rows.path)]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=studio_of(request).home,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told, wrong = (text.decode("utf-8", "replace").strip() for text in await process.communicate())
    if process.returncode not in (0, 3, 4):
        raise RequestRefused(422, "the reviews were not applied", wrong or f"it ended with status {process.returncode}")
    return json_answer({"said": [*told.splitlines(), *wrong.splitlines()], "status": process.returncode})


TAB = Tab(40, "Review", "review")
ROUTES = (
    Route("/spec/{spec:path}/review", page),
    Route("/api/review/{spec:path}", progress, methods=["GET"]),
    Route("/api/review/{spec:path}", say, methods=["POST"]),
    Route("/api/review-undo/{spec:path}", undo, methods=["POST"]),
    Route("/api/review-edit/{spec:path}", check_edit, methods=["POST"]),
    Route("/api/review-example/{spec:path}", make_example, methods=["POST"]),
    Route("/api/review-alike/{spec:path}", alike),
    Route("/api/review-export/{spec:path}", export),
    Route("/api/review-apply/{spec:path}", apply, methods=["POST"]),
)
