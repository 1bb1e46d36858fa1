"""Parquet read by row number: the row groups and the columns that are needed, and a bounded part of them kept.

Types are those that the file declares. A row group whose columns are small is kept once it is read; of a larger one the
rows are picked out of its stream, which holds some thousands at a time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from synthspec.languages.expressions.types import Type
from synthspec.sources.arrow_values import plain_values, type_of_arrow
from synthspec.sources.fingerprints import changed, mark_of
from synthspec.sources.table import Table, TableFault, spread

KEPT = 48 << 20  # bytes of columns of row groups that are kept
SMALL = 16 << 20  # bytes, unpacked, up to which the columns of a row group are read as a whole
BATCH = 8192  # rows of a stream held at once
REPEATING = 24  # bytes of a value, packed, below which a column of texts is taken to repeat some


class ParquetTable(Table):
    """The rows of an open Parquet file of any size."""

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet as pq

        self._path, self._mark = path, mark_of(path)
        with pq.ParquetFile(path) as file:
            self._metadata, self._schema = file.metadata, file.schema_arrow
        self._names = tuple(self._schema.names)
        if len(set(self._names)) < len(self._names):
            twice = next(n for n in self._names if self._names.count(n) > 1)
            raise TableFault(f"two columns are named '{twice}'", "name each column once")
        groups = [self._metadata.row_group(i) for i in range(self._metadata.num_row_groups)]
        self._ends = list(accumulate(g.num_rows for g in groups))
        self._kept: OrderedDict[tuple[int, str], Any] = OrderedDict()
        self._held = 0

    @property
    def names(self) -> tuple[str, ...]:
        return self._names

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def rows(self, numbers: Iterable[int], names: Sequence[str] | None = None) -> list[dict[str, Any]]:
        numbers = list(numbers)
        wanted = self._names if names is None else tuple(names)
        columns = self._picked(sorted(set(numbers)), wanted)
        return [{name: columns[name][number] for name in wanted} for number in numbers]

    def values(self, name: str, numbers: Iterable[int]) -> list[Any]:
        numbers = list(numbers)
        found = self._picked(sorted(set(numbers)), (name,))[name]
        return [found[number] for number in numbers]

    def column_type(self, name: str) -> Type:
        return type_of_arrow(self._schema.field(name).type)

    @property
    def text_columns(self) -> tuple[str, ...]:
        return tuple(n for n in self._names if self.column_type(n).kind == "text")

    def has_gaps(self, name: str) -> bool:
        """Whether the column has a null, by what the file says; where it does not say, it may have."""
        counts = [c.statistics.null_count for c in self._chunks(name) if _tells_nulls(c)]
        return len(counts) < len(self._ends) or any(counts)

    def some(self, count: int) -> Sequence[int]:
        """The first rows of some row groups: what is read of each group ends there."""
        groups = [i for i in range(len(self._ends)) if self._start(i) < self._ends[i]]
        groups = [groups[i] for i in spread(len(groups), min(len(groups), 16))]
        each = -(-count // max(1, len(groups)))
        return [n for i in groups for n in range(self._start(i), min(self._ends[i], self._start(i) + each))]

    def forget(self) -> None:
        self._kept.clear()
        self._held = 0

    def _start(self, group: int) -> int:
        return self._ends[group - 1] if group else 0

    def _chunks(self, name: str) -> Iterator[Any]:
        """What the file says of a column that is no list or map, by row group."""
        at = next((i for i in range(self._metadata.num_columns) if self._path_of(i) == name), None)
        if at is not None:
            yield from (self._metadata.row_group(i).column(at) for i in range(len(self._ends)))

    def _path_of(self, column: int) -> str:
        path: str = self._metadata.schema.column(column).path
        return path

    def _picked(self, numbers: Sequence[int], names: Sequence[str]) -> dict[str, dict[int, Any]]:
        """The values of some columns, by row number. The numbers are in order, each once."""
        if numbers and not 0 <= numbers[0] <= numbers[-1] < len(self):
            raise IndexError(f"row {numbers[0] if numbers[0] < 0 else numbers[-1]} of {len(self)}")
        if mark_of(self._path) != self._mark:
            raise changed(self._path)
        found: dict[str, dict[int, Any]] = {name: {} for name in names}
        at = 0
        while at < len(numbers):
            group = bisect_right(self._ends, numbers[at])
            end = bisect_right(numbers, self._ends[group] - 1, at)
            some = numbers[at:end]
            for name, values in self._read(group, [n - self._start(group) for n in some], names).items():
                found[name].update(zip(some, values, strict=True))
            at = end
        return found

    def _read(self, group: int, places: list[int], names: Sequence[str]) -> dict[str, list[Any]]:
        """The values of some columns at some places of a row group."""
        import pyarrow as pa

        try:
            missing = [n for n in names if (group, n) not in self._kept]
            if missing and self._size(group, missing) <= SMALL:
                self._keep(group, missing)
                missing = [n for n in names if (group, n) not in self._kept]
            streamed = self._streamed(group, places, missing) if missing else {}
            return {n: streamed[n] if n in streamed else self._taken(self._kept[group, n], places) for n in names}
        except (pa.ArrowException, OSError, ValueError, OverflowError) as e:
            said = " ".join(str(e).split())[:160]
            raise TableFault(f"row group {group} of {self._path.name} cannot be read: {said}") from None

    def _size(self, group: int, names: Sequence[str]) -> int:
        about, chosen = self._metadata.row_group(group), set(names)
        columns = (about.column(i) for i in range(about.num_columns))
        return sum(c.total_uncompressed_size for c in columns if c.path_in_schema.split(".")[0] in chosen)

    def _open(self, group: int, names: Sequence[str]) -> Any:
        """The file, with columns of texts that repeat read as what they repeat: each text is then held once."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = max(1, self._metadata.row_group(group).num_rows)
        fields = [self._schema.field(n) for n in names]
        texts = [f.name for f in fields if pa.types.is_string(f.type) or pa.types.is_binary(f.type)]
        repeating = [n for n in texts if self._size(group, [n]) / rows < REPEATING]
        return pq.ParquetFile(self._path, read_dictionary=repeating, buffer_size=1 << 20, pre_buffer=False)

    def _keep(self, group: int, names: Sequence[str]) -> None:
        with self._open(group, names) as file:
            table = file.read_row_group(group, columns=list(names), use_threads=False)
        for name in names:
            column = table.column(name)
            self._kept[group, name] = column
            self._held += column.nbytes
        while self._held > KEPT and len(self._kept) > len(names):
            self._held -= self._kept.popitem(last=False)[1].nbytes

    def _taken(self, column: Any, places: list[int]) -> list[Any]:
        import pyarrow as pa

        taken = column.take(pa.array(places, pa.int64()))
        return plain_values(taken.cast(taken.type.value_type) if pa.types.is_dictionary(taken.type) else taken)

    def _streamed(self, group: int, places: list[int], names: Sequence[str]) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {n: [] for n in names}
        at = first = 0
        with self._open(group, names) as file:
            for batch in file.iter_batches(BATCH, row_groups=[group], columns=list(names), use_threads=False):
                end = bisect_right(places, first + len(batch) - 1, at)
                if end > at:
                    here = [p - first for p in places[at:end]]
                    for name in names:
                        found[name] += self._taken(batch.column(name), here)
                at, first = end, first + len(batch)
                if at == len(places):
                    break
        return found


def _tells_nulls(chunk: Any) -> bool:
    return bool(chunk.is_stats_set and chunk.statistics.has_null_count)
