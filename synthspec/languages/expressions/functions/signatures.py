"""What a function of the expression language is, and finding one by name. The built-in ones: `library.py`.

A package adds its own through an entry point of the group `synthspec.functions` whose value is a `Function`:

    [project.entry-points."synthspec.functions"]
    syllables = "my_package.text:SYLLABLES"

They are looked up only when an expression calls a name that is not built in.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from synthspec.languages.expressions.types import ANY, Type, TypeKind
from synthspec.lazy_dataclass import dataclass
from synthspec.plugins import find_plugin, is_plugin, plugin_fault, plugin_names

REQUIRED: Any = object()
WrittenArguments = tuple[tuple[str, Callable[[Any], Iterable[tuple[str, str, str]]]], ...]
ResultType = Type | Callable[[Sequence[Type]], Type]


@dataclass(frozen=True, slots=True)
class FunctionParameter:
    """One parameter: its types, its default, and whether it takes all further positional arguments."""

    name: str
    types: tuple[Type, ...]
    default: Any = REQUIRED
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the language.

    `apply` gets plain values in the order of the parameters. It may raise one of `FAULTS`, which means null. Unless
    `nulls`, it is not called when an argument is null: the result is null too (false of a function that gives a
    boolean). `columns`, where there is one, gets float64 and int64 arrays (or numbers) and must give the same values,
    or NotImplemented.
    """

    name: str
    signature: str
    parameters: tuple[FunctionParameter, ...]
    result: ResultType
    apply: Callable[..., Any]
    summary: str
    columns: Callable[..., Any] | None = None
    nulls: bool = False
    place: tuple[str, ...] = ()  # what it reads of where it stands, handed to `apply` before all else
    written: WrittenArguments = ()
    """Parameters that must be constants, each with what is wrong with a value, as (code, message, help)."""
    beside: tuple[str, ...] = ()  # parameters whose lists are equally long; `lists`: those in its map


_PARAMETER = re.compile(r"(\*?)(\w+): ([^=]+?)(?: = (.+))?")


def function(
    signature: str,
    result: ResultType,
    apply: Callable[..., Any],
    summary: str,
    columns: Callable[..., Any] | None = None,
    nulls: bool = False,
    place: tuple[str, ...] = (),
    written: WrittenArguments = (),
    beside: tuple[str, ...] = (),
) -> Function:
    """An entry of the table from its signature: `round(x: number, digits: integer = 0)`.

    Types are those of the language, `list of number` too, alternatives apart by `|`; `*values: any` repeats.
    """
    name, _, rest = signature.partition("(")
    parameters = tuple(_parameter(text) for text in re.split(r", (?=\*?\w+:)", rest[:-1]) if text)
    return Function(name, signature, parameters, result, apply, summary, columns, nulls, place, written, beside)


def _parameter(text: str) -> FunctionParameter:
    found = _PARAMETER.fullmatch(text)
    if found is None:
        raise ValueError(f"not a parameter: {text!r}")
    star, name, types, default = found.groups()
    value = REQUIRED if default is None else ast.literal_eval(default)
    return FunctionParameter(name, tuple(_type(t) for t in types.split("|")), value, bool(star))


@cache
def _type(text: str) -> Type:
    kind, _, item = text.partition(" of ")
    kinds: dict[str, TypeKind] = {
        "integer": "integer", "number": "number", "text": "text", "boolean": "boolean", "date": "date",
        "datetime": "datetime", "time": "time", "list": "list", "map": "map", "any": "any",
    }  # fmt: skip
    if kind == "list":
        return Type("list", item=_type(item) if item else ANY)
    return Type(kinds[kind])


@cache
def built_in() -> Mapping[str, Function]:
    """The table of built-in functions by name."""
    from synthspec.languages.expressions.functions.library import FUNCTIONS

    return FUNCTIONS


@cache
def find_function(name: str) -> Function | None:
    """The function of this name, built in or installed; None where there is none."""
    if name in built_in():
        return built_in()[name]
    if not is_plugin("functions", name) or plugin_fault("functions", name) is not None:
        return None
    from synthspec.languages.expressions.functions.installed import held

    return held(find_plugin("functions", name), name)


def function_names() -> frozenset[str]:
    """The names of every function, built in or installed."""
    return frozenset(built_in()) | frozenset(plugin_names("functions"))
