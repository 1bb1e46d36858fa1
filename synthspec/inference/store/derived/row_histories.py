"""What became of each row of a dataset, read from `rows.sqlite` beside it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthspec.inference.store.derived.noted_rejections import NO_REJECTIONS, read_rejections
from synthspec.inference.store.derived.row_log import FILE, KEPT, reading_log
from synthspec.inference.store.derived.rows import key_text
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.rows import Rejection


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a row that failed, and why."""

    prompt: str
    attempt: int
    rejections: tuple[Rejection, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, for a reader."""
        return tuple([r.reason for r in self.rejections])


def read_attempts(
    found: Iterable[Sequence[Any]], known: Mapping[str, Rejection] = NO_REJECTIONS
) -> tuple[Attempt, ...]:
    """The attempts of rows of `tries`: prompt, attempt, what is noted of the rejections. `known` is for old files."""
    return tuple([Attempt(name, number, read_rejections(json.loads(noted), known)) for name, number, noted in found])


@dataclass(frozen=True, slots=True)
class RowHistory:
    """What became of one row. `keys` are the completions that it is made of, in the order of the prompts."""

    ordinal: int | None  # place in the order of rows asked for, from 0; None of one that is no row of the dataset
    path: str  # its name: 17, 17.3
    combination: int
    kept: bool
    stage: str  # where it was lost, or the check that dropped it; empty for a row that was kept
    reason: str  # why; empty for a row that was kept
    digest: str  # of its values
    keys: tuple[str, ...] = ()
    failed: tuple[Attempt, ...] = ()


def read_histories(folder: Path, *, dropped: bool = False) -> Iterator[RowHistory]:
    """Every row of the dataset in a folder, kept or missing, in order, and with `dropped` those between them that are
    no row of it: that the spec does not want, or that had no others to make. None where the folder has no file.

    `Store.calls_of(history.keys)` gives the calls themselves.

    Raises:
        StoreFault: it is damaged; delete it and build again.
    """
    with reading_log(folder / FILE) as connection:
        if connection is None:
            return
        lineage = _Beside(connection, "SELECT id, key FROM lineage ORDER BY id, seq")
        tries = _Beside(connection, "SELECT id, prompt, attempt, reasons FROM tries ORDER BY id, seq")
        for row in connection.execute(f"{_HISTORY} ORDER BY id"):
            history = _history(row, lineage.of(row[0]), tries.of(row[0]))
            if dropped or history.ordinal is not None:
                yield history


def read_history(folder: Path, ordinal: int) -> RowHistory | None:
    """What became of one row.

    Raises:
        StoreFault: the file is damaged; delete it and build again.
    """
    with reading_log(folder / FILE) as connection:
        if connection is None:
            return None
        row = connection.execute(f"{_HISTORY} WHERE ordinal = ?", (ordinal,)).fetchone()
        if row is None:
            return None
        keys = connection.execute("SELECT key FROM lineage WHERE id = ? ORDER BY seq", row[:1]).fetchall()
        query = "SELECT prompt, attempt, reasons FROM tries WHERE id = ? ORDER BY seq"
        return _history(row, keys, connection.execute(query, row[:1]).fetchall())


_HISTORY = "SELECT id, ordinal, path, combination, state, stage, rule, digest FROM outcomes"


def _history(row: Sequence[Any], keys: Sequence[Sequence[Any]], tries: Sequence[Sequence[Any]]) -> RowHistory:
    _, ordinal, path, combination, state, stage, rule, digest = row
    made = tuple(key_text(key) for (key,) in keys)
    return RowHistory(ordinal, path, combination, state == KEPT, stage, rule, digest.hex(), made, read_attempts(tries))


class _Beside:
    """Rows of another table, read beside the outcomes in the same order."""

    def __init__(self, connection: sqlite3.Connection, query: str) -> None:
        self._rows = connection.execute(query)
        self._next: Any = self._rows.fetchone()

    def of(self, number: int) -> list[Sequence[Any]]:
        found: list[Sequence[Any]] = []
        while self._next is not None and self._next[0] == number:
            found.append(self._next[1:])
            self._next = self._rows.fetchone()
        return found
