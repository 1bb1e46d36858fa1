"""Parquet. Texts that come again are held once, and what a file unpacks to is known before it is unpacked.

A file that unpacks to more than is read as a whole is read by row number.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synthspec.sources import WHOLE_BYTES, WHOLE_VALUES, MemoryTable, Reading, Table, TableFault
from synthspec.sources.arrow_values import plain_values

SUFFIXES = (".parquet",)
BY_NEED = True


def read(path: Path, reading: Reading) -> Table:
    """The table of a file.

    Raises:
        TableFault: it cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            texts = [f.name for f in file.schema_arrow if pa.types.is_string(f.type) or pa.types.is_binary(f.type)]
            small = not reading.by_need and _is_small(file.metadata)
        if not small:
            from synthspec.sources.parquet_table import ParquetTable

            return ParquetTable(path)
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            table = file.read()
        columns = {name: plain_values(table.column(name)) for name in table.column_names}
    except (pa.ArrowException, OSError, ValueError, OverflowError) as e:
        said = " ".join(str(e).split())[:160] or type(e).__name__
        raise TableFault(f"not a readable Parquet file: {said}") from None
    return MemoryTable(columns)


def _is_small(metadata: Any) -> bool:
    """Whether a file may be read as a whole, by what it says of itself."""
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    values = sum(g.column(i).num_values for g in groups for i in range(g.num_columns))
    size = sum(g.total_byte_size for g in groups)
    return bool(size <= WHOLE_BYTES and max(values, metadata.num_rows) <= WHOLE_VALUES)
