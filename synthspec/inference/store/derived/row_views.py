"""Rows of `rows.sqlite` by their names, for whoever reviews them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthspec.inference.store.derived.row_log import FILE, KEPT, reading_log
from synthspec.inference.store.derived.rows import key_bytes, key_text
from synthspec.inference.store.file import StoreFault
from synthspec.lazy_dataclass import dataclass

_MANY = 256  # names in one statement
ROW_COLUMNS = "id, ordinal, path, combination, state, stage, rule, digest, vals"


@dataclass(frozen=True, slots=True)
class LoggedRow:
    """A row as the build made it, and what became of it before any review."""

    id: int  # its place among all rows, those that are none of the dataset too
    ordinal: int | None  # its place among the rows that were asked for
    path: str
    combination: int
    state: str  # kept, missing, dropped, empty
    stage: str
    reason: str
    digest: str
    values: Mapping[str, Any]

    @property
    def is_kept(self) -> bool:
        return self.state == KEPT

    @property
    def names(self) -> tuple[int, ...]:
        """Its path as numbers."""
        return tuple(int(part) for part in self.path.split("."))


def logged_row(found: Sequence[Any]) -> LoggedRow:
    """A row of the columns that are read here."""
    number, ordinal, path, combination, state, stage, rule, digest, values = found
    return LoggedRow(number, ordinal, path, combination, state, stage, rule, digest.hex(), json.loads(values))


def rows_at(folder: Path, paths: Iterable[str]) -> dict[str, LoggedRow]:
    """The rows of these paths; those that are not there are left out.

    Raises:
        StoreFault: there is no `rows.sqlite`, or it is damaged.
    """
    found: dict[str, LoggedRow] = {}
    with reading_log(folder / FILE) as connection:
        if connection is None:
            raise _no_rows(folder)
        wanted = list(dict.fromkeys(paths))
        for start in range(0, len(wanted), _MANY):
            some = wanted[start : start + _MANY]
            places = ",".join("?" * len(some))
            query = f"SELECT {ROW_COLUMNS} FROM outcomes WHERE path IN ({places})"
            found.update((row.path, row) for row in map(logged_row, connection.execute(query, some)))
    return found


def kept_rows(folder: Path) -> Iterator[LoggedRow]:
    """Every row that the build kept, in order.

    Raises:
        StoreFault: there is no `rows.sqlite`, or it is damaged.
    """
    with reading_log(folder / FILE) as connection:
        if connection is None:
            raise _no_rows(folder)
        query = f"SELECT {ROW_COLUMNS} FROM outcomes WHERE state = '{KEPT}' ORDER BY id"
        yield from map(logged_row, connection.execute(query))


def count_kept(folder: Path) -> int:
    """How many rows the build kept.

    Raises:
        StoreFault: there is no `rows.sqlite`, or it is damaged.
    """
    with reading_log(folder / FILE) as connection:
        if connection is None:
            raise _no_rows(folder)
        return int(connection.execute(f"SELECT count(*) FROM outcomes WHERE state = '{KEPT}'").fetchone()[0])


def completions_of(folder: Path, paths: Iterable[str]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The completions of each of these rows, and for each completion all rows of the dataset that it made.

    Raises:
        StoreFault: there is no `rows.sqlite`, or it is damaged.
    """
    keys: dict[str, list[str]] = {}
    sharing: dict[str, list[str]] = {}
    with reading_log(folder / FILE) as connection:
        if connection is None:
            raise _no_rows(folder)
        own = "SELECT key FROM lineage JOIN outcomes USING (id) WHERE path = ? ORDER BY seq"
        rows = "SELECT path FROM lineage JOIN outcomes USING (id) WHERE key = ? ORDER BY id"
        for path in paths:
            keys[path] = [key_text(key) for (key,) in connection.execute(own, (path,))]
            for key in keys[path]:
                if key not in sharing:
                    sharing[key] = [made for (made,) in connection.execute(rows, (key_bytes(key),))]
    return keys, sharing


def _no_rows(folder: Path) -> StoreFault:
    return StoreFault(
        f"'{folder}' has no rows: it has no {FILE}", "Name the folder that a build wrote to, or build it."
    )
