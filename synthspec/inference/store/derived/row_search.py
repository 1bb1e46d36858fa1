"""Finding rows among a million: by state, by value, by the rule that rejected them, by their words, and counting them.

What a query finds is held as the numbers of its rows in order, four bytes each: a page of it is read by these numbers,
wherever in it that is. Rows that reviews changed are found as they are after that (`row_revisions.py`).
"""

from __future__ import annotations

import contextlib
import sqlite3
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from synthspec.inference.store.derived.noted_rejections import NO_REJECTIONS, rejections_counted
from synthspec.inference.store.derived.row_conditions import (
    MARKED,
    REJECTED,
    WHERE,
    SqlCondition,
    SqlValues,
    condition_of,
)
from synthspec.inference.store.derived.row_histories import Attempt, read_attempts
from synthspec.inference.store.derived.row_index import INDEX, STATES, TEXTS, is_indexed
from synthspec.inference.store.derived.row_log import FILE, KEPT, VERSION
from synthspec.inference.store.derived.row_query import RevisedRow, RowQuery, quoted
from synthspec.inference.store.derived.row_revisions import Revisions
from synthspec.inference.store.derived.row_views import ROW_COLUMNS, LoggedRow, logged_row
from synthspec.inference.store.derived.rows import key_text
from synthspec.inference.store.file import FAULTS, StoreFault
from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class FacetCount:
    """A value of a column, and how many rows have it."""

    value: str
    rows: int


@dataclass(frozen=True, slots=True)
class NumberSpan:
    """The numbers of a column among some rows: the least, the largest, and how many rows have one."""

    least: float
    most: float
    rows: int


class RowTable:
    """The rows of a build folder, open to be read for a while. `marks` are paths by what reviewers say of them.

    Without an index (`indexed`) every row is there in plan order, and no query but the plain one is answered.
    """

    def __init__(self, connection: sqlite3.Connection, indexed: bool, worded: bool, building: bool) -> None:
        self._connection = connection
        self.indexed, self.worded, self.building = indexed, worded, building
        tables = ("columns", "numbers")
        read = (dict(connection.execute(f"SELECT name, number FROM extra.{t}")) if indexed else {} for t in tables)
        self._names, self._numbers = read
        self._revisions = Revisions(connection, self._names, self._numbers)

    @property
    def columns(self) -> tuple[str, ...]:
        """Those by which rows can be filtered and counted."""
        return tuple(self._names)

    def count(self) -> int:
        """Rows of every state."""
        last = self._connection.execute("SELECT max(id) FROM outcomes").fetchone()[0]
        return 0 if last is None else int(last) + 1

    def mark(self, marks: Mapping[str, Sequence[str]]) -> None:
        """What reviewers say of rows: paths by mark. To be called before rows are found."""
        self._connection.execute(
            "CREATE TEMP TABLE marks (mark TEXT, id INTEGER, PRIMARY KEY (mark, id)) WITHOUT ROWID"
        )
        found = "INSERT OR IGNORE INTO temp.marks SELECT ?, id FROM outcomes WHERE path = ?"
        self._connection.executemany(found, [(mark, path) for mark, paths in marks.items() for path in paths])

    def revise(self, rows: Mapping[str, RevisedRow]) -> None:
        """Find, count and filter these rows, by path, as reviews have them. To be called before rows are found."""
        for path, row in rows.items():
            found = self._connection.execute("SELECT id FROM outcomes WHERE path = ?", (path,)).fetchone()
            if found is not None:
                self._revisions.rows[found[0]] = row

    def _condition(self, query: RowQuery) -> SqlCondition:
        return condition_of(query, self._revisions)

    def _statement(
        self, what: str, condition: SqlCondition, joined: str = "", grouped: str = ""
    ) -> tuple[str, SqlValues]:
        """A statement over all rows of a condition, wherever what they are filtered by is, and what it is given."""
        where, given = condition
        parts = [
            f"SELECT {what} FROM {table} f{joined} WHERE {where}{besides}{grouped}"
            for table, besides in self._revisions.sources
        ]
        return " UNION ALL ".join(parts), given * len(parts)

    def find(self, query: RowQuery) -> Sequence[int]:
        """The numbers of the rows that a query wants, in its order."""
        if query.is_plain:
            return range(self.count())
        if query.sort == "-" and query == RowQuery(sort="-"):
            return range(self.count() - 1, -1, -1)
        what, order, joined = "f.id", "1", ""
        if query.sort == "-":
            order = "1 DESC"
        elif query.sort == "tries":
            what, order = "f.id, f.tries", "2 DESC, 1"
        elif query.sort in self._numbers:
            number = f"f.n{self._numbers[query.sort]}"
            what, order = f"f.id, {number} IS NULL, {number}", "2, 3, 1"
        elif query.sort in self._names:
            number = str(self._names[query.sort])
            joined = f" LEFT JOIN {self._revisions.listed} l ON l.number = {number} AND l.code = f.p{number}"
            what, order = "f.id, l.value IS NULL, l.value", "2, 3, 1"
        statement, given = self._statement(what, self._condition(query), joined)
        found = self._connection.execute(f"{statement} ORDER BY {order}", given)
        return array("I", (row[0] for row in found))

    def rows(self, numbers: Sequence[int]) -> list[LoggedRow]:
        """The rows of these numbers, in that order; those that are not there are left out."""
        found: dict[int, LoggedRow] = {}
        for start in range(0, len(numbers), 250):
            some = list(numbers[start : start + 250])
            query = f"SELECT {ROW_COLUMNS} FROM outcomes WHERE id IN ({','.join('?' * len(some))})"
            found.update((row.id, row) for row in map(logged_row, self._connection.execute(query, some)))
        return [found[n] for n in numbers if n in found]

    def row(self, path: str) -> LoggedRow | None:
        """The row of a path."""
        found = self._connection.execute(f"SELECT {ROW_COLUMNS} FROM outcomes WHERE path = ?", (path,)).fetchone()
        return None if found is None else logged_row(found)

    def kept_before(self, number: int, left_out: Sequence[str] = ()) -> int:
        """How many rows of the dataset come before one; `left_out` are paths of those that reviews took out."""
        query = "SELECT count(*) FROM outcomes WHERE id < ? AND state = ?"
        count = int(self._connection.execute(query, (number, KEPT)).fetchone()[0])
        ids = [row.id for path in left_out if (row := self.row(path)) is not None and row.is_kept]
        return count - sum(i < number for i in ids)

    def facets(self, query: RowQuery, most: int = 50) -> dict[str, list[FacetCount]]:
        """How many rows each value of each column has among those wanted; a column's own choice aside."""
        plain = self._condition(query)
        narrowed = plain[0] != "1"
        if narrowed:  # one pass over the rows for all columns of which nothing is chosen
            free = ", ".join(f"f.p{number} AS p{number}" for n, number in self._names.items() if n not in query.values)
            self._keep("chosen", free or "f.id", plain)
        found: dict[str, list[FacetCount]] = {}
        for name, number in self._names.items():
            rows = "temp.chosen" if narrowed else "extra.facet"
            if name in query.values:
                others = {n: v for n, v in query.values.items() if n != name}
                self._keep("of_column", f"f.p{number} AS p{number}", self._condition(replace(query, values=others)))
                rows = "temp.of_column"
            counted = self._codes(number, rows)
            if rows == "extra.facet" and self._revisions.rows:
                for other, sign in (self._revisions.before, -1), (self._revisions.after, 1):
                    for code, n in self._codes(number, other).items():
                        counted[code] = counted.get(code, 0) + sign * n
            listed = f"SELECT code, value FROM {self._revisions.listed} WHERE number = ?"
            values = dict(self._connection.execute(listed, (number,)))
            best = sorted(((-n, code) for code, n in counted.items() if code is not None and n))[:most]
            found[name] = [FacetCount(values[code], -n) for n, code in best]
        return found

    def _codes(self, number: int, rows: str) -> dict[int | None, int]:
        """How many rows of a table have each code of a column."""
        return dict(self._connection.execute(f"SELECT p{number}, count(*) FROM {rows} GROUP BY 1"))

    def _keep(self, name: str, what: str, condition: SqlCondition) -> None:
        """Keep what a condition finds as a temporary table."""
        statement, given = self._statement(what, condition)
        self._connection.execute(f"DROP TABLE IF EXISTS temp.{name}")
        self._connection.execute(f"CREATE TEMP TABLE {name} AS {statement}", given)

    def spans(self, query: RowQuery) -> dict[str, NumberSpan]:
        """What the columns of numbers go from and to among the rows wanted, the ranges chosen aside; columns without a
        number among them are left out."""
        if not self._numbers:
            return {}
        what = ", ".join(f"min(f.n{n}), max(f.n{n}), count(f.n{n})" for n in self._numbers.values())
        found: dict[str, NumberSpan] = {}
        statement, given = self._statement(what, self._condition(replace(query, ranges={})))
        for row in self._connection.execute(statement, given):
            for place, name in enumerate(self._numbers):
                least, most, rows = row[3 * place : 3 * place + 3]
                if rows and name in found:
                    before = found[name]
                    found[name] = NumberSpan(min(least, before.least), max(most, before.most), rows + before.rows)
                elif rows:
                    found[name] = NumberSpan(least, most, rows)
        return found

    def states(self, query: RowQuery) -> dict[str, int]:
        """How many rows of each state there are among those wanted, the choice of a state aside."""
        where, given = self._condition(replace(query, state=""))
        found = {STATES[code]: n for code, n in self._counted("f.state", (where, given))}
        rejected = f"{where} AND f.state = {STATES.index(KEPT)} AND {MARKED}"
        left = sum(n for _, n in self._counted("1", (rejected, [*given, REJECTED])))
        if left:
            found[KEPT] = found.get(KEPT, 0) - left
            found[REJECTED] = left
        return {state: found[state] for state in WHERE if found.get(state)}

    def rules(self, query: RowQuery, most: int = 30) -> list[FacetCount]:
        """The rules that rejected rows among those wanted, or attempts at them, the commonest first."""
        joined = " JOIN extra.rejections r USING (id) JOIN extra.rules ON code = rule"
        found = self._counted("name", self._condition(replace(query, rule="")), joined)
        return [FacetCount(name, n) for name, n in sorted(found, key=lambda pair: (-pair[1], pair[0]))[:most]]

    def _counted(self, what: str, condition: SqlCondition, joined: str = "") -> list[tuple[Any, int]]:
        """How many rows of a condition there are for each value of an expression."""
        statement, given = self._statement(f"{what}, count(*)", condition, joined, " GROUP BY 1")
        found: dict[Any, int] = {}
        for value, count in self._connection.execute(statement, given):
            found[value] = found.get(value, 0) + count
        return list(found.items())

    def like_words(self, words: Sequence[str], before: int | None, most: int = 200) -> list[LoggedRow]:
        """Kept rows, or those before one, that share the most of some words, by the index of words."""
        wanted = " OR ".join(quoted(word) for word in words)
        if not wanted or not self.worded:
            return []
        query = "SELECT rowid FROM words.texts WHERE texts MATCH ? AND rowid < ? ORDER BY rank LIMIT ?"
        found = [
            number
            for (number,) in self._connection.execute(query, (wanted, self.count() if before is None else before, most))
        ]
        return [row for row in self.rows(found) if row.is_kept]

    def made_by(self, number: int) -> list[str]:
        """The completions that a row is made of, in the order of its prompts."""
        found = self._connection.execute("SELECT key FROM lineage WHERE id = ? ORDER BY seq", (number,))
        return [key_text(key) for (key,) in found]

    def tries(self, row: LoggedRow) -> tuple[Attempt, ...]:
        """The attempts at a row that were not kept."""
        query = "SELECT prompt, attempt, reasons FROM tries WHERE id = ? ORDER BY seq"
        found = self._connection.execute(query, (row.id,)).fetchall()
        body = self.noted(row.combination) if found else None
        return read_attempts(found, rejections_counted(body) if body is not None else NO_REJECTIONS)

    def siblings(self, combination: int) -> int:
        """How many rows, of every state, a combination came to."""
        query = "SELECT count(*) FROM outcomes WHERE path = ? OR path GLOB ?"
        return int(self._connection.execute(query, (str(combination), f"{combination}.*")).fetchone()[0])

    def noted(self, combination: int) -> str | None:
        """What is noted of a combination whose rows are final (`generation/reuse/`); None where it is not."""
        found = self._connection.execute("SELECT body FROM settled WHERE combination = ?", (combination,)).fetchone()
        return None if found is None else str(found[0])


@contextlib.contextmanager
def open_table(folder: Path, marks: Mapping[str, Sequence[str]] | None = None) -> Iterator[RowTable | None]:
    """The rows of a folder: of its dataset, or of the build that runs where it has none; None where there are none.

    Raises:
        StoreFault: they are damaged.
    """
    path = folder / FILE
    building = not path.is_file()
    if building:
        path = folder / ".next" / "files" / FILE
        if not path.is_file():
            yield None
            return
    try:
        how = "mode=ro" if building else "mode=ro&immutable=1"
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=2.0)
        ) as connection:
            if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                yield None
                return
            held = {
                name: not building and is_indexed(folder, file) for name, file in (("extra", INDEX), ("words", TEXTS))
            }
            for name, file in (("extra", INDEX), ("words", TEXTS)):
                if held[name]:
                    connection.execute(
                        f"ATTACH ? AS {name}", (f"{(folder / file).absolute().as_uri()}?mode=ro&immutable=1",)
                    )
            table = RowTable(connection, held["extra"], held["words"], building)
            if not building:
                table.mark(marks or {})
            yield table
    except FAULTS as error:
        raise StoreFault(
            f"{path} cannot be read: {error}", "Delete it and build again: no call is made for it."
        ) from error
