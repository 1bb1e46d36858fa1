"""Tools as values: the JSON Schema of their arguments, and tools that are rows of a source."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from synthspec.diagnostics import Span
from synthspec.languages.expressions.tree import Expression, ListOf, Literal
from synthspec.spec import Tool, ToolAnswer, ValueAnswer

NO_ARGUMENTS: Mapping[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
ANSWER = "answer"  # the column that holds what a drawn tool gives
NEEDED = ("name", "description")  # the columns that every source of tools has
_TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what every provider takes for the name of a function


def arguments_schema(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """The JSON Schema of a tool's arguments; a map of names to schemas stands for an object of exactly these.

    None where it is neither.

    >>> arguments_schema({"town": {"type": "string"}})["required"]
    ['town']
    """
    if data.get("type") == "object":
        return dict(data)
    if all(isinstance(v, Mapping) for v in data.values()):
        return {**NO_ARGUMENTS, "properties": dict(data), "required": list(data)}
    return None


def schema_fault(schema: Mapping[str, Any]) -> str:
    """What makes this no JSON Schema, "" where it is one."""
    import jsonschema

    try:
        jsonschema.Draft202012Validator.check_schema(dict(schema))
    except jsonschema.SchemaError as e:
        if list(e.absolute_path)[-1:] == ["type"] and isinstance(e.instance, str):
            return f"'{e.instance[:40]}' is not a type; there are {', '.join(_TYPES[:-1])} and {_TYPES[-1]}"
        return str(e.message).split("\n")[0][:120]
    return ""


def tool_of(row: Mapping[str, Any], answer: ToolAnswer | None, span: Span) -> Tool | str:
    """The tool that a row of a source is, answered as its column `answer` says where nothing else does; or what is
    wrong with it."""
    name, description = row.get("name"), row.get("description")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"its name is {name!r}, and must be 1 to 64 letters, digits, hyphens and underscores"
    if not isinstance(description, str) or not description.strip():
        return f"'{name}' has no description"
    given = row.get("parameters")
    if isinstance(given, str) and given.strip():
        try:
            given = json.loads(given)
        except ValueError as e:
            return f"the parameters of '{name}' are not JSON: {e}"
    schema = arguments_schema(given) if isinstance(given, Mapping) else None if given else dict(NO_ARGUMENTS)
    if schema is None:
        return f"the parameters of '{name}' are neither a JSON Schema of an object nor a map of names to JSON Schemas"
    if fault := schema_fault(schema):
        return f"the parameters of '{name}' are not a JSON Schema: {fault}"
    literal = ValueAnswer(Literal(row.get(ANSWER), 0, 0))
    return Tool(name, description.strip(), schema, literal if answer is None else answer, span)


def tools_named(expression: Expression, known: Collection[str]) -> frozenset[str]:
    """The tools that an expression may give: all where it is not a list of names, or one is misspelt."""
    if not isinstance(expression, ListOf):
        return frozenset(known)
    names = frozenset(str(i.value) for i in expression.items if isinstance(i, Literal))
    return names if names <= frozenset(known) else frozenset(known)
