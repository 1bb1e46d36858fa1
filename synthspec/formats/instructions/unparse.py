"""A Lark grammar used the other way round: the fields' values in, a reply out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import Any

import lark

from synthspec.formats.recovery.fill import fill

_STEPS = 20_000  # rules opened, at most


def unparse(parser: lark.Lark, rows: Sequence[Mapping[str, str]]) -> str:
    """The shortest sentence of the grammar that holds the values of the rows, in order.

    Raises:
        ValueError: the grammar has no place for the values in this order.
    """
    names = frozenset(n for row in rows for n in row)
    values = [pair for row in rows for pair in row.items()]
    rules: dict[str, list[list[Any]]] = {}
    for rule in parser.rules:
        rules.setdefault(str(rule.origin.name), []).append(list(rule.expansion))
    terminals = {t.name: t.pattern for t in parser.terminals}
    start = parser.options.start[0]
    return _Search(rules, terminals, names, values).run(start)


class _Search:
    """Best first through the rules, fewest symbols first; a field's rule takes the next value."""

    def __init__(
        self,
        rules: Mapping[str, list[list[Any]]],
        terminals: Mapping[str, Any],
        names: frozenset[str],
        values: Sequence[tuple[str, str]],
    ) -> None:
        self.rules, self.terminals, self.names, self.values = rules, terminals, names, values

    def run(self, start: str) -> str:
        """The text. A state holds the symbols still to write, the values used and the pieces written."""
        ticket = count()
        heap: list[tuple[int, int, tuple[str, ...], int, Any]] = [(1, next(ticket), (start,), 0, None)]
        seen: set[tuple[tuple[str, ...], int]] = set()
        most = _STEPS * (1 + len(self.values))
        while heap and len(seen) < most:
            cost, _, todo, used, made = heappop(heap)
            if (todo, used) in seen:
                continue
            seen.add((todo, used))
            if not todo and used == len(self.values):
                return _joined(made)
            for after, now, piece in self._steps(todo, used) if todo else ():
                if sum(s in self.names for s in after) <= len(self.values) - now:
                    more = len(after) - len(todo) + (piece is not None)
                    written = made if piece is None else (piece, made)
                    heappush(heap, (cost + more, next(ticket), after, now, written))
        raise ValueError("the grammar has no place for these values")

    def _steps(self, todo: tuple[str, ...], used: int) -> Iterator[tuple[tuple[str, ...], int, str | None]]:
        """What can be done with the first symbol: what is left then, values used, the piece written."""
        symbol, rest = todo[0], todo[1:]
        if symbol in self.terminals:
            pattern = self.terminals[symbol]
            yield rest, used, str(pattern.value) if pattern.type == "str" else fill(pattern.value, {})
        elif symbol in self.names:
            if used < len(self.values) and self.values[used][0] == symbol:
                yield rest, used + 1, self.values[used][1]
        else:
            for expansion in self.rules.get(symbol, []):
                yield (*(str(part.name) for part in expansion), *rest), used, None


def _joined(made: Any) -> str:
    parts = []
    while made is not None:
        parts.append(made[0])
        made = made[1]
    return "".join(reversed(parts))
