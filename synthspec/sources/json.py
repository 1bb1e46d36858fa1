"""JSON: one list of objects."""

from __future__ import annotations

import json
from pathlib import Path

from synthspec.sources import MemoryTable, Reading, Table, TableFault, table_of
from synthspec.sources.encodings import decode

SUFFIXES = (".json",)
READS = ("encoding",)


def read(path: Path, reading: Reading) -> Table:
    """The table of a file.

    Raises:
        TableFault: it is not a list of objects.
    """
    text, guessed = decode(path.read_bytes(), reading.encoding)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise TableFault(f"not JSON: {e}") from None
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise TableFault("a JSON source is a list of objects", 'write [{"column": "value"}, …]')
    return MemoryTable(table_of(value).columns, guessed)
