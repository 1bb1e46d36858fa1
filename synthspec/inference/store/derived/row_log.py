"""`rows.sqlite` beside a dataset: what became of every row, and which completions made it.

All in it follows from the spec and `run.sqlite`: it may be deleted, and the next build writes it again without a call.
It is written with the dataset's other files, takes its place with them, and so describes the rows that stand there.
Rows that the spec dropped are in it too, and those that had no others to make: between the rows of the dataset, without
a number.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from synthspec.inference.store.derived.noted_rejections import noted_rejections
from synthspec.inference.store.derived.rows import key_bytes
from synthspec.inference.store.file import FAULTS, StoreFault, explain_fault
from synthspec.inference.transport.replies import whole_text

FILE = "rows.sqlite"
VERSION = 2
KEPT, MISSING, DROPPED, EMPTY = "kept", "missing", "dropped", "empty"
_BATCH = 256  # rows written at once
_SCHEMA = f"""
CREATE TABLE outcomes (
    id INTEGER PRIMARY KEY, ordinal INTEGER, path TEXT, combination INTEGER, state TEXT, stage TEXT, rule TEXT,
    digest BLOB, vals TEXT
);
CREATE TABLE lineage (id INTEGER, seq INTEGER, key BLOB, PRIMARY KEY (id, seq)) WITHOUT ROWID;
CREATE TABLE tries (
    id INTEGER, seq INTEGER, prompt TEXT, attempt INTEGER, reasons TEXT, PRIMARY KEY (id, seq)
) WITHOUT ROWID;
CREATE TABLE settled (combination INTEGER PRIMARY KEY, rows INTEGER, crc INTEGER, body TEXT);
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
"""
_INDICES = """
CREATE UNIQUE INDEX IF NOT EXISTS rows_by_path ON outcomes (path);
CREATE INDEX IF NOT EXISTS rows_by_ordinal ON outcomes (ordinal);
CREATE INDEX IF NOT EXISTS rows_of_completion ON lineage (key);
"""
_OUTCOME = "INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_LINEAGE = "INSERT INTO lineage VALUES (?, ?, ?)"
_TRY = "INSERT INTO tries VALUES (?, ?, ?, ?, ?)"
_SETTLED = "INSERT INTO settled VALUES (?, ?, ?, ?)"
_encode_sorted = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=str, sort_keys=True).encode
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=str).encode


class LoggedOutcome(Protocol):
    """A row, or the reason for its absence (`spec.rows.Row`, `Missing`)."""

    @property
    def combination(self) -> int: ...
    @property
    def slot(self) -> int: ...
    @property
    def values(self) -> Mapping[str, Any]: ...


def digest_of_values(values: Mapping[str, Any]) -> str:
    """What tells the values of a row from any others: 32 hexadecimal digits."""
    return hashlib.blake2b(_encode_sorted(values).encode(), digest_size=16).hexdigest()


class RowLog:
    """Writes the file, row by row in the order of the dataset.

    Raises:
        StoreFault: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0
        self._settled: list[tuple[int, int, int, str]] = []
        self._outcomes: list[tuple[Any, ...]] = []
        self._lineage: list[tuple[Any, ...]] = []
        self._tries: list[tuple[Any, ...]] = []
        self._program = ""
        self._create()

    def _create(self) -> None:
        with self._explained():
            self._path.unlink(missing_ok=True)
            self._open()
            self._connection.executescript(_SCHEMA)

    def _open(self) -> None:
        self._connection = sqlite3.connect(self._path.absolute().as_uri(), isolation_level=None, uri=True)
        self._connection.execute("PRAGMA synchronous = OFF")  # what a power cut spoils is made again

    def add(self, outcome: LoggedOutcome) -> str:
        """The next row, or why there is none. Its values as they are noted.

        Raises:
            StoreFault: it cannot be written.
        """
        slot, reasons = outcome.slot, getattr(outcome, "reasons", None)
        state = (KEPT, "", "") if reasons is None else (MISSING, str(getattr(outcome, "stage", "")), "; ".join(reasons))
        path, keys, tries = (getattr(outcome, name, ()) for name in ("path", "keys", "tries"))
        return self._add(path, slot, outcome.combination, state, outcome.values, keys, tries)

    def leave_out(
        self, path: Sequence[int], combination: int, state: tuple[str, str, str], values: Mapping[str, Any]
    ) -> str:
        """The next row is none of the dataset's: `DROPPED` or `EMPTY`, with what stands for stage and reason. Its
        values as they are noted.

        Raises:
            StoreFault: it cannot be written.
        """
        return self._add(path, None, combination, state, values)

    def _add(
        self,
        names: Sequence[int],
        ordinal: int | None,
        combination: int,
        state: tuple[str, str, str],
        held: Mapping[str, Any],
        keys: Sequence[str] = (),
        tries: Sequence[Any] = (),
    ) -> str:
        digest = hashlib.blake2b(_encode_sorted(held).encode(), digest_size=16).digest()
        values, path, number = _encode(held), ".".join(map(str, names)) or str(ordinal), self._count
        told = map(whole_text, state)  # a reason may quote half a character of a reply
        self._outcomes.append((number, ordinal, path, combination, *told, digest, values))
        self._lineage += [(number, n, key_bytes(key)) for n, key in enumerate(filter(None, keys))]
        self._tries += [
            (number, n, t.prompt, t.attempt, json.dumps(noted_rejections(t.rejections))) for n, t in enumerate(tries)
        ]
        self._count += 1
        if len(self._outcomes) >= _BATCH:
            self._flush()
        return values

    def begin(self, program: str) -> None:
        """What is settled from here on hangs on this program.

        Raises:
            StoreFault: it cannot be written.
        """
        self._program = program
        with self._explained():
            self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('program', ?)", (program,))

    def clear(self) -> None:
        """Begin anew.

        Raises:
            StoreFault: it cannot be written.
        """
        self._connection.close()
        self._count, self._settled, self._outcomes, self._lineage, self._tries = 0, [], [], [], []
        self._create()
        self.begin(self._program)

    def settle(self, combination: int, body: str, values: Sequence[str]) -> None:
        """All that a later build needs to know of a combination whose rows are final (`generation/reuse/`), beside
        the values of its rows, which are noted with them and are these.

        Raises:
            StoreFault: it cannot be written.
        """
        self._settled.append((combination, len(values), settled_checksum(body, values), body))

    def take_over(self, path: Path, combinations: int, rows: int) -> None:
        """Note what an earlier log holds of its first combinations, which come to so many rows. Before any other row.

        Raises:
            StoreFault: it cannot be written.
        """
        if self._is_all(path, combinations, rows):
            self._copy(path)
        else:
            self._copy_part(path, combinations, rows)
        self._count = rows

    def _is_all(self, path: Path, combinations: int, rows: int) -> bool:
        """Whether an earlier log holds that and nothing else, and is sound."""
        with contextlib.suppress(StoreFault), reading_log(path) as connection:
            if connection is not None:
                held = [connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("settled", "outcomes")]
                return held == [combinations, rows] and connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
        return False

    def _copy(self, path: Path) -> None:
        with self._explained():
            self._connection.close()
            shutil.copyfile(path, self._path)
            self._open()

    def _copy_part(self, path: Path, combinations: int, rows: int) -> None:
        with self._explained():
            earlier = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
            self._connection.execute("ATTACH ? AS earlier", (earlier,))
            self._connection.execute("BEGIN")
            for table in ("outcomes", "lineage", "tries"):
                self._connection.execute(f"INSERT INTO {table} SELECT * FROM earlier.{table} WHERE id < ?", (rows,))
            chosen = "SELECT * FROM earlier.settled WHERE combination < ?"
            self._connection.execute(f"INSERT INTO settled {chosen}", (combinations,))
            self._connection.execute("COMMIT")
            self._connection.execute("DETACH earlier")

    def close(self) -> None:
        """Write what is left.

        Raises:
            StoreFault: it cannot be written.
        """
        self._flush()
        with self._explained():
            self._connection.executescript(_INDICES)
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
            self._connection.executemany(_SETTLED, self._settled)
            self._connection.execute("COMMIT")
        self._outcomes, self._lineage, self._tries, self._settled = [], [], [], []

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (*FAULTS, OverflowError) as error:
            raise explain_fault(error, self._path) from error


def settled_checksum(body: str, values: Iterable[str]) -> int:
    """Of what is noted of a combination and the values of its rows."""
    crc = zlib.crc32(body.encode())
    for text in values:
        crc = zlib.crc32(text.encode(), crc)
    return crc


@contextlib.contextmanager
def reading_log(path: Path) -> Iterator[sqlite3.Connection | None]:
    """The file open to be read; None where there is none of this version."""
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
