"""`reviews.sqlite`: what people said of rows, laid over them, never written into what was paid for.

A review is of a row's path and of the digest of its values: where the row has become another since, it is stale, and
kept. Nothing is removed: to undo a review is another entry. It can be written while a build runs.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from synthspec.inference.store.file import FAULTS, StoreFault, explain_fault
from synthspec.lazy_dataclass import dataclass

FILE = "reviews.sqlite"
VERSION = 1
VERBS = ("accept", "reject", "edit", "retry", "flag", "note")
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS log (
    id INTEGER PRIMARY KEY, path TEXT, digest TEXT, reviewer TEXT, verb TEXT, reason TEXT, patch TEXT, created REAL,
    undone_by TEXT
);
CREATE INDEX IF NOT EXISTS reviews_by_path ON log (path);
PRAGMA user_version = {VERSION};
COMMIT;
"""
_COLUMNS = "id, path, digest, reviewer, verb, reason, patch, created, undone_by"


@dataclass(frozen=True, slots=True)
class Review:
    """What one person said of one row. `patch` holds the fields that an `edit` changes; of a `retry`, the prompt, and
    by the key of each of its completions the digest of its text."""

    id: int
    path: str  # the row's: 17, 17.3
    digest: str  # of the row's values as they were seen
    reviewer: str
    verb: str  # one of `VERBS`
    reason: str = ""
    patch: Mapping[str, Any] = field(default_factory=dict)
    created: float = 0.0  # Unix time
    undone_by: str | None = None


class Reviews:
    """The reviews of a build folder, made where there are none. Closed by `close`, or by leaving a `with` block.

    Raises:
        StoreFault: they cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        with self._explained():
            self._connection = sqlite3.connect(self.path, isolation_level=None, timeout=10.0)
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version > VERSION:
                self._connection.close()
                raise StoreFault(f"{self.path} was written by a newer synthspec", "Upgrade synthspec.")
            if version == 0:
                self._connection.executescript(_SCHEMA)

    def add(
        self, path: str, digest: str, reviewer: str, verb: str, reason: str = "", patch: Mapping[str, Any] | None = None
    ) -> int:
        """Note a review, durably; its number.

        Raises:
            StoreFault: it could not be written.
            ValueError: there is no such verb.
        """
        if verb not in VERBS:
            raise ValueError(f"'{verb}' is not something to say of a row: {', '.join(VERBS)}")
        row = (path, digest, reviewer, verb, reason, json.dumps(patch or {}), time.time())
        with self._explained():
            statement = "INSERT INTO log VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, NULL)"
            return int(self._connection.execute(statement, row).lastrowid or 0)

    def add_all(self, entries: Iterable[tuple[str, str, str, str, str, Mapping[str, Any]]]) -> int:
        """Note many at once, all or none: path, digest, reviewer, verb, reason and patch of each. How many.

        Raises:
            StoreFault: they could not be written.
            ValueError: there is no such verb.
        """
        count = 0
        with self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
        try:
            for entry in entries:
                self.add(*entry)
                count += 1
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        with self._explained():
            self._connection.execute("COMMIT")
        return count

    def undo(self, number: int, reviewer: str) -> bool:
        """Take a review back; False where there is none, or it was taken back before.

        Raises:
            StoreFault: it could not be written.
        """
        statement = "UPDATE log SET undone_by = ? WHERE id = ? AND undone_by IS NULL"
        with self._explained():
            return self._connection.execute(statement, (reviewer, number)).rowcount > 0

    def iterate(self) -> Iterator[Review]:
        """Every review in the order in which they were made, those taken back too.

        Raises:
            StoreFault: they cannot be read.
        """
        with self._explained():
            for row in self._connection.execute(f"SELECT {_COLUMNS} FROM log ORDER BY id"):
                number, path, digest, reviewer, verb, reason, patch, created, undone_by = row
                yield Review(number, path, digest, reviewer, verb, reason, json.loads(patch), created, undone_by)

    def last_of(self, reviewer: str) -> int | None:
        """The number of a reviewer's latest review that was not taken back.

        Raises:
            StoreFault: they cannot be read.
        """
        query = "SELECT max(id) FROM log WHERE reviewer = ? AND undone_by IS NULL"
        with self._explained():
            found = self._connection.execute(query, (reviewer,)).fetchone()[0]
            return None if found is None else int(found)

    def count(self) -> tuple[int, int]:
        """Of all reviews, and of those taken back. Both only grow: where they are the same, so are the reviews.

        Raises:
            StoreFault: they cannot be read.
        """
        with self._explained():
            found = self._connection.execute("SELECT count(*), count(undone_by) FROM log").fetchone()
            return int(found[0]), int(found[1])

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def __enter__(self) -> Reviews:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (*FAULTS, ValueError) as error:
            if isinstance(error, ValueError) and not isinstance(error, UnicodeDecodeError | json.JSONDecodeError):
                raise
            fault = explain_fault(error, self.path)
            help = "Put back a sound copy, or move it away: no review is written over."
            raise StoreFault(fault.message, help) from error


def read_reviews(folder: Path) -> list[Review]:
    """The reviews of a build folder that hold, in the order in which they were made; none where it has no file.

    Raises:
        StoreFault: they cannot be read.
    """
    if not (folder / FILE).is_file():
        return []
    with Reviews(folder) as reviews:
        return [review for review in reviews.iterate() if review.undone_by is None]
