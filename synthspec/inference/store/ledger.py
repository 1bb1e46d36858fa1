"""What all runs of a folder used, kept exactly while it is open and written with every commit that changes it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import astuple, replace
from typing import Any, NamedTuple

from synthspec.lazy_dataclass import dataclass

UNIT = 10**12  # money is summed in whole units of a millionth of a millionth of a dollar
MOST_COST = 1e15  # US dollars: what a row can hold; a larger figure is no cost of a call
MOST_TOKENS = 10**15


class StrangeTotal(Exception):
    """A row of totals is not the one that was stored."""


@dataclass(slots=True)
class Total:
    """One sum. Money is in `UNIT`s."""

    cost: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    requests: int = 0
    at_worst: int = 0  # of the requests, those counted at their worst
    stored: int = 0  # completions in the store

    def add(self, cost: float, prompt_tokens: int, completion_tokens: int, *, at_worst: bool = False) -> None:
        """One more request."""
        self.cost += units(cost)
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens
        self.requests += 1
        self.at_worst += at_worst


class StoredTotals:
    """`settled` is what completions cost, `lost` what may have been paid for though nothing came of it."""

    NAMES = ("settled", "lost")

    def __init__(self, rows: Iterable[Sequence[Any]] = ()) -> None:
        self.settled = Total()
        self.lost = Total()
        for row in rows:
            name, total = read_total(row)
            setattr(self, name, total)

    def copy(self) -> StoredTotals:
        """The same sums, apart."""
        twin = StoredTotals()
        twin.settled, twin.lost = replace(self.settled), replace(self.lost)
        return twin

    def rows(self) -> list[tuple[Any, ...]]:
        """As they are stored: name, cost in US dollars, the counts, checksum."""
        return [total_row(name, getattr(self, name)) for name in self.NAMES]


def total_row(name: str, total: Total) -> tuple[Any, ...]:
    """The stored form of a sum."""
    values = (name, total.cost / UNIT, *astuple(total)[1:])
    return (*values, total_checksum(values))


def read_total(row: Sequence[Any]) -> tuple[str, Total]:
    """The sum in a row, with its name.

    Raises:
        StrangeTotal: it is not what was stored.
    """
    try:
        *values, crc = row
        if len(values) != 7 or values[0] not in StoredTotals.NAMES or total_checksum(values) != crc:
            raise StrangeTotal(f"the sum of what was {row[0]} is not what was stored")
        return str(values[0]), Total(units(values[1]), *values[2:])
    except (TypeError, ValueError):
        raise StrangeTotal("a sum of what was spent is not what was stored") from None


def total_checksum(values: Sequence[Any]) -> int:
    """Of the name and the figures, as they are stored."""
    name, cost, *counts = values
    return zlib.crc32(f"{name} {float(cost)!r} {' '.join(map(str, counts))}".encode())


class Send(NamedTuple):
    """A call that is about to go: what is set aside for it, and the batch that it goes with, if any."""

    id: int
    key: bytes | str
    batch: str | None
    cost: float  # US dollars at worst
    tokens: int  # at worst
    created: float

    def row(self, state: int) -> tuple[Any, ...]:
        """As it is stored. Its checksum is of what does not change."""
        return (self.id, self.key, self.batch, state, self.cost, self.tokens, None, self.created, self.checksum())

    def checksum(self) -> int:
        """Of what does not change while it is under way."""
        held = self.key.hex() if isinstance(self.key, bytes) else self.key
        figures = f"{float(self.cost)!r} {self.tokens} {float(self.created)!r}"
        return zlib.crc32(f"{self.id} {held} {self.batch} {figures}".encode())


def make_send(ident: int, key: bytes | str, batch: str | None, cost: float, tokens: int, created: float) -> Send:
    """A send with figures that can be stored, whatever was asked for."""
    cost = float(cost) if 0 <= cost <= MOST_COST else MOST_COST
    return Send(ident, key, batch, cost, min(max(0, int(tokens)), MOST_TOKENS), created)


def units(cost: float) -> int:
    """US dollars in `UNIT`s."""
    return round(cost * UNIT)
