"""The names of columns: the first line, another one, given, or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synthspec.sources.table import TableFault

Header = bool | int | tuple[str, ...] | None  # None: the first line; a number: that line, from 1; False: none


def split_header(lines: Sequence[list[Any]], header: Header) -> tuple[list[str], Sequence[list[Any]]]:
    """The names of the columns, and the lines below them. What stands above a header is passed over.

    Raises:
        TableFault: there is no such line, or two columns have one name.
    """
    if header is False or isinstance(header, tuple):
        if not lines:
            raise TableFault("empty: it has no lines", "write the data in it")
        names = list(header) if isinstance(header, tuple) else [f"column_{i + 1}" for i in range(len(lines[0]))]
        if len(names) != len(lines[0]):
            said = f"`header` names {len(names)} columns; the first line has {len(lines[0])} values"
            raise TableFault(said, "name each column once, in order")
        body = lines
    else:
        number = 1 if header is None or header is True else header
        if not lines:
            raise TableFault("empty: a header line is needed", "write the names of the columns in the first line")
        if number > len(lines):
            many = f"{len(lines)} line{'s' * (len(lines) != 1)}"
            raise TableFault(f"there is no line {number} for the header: it has {many}", "name a line that is there")
        names = ["" if cell is None else str(cell).strip() for cell in lines[number - 1]]
        body = lines[number:]
    twice = next((n for n in names if n and names.count(n) > 1), None)
    if twice is not None:
        raise TableFault(f"two columns are named '{twice}'", "name each column once")
    return names, body
