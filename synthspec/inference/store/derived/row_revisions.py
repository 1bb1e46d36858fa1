"""Rows as reviews have them, beside the indices of the rows as they were made: few rows, in temporary tables, so that a
million others are read from the indices as they are."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from functools import cached_property

from synthspec.inference.store.derived.row_index import WORD_TABLE, words_in
from synthspec.inference.store.derived.row_query import RevisedRow

CHANGED, FACETS, WORDS = "temp.changed", "temp.revised", "temp.rewords"


class Revisions:
    """The rows that reviews changed, by their numbers. `labels` and `numbers` are the columns that rows are filtered
    by, with their numbers. Tables are made when a query needs them."""

    def __init__(self, connection: sqlite3.Connection, labels: Mapping[str, int], numbers: Mapping[str, int]) -> None:
        self.labels, self.numbers = labels, numbers
        self.rows: dict[int, RevisedRow] = {}
        self._connection = connection

    @cached_property
    def listed(self) -> str:
        """The table in which the values of columns have their codes."""
        return lay_facets(self._connection, self.rows, self.labels, self.numbers) if self.rows else "extra.listed"

    @cached_property
    def sources(self) -> tuple[tuple[str, str], ...]:
        """The tables that hold what rows are filtered by, each with what else its rows `f` must be."""
        if not self.rows:
            return (("extra.facet", ""),)
        assert self.listed  # which makes the table
        return (("extra.facet", f" AND f.id NOT IN (SELECT id FROM {FACETS})"), (FACETS, ""))

    @property
    def before(self) -> str:
        """What these rows were filtered by before."""
        assert self.listed
        return f"(SELECT * FROM extra.facet WHERE id IN (SELECT id FROM {FACETS}))"

    @property
    def after(self) -> str:
        """What they are filtered by now."""
        assert self.listed
        return FACETS

    @cached_property
    def worded(self) -> str:
        """The condition that the words of a row `f` match; given once, or twice where there are such rows."""
        found = "SELECT rowid FROM words.texts WHERE texts MATCH ?"
        if not self.rows:
            return f"f.id IN ({found})"
        lay_words(self._connection, self.rows)
        changed = f"SELECT rowid FROM {WORDS} WHERE rewords MATCH ?"
        return f"f.id IN ({found} EXCEPT SELECT id FROM {CHANGED} UNION {changed})"


def lay_facets(
    connection: sqlite3.Connection,
    revised: Mapping[int, RevisedRow],
    labels: Mapping[str, int],
    numbers: Mapping[str, int],
) -> str:
    """Put what revised rows are filtered by into `FACETS`. `labels` and `numbers` are the numbers of the columns. The
    table in which values have their codes: the index's own, or one with the values that only reviews gave."""
    connection.execute(f"CREATE TEMP TABLE {_name(FACETS)} AS SELECT * FROM extra.facet WHERE 0")
    listed = "extra.listed"
    for number, row in revised.items():
        connection.execute(f"INSERT INTO {FACETS} SELECT * FROM extra.facet WHERE id = ?", (number,))
        for name, value in row.numbers.items():
            if name in numbers:
                connection.execute(f"UPDATE {FACETS} SET n{numbers[name]} = ? WHERE id = ?", (value, number))
        for name, text in row.labels.items():
            if name not in labels:
                continue
            code, listed = _code(connection, labels[name], text, listed)
            connection.execute(f"UPDATE {FACETS} SET p{labels[name]} = ? WHERE id = ?", (code, number))
    connection.execute("CREATE UNIQUE INDEX temp.revised_by_id ON revised (id)")
    return listed


def lay_words(connection: sqlite3.Connection, revised: Mapping[int, RevisedRow]) -> None:
    """Put the words of revised rows into `WORDS`, and which rows these are into `CHANGED`."""
    connection.execute(f"CREATE TEMP TABLE {_name(CHANGED)} (id INTEGER PRIMARY KEY)")
    connection.execute(f"CREATE VIRTUAL TABLE {WORDS} USING {WORD_TABLE}")
    connection.executemany(f"INSERT INTO {CHANGED} VALUES (?)", [(number,) for number in revised])
    said = [(number, words_in(row.values, row.reason)) for number, row in revised.items()]
    connection.executemany(f"INSERT INTO {WORDS} (rowid, body) VALUES (?, ?)", said)


def _code(connection: sqlite3.Connection, column: int, text: str | None, listed: str) -> tuple[int | None, str]:
    """The code of a value, and the table that it is in: where no row had it before, it is given one."""
    if text is None:
        return None, listed
    known = connection.execute(f"SELECT code FROM {listed} WHERE number = ? AND value = ?", (column, text)).fetchone()
    if known is not None:
        return int(known[0]), listed
    if listed == "extra.listed":
        connection.execute("CREATE TEMP TABLE listed AS SELECT * FROM extra.listed")
        listed = "temp.listed"
    query = "SELECT coalesce(max(code), -1) + 1 FROM temp.listed WHERE number = ?"
    code = int(connection.execute(query, (column,)).fetchone()[0])
    connection.execute("INSERT INTO temp.listed VALUES (?, ?, ?)", (column, code, text))
    return code, listed


def _name(table: str) -> str:
    return table.partition(".")[2]
