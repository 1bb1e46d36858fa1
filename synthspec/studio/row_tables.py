"""The rows of the specs' datasets as the studio's pages see them: found, counted, indexed beside, and reviewed."""

from __future__ import annotations

import contextlib
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from starlette.requests import Request

from synthspec.compiler import compile_spec
from synthspec.dataset.manifest import read_manifest
from synthspec.diagnostics.errors import SynthspecError
from synthspec.generation.reviewing.decisions import Decision
from synthspec.generation.reviewing.editing import RowEditor, open_editor
from synthspec.generation.reviewing.saying import ReviewDesk
from synthspec.generation.reviewing.spec_note import noted_spec
from synthspec.generation.row_facets import index_rows
from synthspec.inference.store.derived.row_index import INDEX, TEXTS, is_indexed, make_text_index, stamp_of
from synthspec.inference.store.derived.row_query import Range, RowQuery
from synthspec.inference.store.derived.row_search import RowTable, open_table
from synthspec.lazy_dataclass import dataclass
from synthspec.planning.plan import Plan, build_plan
from synthspec.spec import Spec
from synthspec.studio.context import RequestRefused, Studio, spec_path, studio_of
from synthspec.studio.row_reviews import ReviewState, ReviewStates
from synthspec.studio.workspace import Workspace

SELECTIONS = 6  # queries whose rows are held


@dataclass(slots=True)
class Indexing:
    """An index that is being made."""

    share: float = 0.0
    fault: str = ""
    thread: threading.Thread | None = None


@dataclass(frozen=True, slots=True)
class SpecRows:
    """A spec, and the folder of its dataset."""

    path: Path
    spec: Spec
    folder: Path
    review: ReviewState


class RowTables:
    """The rows of every dataset, for the pages of a studio."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._works: dict[tuple[Path, str, str], Indexing] = {}
        self._selections: OrderedDict[tuple[Any, ...], Sequence[int]] = OrderedDict()
        self._editors: dict[Path, tuple[str, RowEditor]] = {}
        self._reviews = ReviewStates()
        self._lock = threading.Lock()

    def of(self, request: Request) -> SpecRows:
        """The spec that an address names, with the reviews of its dataset.

        Raises:
            RequestRefused: it is none, has errors, or the rows in its folder are of another spec.
        """
        path = spec_path(request)
        spec = self._studio.service(Workspace).compiled(path).spec
        if spec is None:
            raise RequestRefused(422, "the spec has errors", "fix them in the editor: rows are shown by its fields")
        folder = self._studio.service(Workspace).dataset_folder(spec.name, path)
        return SpecRows(path, spec, folder, self._reviews.of(folder, spec, lambda: self._editor(path, spec)))

    @contextlib.contextmanager
    def opened(self, rows: SpecRows) -> Iterator[RowTable]:
        """The rows, open to be read.

        Raises:
            RequestRefused: there are none.
        """
        with open_table(rows.folder, rows.review.marks()) as table:
            if table is None:
                raise RequestRefused(404, "nothing is built of this spec yet", "run it: its rows are shown here")
            table.revise(rows.review.revised)
            if not table.building and not table.indexed:
                self._begin(rows.folder, INDEX, lambda tell: index_rows(rows.folder, *self._plan_of(rows), tell))
            yield table

    def find(self, rows: SpecRows, table: RowTable, query: RowQuery) -> Sequence[int]:
        """The numbers of the rows that a query wants.

        Raises:
            RequestRefused: the index that it needs is not there yet (status 202, with how far it is).
        """
        if not query.is_plain:
            self.require(rows, table, words=bool(query.text.strip()))
        key = (
            rows.folder,
            stamp_of(rows.folder),
            rows.spec.digest,
            len(rows.review.reviews),
            rows.review.reviews[-1:] and rows.review.reviews[-1].id,
            query.key,
        )
        with self._lock:
            if key in self._selections:
                self._selections.move_to_end(key)
                return self._selections[key]
        found = table.find(query)
        if not table.building:
            with self._lock:
                self._selections[key] = found
                while len(self._selections) > SELECTIONS:
                    self._selections.popitem(last=False)
        return found

    def require(self, rows: SpecRows, table: RowTable, *, words: bool = False) -> None:
        """Have the indices that a question needs; where they are not there they are begun.

        Raises:
            RequestRefused: they are not there yet.
        """
        if table.building:
            raise RequestRefused(
                409, "rows can be filtered once the first build has ended", "they are shown as they come"
            )
        if not table.indexed:
            self._wait(rows.folder, INDEX)
        if words and not table.worded:
            self.begin_words(rows, table)
            self._wait(rows.folder, TEXTS)

    def begin_words(self, rows: SpecRows, table: RowTable) -> None:
        """Begin the index of words, where it is not there: rows that are alike are found by it."""
        if not table.building and not table.worded:
            self._begin(rows.folder, TEXTS, lambda tell: make_text_index(rows.folder, tell))

    def _wait(self, folder: Path, name: str) -> None:
        work = self._works.get((folder, name, stamp_of(folder)))
        if work is not None and work.thread is not None:
            work.thread.join(0.4)
        if work is not None and work.fault:
            raise RequestRefused(500, work.fault, "delete the index files in the build's folder and look again")
        share = work.share if work is not None else 0.0
        raise RequestRefused(202, "the rows are being indexed", "this is done once for each build", share=share)

    def _begin(self, folder: Path, name: str, make: Callable[[Callable[[float], None]], None]) -> None:
        key = (folder, name, stamp_of(folder))
        work = Indexing()

        def run() -> None:
            def tell(share: float) -> None:
                work.share = share

            try:
                make(tell)
            except Exception as e:  # told to whoever waits for it
                work.fault = e.message if isinstance(e, SynthspecError) else f"{type(e).__name__}: {e}"
                return
            with self._lock:
                self._works.pop(key, None)

        with self._lock:
            if key not in self._works and not is_indexed(folder, name):
                self._works[key] = work
                work.thread = threading.Thread(target=run, name="synthspec row index", daemon=True)
                work.thread.start()

    def _plan_of(self, rows: SpecRows) -> tuple[Spec | None, Plan | None]:
        """The spec, and its plan where it is that which the dataset was built from."""
        note = noted_spec(rows.folder)
        compiled = compile_spec(rows.path, note.overrides if note is not None else {})
        if compiled.spec is None or not compiled.ok:
            return None, None
        digest = (read_manifest(rows.folder) or {}).get("spec", {}).get("digest")
        same = compiled.spec.digest == digest
        return compiled.spec, build_plan(compiled.spec, compiled.tables) if same else None

    def desk(self, rows: SpecRows) -> ReviewDesk:
        """Where reviews of the dataset are taken, with the rules of the spec as it is now."""
        editor = self._editor(rows.path, rows.spec)
        if editor is None:
            raise RequestRefused(422, "the spec has errors", "edits are checked against its rules: fix it first")
        return ReviewDesk(rows.folder, editor, rows.spec.prompts)

    def _editor(self, path: Path, spec: Spec) -> RowEditor | None:
        """The rules of a spec; None where it has errors."""
        with self._lock:
            known = self._editors.get(path)
            if known is None or known[0] != spec.digest:
                compiled = self._studio.service(Workspace).compiled(path)
                if compiled.spec is None or not compiled.ok:
                    return None
                known = self._editors[path] = (spec.digest, open_editor(compiled.spec, compiled.tables))
            return known[1]


def row_tables(request: Request) -> RowTables:
    """The one object of the studio for its rows."""
    return studio_of(request).service(RowTables)


def query_of(request: Request) -> RowQuery:
    """The query that an address holds: `state`, `rule`, `q`, `mark`, `sort`, `f.COLUMN` for each value of a column,
    `r.COLUMN` for a range of numbers: `3..7`, `3..`, `..7`.

    Raises:
        RequestRefused: a range is none.
    """
    given = request.query_params
    values: dict[str, list[str]] = {}
    ranges: dict[str, Range] = {}
    for name, value in given.multi_items():
        if name.startswith("f."):
            values.setdefault(name[2:], []).append(value)
        if name.startswith("r."):
            ranges[name[2:]] = range_of(value)
    chosen = {name: tuple(some) for name, some in values.items()}
    return RowQuery(
        given.get("state", ""),
        chosen,
        given.get("rule", ""),
        given.get("q", "")[:500],
        given.get("mark", ""),
        given.get("sort", ""),
        ranges,
    )


def range_of(text: str) -> Range:
    """A range of numbers as an address has it.

    >>> range_of("3..7.5"), range_of("..-1"), range_of("10..")
    ((3.0, 7.5), (None, -1.0), (10.0, None))

    Raises:
        RequestRefused: it is none.
    """
    least, dots, most = text.partition("..")
    if not dots:
        raise RequestRefused(422, f"'{text}' is not a range of numbers", "write 3..7, 3.. or ..7")
    return _bound(least), _bound(most)


def _bound(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        raise RequestRefused(422, f"'{text.strip()}' is not a number", "write one such as 3 or -0.5") from None
    if math.isnan(value):
        raise RequestRefused(422, f"'{text.strip()}' is not a number", "write one such as 3 or -0.5")
    return value


def review_of(decision: Decision | None) -> dict[str, Any] | None:
    """What reviewers say of a row, for a page."""
    if decision is None:
        return None
    return {
        "verb": decision.verb,
        "reason": decision.reason if decision.rejected else "",
        "patch": dict(decision.patch),
        "flagged": decision.flagged,
        "notes": list(decision.notes),
        "log": [
            {"number": r.id, "reviewer": r.reviewer, "verb": r.verb, "reason": r.reason, "created": r.created}
            for r in decision.reviews
        ],
    }
