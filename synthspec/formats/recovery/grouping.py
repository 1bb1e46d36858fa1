"""Marked parts as rows: which parts belong together, and where that is not certain."""

from __future__ import annotations

import re
from collections.abc import Sequence

from synthspec.formats import Shape
from synthspec.formats.recovery.markers import MarkedText

Group = list[MarkedText]
_BLANK_LINE = re.compile(r"\n[ \t]*\n\s*\Z")
_NUMBER = re.compile(r"\d+")


def grouped(parts: Sequence[MarkedText], shape: Shape, body: str) -> list[Group]:
    """Rows of parts, each from the first field on; from another field where all rows are whole in that order."""
    usual, names = _from_each(parts, shape.names[0]), sorted(shape.names)
    if parts[0].name == shape.names[0]:
        return usual
    groups = _from_each(parts, parts[0].name)
    whole = all(sorted(p.name for p in g) == names for g in groups)
    if whole and len(groups) == shape.rows and not any(_is_joined(g, body) for g in usual if len(g) > 1):
        return groups
    return usual


def unclear_groups(groups: Sequence[Group], first: str, body: str) -> frozenset[int]:
    """The places of groups that may be made of two rows: `A: Q: A: Q:` after an answer that has no question.

    A part without its row's first part, before such a group, shows that the reply may write the first part last. Two
    first parts in a row end this, and so does a layout that says what belongs together.

    >>> a, q = MarkedText("a", "x", 0, 0), MarkedText("q", "y", 0, 0)
    >>> sorted(unclear_groups([[a], [q, a], [q], [q, a]], "q", ""))
    [1]
    """
    found, stray = set[int](), False
    for place, group in enumerate(groups):
        names = [p.name for p in group]
        if names[0] != first or len(set(names)) != len(names):
            stray = True
        elif len(names) == 1:
            stray = False
        elif stray and not _is_joined(group, body):
            found.add(place)
    return frozenset(found)


def _is_joined(group: Group, body: str) -> bool:
    """Whether numbers, or blank lines before the group and none in it, say that its parts belong together."""
    numbers = [_NUMBER.findall(p.marker) for p in group]
    if all(numbers):
        return len({n[-1] for n in numbers}) == 1
    if numbers[0] and not any(numbers[1:]):
        return True
    apart = [_BLANK_LINE.search(body[max(0, p.start - 40) : p.start]) is not None for p in group]
    return apart[0] and not any(apart[1:])


def _from_each(parts: Sequence[MarkedText], first: str) -> list[Group]:
    groups: list[Group] = []
    for part in parts:
        if not groups or part.name == first:
            groups.append([])
        groups[-1].append(part)
    return groups
