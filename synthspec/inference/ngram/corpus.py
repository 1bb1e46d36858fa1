"""A column's texts, or those of some of its rows, indexed so that one can pass into another.

Indexing is one sort for each order of context: 1.5 million tokens in a second or two.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from synthspec.inference.ngram.reading import BEGINS, ENDS, LAST, ReadColumn
from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ContextOrder:
    """One order of context: `members[low[p]:high[p]]` are the positions with the context of position p."""

    members: array[int]
    low: array[int]
    high: array[int]


@dataclass(frozen=True, slots=True)
class TextCorpus:
    """Texts to walk over. Arrays run over positions unless they say otherwise."""

    words: tuple[str, ...]  # by token: as written, with the space before it
    token: array[int]
    row: array[int]  # which row the position is from
    begins: bytes  # 1 where a white-space separated word begins
    ends: bytes  # 1 where a sentence ends
    last: bytes  # 1 at the last position of a text
    stops: bytes  # 1 where either is so
    doors: bytes  # bit n: another row shares the position's context of order n; bit 3: at the seam of a clause
    left: array[int]  # words from here, exclusive, to the end of the sentence
    rest: array[int]  # words from here, exclusive, to the end of the text
    orders: tuple[ContextOrder, ...]  # strongest context first
    opening: Mapping[int, int]  # row -> first position; rows without a text are not in it
    size: Mapping[int, int]  # row -> words
    rows: tuple[int, ...]  # the rows that have a text
    closes: bool  # texts end where a sentence ends, as titles do not
    turns: bool  # texts are dialogues: "Agent: …" "Client: …"
    known: frozenset[str]  # every text of the column, as `normal` gives it

    def __len__(self) -> int:
        return len(self.rows)


def build_corpus(reading: ReadColumn, rows: Sequence[int] | None = None) -> TextCorpus:
    """Index a column, or only these rows of it, which are then numbered from 0 in this order."""
    at, row, opening = _chosen(reading, rows)
    flags, token = reading.flags[at], reading.token[at]
    weak = reading.weak[at]
    never = (flags & LAST) > 0
    orders = tuple(_order(key[at], never | weak if i == 2 else never) for i, key in enumerate(reading.keys))
    rest = reading.rest[at]
    return TextCorpus(
        words=reading.words,
        token=_packed(token),
        row=_packed(row),
        begins=_bits(flags, BEGINS),
        ends=_bits(flags, ENDS),
        last=_bits(flags, LAST),
        stops=_bits(flags, ENDS | LAST),
        doors=_doors(reading.seam[token], row, orders),
        left=_packed(reading.left[at]),
        rest=_packed(rest),
        orders=orders,
        opening=opening,
        size={r: int(rest[p]) + 1 for r, p in opening.items()},
        rows=tuple(opening),
        closes=reading.closes,
        turns=reading.turns,
        known=reading.known,
    )


def _chosen(reading: ReadColumn, rows: Sequence[int] | None) -> tuple[Any, Any, dict[int, int]]:
    """Positions in the reading, the row of each, and where each row opens."""
    if rows is None:
        return slice(None), reading.row, dict(reading.opening)
    present = [(i, reading.opening[r]) for i, r in enumerate(rows) if r in reading.opening]
    finals = np.flatnonzero(reading.flags & LAST)
    starts = np.array([s for _, s in present], dtype=np.int64)
    lengths = finals[np.searchsorted(finals, starts)] + 1 - starts if len(starts) else starts
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    at = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
    row = np.repeat(np.array([i for i, _ in present], dtype=np.int64), lengths)
    return at, row, {i: int(o) for (i, _), o in zip(present, offsets[:-1], strict=True)}


def _order(key: Any, out: Any) -> ContextOrder:
    members = np.argsort(key, kind="stable")
    members = members[~out[members]]
    ordered = key[members]
    low, high = np.zeros(len(out), dtype=np.int32), np.zeros(len(out), dtype=np.int32)
    if len(members):
        edges = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1], [True])))
        sizes = np.diff(edges)
        low[members] = np.repeat(edges[:-1], sizes)
        high[members] = np.repeat(edges[1:], sizes)
    return ContextOrder(_packed(members), _packed(low), _packed(high))


def _doors(seam: Any, rows: Any, orders: Sequence[ContextOrder]) -> bytes:
    doors = np.where(seam, 8, 0).astype(np.uint8)
    for bit, order in enumerate(orders):
        if not order.members:
            continue
        members, low = np.frombuffer(order.members, dtype=np.int32), np.frombuffer(order.low, dtype=np.int32)
        edges = np.flatnonzero(np.diff(np.concatenate(([-1], low[members]))))
        least, most = np.minimum.reduceat(rows[members], edges), np.maximum.reduceat(rows[members], edges)
        shared = np.repeat(least < most, np.diff(np.append(edges, len(members))))
        doors[members[shared]] |= 1 << bit
    return bytes(doors.tobytes())


def _bits(flags: Any, mask: int) -> bytes:
    return bytes(((flags & mask) > 0).astype(np.uint8).tobytes())


def _packed(values: Any) -> array[int]:
    packed = array("i")
    packed.frombytes(np.ascontiguousarray(values, dtype=np.int32).tobytes())
    return packed
