"""Parquet. Texts that come again are held once, and what a file unpacks to is known before it is unpacked."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from synthspec.sources import MAX_BYTES, MemoryTable, Reading, Table, TableFault, refuse_many

SUFFIXES = (".parquet",)
_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)


def read(path: Path, reading: Reading) -> Table:
    """The table of a file.

    Raises:
        TableFault: it cannot be read, or unpacks to more than a source may hold.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            texts = [f.name for f in file.schema_arrow if pa.types.is_string(f.type) or pa.types.is_binary(f.type)]
            _refuse_large(file.metadata)
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            table = file.read()
    except (pa.ArrowException, OSError, ValueError) as e:
        raise TableFault(f"not a readable Parquet file: {str(e).splitlines()[0]}") from None
    return MemoryTable({name: [_plain(v) for v in _values(table.column(name))] for name in table.column_names})


def _plain(value: Any) -> Any:
    """The value with the bytes of pictures as data URLs, which a prompt can show: other bytes stay."""
    if isinstance(value, bytes):
        kind = next((kind for start, kind in _PICTURES if value.startswith(start)), None)
        if value[:4] == b"RIFF" and value[8:12] == b"WEBP":
            kind = "image/webp"
        return value if kind is None else f"data:{kind};base64,{base64.b64encode(value).decode('ascii')}"
    if isinstance(value, dict) and isinstance(value.get("bytes"), bytes):
        return {**value, "bytes": _plain(value["bytes"])}
    return value


def _refuse_large(metadata: Any) -> None:
    """Refuse a file that is small on disk and huge in memory, by what it says of itself."""
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    values = sum(g.column(i).num_values for g in groups for i in range(g.num_columns))
    size = sum(g.total_byte_size for g in groups)
    refuse_many(max(values, metadata.num_rows))
    if size > MAX_BYTES:
        raise TableFault(f"{size / 1e6:.0f} MB unpacked; a source holds at most {MAX_BYTES // 1_000_000} MB")


def _values(column: Any) -> list[Any]:
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        found: list[Any] = column.to_pylist()
        return found
    values: list[Any] = []
    for chunk in column.chunks:
        known = chunk.dictionary.to_pylist()
        values.extend(None if i is None else known[i] for i in chunk.indices.to_pylist())
    return values
