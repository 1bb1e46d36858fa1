"""Trying a template with values of the right types, and with nulls where there may be some: what only running shows."""

from __future__ import annotations

import datetime
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthspec.languages.expressions.checking.descriptions import a
from synthspec.languages.expressions.types import ANY, Type
from synthspec.languages.templates.syntax_errors import TextFault
from synthspec.languages.templates.template import TemplateFault, UndefinedFault, parsed, render
from synthspec.languages.templates.work import WorkFault

MAX_GROUPS = 20  # of names that may be null, tried one after the other
_ITEMS = 8  # of a list that stands in for others
_MAX_LISTS = 2  # inside lists
_OTHER_TYPE = "this filter or operator takes a value of another type"
_TAG = re.compile(r"\{\{.*?\}\}", re.DOTALL)


def try_template(
    text: str, scope: Mapping[str, Type], reads: set[str], empty: Sequence[frozenset[str]]
) -> tuple[TextFault, ...]:
    """The fault that shows when the template is filled in, if any: with usual values, then with some of them null."""
    values = {name: sample_value(scope[name]) for name in sorted(reads)}
    fault = next(_usual(text, scope, values), None)
    if fault is not None:
        return (fault,)
    groups = [group & values.keys() for group in empty if group & values.keys()][:MAX_GROUPS]
    found = (fault for group in groups for fault in _emptied(text, values, group))
    return tuple(itertools.islice(found, 1))


def _usual(text: str, scope: Mapping[str, Type], values: Mapping[str, Any]) -> Iterator[TextFault]:
    try:
        render(text, values)
    except UndefinedFault:
        return  # an item or member that a stand-in lacks says nothing of the values to come
    except WorkFault as e:
        help = "make the texts and loops shorter"
        yield TextFault("E403", f"the template is too large to be filled in: {e}", 0, max(1, len(text)), help)
    except TemplateFault:
        piece, start = _piece_at_fault(text, values)
        read = sorted(n for n in values if re.search(rf"\b{re.escape(n)}\b", piece))
        kinds = ", ".join(f"{n} is {a(scope[n])}" for n in read)
        message = "this cannot be filled in" + (f": {kinds}" if kinds else "")
        help = "join texts and numbers with ~" if _adds(piece) else _OTHER_TYPE
        yield TextFault("E406", message, start, start + len(piece), help)


def _emptied(text: str, values: Mapping[str, Any], group: frozenset[str]) -> Iterator[TextFault]:
    """A template that fails for a null, though not for a value."""
    try:
        render(text, values)
    except TemplateFault:
        return
    nulls = {**values, **{name: [] if name == "avoid" else None for name in group}}
    try:
        render(text, nulls)
    except TemplateFault:
        piece, start = _piece_at_fault(text, nulls)
        read = sorted(n for n in group if re.search(rf"\b{re.escape(n)}\b", piece)) or sorted(group)
        name = read[0]
        message = f"this cannot be filled in where '{name}' is empty"
        help = f"write {{% if {name} %}}{_terse(piece)}{{% endif %}}"
        yield TextFault("E423", message, start, start + len(piece), help)


def _terse(piece: str) -> str:
    return piece if len(piece) <= 60 and "\n" not in piece else "…"


def _piece_at_fault(text: str, values: Mapping[str, Any]) -> tuple[str, int]:
    """The braces that cannot be filled in alone; the whole text where they can."""
    for tag in _TAG.finditer(text):
        try:
            render(tag.group(), values)
        except UndefinedFault:
            if _names_in(tag.group()) <= values.keys():  # others are set around it, in a loop
                return tag.group(), tag.start()
        except TemplateFault:
            return tag.group(), tag.start()
        except Exception:  # half of a block
            continue
    return text, 0


def _adds(piece: str) -> bool:
    """Whether a template adds with `+`."""
    from jinja2 import nodes

    return parsed(piece).find(nodes.Add) is not None


def _names_in(piece: str) -> set[str]:
    """The names that a template reads and does not set."""
    from jinja2 import meta

    return meta.find_undeclared_variables(parsed(piece))


def sample_value(type: Type, depth: int = 0) -> Any:
    """A value of a type; one with which everything goes well where nothing is known of it."""
    from synthspec.languages.templates.environment import AnyMembers, Anything

    if type.values:
        return type.values[0]
    if type.kind == "list":
        return [sample_value(type.item or ANY, depth + 1)] * _ITEMS if depth < _MAX_LISTS else Anything()
    if type.kind == "map" and type.members is not None:
        members = {n: sample_value(t, depth) for n, t in type.members}
        return AnyMembers(members) if type.open else members
    simple: dict[str, Any] = {"integer": 3, "number": 1.5, "text": "text", "boolean": True}
    simple |= {"date": datetime.date(2024, 1, 31), "datetime": datetime.datetime(2024, 1, 31, 12)}
    return simple.get(type.kind, Anything())
