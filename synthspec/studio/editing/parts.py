"""What a person fills in on a form, as the YAML that says it: a parameter, a field, a check, a prompt."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from synthspec.document.scalars import resolve_scalar
from synthspec.studio.editing.insertions import NoRoom, SectionPart

WIDTH = 100  # characters of a list on one line
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN = re.compile(r"[A-Za-zÀ-ɏ][\w'./+-]*(?: [\w'./+-]+)*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
Given = Mapping[str, Any]


def part_of(kind: str, given: Given) -> SectionPart:
    """The part of a form of this kind.

    Raises:
        NoRoom: something is left out, or is not what it must be.
    """
    made = {"parameter": _parameter, "field": _field, "check": _check, "prompt": _prompt}.get(kind)
    if made is None:
        raise NoRoom(f"there is no form for a '{kind}'")
    return made(given)


def _parameter(given: Given) -> SectionPart:
    name, draw = _name(given), _text(given, "draw")
    flow: str
    match draw:
        case "list":
            values = _values(given)
            flow = _list(values)
            if len(flow) > WIDTH - len(name):
                return SectionPart(
                    "parameters", name, (f"{name}:", *(f"  - {_scalar(v)}" for v in values)), f"{name}: {flow}"
                )
        case "integer" | "uniform":
            low, high = _number(given, "low", draw == "integer"), _number(given, "high", draw == "integer")
            if float(low) >= float(high):
                raise NoRoom("the smallest value must be below the largest", f"{low} is not below {high}")
            drawn = f"{draw}({low}, {high})"
            return SectionPart("parameters", name, (f"{name}: {drawn}",), f'{name}: "{drawn}"')
        case "expression":
            flow = _expression(given, "expression")
        case "column":
            source, column = _name(given, "source"), _text(given, "column")
            flow = f"{{from: {source}, column: {_scalar(column)}}}"
        case _:
            raise NoRoom("say what the parameter draws from", "a list, numbers, an expression or a source")
    return _entry("parameters", name, flow)


def _field(given: Given) -> SectionPart:
    name, kind = _name(given), _text(given, "type")
    if kind == "value":
        return _entry("fields", name, f"{{value: {_expression(given, 'expression')}}}")
    rules: list[str] = []
    match kind:
        case "text":
            rules = ["type: string", *_bounds(given, "words: {{{}}}", "min", "max", whole=True)]
        case "integer" | "number":
            rules = [f"type: {kind}", *_bounds(given, "{}", "minimum", "maximum", whole=kind == "integer")]
        case "boolean":
            rules = ["type: boolean"]
        case "choice":
            rules = [f"enum: {_list(_values(given))}"]
        case "list":
            rules = ["type: array", "items: {type: string}"]
        case _:
            help = "a text, a number, true or false, one of a list, a list, or what is computed"
            raise NoRoom("say what the field contains", help)
    return _entry("fields", name, f"{{{', '.join(rules)}}}")


def _check(given: Given) -> SectionPart:
    rule, message = _expression(given, "expression"), _optional(given, "message")
    if not message:
        return SectionPart("checks", "", (f"- {rule}",), rule)
    said = _scalar(message)
    return SectionPart("checks", "", (f"- that: {rule}", f"  message: {said}"), f"{{that: {rule}, message: {said}}}")


def _prompt(given: Given) -> SectionPart:
    name, user = _name(given), _text(given, "user").replace("\r\n", "\n").strip("\n")
    writes = [_name({"name": n}) for n in _values(given, "writes")]
    lines = user.split("\n")
    if len(lines) > 1 and not lines[0].startswith((" ", "\t")):
        said = ["  user: |", *(f"    {line.rstrip()}" if line.strip() else "" for line in lines)]
    else:
        said = [f"  user: {_scalar(user)}"]
    flow = f"{name}: {{user: {json.dumps(user, ensure_ascii=False)}, writes: {_list(writes)}}}"
    return SectionPart("prompts", name, (f"{name}:", *said, f"  writes: {_list(writes)}"), flow)


def _entry(section: str, name: str, flow: str) -> SectionPart:
    return SectionPart(section, name, (f"{name}: {flow}",), f"{name}: {flow}")


def _bounds(given: Given, form: str, low: str, high: str, *, whole: bool) -> list[str]:
    """The least and the greatest, as far as they are given."""
    ends = {low: "low", high: "high"}
    found = [f"{key}: {_number(given, at, whole)}" for key, at in ends.items() if _optional(given, at)]
    return [form.format(", ".join(found))] if found else []


def _name(given: Given, key: str = "name") -> str:
    name = _text(given, key)
    if not _NAME.fullmatch(name):
        help = "write letters, digits and _, a letter first"
        raise NoRoom(f"'{name}' is not a name that prompts and expressions can read", help)
    return name


def _text(given: Given, key: str) -> str:
    found = _optional(given, key)
    if not found:
        raise NoRoom(f"fill in '{key}'")
    return found


def _optional(given: Given, key: str) -> str:
    found = given.get(key, "")
    if not isinstance(found, str):
        raise NoRoom(f"'{key}' must be text")
    return found.strip()


def _values(given: Given, key: str = "values") -> list[str]:
    found = given.get(key)
    values = [v.strip() for v in found if isinstance(v, str) and v.strip()] if isinstance(found, list) else []
    if not values:
        raise NoRoom("name at least one value" if key == "values" else f"fill in '{key}'")
    if len(set(values)) < len(values):
        raise NoRoom("a value is there twice", "write each once")
    return values


def _number(given: Given, key: str, whole: bool) -> str:
    found = _text(given, key)
    if not _NUMBER.fullmatch(found) or (whole and "." in found):
        raise NoRoom(f"'{found}' is no {'whole ' if whole else ''}number")
    return found


def _expression(given: Given, key: str) -> str:
    """An expression as a YAML scalar, in quotes where it would be read as something else."""
    return _scalar(" ".join(_text(given, key).split()), plain=re.compile(r"[A-Za-z_][\w .()<>=+*/'-]*"))


def _list(values: list[str]) -> str:
    return f"[{', '.join(map(_scalar, values))}]"


def _scalar(text: str, plain: re.Pattern[str] = _PLAIN) -> str:
    """A text in YAML, without quotes where it cannot be taken for anything else; numbers stay numbers."""
    meant: Callable[[str], Any] = resolve_scalar
    if _NUMBER.fullmatch(text) and not isinstance(meant(text), str):
        return text
    if plain.fullmatch(text) and isinstance(meant(text), str) and " #" not in text and ": " not in text:
        return text
    return json.dumps(text, ensure_ascii=False)
