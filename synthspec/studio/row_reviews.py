"""What the reviews of a dataset come to for its rows as they stand, kept as long as both stay what they are."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from synthspec.generation.reviewing.after_reviews import revised_rows
from synthspec.generation.reviewing.decisions import Decision, decide
from synthspec.generation.reviewing.editing import RowEditor
from synthspec.inference.store.derived.row_conditions import REJECTED
from synthspec.inference.store.derived.row_index import stamp_of
from synthspec.inference.store.derived.row_query import RevisedRow
from synthspec.inference.store.derived.row_views import LoggedRow, rows_at
from synthspec.inference.store.reviews import FILE, Review, Reviews, read_reviews
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Spec

JUDGED = "judged"


@dataclass(frozen=True, slots=True)
class ReviewState:
    """The reviews of a folder that hold, and what they come to, by path of the rows as they stand."""

    reviews: tuple[Review, ...] = ()
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    revised: Mapping[str, RevisedRow] = field(default_factory=dict)

    def marks(self) -> dict[str, list[str]]:
        """Paths by what reviewers say of the rows."""
        found: dict[str, list[str]] = {JUDGED: [], "accept": [], "edit": [], "retry": [], "flag": []}
        for path, decision in self.decisions.items():
            if decision.verb:
                found[JUDGED].append(path)
            if decision.verb in found:
                found[decision.verb].append(path)
            if decision.flagged:
                found["flag"].append(path)
        return {**found, REJECTED: [path for path, row in self.revised.items() if row.reason]}

    def shown(self, row: LoggedRow) -> LoggedRow:
        """The row with its reviews."""
        new = self.revised.get(row.path)
        return row if new is None else replace(row, values=new.values, reason=new.reason)

    def label(self, row: LoggedRow) -> str:
        """What became of a row, its reviews counted."""
        new = self.revised.get(row.path)
        return REJECTED if new is not None and new.reason else row.state


class ReviewStates:
    """The reviews of every dataset of a studio."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[Any, ...], ReviewState]] = {}
        self._made: dict[Path, tuple[str, dict[str, tuple[str, RevisedRow | None]]]] = {}  # by row, of what
        self._lock = threading.Lock()

    def of(self, folder: Path, spec: Spec, editor: Callable[[], RowEditor | None]) -> ReviewState:
        """The reviews of a folder. `editor` gives the rules of its spec, for edits.

        Raises:
            StoreFault: its rows or its reviews cannot be read.
        """
        if not (folder / FILE).is_file():
            return ReviewState()
        with Reviews(folder) as opened:
            mark = (stamp_of(folder), spec.digest, *opened.count())
        with self._lock:
            known = self._known.get(folder)
            if known is None or known[0] != mark:
                known = self._known[folder] = (mark, self._read(folder, spec, editor))
        return known[1]

    def _read(self, folder: Path, spec: Spec, editor: Callable[[], RowEditor | None]) -> ReviewState:
        reviews = tuple(read_reviews(folder))
        state = ReviewState(reviews)
        if reviews and stamp_of(folder):
            decisions = decide(reviews)
            rows = rows_at(folder, decisions)
            held = {p: of[rows[p].digest] for p, of in decisions.items() if p in rows and rows[p].digest in of}
            acting = {path: rows[path] for path, decision in held.items() if decision.acts}
            state = ReviewState(reviews, held, self._revised(folder, spec, acting, state, held, editor))
        return state

    def _revised(
        self,
        folder: Path,
        spec: Spec,
        rows: Mapping[str, LoggedRow],
        state: ReviewState,
        decisions: Mapping[str, Decision],
        editor: Callable[[], RowEditor | None],
    ) -> dict[str, RevisedRow]:
        """What these rows are after their reviews; those of which nothing new was said are not made again."""
        digest, before = self._made.get(folder, ("", {}))
        before = before if digest == spec.digest else {}
        marks = {path: _mark(rows[path], decisions[path]) for path in rows}
        new = {path: row for path, row in rows.items() if before.get(path, ("",))[0] != marks[path]}
        edits = any(decisions[path].patch for path in new)
        made = revised_rows(new, state.reviews, editor() if edits else None, spec)
        held = {path: (marks[path], made.get(path) if path in new else before[path][1]) for path in rows}
        self._made[folder] = (spec.digest, held)
        return {path: row for path, (_, row) in held.items() if row is not None}


def _mark(row: LoggedRow, decision: Decision) -> str:
    """What tells a row and what is said of it from any other."""
    return json.dumps([row.digest, decision.rejected, decision.reason, decision.patch])
