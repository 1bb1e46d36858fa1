"""What can still be read of a damaged store, and of those put aside before it, as a new one. None is ever written to.

The new one is `run.sqlite.rescued-N`, a name that no file had. It takes the place of the damaged one, which is kept as
`run.sqlite.damaged-N`, only where no completion is lost by that, or where the caller was told so.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthspec.inference.store.derived.rows import (
    CALL_COLUMNS,
    Decayed,
    checksum,
    is_whole_request,
    key_text,
    read_completion,
)
from synthspec.inference.store.derived.stored_request import blob_digest
from synthspec.inference.store.ledger import Ledger, Send, StrangeTotal, Total, read_total
from synthspec.inference.store.rescue.carve import MISSING, carve
from synthspec.inference.store.schema import (
    DAMAGE,
    INSERT_BLOB,
    INSERT_CALL,
    INSERT_META,
    INSERT_TOTAL,
    ONE_CALL,
    RESERVED,
    create_tables,
    meta_checksum,
    note_version,
    transaction,
    upgrade_row,
)

_DAMAGE = (sqlite3.Error, UnicodeDecodeError, OverflowError, MemoryError)
_INSERT = f"{INSERT_CALL}{ONE_CALL} ON CONFLICT (key) DO NOTHING"
_SET_ASIDE = """
CREATE TABLE IF NOT EXISTS set_aside (id INTEGER PRIMARY KEY, source TEXT, row INTEGER, key TEXT, reply, request)
"""
_CALL_2, _CALL_1, _BLOB, _META, _TOTAL, _SEND = len(CALL_COLUMNS) + 1, 14, 3, 3, 8, 9
_WIDTHS = frozenset({_CALL_2, _CALL_1, _BLOB, _META, _TOTAL, _SEND})
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
            fresh.executemany(INSERT_TOTAL, _sum(fresh, totals).rows())
    return rescued


@dataclass(slots=True)
class _Found:
    """What a store says it spent, as far as it can be read."""

    ledgers: list[Ledger] = field(default_factory=list)
    sends: dict[int, tuple[int, Send]] = field(default_factory=dict)  # by number: the latest state seen
    expected: int | None = None
    is_old: bool = False  # whether version 1 began it

    def total(self) -> Total:
        """All that was spent, calls that were under way at their worst."""
        best = max(self.ledgers, key=lambda ledger: ledger.settled.requests + ledger.lost.requests, default=Ledger())
        total = Total()
        for each in (best.settled, best.lost):
            for name in ("cost", "prompt_tokens", "completion_tokens", "requests", "at_worst"):
                setattr(total, name, getattr(total, name) + getattr(each, name))
        for state, send in self.sends.values():
            if state == RESERVED:
                total.add(send.cost, 0, send.tokens, at_worst=True)
        return total


def _take(fresh: sqlite3.Connection, source: Path, rescued: Rescued) -> _Found:
    """Copy into the new store what one file holds of completions, shared texts and notes."""
    found = _Found()
    newest: dict[str, float] = {}  # of version 1, which kept the latest of several completions of a request

    bad: dict[int, list[Any]] = {}  # rows that are not what was stored, though their text can be read

    def accept(row: int, values: list[Any]) -> bool:
        sound = _ACCEPT[len(values)](values)
        if not sound and len(values) == _CALL_2 and len(bad) < _MOST_BAD and _is_legible(values):
            bad[row] = values
        return sound

    for carved in carve(source, _WIDTHS, accept):
        values = carved.values
        if len(values) == _CALL_2:
            _keep_call(fresh, source, carved.row, values[1:], rescued)
        elif len(values) == _CALL_1:
            _keep_old_call(fresh, source, values, rescued, newest)
            found.is_old = True
        elif len(values) == _TOTAL:
            ledger = Ledger([values])
            found.ledgers.append(ledger)
        elif len(values) == _SEND:
            _note_send(found, carved.row, values)
        elif isinstance(values[1], bytes):
            fresh.execute(INSERT_BLOB, values[1:])
        elif values[0] != DAMAGE:
            fresh.execute(INSERT_META, values)
    for row, values in bad.items():
        _set_aside(fresh, source, row, values, rescued)
    _pair_totals(found)
    _read_version_1(source, found)
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


def _is_legible(values: list[Any]) -> bool:
    return values[0] is None and isinstance(values[1], str | bytes) and isinstance(values[13], str | bytes)


def _is_call(values: list[Any]) -> bool:
    if values[0] is not None or MISSING in values[1:15]:
        return False
    try:
        read_completion(values[1:])
    except Decayed:
        return False
    return True


def _is_old_call(values: list[Any]) -> bool:
    key, *_, crc, _, text = values
    if not isinstance(key, str) or len(key) != 32 or MISSING in values[:12] or not isinstance(crc, int):
        return False
    try:
        upgrade_row((*values[:12], text, None, None))
    except Decayed:
        return False
    return all(value is None or isinstance(value, int | float) for value in (*values[2:4], *values[6:11]))


def _is_blob_or_meta(values: list[Any]) -> bool:
    _, second, third = values
    if isinstance(second, bytes):
        return isinstance(third, bytes) and blob_digest(third) == second
    return isinstance(second, str) and isinstance(values[0], str) and meta_checksum(values[0], second) == third


def _is_total(values: list[Any]) -> bool:
    try:
        read_total(values)
    except StrangeTotal:
        return False
    return True


def _is_send(values: list[Any]) -> bool:
    return values[0] is None and values[3] in range(5) and isinstance(values[8], int) and MISSING not in values


_ACCEPT = {
    _CALL_2: _is_call, _CALL_1: _is_old_call, _BLOB: _is_blob_or_meta, _TOTAL: _is_total, _SEND: _is_send,
}  # fmt: skip


def _note_send(found: _Found, row: int, values: list[Any]) -> None:
    _, key, batch, state, cost, tokens, _, created, crc = values
    send = Send(row, key, batch, cost, tokens, created)
    with contextlib.suppress(AttributeError, TypeError):
        if send.checksum() == crc:
            found.sends[row] = (max(state, found.sends.get(row, (RESERVED,))[0]), send)


def _pair_totals(found: _Found) -> None:
    """Rows of totals are found one by one: the highest of each name belong together."""
    pair = Ledger()
    for name in Ledger.NAMES:
        setattr(pair, name, max((getattr(x, name) for x in found.ledgers), key=lambda t: t.requests, default=Total()))
    if found.ledgers:
        found.ledgers = [pair]
        found.expected = pair.settled.stored


def _read_version_1(source: Path, found: _Found) -> None:
    """What a store of version 1 says it spent, and how many completions it held: only SQLite can tell."""
    address = f"{source.absolute().as_uri()}?mode=ro"
    with contextlib.suppress(*_DAMAGE), contextlib.closing(sqlite3.connect(address, uri=True)) as old:
        old.execute("PRAGMA writable_schema = 1")
        names = {name for (name,) in old.execute("SELECT name FROM sqlite_master")}
        if "migrations" in names:
            found.is_old |= old.execute("SELECT min(version) FROM migrations").fetchone()[0] == 1
        if "calls" not in names:
            return
        found.is_old = True
        for query in _COUNTS:
            with contextlib.suppress(*_DAMAGE):
                found.expected = max(found.expected or 0, int(old.execute(query).fetchone()[0]))
        with contextlib.suppress(*_DAMAGE):
            cost, asked, given, requests = old.execute(_USED).fetchone()
            ledger = Ledger()
            ledger.settled.add(float(cost or 0), int(asked or 0), int(given or 0))
            ledger.settled.requests = int(requests or 0)
            found.ledgers.append(ledger)


_COUNTS = ("SELECT count(*) FROM calls INDEXED BY sqlite_autoindex_calls_1", "SELECT count(*) FROM calls NOT INDEXED")
_USED = """
SELECT total(cost), sum(prompt_tokens), sum(completion_tokens), sum(requests) FROM (
    SELECT cost, prompt_tokens, completion_tokens, requests FROM totals
    UNION ALL SELECT total(cost), 0, coalesce(sum(tokens), 0), count(*) FROM reservations)
"""


def _sum(fresh: sqlite3.Connection, found: Sequence[_Found]) -> Ledger:
    """What the completions cost is settled; what else the most telling of the old stores had spent is lost."""
    ledger = Ledger()
    for cost, asked, given in fresh.execute("SELECT cost, in_tok, out_tok FROM completions"):
        known = asked is not None and given is not None
        ledger.settled.add(cost or 0.0, *((asked, given) if known else (0, 0)), at_worst=not known or cost is None)
    ledger.settled.stored = ledger.settled.requests
    spent = max((f.total() for f in found), key=lambda t: (t.requests, t.cost), default=Total())
    for name in ("cost", "prompt_tokens", "completion_tokens", "requests", "at_worst"):
        setattr(ledger.lost, name, max(0, getattr(spent, name) - getattr(ledger.settled, name)))
    return ledger


def _count(fresh: sqlite3.Connection) -> int:
    return int(fresh.execute("SELECT count(*) FROM completions").fetchone()[0])


def _number(path: Path) -> int:
    tail = path.name.rpartition("-")[2]
    return int(tail) if tail.isdigit() else 0
