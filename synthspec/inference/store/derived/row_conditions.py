"""A query of rows as a condition of SQL, over the index of the rows and what reviews made of some of them."""

from __future__ import annotations

from collections.abc import Mapping

from synthspec.inference.store.derived.row_index import STATES
from synthspec.inference.store.derived.row_log import DROPPED, EMPTY, KEPT, MISSING
from synthspec.inference.store.derived.row_query import Range, RowQuery, match_of
from synthspec.inference.store.derived.row_revisions import Revisions

REJECTED = "rejected"  # the state of a row that a review takes out
WHERE = {KEPT: "kept", REJECTED: "rejected by a reviewer", MISSING: "quarantined", DROPPED: "dropped", EMPTY: "empty"}
MARKED = "f.id IN (SELECT id FROM temp.marks WHERE mark = ?)"
_RULE = "f.id IN (SELECT id FROM extra.rejections WHERE rule = (SELECT code FROM extra.rules WHERE name = ?))"
_UNJUDGED = "f.id NOT IN (SELECT id FROM temp.marks WHERE mark = 'judged')"

SqlValues = list[str | int | float]
SqlCondition = tuple[str, SqlValues]  # over a row `f` of what rows are filtered by, and what it is given


def condition_of(query: RowQuery, revisions: Revisions) -> SqlCondition:
    """The condition of a query: `1` where every row is wanted, `0` where none can be."""
    parts: list[SqlCondition] = [*_of_state(query.state)]
    for name, chosen in query.values.items():
        parts.append(_of_values(revisions, name, chosen))
    for name, bounds in query.ranges.items():
        parts += _of_range(revisions.numbers, name, bounds)
    if query.rule:
        parts.append((_RULE, [query.rule]))
    if query.marked == "none":
        parts.append((f"f.state = {STATES.index(KEPT)} AND {_UNJUDGED}", []))
    elif query.marked:
        parts.append((MARKED, [query.marked]))
    if query.text.strip():
        parts.append((revisions.worded, [match_of(query.text)] * revisions.worded.count("?")))
    return " AND ".join(part for part, _ in parts) or "1", [each for _, given in parts for each in given]


def _of_state(state: str) -> list[SqlCondition]:
    kept = f"f.state = {STATES.index(KEPT)}"
    if state == REJECTED:
        return [(f"{kept} AND {MARKED}", [REJECTED])]  # a row that is not kept has none to lose
    if state == KEPT:
        return [(f"{kept} AND NOT {MARKED}", [REJECTED])]
    if state in STATES:
        return [("f.state = ?", [STATES.index(state)])]
    return [("0", [])] if state else []


def _of_values(revisions: Revisions, name: str, chosen: tuple[str, ...]) -> SqlCondition:
    number = revisions.labels.get(name)
    if number is None:
        return "0", []
    places = ",".join("?" * len(chosen))
    listed = f"SELECT code FROM {revisions.listed} WHERE number = {number} AND value IN ({places})"
    return f"f.p{number} IN ({listed})", list(chosen)


def _of_range(numbers: Mapping[str, int], name: str, bounds: Range) -> list[SqlCondition]:
    number = numbers.get(name)
    if number is None:
        return [("0", [])]
    limits: list[SqlCondition] = [
        (f"f.n{number} {sign} ?", [bound])
        for sign, bound in zip((">=", "<="), bounds, strict=True)
        if bound is not None
    ]
    return [(f"f.n{number} IS NOT NULL", []), *limits]
