"""JSON Lines: one object a line. A large file is read by row number."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthspec.sources import WHOLE_BYTES, MemoryTable, Reading, Table, TableFault, refuse_large, table_of
from synthspec.sources.encodings import decode, encoding_of_start

SUFFIXES = (".jsonl",)
READS = ("encoding",)
BY_NEED = True

_BYTE_WISE = ("utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1250", "cp1251", "cp1252", "koi8-r")  # 10 ends a line


def json_fault(error: Exception) -> str:
    """What is wrong with a line, and at which of its characters."""
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    return f"{error.msg[:1].lower()}{error.msg[1:]} (character {error.pos + 1})"


def read(path: Path, reading: Reading) -> Table:
    """The table of a file.

    Raises:
        TableFault: a line is not a JSON object.
    """
    if reading.by_need or path.stat().st_size > WHOLE_BYTES:
        name, guessed = (reading.encoding, False) if reading.encoding else encoding_of_start(path)
        encoding = codecs.lookup(name).name.removesuffix("-sig")
        if encoding in _BYTE_WISE:
            from synthspec.sources.lines_table import LinesTable  # loads NumPy

            return LinesTable(path, encoding, guessed)
        refuse_large(path)
    text, said = decode(path.read_bytes(), reading.encoding)
    rows: list[Mapping[str, Any]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as e:
            raise TableFault(f"line {number} is not JSON: {json_fault(e)}") from None
        if not isinstance(value, dict):
            raise TableFault(f"line {number} is not a JSON object", 'write one object a line: {"column": "value"}')
        rows.append(value)
    return MemoryTable(table_of(rows).columns, said)
