"""A plan shown in a notebook: its first rows, and how near its shares come to those asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from synthspec.diagnostics.html import heading, note, page, table
from synthspec.planning.plan import Plan
from synthspec.planning.shares import ParameterReport, parameter_report
from synthspec.spec import Choice

COUNTED = 100_000  # combinations looked at, of up to 20 parameters; of more, fewer
LISTED = 20  # parameters whose shares are shown
ROWS = 5
COLUMNS = 10
VALUES = 8  # of a parameter
LONGEST_VALUE = 100  # characters of a list or map


def plan_title(plan: Plan) -> str:
    """`reviews: 400 combinations, balanced`."""
    count = len(plan)
    return f"{plan.spec.name}: {count:,} combination{'' if count == 1 else 's'}, {plan.spec.plan.strategy}"


def plan_html(plan: Plan) -> str:
    """The plan as a small piece of HTML."""
    names = [d.name for d in plan.draws]
    counted = min(len(plan), COUNTED, COUNTED * 20 // max(1, len(names)))
    shown = [[i, *(c[n] for n in names[:COLUMNS])] for i, c in enumerate(plan.combinations(0, min(ROWS, len(plan))))]
    more = note(f"and {len(names) - COLUMNS} more parameters") if len(names) > COLUMNS else ""
    parts = [heading(plan_title(plan), f"{plan.spec.rows:,} rows"), table(["", *names[:COLUMNS]], shown), more]
    shares = [row for report in _reports(plan, counted) for row in _share_rows(report, counted)]
    if shares:
        parts += [heading("Balance", f"over {counted:,} combinations"), table(_HEADER, shares)]
    return page(*parts)


_HEADER = ("parameter", "value", "asked", "reached", "rows of the plan")


def _reports(plan: Plan, counted: int) -> Iterator[ParameterReport]:
    columns = plan.columns(0, counted) if counted else {}
    listed = {p.name: p.draw for p in plan.spec.parameters if isinstance(p.draw, Choice) and p.name in columns}
    for name, draw in islice(listed.items(), LISTED):
        yield parameter_report(name, columns[name], draw)


def _share_rows(report: ParameterReport, counted: int) -> Iterator[tuple[str, ...]]:
    for value in report.values[:VALUES]:
        asked = "" if value.share is None else f"{value.share:.1%}"
        yield report.name, str(value.value), asked, f"{value.count / counted:.1%}", f"{value.count:,}"
    if len(report.values) > VALUES:
        yield report.name, f"… {len(report.values) - VALUES} more values", "", "", ""


def value_in_short(value: Any, longest: int = LONGEST_VALUE) -> str:
    """A value in a table; of a list or a map, such as a row of a source, its beginning."""
    if not isinstance(value, list | dict):
        return str(value)
    text = row_in_short(value) if isinstance(value, dict) else str(value)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def row_in_short(row: Mapping[str, Any]) -> str:
    """A row of a source on a line: its title, if it has one, and then its values in order, without line ends.

    >>> row_in_short({"text": "Fill\\nit.", "path": "a.md", "title": "Kettle", "page": None, "part": 2})
    'Kettle: Fill it.; path a.md; part 2'
    """
    head = next((str(row[k]) for k in ("title", "name") if isinstance(row.get(k), str) and row[k]), "")
    rest = [
        " ".join((f"{k} {v}" if k != "text" else str(v)).split())
        for k, v in row.items()
        if v is not None and v != "" and str(v) != head
    ]
    return f"{head}{': ' if head and rest else ''}{'; '.join(rest)}"
