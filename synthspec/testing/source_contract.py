"""The contract of a source: what a module that reads data files must do. `docs/extending.md` shows its use."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from synthspec.sources import Reading, Table, TableFault
from synthspec.testing.light_import import check_light
from synthspec.testing.source_kind_contract import check_table
from synthspec.testing.suffixes import check_suffixes
from synthspec.testing.unreadable import broken, check_refused

SETTINGS = ("delimiter", "encoding", "decimal", "header", "sheet", "at", "dates")


class SourceContract:
    """Subclass it, set `module`, `examples` and `wrong`, and let pytest collect it."""

    module: ModuleType
    examples: Sequence[tuple[bytes, Sequence[Mapping[str, Any]]]] = ()  # a file's bytes, and the rows in it
    wrong: Sequence[bytes] = ()  # the bytes of files that are not of this kind

    def read(self, data: bytes, reading: Reading | None = None) -> Table:
        """The table of a file of these bytes."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"data{self.module.SUFFIXES[0]}"
            path.write_bytes(data)
            table: Table = self.module.read(path, reading or Reading())
            assert path.read_bytes() == data, "the file was changed"
        assert isinstance(table, Table), "read gives a Table: use table_of(rows)"
        return table

    def test_describes_itself(self) -> None:
        """The module has every name of the contract, of the right type."""
        m = self.module
        check_suffixes(m, ".toml")
        assert set(getattr(m, "READS", ())) <= set(SETTINGS), f"READS names some of {', '.join(SETTINGS)}"
        assert callable(m.read)

    def test_loads_nothing_heavy(self) -> None:
        """`synthspec check` imports the module: what is heavy is imported inside `read`."""
        check_light(self.module, "read")

    def test_reads_its_examples(self) -> None:
        """The rows of a file, in order, every column of one length; the same each time."""
        assert self.examples, "give at least one example: (bytes of a file, its rows)"
        for data, rows in self.examples:
            table = self.read(data)
            assert len({len(v) for v in table.columns.values()}) <= 1, "columns of different lengths"
            check_table(table, rows)
            check_table(self.read(data), rows)

    def test_refuses_what_it_cannot_read(self) -> None:
        """A file that is not of this kind is a TableFault with a message of one line."""
        assert self.wrong, "give at least one file that is wrong"
        for data in self.wrong:
            check_refused(partial(self.read, data), f"{data[:40]!r}")

    def test_a_cut_or_strange_file_is_read_or_refused(self) -> None:
        """Nothing but a TableFault comes of a file cut off anywhere, an empty one, or bytes at random."""
        for one in broken(self.examples[0][0]):
            with contextlib.suppress(TableFault, OSError):
                self.read(one)
