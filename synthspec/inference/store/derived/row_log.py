"""`rows.sqlite` beside a dataset: what became of every row, and which completions made it.

All in it follows from the spec and `run.sqlite`: it may be deleted, and the next build writes it again without a call.
It is written with the dataset's other files, takes its place with them, and so describes the rows that stand there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from synthspec.inference.store.derived.rows import key_bytes, key_text
from synthspec.inference.store.file import FAULTS, StoreFault, explain_fault

FILE = "rows.sqlite"
VERSION = 1
KEPT, MISSING = "kept", "missing"
_BATCH = 256  # rows written at once
_SCHEMA = f"""
CREATE TABLE outcomes (
    ordinal INTEGER PRIMARY KEY, path TEXT UNIQUE, combination INTEGER, state TEXT, stage TEXT, rule TEXT, digest BLOB,
    vals TEXT
);
CREATE TABLE lineage (ordinal INTEGER, seq INTEGER, key BLOB, PRIMARY KEY (ordinal, seq)) WITHOUT ROWID;
CREATE TABLE tries (
    ordinal INTEGER, seq INTEGER, prompt TEXT, attempt INTEGER, reasons TEXT, PRIMARY KEY (ordinal, seq)
) WITHOUT ROWID;
CREATE TABLE settled (combination INTEGER PRIMARY KEY, crc INTEGER, body TEXT);
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
"""
_OUTCOME = "INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_LINEAGE = "INSERT INTO lineage VALUES (?, ?, ?)"
_TRY = "INSERT INTO tries VALUES (?, ?, ?, ?, ?)"
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=str, sort_keys=True).encode


class Outcome(Protocol):
    """A row, or the reason for its absence (`records.Row`, `Missing`)."""

    @property
    def combination(self) -> int: ...
    @property
    def slot(self) -> int: ...
    @property
    def values(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a row that failed, and why."""

    prompt: str
    attempt: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RowHistory:
    """What became of one row. `keys` are the completions that it is made of, in the order of the prompts."""

    ordinal: int  # place in the order of rows asked for, from 0
    path: str  # its name: 17, 17.3
    combination: int
    kept: bool
    stage: str  # where it was lost; empty for a row that was kept
    reason: str  # why; empty for a row that was kept
    digest: str  # of its values
    keys: tuple[str, ...] = ()
    failed: tuple[Attempt, ...] = ()


def digest_of_values(values: Mapping[str, Any]) -> str:
    """What tells the values of a row from any others: 32 hexadecimal digits."""
    return hashlib.blake2b(_encode(values).encode(), digest_size=16).hexdigest()


class RowLog:
    """Writes the file, row by row in the order of the dataset.

    Raises:
        StoreFault: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._settled: list[tuple[int, int, str]] = []
        self._outcomes: list[tuple[Any, ...]] = []
        self._lineage: list[tuple[Any, ...]] = []
        self._tries: list[tuple[Any, ...]] = []
        with self._explained():
            path.unlink(missing_ok=True)
            self._connection = sqlite3.connect(path, isolation_level=None)
            self._connection.execute("PRAGMA synchronous = OFF")  # what a power cut spoils is made again
            self._connection.executescript(_SCHEMA)

    def add(self, outcome: Outcome) -> None:
        """The next row, or why there is none.

        Raises:
            StoreFault: it cannot be written.
        """
        slot, reasons = outcome.slot, getattr(outcome, "reasons", None)
        values = _encode(outcome.values)
        digest = hashlib.blake2b(values.encode(), digest_size=16).digest()
        path = ".".join(map(str, getattr(outcome, "path", ()))) or str(slot)
        state = (KEPT, "", "") if reasons is None else (MISSING, str(getattr(outcome, "stage", "")), "; ".join(reasons))
        self._outcomes.append((slot, path, outcome.combination, *state, digest, values))
        keys = [key for key in getattr(outcome, "keys", ()) if key]
        self._lineage += [(slot, n, key_bytes(key)) for n, key in enumerate(keys)]
        tries = getattr(outcome, "tries", ())
        self._tries += [(slot, n, t.prompt, t.attempt, json.dumps(t.reasons)) for n, t in enumerate(tries)]
        if len(self._outcomes) >= _BATCH:
            self._flush()

    def begin(self, program: str) -> None:
        """What is settled from here on hangs on this program.

        Raises:
            StoreFault: it cannot be written.
        """
        with self._explained():
            self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('program', ?)", (program,))

    def settle(self, combination: int, body: str) -> None:
        """All that a later build needs to know of a combination whose rows are final (`engines.settled`).

        Raises:
            StoreFault: it cannot be written.
        """
        self._settled.append((combination, zlib.crc32(body.encode()), body))

    def close(self) -> None:
        """Write what is left.

        Raises:
            StoreFault: it cannot be written.
        """
        self._flush()
        with self._explained():
            self._connection.execute("CREATE INDEX rows_of_completion ON lineage (key)")
        self._connection.close()

    def abandon(self) -> None:
        """Close it with what can still be written: the next build goes on from there."""
        with contextlib.suppress(StoreFault):
            self._flush()
        self._connection.close()

    def _flush(self) -> None:
        with self._explained():
            self._connection.execute("BEGIN")
            self._connection.executemany(_OUTCOME, self._outcomes)
            self._connection.executemany(_LINEAGE, self._lineage)
            self._connection.executemany(_TRY, self._tries)
            self._connection.executemany("INSERT INTO settled VALUES (?, ?, ?)", self._settled)
            self._connection.execute("COMMIT")
        self._outcomes, self._lineage, self._tries, self._settled = [], [], [], []

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (*FAULTS, OverflowError) as error:
            raise explain_fault(error, self._path) from error


def count_settled(path: Path, program: str) -> int:
    """Combinations, from the first, whose rows an earlier build of the same program settled; 0 where none can be told.

    Nothing is believed of them yet: each has a checksum, and is used only where its completions are in the store.
    """
    query = "SELECT combination FROM settled ORDER BY combination"
    with contextlib.suppress(StoreFault), _reading_file(path) as connection:
        if connection is None or connection.execute("SELECT value FROM meta").fetchone() != (program,):
            return 0
        found = 0
        for (combination,) in connection.execute(query):
            if combination != found:
                break
            found += 1
        return found
    return 0


def read_settled(path: Path, count: int) -> Iterator[str]:
    """What was noted of the first so many combinations, in order, up to the first that is damaged."""
    query = "SELECT crc, body FROM settled WHERE combination < ? ORDER BY combination"
    with contextlib.suppress(StoreFault), _reading_file(path) as connection:
        if connection is not None:
            for crc, body in connection.execute(query, (count,)):
                if zlib.crc32(body.encode()) != crc:
                    return
                yield body


def read_histories(folder: Path) -> Iterator[RowHistory]:
    """Every row of the dataset in a folder, kept or missing, in order; none where the folder has no `rows.sqlite`.

    `Store.calls_of(history.keys)` gives the calls themselves.

    Raises:
        StoreFault: it is damaged; delete it and build again.
    """
    with _reading(folder) as connection:
        if connection is None:
            return
        lineage = _Beside(connection, "SELECT ordinal, key FROM lineage ORDER BY ordinal, seq")
        tries = _Beside(connection, "SELECT ordinal, prompt, attempt, reasons FROM tries ORDER BY ordinal, seq")
        query = "SELECT ordinal, path, combination, state, stage, rule, digest FROM outcomes ORDER BY ordinal"
        for row in connection.execute(query):
            yield _history(row, lineage.of(row[0]), tries.of(row[0]))


def read_history(folder: Path, ordinal: int) -> RowHistory | None:
    """What became of one row.

    Raises:
        StoreFault: the file is damaged; delete it and build again.
    """
    with _reading(folder) as connection:
        if connection is None:
            return None
        query = "SELECT ordinal, path, combination, state, stage, rule, digest FROM outcomes WHERE ordinal = ?"
        row = connection.execute(query, (ordinal,)).fetchone()
        if row is None:
            return None
        keys = connection.execute("SELECT key FROM lineage WHERE ordinal = ? ORDER BY seq", (ordinal,)).fetchall()
        query = "SELECT prompt, attempt, reasons FROM tries WHERE ordinal = ? ORDER BY seq"
        return _history(row, keys, connection.execute(query, (ordinal,)).fetchall())


def _history(row: Sequence[Any], keys: Sequence[Sequence[Any]], tries: Sequence[Sequence[Any]]) -> RowHistory:
    ordinal, path, combination, state, stage, rule, digest = row
    failed = tuple(Attempt(prompt, attempt, tuple(json.loads(reasons))) for prompt, attempt, reasons in tries)
    made = tuple(key_text(key) for (key,) in keys)
    return RowHistory(ordinal, path, combination, state == KEPT, stage, rule, digest.hex(), made, failed)


class _Beside:
    """Rows of another table, read beside the outcomes in the same order."""

    def __init__(self, connection: sqlite3.Connection, query: str) -> None:
        self._rows = connection.execute(query)
        self._next: Any = self._rows.fetchone()

    def of(self, ordinal: int) -> list[Sequence[Any]]:
        found: list[Sequence[Any]] = []
        while self._next is not None and self._next[0] == ordinal:
            found.append(self._next[1:])
            self._next = self._rows.fetchone()
        return found


@contextlib.contextmanager
def _reading(folder: Path) -> Iterator[sqlite3.Connection | None]:
    with _reading_file(folder / FILE) as connection:
        yield connection


@contextlib.contextmanager
def _reading_file(path: Path) -> Iterator[sqlite3.Connection | None]:
    if not path.is_file():
        yield None
        return
    try:
        address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            yield connection if version == VERSION else None
    except (*FAULTS, ValueError) as error:
        raise StoreFault(f"{path} is damaged: {error}", "Delete it and build again: no call is made for it.") from error
