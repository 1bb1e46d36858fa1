"""What can still be read of a damaged store, and of those put aside before it, as a new one. None is ever written to.

The new one is `run.sqlite.rescued-N`, a name that no file had. It takes the place of the damaged one, which is kept as
`run.sqlite.damaged-N`, only where no completion is lost by that, or where the caller was told so.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from pathlib import Path
from typing import Any

from synthspec.inference.store.derived.rows import (
    checksum,
    is_whole_request,
    key_text,
)
from synthspec.inference.store.ledger import StoredTotals
from synthspec.inference.store.rescue.carve import MISSING, carve
from synthspec.inference.store.rescue.sound_rows import (
    ACCEPT,
    CALL_1,
    CALL_2,
    SEND,
    TOTAL,
    WIDTHS,
    is_legible,
)
from synthspec.inference.store.rescue.spent_before import Spending, note_send, pair_totals, read_version_1, sum_spent
from synthspec.inference.store.schema import (
    DAMAGE,
    INSERT_BLOB,
    INSERT_CALL,
    INSERT_META,
    INSERT_TOTAL,
    ONE_CALL,
    create_tables,
    note_version,
    transaction,
    upgrade_row,
)
from synthspec.lazy_dataclass import dataclass

_DAMAGE = (sqlite3.Error, UnicodeDecodeError, OverflowError, MemoryError)
_INSERT = f"{INSERT_CALL}{ONE_CALL} ON CONFLICT (key) DO NOTHING"
_SET_ASIDE = """
CREATE TABLE IF NOT EXISTS set_aside (id INTEGER PRIMARY KEY, source TEXT, row INTEGER, key TEXT, reply, request)
"""
_MOST_BAD = 10_000
_NAME = re.compile(r".*\.(?:rescued|damaged)(?:-\d+)?")


@dataclass(slots=True)
class Rescued:
    """What came of it."""

    path: Path
    completions: int = 0
    expected: int | None = None  # completions that the damaged store held; None where that cannot be told
    without_request: int = 0  # completions whose request is damaged
    set_aside: int = 0  # rows that are not what was stored

    @property
    def is_complete(self) -> bool:
        """Whether no completion was lost."""
        return self.expected is not None and self.completions >= self.expected


def earlier_files(path: Path) -> list[Path]:
    """Stores of this folder that were put aside: rescues and damaged ones, the oldest first."""
    beside = (p for p in path.parent.glob(f"{path.name}.*") if _NAME.fullmatch(p.name) and p.is_file())
    return sorted(beside, key=lambda p: (_number(p), p.name))


def free_number(path: Path) -> int:
    """A number that no rescue and no damaged store of this folder has."""
    return max(map(_number, earlier_files(path)), default=0) + 1


def salvage(path: Path) -> Rescued:
    """Write a new store from all that can be read of a damaged one and of those put aside before it.

    Raises:
        OSError, sqlite3.Error: it could not be written.
    """
    number = free_number(path)
    while True:
        target = path.with_name(f"{path.name}.rescued-{number}")
        try:
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
            break
        except FileExistsError:
            number += 1
    try:
        rescued = _write(target, path)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    with target.open("rb+") as file:
        os.fsync(file.fileno())
    return rescued


def drop_repeated(path: Path, rescued: Rescued) -> Rescued:
    """The rescue, or the latest one before it if that holds as much: the new one is removed then."""
    for earlier in reversed(earlier_files(path)):
        if earlier != rescued.path and ".rescued-" in earlier.name and _completions_in(earlier) == rescued.completions:
            rescued.path.unlink()
            rescued.path = earlier
            break
    return rescued


def _completions_in(path: Path) -> int | None:
    with contextlib.suppress(*_DAMAGE), contextlib.closing(sqlite3.connect(path)) as connection:
        return _count(connection)
    return None


def _write(target: Path, path: Path) -> Rescued:
    rescued = Rescued(target)
    sources = [path, *(p for p in earlier_files(path) if p != target)]
    with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as fresh:
        create_tables(fresh)
        fresh.execute(_SET_ASIDE)
        with transaction(fresh):
            totals = [_take(fresh, source, rescued) for source in sources]
            if any(f.is_old for f in totals):
                note_version(fresh, 1)
            rescued.completions = _count(fresh)
            told = totals[:1] if path.is_file() else totals
            rescued.expected = max((f.expected for f in told if f.expected is not None), default=None)
            fresh.executemany(INSERT_TOTAL, sum_spent(fresh, totals).rows())
    return rescued


def _take(fresh: sqlite3.Connection, source: Path, rescued: Rescued) -> Spending:
    """Copy into the new store what one file holds of completions, shared texts and notes."""
    found = Spending()
    newest: dict[str, float] = {}  # of version 1, which kept the latest of several completions of a request

    bad: dict[int, list[Any]] = {}  # rows that are not what was stored, though their text can be read

    def accept(row: int, values: list[Any]) -> bool:
        sound = ACCEPT[len(values)](values)
        if not sound and len(values) == CALL_2 and len(bad) < _MOST_BAD and is_legible(values):
            bad[row] = values
        return sound

    for carved in carve(source, WIDTHS, accept):
        values = carved.values
        if len(values) == CALL_2:
            _keep_call(fresh, source, carved.row, values[1:], rescued)
        elif len(values) == CALL_1:
            _keep_old_call(fresh, source, values, rescued, newest)
            found.is_old = True
        elif len(values) == TOTAL:
            ledger = StoredTotals([values])
            found.ledgers.append(ledger)
        elif len(values) == SEND:
            note_send(found, carved.row, values)
        elif isinstance(values[1], bytes):
            fresh.execute(INSERT_BLOB, values[1:])
        elif values[0] != DAMAGE:
            fresh.execute(INSERT_META, values)
    for row, values in bad.items():
        _set_aside(fresh, source, row, values, rescued)
    pair_totals(found)
    read_version_1(source, found)
    return found


def _keep_call(fresh: sqlite3.Connection, source: Path, row: int, values: list[Any], rescued: Rescued) -> None:
    if not is_whole_request(values):
        rescued.without_request += _is_new(fresh, values[0])
        values = [*values[:14], ""]
        values[11] = checksum(values)
    fresh.execute(_INSERT, values)


def _keep_old_call(
    fresh: sqlite3.Connection, source: Path, values: list[Any], rescued: Rescued, newest: dict[str, float]
) -> None:
    *head, request, text = values
    row = upgrade_row((*head, text, None, request if isinstance(request, str) else ""))
    key, created = key_text(row[0]), float(values[10] or 0.0)
    if key in newest and created > newest[key]:
        fresh.execute("DELETE FROM completions WHERE key = ?", (row[0],))
    elif not isinstance(request, str):
        rescued.without_request += _is_new(fresh, row[0])
    newest[key] = max(created, newest.get(key, created))
    fresh.execute(_INSERT, row)


def _set_aside(fresh: sqlite3.Connection, source: Path, row: int, values: list[Any], rescued: Rescued) -> None:
    """Keep, for people, the texts of a row that cannot be trusted."""
    key, reply, request = (None if v is MISSING else v for v in (values[1], values[13], values[15]))
    held = key_text(key) if isinstance(key, bytes) else str(key)
    fresh.execute("INSERT INTO set_aside VALUES (NULL, ?, ?, ?, ?, ?)", (source.name, row, held, reply, request))
    rescued.set_aside += 1


def _is_new(fresh: sqlite3.Connection, key: Any) -> bool:
    return fresh.execute("SELECT 1 FROM completions WHERE key = ?", (key,)).fetchone() is None


def _count(fresh: sqlite3.Connection) -> int:
    return int(fresh.execute("SELECT count(*) FROM completions").fetchone()[0])


def _number(path: Path) -> int:
    tail = path.name.rpartition("-")[2]
    return int(tail) if tail.isdigit() else 0
