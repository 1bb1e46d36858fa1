"""A store that is open to read from: by key, call by call, or summed up. A build may be writing to it."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from synthspec.inference.store import calls
from synthspec.inference.store.derived.rows import (
    READ_COLUMNS,
    Decayed,
    Spent,
    StoredCall,
    StoredRow,
    is_whole_completion,
    key_bytes,
    key_text,
    read_completion,
)
from synthspec.inference.store.file import FAULTS, StoreDamaged, StoreFault, connect_reader, explain_fault
from synthspec.inference.store.ledger import Send
from synthspec.spec.messages import Completion

FILE = "run.sqlite"

T = TypeVar("T")

_GET = f"SELECT {READ_COLUMNS} FROM completions WHERE key = ?"
_MANY = 128  # keys in one statement
_SPENT = """
SELECT total(cost), sum(prompt_tokens), sum(completion_tokens), sum(requests), sum(at_worst) FROM (
    SELECT cost, prompt_tokens, completion_tokens, requests, at_worst FROM totals
    UNION ALL SELECT total(cost), 0, coalesce(sum(tokens), 0), count(*), count(*) FROM sends WHERE state = 0)
"""


class StoreReader:
    """The reading half of a store. Made by `open_readonly`; closed by `close`, or by leaving a `with` block."""

    def __init__(self, path: Path, reader: sqlite3.Connection, version: int) -> None:
        self.path = path
        self._reader = reader
        self._version = version

    @classmethod
    def open_readonly(cls, path: Path) -> Self:
        """The store in the file at `path` (or in that folder), to read from. A build may be running.

        Raises:
            StoreFault: there is none, or it is of a newer version.
        """
        path = file_in(path)
        return cls(path, *connect_reader(path))

    def get(self, key: str) -> Completion | None:
        """The stored completion of a request, marked as reused.

        Raises:
            StoreDamaged: what is stored is not what was written.
            StoreFault: it cannot be read.
        """
        try:
            if self._version == 1:
                row = calls.get_version_1(self._reader, key)
            else:
                row = self._reader.execute(_GET, (key_bytes(key),)).fetchone()
            return None if row is None else read_completion(row)
        except (Decayed, *FAULTS) as error:
            fault = explain_fault(error, self.path)
            if isinstance(fault, StoreDamaged):
                self._note_damage(fault.reason)
            raise fault from error

    def get_rows(self, keys: Sequence[str]) -> list[StoredRow]:
        """What is stored of these requests (`READ_COLUMNS`), each verified; one that is not there is left out.

        Raises:
            StoreDamaged: what is stored of one is not what was written.
            StoreFault: they cannot be read.
        """
        found: list[StoredRow] = []
        try:
            for start in range(0, len(keys), _MANY):
                some = [key_bytes(key) for key in keys[start : start + _MANY]]
                places = ",".join("?" * len(some))
                query = f"SELECT {READ_COLUMNS} FROM completions WHERE key IN ({places})"
                for row in self._reader.execute(query, some):
                    if not is_whole_completion(row):
                        raise Decayed(f"the completion of request {key_text(row[0])} is not what was stored")
                    found.append(row)
        except (Decayed, *FAULTS) as error:
            fault = explain_fault(error, self.path)
            if isinstance(fault, StoreDamaged):
                self._note_damage(fault.reason)
            raise fault from error
        return found

    def read(self, query: str, *values: Any) -> list[Any]:
        """Rows for another module of this package.

        Raises:
            StoreFault: they cannot be read.
        """
        try:
            return self._reader.execute(query, values).fetchall()
        except FAULTS as error:
            raise explain_fault(error, self.path) from error

    def open_sends(self) -> list[Send]:
        """Every call that is under way, the earliest first.

        Raises:
            StoreFault: they cannot be read.
        """
        query = "SELECT id, key, batch, cost, tokens, created FROM sends WHERE state = 0 ORDER BY id"
        return [Send(*row) for row in self.read(query)]

    def spent(self) -> Spent:
        """What all runs of this folder used so far.

        Raises:
            StoreFault: it cannot be read.
        """
        row = self.read(calls.SPENT_1 if self._version == 1 else _SPENT)[0]
        return Spent(*row)

    def iterate_calls(self, *, texts: bool = False) -> Iterator[StoredCall]:
        """Every stored call in order of combination, prompt, attempt; memory does not grow with their texts.

        `texts` reads completions and requests too. A call that is not what was stored is left out.

        Raises:
            StoreFault: it cannot be read.
        """
        yield from self._iterate(lambda connection, version: calls.iterate_calls(connection, version, texts))

    def iterate_requests(self) -> Iterator[StoredCall]:
        """Every stored call with its request, without its completion, in the order in which they were stored.

        Raises:
            StoreFault: it cannot be read.
        """
        yield from self._iterate(calls.iterate_requests)

    def iterate_rows(self) -> Iterator[StoredRow]:
        """Every completion as it is stored (`READ_COLUMNS`), in the order in which they were stored.

        Raises:
            StoreFault: it cannot be read.
        """
        query = f"SELECT {READ_COLUMNS} FROM completions ORDER BY id"
        yield from self._iterate(lambda connection, _: connection.execute(query))

    def calls_of(self, keys: Sequence[str]) -> list[StoredCall]:
        """The stored calls of these requests, in that order, with their texts; those that are not there are left out.

        Raises:
            StoreFault: they cannot be read.
        """
        try:
            return calls.read_calls(self._reader, self._version, keys)
        except FAULTS as error:
            raise explain_fault(error, self.path) from error

    def began_with_version(self) -> int:
        """The version of the store when its first completion was paid for.

        Raises:
            StoreFault: it cannot be read.
        """
        return 1 if self._version == 1 else int(self.read("SELECT min(version) FROM migrations")[0][0])

    def get_meta(self, name: str) -> str | None:
        """A noted value.

        Raises:
            StoreFault: it cannot be read.
        """
        rows = self.read("SELECT value FROM meta WHERE name = ?", name)
        return str(rows[0][0]) if rows else None

    async def close(self) -> None:
        """Give up the store. A second call does nothing."""
        try:
            await asyncio.to_thread(self.shut)
        except (RuntimeError, MemoryError):  # no thread can be begun: it takes the event loop's time, and is done
            self.shut()

    def shut(self) -> None:
        """`close`, for a caller outside an event loop."""
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.shut()

    def _iterate(self, read: Callable[[sqlite3.Connection, int], Iterator[T]]) -> Iterator[T]:
        connection, version = connect_reader(self.path)
        with contextlib.closing(connection):
            try:
                connection.execute("BEGIN")
                yield from read(connection, version)
            except FAULTS as error:
                raise explain_fault(error, self.path) from error

    def _note_damage(self, reason: str) -> None:
        """Told that a stored call is not what was written. Whoever only reads can do nothing about it."""


def file_in(path: Path) -> Path:
    """The file of the store that `path`, a file or a build folder, means."""
    if "\0" in str(path):
        raise StoreFault("the path of the build folder contains a NUL character", "Name another folder with --out.")
    with contextlib.suppress(OSError):
        if path.suffix == ".sqlite" or path.is_file():
            return path
    return path / FILE
