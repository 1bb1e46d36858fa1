"""A Lark grammar used the other way round: the fields' values in, a reply out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import lark

from synthspec.formats._fill import fill

_STEPS = 20_000  # rules opened, at most


def unparse(parser: lark.Lark, rows: Sequence[Mapping[str, str]]) -> str:
    """The shortest sentence of the grammar that holds the values of the rows, in order.

    Raises:
        ValueError: the grammar has no place for the values in this order.
    """
    names = frozenset(n for row in rows for n in row)
    values = [(n, v) for row in rows for n, v in _in_order(parser, row)]
    rules: dict[str, list[list[Any]]] = {}
    for rule in parser.rules:
        rules.setdefault(str(rule.origin.name), []).append(list(rule.expansion))
    terminals = {t.name: t.pattern for t in parser.terminals}
    start = parser.options.start[0]
    return _Search(rules, terminals, names, values).run(start)


def _in_order(parser: lark.Lark, row: Mapping[str, str]) -> list[tuple[str, str]]:
    return list(row.items())


class _Search:
    """Depth first through the rules, shortest expansions first; a field's rule takes the next value."""

    def __init__(
        self,
        rules: Mapping[str, list[list[Any]]],
        terminals: Mapping[str, Any],
        names: frozenset[str],
        values: Sequence[tuple[str, str]],
    ) -> None:
        self.rules, self.terminals, self.names, self.values = rules, terminals, names, values

    def run(self, start: str) -> str:
        # A state: symbols still to write (a linked list), values used, pieces written (a linked list).
        stack: list[tuple[Any, int, Any]] = [((start, None), 0, None)]
        for _ in range(_STEPS * (1 + len(self.values))):
            if not stack:
                break
            todo, used, made = stack.pop()
            if todo is None:
                if used == len(self.values):
                    return _joined(made)
                continue
            symbol, rest = todo
            if symbol in self.terminals:
                stack.append((rest, used, (self._terminal(symbol), made)))
            elif symbol in self.names:
                if used < len(self.values) and self.values[used][0] == symbol:
                    stack.append((rest, used + 1, (self.values[used][1], made)))
            else:
                self._open(stack, symbol, rest, used, made)
        raise ValueError("the grammar has no place for these values")

    def _open(self, stack: list[tuple[Any, int, Any]], symbol: str, rest: Any, used: int, made: Any) -> None:
        """Every expansion; on top the longest while values are left, the shortest when none is."""
        longest_last = used < len(self.values)
        for expansion in sorted(self.rules.get(symbol, []), key=len, reverse=not longest_last):
            todo = rest
            for part in reversed(expansion):
                todo = (str(part.name), todo)
            if _length(todo, 4 * len(self.values) + 200):
                stack.append((todo, used, made))

    def _terminal(self, name: str) -> str:
        pattern = self.terminals[name]
        return str(pattern.value) if pattern.type == "str" else fill(pattern.value, {})


def _length(todo: Any, most: int) -> bool:
    """Whether fewer symbols than `most` are left to write: recursion on the left must end."""
    while todo is not None and most > 0:
        todo, most = todo[1], most - 1
    return most > 0


def _joined(made: Any) -> str:
    parts = []
    while made is not None:
        parts.append(made[0])
        made = made[1]
    return "".join(reversed(parts))
