"""JSON Lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthspec.sources import MemoryTable, Reading, Table, TableFault, table_of
from synthspec.sources.encodings import decode

SUFFIXES = (".jsonl",)
READS = ("encoding",)


def read(path: Path, reading: Reading) -> Table:
    """The table of a file.

    Raises:
        TableFault: a line is not a JSON object.
    """
    text, guessed = decode(path.read_bytes(), reading.encoding)
    rows: list[Mapping[str, Any]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as e:
            raise TableFault(f"line {number} is not JSON: {e}") from None
        if not isinstance(value, dict):
            raise TableFault(f"line {number} is not a JSON object", 'write one object a line: {"column": "value"}')
        rows.append(value)
    return MemoryTable(table_of(rows).columns, guessed)
