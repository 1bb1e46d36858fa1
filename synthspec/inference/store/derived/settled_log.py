"""What `rows.sqlite` of an earlier build notes of combinations whose rows are final, read to be used again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from synthspec.inference.store.derived.row_log import reading_log, settled_checksum
from synthspec.inference.store.file import StoreFault
from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class NotedCombination:
    """What was noted of one combination, and the values of its rows, all as JSON."""

    body: str
    values: tuple[str, ...]


def count_settled(path: Path, program: str) -> int:
    """Combinations, from the first, whose rows an earlier build of the same program settled; 0 where none can be told.

    Nothing is believed of them yet: each has a checksum, and is used only where its completions are in the store.
    """
    found, of = _settled_in(path)
    return found if of == program else 0


def holds_less(path: Path, other: Path) -> bool:
    """Whether one log has nothing to use again that another does not have: it holds none, or fewer of one program."""
    (count, program), (others, of) = _settled_in(path), _settled_in(other)
    return count < others and (count == 0 or program == of)


def _settled_in(path: Path) -> tuple[int, str | None]:
    """Combinations from the first that are noted, and their program."""
    found = 0
    with contextlib.suppress(StoreFault), reading_log(path) as connection:
        if connection is None:
            return 0, None
        row = connection.execute("SELECT value FROM meta WHERE name = 'program'").fetchone()
        for (combination,) in connection.execute("SELECT combination FROM settled ORDER BY combination"):
            if combination != found:
                break
            found += 1
        return found, None if row is None else row[0]
    return 0, None


def read_settled(path: Path, count: int) -> Iterator[NotedCombination]:
    """What was noted of the first so many combinations, in order, up to the first that is damaged."""
    query = "SELECT rows, crc, body FROM settled WHERE combination < ? ORDER BY combination"
    with contextlib.suppress(StoreFault), reading_log(path) as connection:
        if connection is None:
            return
        outcomes = connection.execute("SELECT vals FROM outcomes ORDER BY id")
        for rows, crc, body in connection.execute(query, (count,)):
            values = tuple([text for (text,) in islice(outcomes, rows)])
            if len(values) != rows or not _is_whole(body, values, crc):
                return
            yield NotedCombination(body, values)


def _is_whole(body: Any, values: tuple[Any, ...], crc: Any) -> bool:
    try:
        return bool(settled_checksum(body, values) == crc)
    except (AttributeError, ValueError):  # not even texts
        return False


def count_rows(path: Path) -> int:
    """Rows of the dataset, kept or missing, that a log holds; 0 where they cannot be told."""
    with contextlib.suppress(StoreFault), reading_log(path) as connection:
        if connection is not None:
            last = connection.execute("SELECT max(ordinal) FROM outcomes").fetchone()[0]
            return last + 1 if isinstance(last, int) else 0
    return 0
