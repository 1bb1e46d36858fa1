"""JSON Lines read by row number. Nothing is held but where the lines begin, and that on disk.

The columns and their types are told from `SAMPLE` lines spread evenly over the file, the first and the last among them.
A row that is of another kind is refused when it is drawn; a column that none of these lines has is in whole rows alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from synthspec.languages.expressions.types import Type
from synthspec.sources.fingerprints import changed, mark_of
from synthspec.sources.json_lines import json_fault
from synthspec.sources.likeness import require_like
from synthspec.sources.line_index import line_starts
from synthspec.sources.table import Table, TableFault, spread, type_of_column

SAMPLE = 2_000


class LinesTable(Table):
    """The objects of a JSON Lines file of any size."""

    def __init__(self, path: Path, encoding: str, guessed: bool = False) -> None:
        self._path, self._encoding = path, encoding
        self.guessed_encoding = encoding if guessed else ""
        self._mark = mark_of(path)
        self._starts = line_starts(path, self._mark)
        sample = self._objects(spread(len(self), SAMPLE))
        self._names = tuple(dict.fromkeys(name for row in sample for name in row))
        self._kinds: dict[str, Type] = {n: type_of_column(r.get(n) for r in sample) for n in self._names}
        self._gaps = frozenset(n for n in self._names if any(r.get(n) is None for r in sample))

    @property
    def names(self) -> tuple[str, ...]:
        return self._names

    def __len__(self) -> int:
        return len(self._starts) - 1

    def rows(self, numbers: Iterable[int], names: Sequence[str] | None = None) -> list[dict[str, Any]]:
        numbers = list(numbers)
        found = self._objects(numbers)
        kinds = self._kinds if names is None else {n: self._kinds[n] for n in names}
        require_like(found, numbers, kinds, self._path.name)
        if names is None:
            return [{**dict.fromkeys(self._names), **row} for row in found]
        return [{name: row.get(name) for name in names} for row in found]

    def column_type(self, name: str) -> Type:
        return self._kinds[name]

    @property
    def text_columns(self) -> tuple[str, ...]:
        return tuple(n for n in self._names if self._kinds[n].kind == "text")

    def has_gaps(self, name: str) -> bool:
        """Whether the column is null in one of the lines that were looked at."""
        return name in self._gaps

    def _objects(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        with self._path.open("rb", buffering=0) as file:
            if mark_of(file.fileno()) != self._mark:
                raise changed(self._path)
            found = {number: self._object(file.fileno(), number) for number in dict.fromkeys(numbers)}
        return [found[number] for number in numbers]

    def _object(self, file: int, number: int) -> dict[str, Any]:
        if not 0 <= number < len(self):
            raise IndexError(f"row {number} of {len(self)}")
        start, end = int(self._starts[number]), int(self._starts[number + 1])
        data = os.pread(file, end - start, start)
        try:
            value = json.loads(data.decode(self._encoding))
        except UnicodeDecodeError as e:
            help = "name another `encoding`, or save the file as UTF-8"
            raise TableFault(
                f"row {number + 1:,} is not {self._encoding} text (byte {start + e.start})", help
            ) from None
        except (ValueError, RecursionError) as e:
            raise TableFault(f"row {number + 1:,} is not JSON: {json_fault(e)}") from None
        if not isinstance(value, dict):
            help = 'write one object a line: {"column": "value"}'
            raise TableFault(f"row {number + 1:,} is not a JSON object", help)
        return value
