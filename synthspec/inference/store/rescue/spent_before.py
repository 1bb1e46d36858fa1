"""What damaged stores say was spent, as far as it can be read."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from synthspec.inference.store.ledger import Send, StoredTotals, Total
from synthspec.inference.store.schema import (
    RESERVED,
)
from synthspec.lazy_dataclass import dataclass

_DAMAGE = (sqlite3.Error, UnicodeDecodeError, OverflowError, MemoryError)


@dataclass(slots=True)
class Spending:
    """What a store says it spent, as far as it can be read."""

    ledgers: list[StoredTotals] = field(default_factory=list)
    sends: dict[int, tuple[int, Send]] = field(default_factory=dict)  # by number: the latest state seen
    expected: int | None = None
    is_old: bool = False  # whether version 1 began it

    def total(self) -> Total:
        """All that was spent, calls that were under way at their worst."""
        best = max(
            self.ledgers, key=lambda ledger: ledger.settled.requests + ledger.lost.requests, default=StoredTotals()
        )
        total = Total()
        for each in (best.settled, best.lost):
            for name in ("cost", "prompt_tokens", "completion_tokens", "requests", "at_worst"):
                setattr(total, name, getattr(total, name) + getattr(each, name))
        for state, send in self.sends.values():
            if state == RESERVED:
                total.add(send.cost, 0, send.tokens, at_worst=True)
        return total


def note_send(found: Spending, row: int, values: list[Any]) -> None:
    """A reservation that was carved out, where its checksum is right; of one that is found twice the later state."""
    _, key, batch, state, cost, tokens, _, created, crc = values
    send = Send(row, key, batch, cost, tokens, created)
    with contextlib.suppress(AttributeError, TypeError):
        if send.checksum() == crc:
            found.sends[row] = (max(state, found.sends.get(row, (RESERVED,))[0]), send)


def pair_totals(found: Spending) -> None:
    """Rows of totals are found one by one: the highest of each name belong together."""
    pair = StoredTotals()
    for name in StoredTotals.NAMES:
        setattr(pair, name, max((getattr(x, name) for x in found.ledgers), key=lambda t: t.requests, default=Total()))
    if found.ledgers:
        found.ledgers = [pair]
        found.expected = pair.settled.stored


def read_version_1(source: Path, found: Spending) -> None:
    """What a store of version 1 says it spent, and how many completions it held: only SQLite can tell."""
    address = f"{source.absolute().as_uri()}?mode=ro"
    with contextlib.suppress(*_DAMAGE), contextlib.closing(sqlite3.connect(address, uri=True)) as old:
        old.execute("PRAGMA writable_schema = 1")
        names = {name for (name,) in old.execute("SELECT name FROM sqlite_master")}
        if "migrations" in names:
            found.is_old |= old.execute("SELECT min(version) FROM migrations").fetchone()[0] == 1
        if "calls" not in names:
            return
        found.is_old = True
        for query in _COUNTS:
            with contextlib.suppress(*_DAMAGE):
                found.expected = max(found.expected or 0, int(old.execute(query).fetchone()[0]))
        with contextlib.suppress(*_DAMAGE):
            cost, asked, given, requests = old.execute(_USED).fetchone()
            ledger = StoredTotals()
            ledger.settled.add(float(cost or 0), int(asked or 0), int(given or 0))
            ledger.settled.requests = int(requests or 0)
            found.ledgers.append(ledger)


_COUNTS = ("SELECT count(*) FROM calls INDEXED BY sqlite_autoindex_calls_1", "SELECT count(*) FROM calls NOT INDEXED")
_USED = """
SELECT total(cost), sum(prompt_tokens), sum(completion_tokens), sum(requests) FROM (
    SELECT cost, prompt_tokens, completion_tokens, requests FROM totals
    UNION ALL SELECT total(cost), 0, coalesce(sum(tokens), 0), count(*) FROM reservations)
"""


def sum_spent(fresh: sqlite3.Connection, found: Sequence[Spending]) -> StoredTotals:
    """What the completions cost is settled; what else the most telling of the old stores had spent is lost."""
    ledger = StoredTotals()
    for cost, asked, given in fresh.execute("SELECT cost, in_tok, out_tok FROM completions"):
        known = asked is not None and given is not None
        ledger.settled.add(cost or 0.0, *((asked, given) if known else (0, 0)), at_worst=not known or cost is None)
    ledger.settled.stored = ledger.settled.requests
    spent = max((f.total() for f in found), key=lambda t: (t.requests, t.cost), default=Total())
    for name in ("cost", "prompt_tokens", "completion_tokens", "requests", "at_worst"):
        setattr(ledger.lost, name, max(0, getattr(spent, name) - getattr(ledger.settled, name)))
    return ledger
