"""The rows of a dataset: a table of all of them, and how each came about."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from synthspec.dataset.cells import plain
from synthspec.generation.row_places import places_of
from synthspec.generation.row_story import as_told, calls_of_row, replies_like, rows_like, was_like_another
from synthspec.inference.store.derived.row_conditions import WHERE
from synthspec.inference.store.derived.row_search import RowTable
from synthspec.inference.store.derived.row_views import LoggedRow
from synthspec.spec.conversation import holds_messages
from synthspec.studio.context import RequestRefused, Tab, json_answer, render
from synthspec.studio.row_exports import sent, write_rows
from synthspec.studio.row_tables import SpecRows, query_of, review_of, row_tables

MOST = 400  # rows in one answer
MOST_TEXT = 400  # characters of a value in the table


def page(request: Request) -> Response:
    """The page itself; its rows are asked for by its script."""
    return render(request, "rows.html", spec=request.path_params["spec"], tab="rows")


def listing(request: Request) -> Response:
    """Some rows of those that a query wants, from a place among them on, or `after` a row in plan order."""
    tables = row_tables(request)
    rows = tables.of(request)
    first, count = _number(request, "from", 0), min(MOST, _number(request, "n", 100))
    with tables.opened(rows) as table:
        found = tables.find(rows, table, query_of(request))
        if after := request.query_params.get("after"):
            first = _place_after(table, found, after)
        some = table.rows(found[first : first + count])
        return json_answer(
            {
                "total": len(found),
                "from": first,
                "building": table.building,
                "reviewed": bool(rows.review.revised),
                "fields": [f.name for f in rows.spec.fields],
                "rows": [_short(row, rows) for row in some],
            }
        )


def facets(request: Request) -> Response:
    """How many rows there are of each kind among those wanted."""
    tables = row_tables(request)
    rows, query = tables.of(request), query_of(request)
    with tables.opened(rows) as table:
        tables.require(rows, table, words=bool(query.text.strip()))
        return json_answer(
            {
                "states": [{"state": s, "said": WHERE[s], "rows": n} for s, n in table.states(query).items()],
                "facets": {
                    n: [{"value": f.value, "rows": f.rows} for f in some] for n, some in table.facets(query).items()
                },
                "numbers": {
                    n: {"least": s.least, "most": s.most, "rows": s.rows} for n, s in table.spans(query).items()
                },
                "rules": [{"value": f.value, "rows": f.rows} for f in table.rules(query)],
                "marks": {mark: len(paths) for mark, paths in rows.review.marks().items() if paths},
            }
        )


def story(request: Request) -> Response:
    """One row: its values, its parameters, its calls, where it is, and rows like it."""
    tables = row_tables(request)
    rows = tables.of(request)
    path = request.query_params.get("path", "")
    with tables.opened(rows) as table:
        row = table.row(path)
        if row is None:
            raise RequestRefused(404, f"there is no row {path}", "the dataset was rebuilt, or the address is old")
        tables.begin_words(rows, table)
        return json_answer(_story(rows, table, row))


def _story(rows: SpecRows, table: RowTable, row: LoggedRow) -> dict[str, object]:
    tries = table.tries(row)
    calls = calls_of_row(rows.folder, table, row)
    shown = rows.review.shown(row)
    return {
        **as_told(row),
        "reason": shown.reason,
        "label": rows.review.label(row),
        "review": review_of(rows.review.decisions.get(row.path)),
        "changed": _changed(row, shown),
        "talks": [f.name for f in rows.spec.fields if holds_messages(f)],
        "computed": [f.name for f in rows.spec.fields if f.value is not None],
        "calls": calls,
        "tries": [{"prompt": t.prompt, "attempt": t.attempt, "reasons": list(t.reasons)} for t in tries],
        "places": _places(rows, table, row, shown),
        "repeats": was_like_another(row, tries),
        "near": replies_like(table, row, rows.spec, calls),
        "like": [{**as_told(other), "share": share} for other, share in rows_like(table, row, rows.spec)],
    }


def _changed(row: LoggedRow, shown: LoggedRow) -> dict[str, Any]:
    """The values that reviews gave a row."""
    return {n: plain(v) for n, v in shown.values.items() if n not in row.values or row.values[n] != v}


def _places(rows: SpecRows, table: RowTable, row: LoggedRow, shown: LoggedRow) -> list[dict[str, Any]]:
    """Where a row is in the files of the dataset, which may not have its reviews yet."""
    if not row.is_kept:
        return []

    def counted(left: Sequence[str] = ()) -> tuple[int, int]:
        return table.kept_before(row.id, left) + 1, table.kept_before(table.count(), left)

    stays = rows.review.label(row) == row.state
    left = [path for path, new in rows.review.revised.items() if new.reason]
    found = places_of(rows.folder, rows.spec, row.names, shown.values, lambda: counted(left)) if stays else []
    if found or shown is row:
        return found
    return places_of(rows.folder, rows.spec, row.names, row.values, counted)


def _short(row: LoggedRow, rows: SpecRows) -> dict[str, object]:
    """A row of the table: long values cut."""
    decision, shown = rows.review.decisions.get(row.path), rows.review.shown(row)
    told = as_told(shown)
    values = {name: _cut(value) for name, value in told["values"].items()}
    review = None if decision is None else {"verb": decision.verb, "flagged": decision.flagged}
    return {
        **told,
        "values": values,
        "reason": shown.reason[:MOST_TEXT],
        "label": rows.review.label(row),
        "review": review,
        "edited": list(_changed(row, shown)),
    }


def _cut(value: object) -> object:
    if isinstance(value, str):
        return value if len(value) <= MOST_TEXT else f"{value[:MOST_TEXT]}…"
    if isinstance(value, list) and value and all(isinstance(v, dict) and "content" in v for v in value):
        return " · ".join(f"{v.get('role', '')}: {v.get('content') or ''}" for v in value)[:MOST_TEXT]
    return value if isinstance(value, int | float | bool | type(None)) else str(value)[:MOST_TEXT]


def _place_after(table: RowTable, found: Sequence[int], path: str) -> int:
    """The place of the first row behind one, among rows in plan order."""
    row = table.row(path)
    return bisect_right(found, row.id) if row is not None else 0


def export(request: Request) -> Response:
    """The rows that a query wants as a file, as their reviews have them: CSV for a spreadsheet, or JSON Lines."""
    tables = row_tables(request)
    rows = tables.of(request)
    form = "jsonl" if request.query_params.get("form") == "jsonl" else "csv"
    with tables.opened(rows) as table:
        found = tables.find(rows, table, query_of(request))
        path = write_rows(table, found, rows.review.shown, rows.review.label, rows.spec, form)
    kind = "application/jsonl" if form == "jsonl" else "text/csv"
    name = f"{rows.spec.name}-rows.{form}".encode("ascii", "ignore").decode().replace('"', "")
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(sent(path), media_type=f"{kind}; charset=utf-8", headers=headers)


def _number(request: Request, name: str, usual: int) -> int:
    given = request.query_params.get(name, "")
    return int(given) if given.isdigit() and len(given) < 10 else usual


TAB = Tab(30, "Rows", "rows")
ROUTES = (
    Route("/spec/{spec:path}/rows", page),
    Route("/api/rows/{spec:path}", listing),
    Route("/api/facets/{spec:path}", facets),
    Route("/api/row/{spec:path}", story),
    Route("/api/rows-export/{spec:path}", export),
)
