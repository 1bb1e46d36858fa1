"""JSON: one list of objects."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from synthspec.diagnostics import did_you_mean
from synthspec.sources import MemoryTable, Reading, Table, TableFault, table_of
from synthspec.sources.encodings import decode

SUFFIXES = (".json",)
READS = ("encoding", "at")


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
    if reading.at is not None:
        value = _value_at(value, reading.at)
    elif isinstance(value, dict) and (places := _lists_in(value)):
        raise TableFault("a JSON source is a list of objects; this is an object", f"add `at: {places[0]}`")
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise TableFault("a JSON source is a list of objects", 'write [{"column": "value"}, …]')
    return MemoryTable(table_of(value).columns, guessed)


_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def _value_at(value: Any, place: str) -> Any:
    """What is at a place such as `data.items` or `pages[0].rows`.

    Raises:
        TableFault: there is nothing.
    """
    steps = list(_STEP.finditer(place))
    if "".join(m[0] for m in steps) != place.replace(".", ""):
        raise TableFault(
            f"`at: {place}` is not a place in it", "write names and places, as in `data.items` or `pages[0].rows`"
        )
    for step in steps:
        where = f" in '{place[: step.start()].rstrip('.')}'" if step.start() else ""
        if step[2] is not None:
            if not isinstance(value, list) or int(step[2]) >= len(value):
                held = f"it has {len(value)}" if isinstance(value, list) else "it is not a list"
                raise TableFault(f"there is no [{step[2]}]{where}: {held}", "items count from 0")
            value = value[int(step[2])]
        elif not isinstance(value, dict) or step[1] not in value:
            known = tuple(map(str, value)) if isinstance(value, dict) else ()
            help = did_you_mean(step[1], known[:50], "correct `at`")
            raise TableFault(f"there is no '{step[1]}'{where}", help)
        else:
            value = value[step[1]]
    return value


def _lists_in(value: dict[str, Any], above: str = "", depth: int = 2) -> list[str]:
    """The places of lists of objects in an object, the longest first."""
    found: list[tuple[int, str]] = []
    for name, inner in value.items():
        if isinstance(inner, list) and inner and all(isinstance(v, dict) for v in inner):
            found.append((-len(inner), f"{above}{name}"))
        elif isinstance(inner, dict) and depth:
            found += [(0, place) for place in _lists_in(inner, f"{above}{name}.", depth - 1)]
    return [place for _, place in sorted(found)]
