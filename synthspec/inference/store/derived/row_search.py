"""Finding rows among a million: by state, by value, by the rule that rejected them, by their words, and counting them.

What a query finds is held as the numbers of its rows in order, four bytes each: a page of it is read by these numbers,
wherever in it that is.
"""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from synthspec.inference.store.derived.row_histories import Attempt
from synthspec.inference.store.derived.row_index import INDEX, STATES, TEXTS, is_indexed
from synthspec.inference.store.derived.row_log import DROPPED, EMPTY, FILE, KEPT, MISSING, VERSION
from synthspec.inference.store.derived.row_views import ROW_COLUMNS, LoggedRow, logged_row
from synthspec.inference.store.derived.rows import key_text
from synthspec.inference.store.file import FAULTS, StoreFault
from synthspec.lazy_dataclass import dataclass

REJECTED = "rejected"  # the state of a row that a review takes out
WHERE = {KEPT: "kept", REJECTED: "rejected by a reviewer", MISSING: "quarantined", DROPPED: "dropped", EMPTY: "empty"}
_MARKED = "f.id IN (SELECT id FROM temp.marks WHERE mark = ?)"
_WORD = re.compile(r'"([^"]*)"?|(\S+)')


@dataclass(frozen=True, slots=True)
class RowQuery:
    """Which rows are wanted, and in which order. Nothing said of something wants all."""

    state: str = ""  # one of `WHERE`
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by column, any of these
    rule: str = ""
    text: str = ""  # words in any order; a phrase in quotation marks
    marked: str = ""  # by what reviewers say: a key of `marks` in `RowTable`, or `none`
    sort: str = ""  # "", "-" reversed, "tries", or the name of a column

    @property
    def is_plain(self) -> bool:
        """Whether every row is wanted, in plan order."""
        return not (self.state or self.values or self.rule or self.text or self.marked or self.sort)

    @property
    def key(self) -> str:
        """What tells it from other queries."""
        return repr((self.state, sorted(self.values.items()), self.rule, self.text, self.marked, self.sort))


@dataclass(frozen=True, slots=True)
class FacetCount:
    """A value of a column, and how many rows have it."""

    value: str
    rows: int


class RowTable:
    """The rows of a build folder, open to be read for a while. `marks` are paths by what reviewers say of them.

    Without an index (`indexed`) every row is there in plan order, and no query but the plain one is answered.
    """

    def __init__(self, connection: sqlite3.Connection, indexed: bool, worded: bool, building: bool) -> None:
        self._connection = connection
        self.indexed, self.worded, self.building = indexed, worded, building
        self._names = dict(connection.execute("SELECT name, number FROM extra.columns")) if indexed else {}

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

    def find(self, query: RowQuery) -> Sequence[int]:
        """The numbers of the rows that a query wants, in its order."""
        if query.is_plain:
            return range(self.count())
        if query.sort == "-" and query == RowQuery(sort="-"):
            return range(self.count() - 1, -1, -1)
        condition, given = self._condition(query)
        order, joined = "f.id", ""
        if query.sort == "-":
            order = "f.id DESC"
        elif query.sort == "tries":
            order = "f.tries DESC, f.id"
        elif query.sort in self._names:
            number = self._names[query.sort]
            joined = f" LEFT JOIN extra.listed l ON l.number = {number} AND l.code = f.p{number}"
            order = "l.value IS NULL, l.value, f.id"
        found = self._connection.execute(
            f"SELECT f.id FROM extra.facet f{joined} WHERE {condition} ORDER BY {order}", given
        )
        return array("I", (number for (number,) in found))

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
            chosen = f"SELECT {free or 'f.id'} FROM extra.facet f WHERE {plain[0]}"
            self._connection.execute("DROP TABLE IF EXISTS temp.chosen")
            self._connection.execute(f"CREATE TEMP TABLE chosen AS {chosen}", plain[1])
        found: dict[str, list[FacetCount]] = {}
        for name, number in self._names.items():
            condition, given = ("1", list[str | int]())
            if name in query.values:
                condition, given = self._condition(query, {n: v for n, v in query.values.items() if n != name})
            rows = "temp.chosen f" if narrowed and name not in query.values else "extra.facet f"
            counts = f"SELECT f.p{number}, count(*) FROM {rows} WHERE {condition} GROUP BY 1"
            counted = self._connection.execute(f"{counts} ORDER BY 2 DESC LIMIT {most}", given).fetchall()
            values = dict(self._connection.execute("SELECT code, value FROM extra.listed WHERE number = ?", (number,)))
            found[name] = [FacetCount(values[code], n) for code, n in counted if code is not None]
        return found

    def states(self, query: RowQuery) -> dict[str, int]:
        """How many rows of each state there are among those wanted, the choice of a state aside."""
        condition, given = self._condition(query, state="")
        counted = self._connection.execute(
            f"SELECT f.state, count(*) FROM extra.facet f WHERE {condition} GROUP BY 1", given
        ).fetchall()
        found = {STATES[code]: n for code, n in counted}
        rejected = (
            f"SELECT count(*) FROM extra.facet f WHERE {condition} AND f.state = {STATES.index(KEPT)} AND {_MARKED}"
        )
        left = self._connection.execute(rejected, (*given, REJECTED)).fetchone()[0]
        if left:
            found[KEPT] = found.get(KEPT, 0) - left
            found[REJECTED] = left
        return {state: found[state] for state in WHERE if found.get(state)}

    def rules(self, query: RowQuery, most: int = 30) -> list[FacetCount]:
        """The rules that rejected rows among those wanted, or attempts at them, the commonest first."""
        condition, given = self._condition(query, rule="")
        joined = "extra.rejections r JOIN extra.rules ON code = rule JOIN extra.facet f USING (id)"
        counts = f"SELECT name, count(*) FROM {joined} WHERE {condition} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {most}"
        found = self._connection.execute(counts, given)
        return [FacetCount(name, n) for name, n in found]

    def like_words(self, words: Sequence[str], before: int | None, most: int = 200) -> list[LoggedRow]:
        """Kept rows, or those before one, that share the most of some words, by the index of words."""
        wanted = " OR ".join(_quoted(word) for word in words)
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

    def tries(self, number: int) -> list[Attempt]:
        """The attempts at a row that were not kept."""
        found = self._connection.execute(
            "SELECT prompt, attempt, reasons FROM tries WHERE id = ? ORDER BY seq", (number,)
        )
        return [Attempt(prompt, attempt, tuple(json.loads(reasons))) for prompt, attempt, reasons in found]

    def siblings(self, combination: int) -> int:
        """How many rows, of every state, a combination came to."""
        query = "SELECT count(*) FROM outcomes WHERE path = ? OR path GLOB ?"
        return int(self._connection.execute(query, (str(combination), f"{combination}.*")).fetchone()[0])

    def noted(self, combination: int) -> str | None:
        """What is noted of a combination whose rows are final (`generation/reuse/`); None where it is not."""
        found = self._connection.execute("SELECT body FROM settled WHERE combination = ?", (combination,)).fetchone()
        return None if found is None else str(found[0])

    def _condition(
        self,
        query: RowQuery,
        values: Mapping[str, tuple[str, ...]] | None = None,
        *,
        state: str | None = None,
        rule: str | None = None,
    ) -> tuple[str, list[str | int]]:
        """The condition of a query over `facet f`, and what it is given; parts of the query may be replaced."""
        parts, given = list[str](), list[str | int]()
        wanted = query.state if state is None else state
        if wanted == REJECTED:
            parts.append(f"f.state = {STATES.index(KEPT)} AND {_MARKED}")  # a row that is not kept has none to lose
            given.append(REJECTED)
        elif wanted in STATES:
            parts.append("f.state = ?")
            given.append(STATES.index(wanted))
            if wanted == KEPT:
                parts.append(f"NOT {_MARKED}")
                given.append(REJECTED)
        elif wanted:
            parts.append("0")
        for name, chosen in (query.values if values is None else values).items():
            number = self._names.get(name)
            if number is None:
                parts.append("0")
                continue
            places = ",".join("?" * len(chosen))
            listed = f"SELECT code FROM extra.listed WHERE number = {number} AND value IN ({places})"
            parts.append(f"f.p{number} IN ({listed})")
            given += chosen
        if by := query.rule if rule is None else rule:
            parts.append(
                "f.id IN (SELECT id FROM extra.rejections WHERE rule = (SELECT code FROM extra.rules WHERE name = ?))"
            )
            given.append(by)
        if query.marked == "none":
            parts.append(
                f"f.state = {STATES.index(KEPT)} AND f.id NOT IN (SELECT id FROM temp.marks WHERE mark = 'judged')"
            )
        elif query.marked:
            parts.append(_MARKED)
            given.append(query.marked)
        if query.text.strip():
            parts.append("f.id IN (SELECT rowid FROM words.texts WHERE texts MATCH ?)")
            given.append(match_of(query.text))
        return " AND ".join(parts) or "1", given


def match_of(text: str) -> str:
    """What a person writes into a search field, for FTS5: all words, a phrase in quotation marks as one; the last
    word may be unfinished.

    >>> match_of('the "old meter" ren')
    '"the" "old meter" "ren"*'
    """
    found = [(phrase or word, bool(word)) for phrase, word in _WORD.findall(text) if (phrase or word).strip()]
    parts = [_quoted(piece) for piece, _ in found]
    if found and found[-1][1]:
        parts[-1] += "*"
    return " ".join(parts) or '""'


def _quoted(text: str) -> str:
    return '"' + text.replace('"', " ").replace("\0", " ") + '"'


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
