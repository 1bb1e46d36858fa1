"""What follows from the lengths of lists where they are known: places with no item, lists that do not lie side by
side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from synthspec.languages.expressions.checking.descriptions import a, describe
from synthspec.languages.expressions.evaluation.rows import constant_value
from synthspec.languages.expressions.functions.signatures import Function
from synthspec.languages.expressions.traversal import is_constant, walk
from synthspec.languages.expressions.tree import Conditional, Expression, FunctionCall, Index, MapOf
from synthspec.languages.expressions.types import Length, Type

_OF_ITEMS = ("first", "last", "majority", "argmax", "mean", "best", "min", "max")  # null of an empty list


class ListChecking(Protocol):
    """What these checks need of the check that they are part of."""

    whole: Expression | None

    def type_of(self, node: Expression) -> Type: ...
    def report(self, code: str, message: str, node: Expression, remedy: str = "") -> None: ...


def check_place(node: Index, owner: Type, index: Type, check: ListChecking) -> None:
    """Report an index beyond the end of a list, and the place of the best of another list than this one."""
    if owner.length is None:
        return
    beyond = place_beyond(owner.length, _places(node.index, index))
    if beyond is not None:
        check.report("E497", *no_item(describe(node.owner), owner.length, beyond, node.index))
        return
    some = place_beyond(owner.length, [p for p in _places(node.index, index) if _is_beyond(p, owner.length)])
    if some is not None and check.whole is not None and not any(isinstance(n, Conditional) for n in walk(check.whole)):
        message, place, remedy = no_item(describe(node.owner), owner.length, some, node.index)
        check.report(
            "E497", f"{message}, which {describe(node.index)} may be", place, f"{remedy}, or write it in an 'if'"
        )
        return
    call = node.index
    if isinstance(call, FunctionCall) and call.function == "argmax" and len(call.arguments) == 1:
        scores = check.type_of(call.arguments[0])
        if _apart(owner.length, scores.length):
            said = _unequal([(node.owner, owner), (call.arguments[0], scores)])
            check.report("E498", f"{said}: the place of an item of one list is none in the other", call, _ALIKE)


def check_lists(
    node: FunctionCall, given: Sequence[tuple[str, Expression]], function: Function, check: ListChecking
) -> None:
    """Report a call for lists side by side that never have the same length, and one of what never has an item."""
    kinds = [(value, check.type_of(value)) for name, value in given if name in function.beside]
    if function.beside == ("lists",) and kinds:
        kinds = _checked_members(*kinds[0], check)
    for at, (_, kind) in enumerate(kinds):
        before = next((k for k in kinds[:at] if _apart(k[1].length, kind.length)), None)
        if before is not None:
            message = f"{_unequal([before, kinds[at]])}, so {node.function}() of them is always null"
            check.report("E498", message, node, _ALIKE)
            return
    if node.function in _OF_ITEMS and len(given) == max(1, len(function.beside)):
        kind = check.type_of(given[0][1])
        if kind.kind == "list" and kind.length is not None and kind.length[1] == 0:
            message = f"{describe(given[0][1])} never has an item, so {node.function}() of it is always null"
            check.report("E497", message, node, "write a list that has items, or the value for an empty one")


def _checked_members(value: Expression, kind: Type, check: ListChecking) -> list[tuple[Expression, Type]]:
    """The lists of a map, as far as they are known; what is no list is reported."""
    entries: Mapping[str, Expression] = dict(value.entries) if isinstance(value, MapOf) else {}
    if kind.members == () and not kind.open:
        check.report("E303", "zip() takes a map of lists; this one is empty", value, _ZIPPED)
    found = []
    for name, member in kind.members or ():
        place = entries.get(name, value)
        if member.kind not in ("list", "any"):
            message = f"zip() takes a map of lists; its member '{name}' is {a(member)}"
            check.report("E303", message, place, _ZIPPED)
        found.append((place, member))
    return found


_ALIKE = "make the two lists equally long"
_ZIPPED = "write zip({name: names, pay: salaries}), where names and salaries are lists"


def place_beyond(length: Length, places: Sequence[int]) -> int | None:
    """The first of the places where all are beyond the end of lists that have such a length."""
    most = length[1]
    if most is None or not places or any(-most <= place < most for place in places):
        return None
    return places[0]


def _is_beyond(place: int, length: Length) -> bool:
    return length[1] is not None and not -length[1] <= place < length[1]


def no_item(what: str, length: Length, place: int, node: Any) -> tuple[str, Any, str]:
    """Message, node and remedy of a place that no list of this length has."""
    most = length[1] or 0
    remedy = "write a list that has items" if not most else f"write one that is {_within(most)}"
    return f"{what} has {said(length)}: there is never an item [{place}]", node, remedy


def _within(most: int) -> str:
    return "0, or -1 for the last" if most == 1 else f"from 0 to {most - 1}, or from -{most} to -1 from the end"


def said(length: Length) -> str:
    """A length in words.

    >>> said((3, 3)), said((1, 4)), said((0, 1)), said((2, None)), said((0, 0))
    ('3 items', '1 to 4 items', 'at most 1 item', 'at least 2 items', 'no items')
    """
    least, most = length
    if most == 0:
        return "no items"
    if most is None:
        return f"at least {least} item{'' if least == 1 else 's'}"
    if least == most or not least:
        return f"{'' if least else 'at most '}{most} item{'' if most == 1 else 's'}"
    return f"{least} to {most} items"


def _places(node: Expression, kind: Type) -> list[int]:
    values: Sequence[Any] = kind.values or ()
    if is_constant(node):
        values = (constant_value(node),)
    return list(values) if values and all(type(v) is int for v in values) else []


def _apart(left: Length | None, right: Length | None) -> bool:
    """Whether lists of these lengths are never equally long."""
    if left is None or right is None:
        return False
    return any(most is not None and most < least for (_, most), (least, _) in ((left, right), (right, left)))


def _unequal(lists: Sequence[tuple[Expression, Type]]) -> str:
    return " and ".join(_each_said(lists))


def _each_said(lists: Sequence[tuple[Expression, Type]]) -> Iterator[str]:
    for node, kind in lists:
        if kind.length is not None:
            yield f"{describe(node)} has {said(kind.length)}"
