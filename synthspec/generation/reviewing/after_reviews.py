"""Rows as their reviews have them, for whoever looks at the rows of a dataset one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from synthspec.generation.reviewing.editing import RowEditor
from synthspec.generation.reviewing.overlay import Leaving, ReviewOverlay
from synthspec.generation.row_facets import columns_of_fields
from synthspec.inference.store.derived.row_query import RevisedRow
from synthspec.inference.store.derived.row_views import LoggedRow
from synthspec.inference.store.reviews import Review
from synthspec.spec import Spec
from synthspec.spec.rows import Row


def revised_rows(
    rows: Mapping[str, LoggedRow], reviews: Iterable[Review], editor: RowEditor | None, spec: Spec
) -> dict[str, RevisedRow]:
    """What reviews make of these rows, by path: those that leave with the reason, edited ones with their new values.
    Rows that stay as they were made are left out. Without an editor edits are taken as they are."""
    overlay = ReviewOverlay([r for r in reviews if r.path in rows], editor, {})
    found: dict[str, RevisedRow] = {}
    for path, row in rows.items():
        if not row.is_kept:
            continue
        made = overlay.of(Row(row.combination, row.ordinal or 0, row.values, path=row.names))
        if isinstance(made, Leaving):
            found[path] = RevisedRow(row.values, "; ".join(made.reasons))
        elif made.values != row.values:
            found[path] = RevisedRow(made.values, "", *columns_of_fields(spec, made.values))
    return found
