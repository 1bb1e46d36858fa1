"""An index beside `rows.sqlite`, by which a table of a million rows is filtered and counted, and one of their words.

Both are made when somebody looks, from `rows.sqlite` and what its spec says of each row. They may be deleted, and are
made again where `rows.sqlite` is another than the one they were made of.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthspec.inference.store.derived.noted_rejections import read_rejections, rejections_counted
from synthspec.inference.store.derived.row_log import DROPPED, EMPTY, FILE, KEPT, MISSING, reading_log
from synthspec.inference.store.derived.row_views import ROW_COLUMNS, LoggedRow, logged_row
from synthspec.inference.store.file import FAULTS, StoreFault, explain_fault
from synthspec.spec.rows import Rejection

INDEX, TEXTS = ".rows-index.sqlite", ".rows-text.sqlite"
STATES = (KEPT, MISSING, DROPPED, EMPTY)
MOST_VALUES = 1000  # different values up to which a column can be counted and filtered by
WORD_TABLE = "fts5(body, content='', tokenize='unicode61 remove_diacritics 2')"
_BATCH = 2000
_VERSION = 3

TellProgress = Callable[[float], None]  # how far it is, 0 to 1


def stamp_of(folder: Path) -> str:
    """What tells the `rows.sqlite` of a folder from any other; "" where there is none."""
    try:
        found = (folder / FILE).stat()
    except OSError:
        return ""
    return f"{_VERSION} {found.st_ino} {found.st_size} {found.st_mtime_ns}"


def is_indexed(folder: Path, name: str) -> bool:
    """Whether the index of this name is there, and of the rows as they are."""
    stamp = stamp_of(folder)
    with contextlib.suppress(*FAULTS), _opened(folder / name) as connection:
        return bool(stamp) and connection.execute("SELECT stamp FROM made").fetchone() == (stamp,)
    return False


def make_index(
    folder: Path,
    columns: Sequence[str],
    values_of: Callable[[LoggedRow], Sequence[str | None]],
    tell: TellProgress = lambda share: None,
    numbers: Sequence[str] = (),
    numbers_of: Callable[[LoggedRow], Sequence[float | None]] = lambda row: (),
) -> None:
    """Make the index by which rows are filtered. `values_of` gives the values of `columns` for a row as texts,
    `numbers_of` those of `numbers`.

    Raises:
        StoreFault: `rows.sqlite` is damaged, or the index cannot be written.
    """
    with _made(folder, INDEX) as (made, rows, total):
        own = [*(f"p{n} INTEGER" for n in range(len(columns))), *(f"n{n} NUMERIC" for n in range(len(numbers)))]
        made.execute(
            f"CREATE TABLE facet ({', '.join(('id INTEGER PRIMARY KEY, state INTEGER, tries INTEGER', *own))})"
        )
        codes: list[dict[str, int] | None] = [{} for _ in columns]
        tries = _Counted(rows.execute("SELECT id, count(*) FROM tries GROUP BY id ORDER BY id"))
        insert = f"INSERT INTO facet VALUES ({','.join('?' * (len(own) + 3))})"
        for first, some in _batches(rows):
            tell(0.8 * first / total)
            entries = []
            for row in some:
                chosen = [_code(codes, n, value) for n, value in enumerate(values_of(row))]
                entries.append((row.id, STATES.index(row.state), tries.of(row.id), *chosen, *numbers_of(row)))
            made.executemany(insert, entries)
        made.execute("CREATE TABLE numbers (number INTEGER PRIMARY KEY, name TEXT)")
        made.executemany("INSERT INTO numbers VALUES (?, ?)", enumerate(numbers))
        made.execute("CREATE TABLE columns (number INTEGER PRIMARY KEY, name TEXT)")
        made.execute(
            "CREATE TABLE listed (number INTEGER, code INTEGER, value TEXT, PRIMARY KEY (number, code)) WITHOUT ROWID"
        )
        for number, found in enumerate(codes):
            if found:
                made.execute("INSERT INTO columns VALUES (?, ?)", (number, columns[number]))
                made.executemany("INSERT INTO listed VALUES (?, ?, ?)", [(number, c, v) for v, c in found.items()])
                made.execute(f"CREATE INDEX by_p{number} ON facet (p{number})")
        made.execute("CREATE INDEX by_state ON facet (state)")
        made.execute("CREATE INDEX by_tries ON facet (tries DESC, id)")
        tell(0.9)
        _note_rules(made, rows)


def make_text_index(folder: Path, tell: TellProgress = lambda share: None) -> None:
    """Make the index of the words of every row.

    Raises:
        StoreFault: `rows.sqlite` is damaged, or the index cannot be written.
    """
    with _made(folder, TEXTS) as (made, rows, total):
        made.execute(f"CREATE VIRTUAL TABLE texts USING {WORD_TABLE}")
        for first, some in _batches(rows):
            tell(first / total)
            said = [(row.id, words_in(row.values, row.reason)) for row in some]
            made.executemany("INSERT INTO texts (rowid, body) VALUES (?, ?)", said)


def words_in(values: Any, reason: str) -> str:
    """What a row is found by: every text and number in its values, and why it is not in the dataset.

    >>> words_in({"a": ["x", 0.5], "b": {"c": True}}, "too short")
    'x\\n0.5\\ntoo short'
    """
    return "\n".join([*_words_in(values), reason])


def _words_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _words_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _words_in(each)


class _Counted:
    """Counts by id, read beside rows in the same order."""

    def __init__(self, rows: Iterator[Sequence[int]]) -> None:
        self._rows, self._next = rows, next(rows, None)

    def of(self, number: int) -> int:
        while self._next is not None and self._next[0] < number:
            self._next = next(self._rows, None)
        return self._next[1] if self._next is not None and self._next[0] == number else 0


def _code(codes: list[dict[str, int] | None], column: int, value: str | None) -> int | None:
    known = codes[column]
    if known is None or value is None:
        return None
    code = known.setdefault(value, len(known))
    if code >= MOST_VALUES:
        codes[column] = None
        return None
    return code


def _note_rules(made: sqlite3.Connection, rows: sqlite3.Connection) -> None:
    """Which rules rejected each row, or an attempt at it."""
    made.execute("CREATE TABLE rules (code INTEGER PRIMARY KEY, name TEXT UNIQUE)")
    made.execute("CREATE TABLE rejections (rule INTEGER, id INTEGER, PRIMARY KEY (rule, id)) WITHOUT ROWID")
    codes: dict[str, int] = {}
    known: tuple[int, Mapping[str, Rejection]] = (-1, {})
    found = rows.execute(
        "SELECT o.id, o.combination, o.state, o.stage, t.reasons FROM outcomes o LEFT JOIN tries t USING (id) "
        f"WHERE o.state = '{DROPPED}' OR t.reasons IS NOT NULL ORDER BY o.id"
    )
    for number, combination, state, stage, reasons in found:
        noted = json.loads(reasons) if state != DROPPED else ()
        if combination != known[0] and any(isinstance(one, str) for one in noted):
            body = rows.execute("SELECT body FROM settled WHERE combination = ?", (combination,)).fetchone()
            known = combination, rejections_counted(body[0]) if body is not None else {}
        for name in [stage] if state == DROPPED else [r.rule for r in read_rejections(noted, known[1])]:
            code = codes.setdefault(name, len(codes))
            made.execute("INSERT OR IGNORE INTO rejections VALUES (?, ?)", (code, number))
    made.executemany("INSERT INTO rules VALUES (?, ?)", [(code, name) for name, code in codes.items()])


def _batches(rows: sqlite3.Connection) -> Iterator[tuple[int, list[LoggedRow]]]:
    cursor, first = rows.execute(f"SELECT {ROW_COLUMNS} FROM outcomes ORDER BY id"), 0
    while some := cursor.fetchmany(_BATCH):
        yield first, [logged_row(row) for row in some]
        first += len(some)


@contextlib.contextmanager
def _made(folder: Path, name: str) -> Iterator[tuple[sqlite3.Connection, sqlite3.Connection, int]]:
    """A new file in the place of an index once it is whole; the rows it is made of, and how many there are."""
    stamp, path = stamp_of(folder), folder / name
    beside = path.with_name(f"{name}.{os.getpid()}.partial")
    with reading_log(folder / FILE) as rows:
        if rows is None:
            raise StoreFault(f"'{folder}' has no rows: it has no {FILE}", "Build it.")
        try:
            beside.unlink(missing_ok=True)
            with contextlib.closing(sqlite3.connect(beside, isolation_level=None)) as made:
                made.execute("PRAGMA journal_mode = OFF")  # what is cut off is made again
                made.execute("PRAGMA synchronous = OFF")
                made.execute("BEGIN")
                yield made, rows, max(1, rows.execute("SELECT count(*) FROM outcomes").fetchone()[0])
                made.execute("CREATE TABLE made (stamp TEXT)")
                made.execute("INSERT INTO made VALUES (?)", (stamp,))
                made.execute("COMMIT")
            beside.replace(path)
        except FAULTS as error:
            raise explain_fault(error, path) from error
        finally:
            beside.unlink(missing_ok=True)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        yield connection
