"""The contract of a writer: what a module that writes files must do. `docs/extending.md` shows its use."""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from synthspec.dataset.writers import Column
from synthspec.languages.expressions.types import BOOLEAN, DATE, DATETIME, INTEGER, NUMBER, TEXT, TIME, Type

COLUMNS = (
    Column("n", INTEGER),
    Column("x", NUMBER),
    Column("yes", BOOLEAN),
    Column("text", TEXT),
    Column("day", DATE),
    Column("moment", DATETIME),
    Column("clock", TIME),
    Column("tags", Type("list", item=TEXT)),
    Column("who", Type("map", members=(("job", TEXT), ("age", INTEGER)))),
)
ROWS: tuple[Mapping[str, Any], ...] = (
    {
        "n": 1,
        "x": 0.5,
        "yes": True,
        "text": 'She said "no", twice\nthen <left> & \\ went',
        "day": datetime.date(2026, 2, 28),
        "moment": datetime.datetime(2026, 2, 28, 18, 30),
        "clock": datetime.time(18, 30),
        "tags": ["a", "b, c"],
        "who": {"job": "nurse", "age": 41},
    },
    {"n": -2, "x": 1e300, "yes": False, "text": "líne 漢字 😀", "tags": [], "who": {"job": None, "age": None}},
    {"n": None, "text": ""},
    {},
)
STRANGE = ("a\0b", "a\ud800b", "\u2028\x85\r", "=1+1", " ", "null", "\ufeff")


class WriterContract:
    """Subclass it, set `module`, and let pytest collect it. `read_back` says what a file holds."""

    module: ModuleType

    def read_back(self, path: Path) -> list[Mapping[str, Any]] | None:
        """The texts and whole numbers of a file, a map a row; None where a test cannot read it."""
        return None

    def written(
        self, rows: Sequence[Mapping[str, Any]], columns: Sequence[Column] = COLUMNS, batch: int = 100
    ) -> bytes:
        """The bytes of a file of these rows, written so many at a time."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "data.part"  # the engine renames it: a writer must not go by the name
            self._write(path, rows, columns, batch)
            assert [p.name for p in path.parent.iterdir()] == [path.name], (
                "a writer makes one file, the one it is given"
            )
            return path.read_bytes()

    def _write(self, path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[Column], batch: int) -> None:
        writer = self.module.open_writer(path, tuple(columns))
        for start in range(0, len(rows), batch):
            writer.write(list(rows[start : start + batch]))
        writer.close()
        writer.close()  # closing again does nothing

    def test_describes_itself(self) -> None:
        """The module has every name of the contract, of the right type."""
        m = self.module
        assert isinstance(m.SUMMARY, str)
        assert m.SUMMARY
        assert "\n" not in m.SUMMARY
        assert isinstance(m.BINARY, bool)
        assert callable(m.open_writer)

    def test_writes_no_rows(self) -> None:
        """A dataset may have no rows: the file is there all the same."""
        self.written([])

    def test_the_same_bytes_however_rows_come(self) -> None:
        """Batches of one, two or all rows; and again."""
        rows = ROWS * 5
        assert len({self.written(rows, batch=n) for n in (1, 2, 7, 100, 100)}) == 1, "the bytes hang on the batches"

    def test_rows_may_lack_values(self) -> None:
        """A value that is None or not there is a null of its column."""
        for column in COLUMNS:
            absent, null = self.written([{}], [column]), self.written([{column.name: None}], [column])
            assert absent == null, f"a row without '{column.name}' and one with None there must give the same bytes"

    def test_writes_any_text(self) -> None:
        """NUL, half a character, line ends, formulas: all can be written."""
        for text in STRANGE:
            try:
                self.written([{"text": text}], [Column("text", TEXT)])
            except UnicodeEncodeError as e:
                message = f"the text {text!r} cannot be encoded: put U+FFFD where the file has no bytes for a character"
                raise AssertionError(message) from e

    def test_values_come_back(self) -> None:
        """What is read from the file is what was written."""
        columns = (Column("n", INTEGER), Column("text", TEXT))
        rows = [{"n": r["n"], "text": r["text"]} for r in ROWS[:2]]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "data.part"
            self._write(path, rows, columns, 1)
            found = self.read_back(path)
        assert found is None or [dict(r) for r in found] == rows
