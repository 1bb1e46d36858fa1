"""The types of the expression language. Total and small: what a value can be, never what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any, Literal

from synthspec.lazy_dataclass import dataclass

TypeKind = Literal[
    "integer", "number", "text", "boolean", "date", "datetime", "time", "list", "map", "any", "null", "distribution"
]  # fmt: skip


Length = tuple[int, int | None]  # items of a list at least and at most, None where nothing says


@dataclass(frozen=True, slots=True)
class Type:
    """A type. `values` holds the only values there can be, where known (an enum, a parameter's list)."""

    kind: TypeKind
    item: Type | None = None  # of a list
    members: tuple[tuple[str, Type], ...] | None = None  # of a map, where known
    values: tuple[Any, ...] | None = None
    open: bool = False  # a map that may have other members than those known
    length: Length | None = field(default=None, compare=False)  # of a list, where anything is known of it

    def __str__(self) -> str:
        if self.kind == "list" and self.item is not None and self.item.kind != "any":
            return f"list of {self.item}"
        return self.kind

    @property
    def with_article(self) -> str:
        """The type as a sentence names it: "an integer", "a list of text"."""
        return f"an {self}" if self.kind in ("integer", "any") else f"a {self}"

    @property
    def numeric(self) -> bool:
        return self.kind in ("integer", "number")

    def member(self, name: str) -> Type | None:
        """The type of a map's member; None where the map is known not to have it."""
        if self.kind == "any" or self.members is None:
            return ANY
        return dict(self.members).get(name, ANY if self.open else None)


ANY = Type("any")
INTEGER = Type("integer")
NUMBER = Type("number")
TEXT = Type("text")
BOOLEAN = Type("boolean")
DATE = Type("date")
DATETIME = Type("datetime")
TIME = Type("time")
LIST = Type("list", item=ANY)
NULL = Type("null")  # of the literal alone: a value of any type may be null


def fits(given: Type, wanted: Type) -> bool:
    """Whether a value of type `given` can stand where `wanted` is asked for."""
    if given.kind in ("any", "null") or wanted.kind == "any":
        return True
    if wanted.kind == "number":
        return given.numeric
    if wanted.kind == "list" and given.kind == "list":
        return wanted.item is None or given.item is None or fits(given.item, wanted.item)
    return given.kind == wanted.kind


def join(left: Type, right: Type) -> Type:
    """The narrowest type that holds the values of both."""
    if "null" in (left.kind, right.kind):
        return right if left.kind == "null" else left
    values = None
    if left.values is not None and right.values is not None:
        values = tuple(_distinct(left.values + right.values))
    if left.kind == right.kind:
        if left.kind == "list":
            item = join(left.item, right.item) if left.item and right.item else ANY
            return Type("list", item=item, length=_either(left.length, right.length))
        if left.kind == "map":
            return Type("map", members=_join_members(left, right), values=values, open=left.open or right.open)
        return Type(left.kind, values=values)
    if left.numeric and right.numeric:
        return Type("number", values=values)
    return ANY


def _either(left: Length | None, right: Length | None) -> Length | None:
    """The length of one list or the other."""
    if left is None or right is None:
        return None
    most = None if left[1] is None or right[1] is None else max(left[1], right[1])
    return min(left[0], right[0]), most


def of_length(kind: Type, least: int, most: int | None) -> Type:
    """A list of this type that has at least and at most so many items."""
    return replace(kind, length=(least, most))


def _join_members(left: Type, right: Type) -> tuple[tuple[str, Type], ...] | None:
    if left.members is None or right.members is None:
        return None
    ours, theirs = dict(left.members), dict(right.members)
    return tuple((n, join(ours[n], theirs[n])) for n in ours if n in theirs)


def _distinct(values: tuple[Any, ...]) -> list[Any]:
    """Scalars without repeats, in order; 1, 1.0 and true are three."""
    return [v for _, v in dict.fromkeys((type(v), v) for v in values)]


def type_of(value: Any) -> Type:
    """The type of a plain Python value as YAML or JSON gives it."""
    import datetime

    if isinstance(value, bool):
        return Type("boolean", values=(value,))
    if isinstance(value, int):
        return Type("integer", values=(value,))
    if isinstance(value, float):
        return Type("number", values=(value,))
    if isinstance(value, str):
        return Type("text", values=(value,))
    if isinstance(value, datetime.datetime):
        return DATETIME
    if isinstance(value, datetime.date):
        return DATE
    if isinstance(value, datetime.time):
        return TIME
    if isinstance(value, list | tuple):
        return Type("list", item=join_all([type_of(v) for v in value]), length=(len(value), len(value)))
    if isinstance(value, Mapping):
        return Type("map", members=tuple((str(k), type_of(v)) for k, v in value.items()))
    return ANY


def type_of_values(values: tuple[Any, ...]) -> Type:
    """The joined type of several values, remembering them where they are scalars."""
    return join_all([type_of(v) for v in values])


def join_all(types: list[Type]) -> Type:
    """The narrowest type that holds the values of all; any type where there are none."""
    while len(types) > 1:  # by halves: joining one by one would copy the values again and again
        pairs = zip(types[::2], types[1::2], strict=False)
        types = [join(left, right) for left, right in pairs] + (types[-1:] if len(types) % 2 else [])
    return types[0] if types else ANY
