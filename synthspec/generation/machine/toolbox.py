"""Tools at work: calls checked and repaired, and answered from a source or by an expression. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from synthspec.dataset.cells import json_text, plain
from synthspec.formats.recovery.loose_json import decode
from synthspec.formats.recovery.refusals import refuse
from synthspec.languages.expressions import compile_row
from synthspec.sources import Table
from synthspec.spec import SourceAnswer, Tool, ValueAnswer
from synthspec.spec.messages import ToolCall, ToolDeclaration
from synthspec.spec.rows import Rejection

_WORDS = {"true": True, "false": False}


class Toolbox:
    """The tools of a spec, ready to be used."""

    def __init__(self, tools: Mapping[str, Tool], tables: Mapping[str, Table]) -> None:
        import jsonschema

        self._tools, self._tables = tools, tables
        self._checks = {n: jsonschema.Draft202012Validator(dict(t.parameters)) for n, t in tools.items()}
        self._answers = {n: self._compiled(t) for n, t in tools.items()}

    def _compiled(self, tool: Tool) -> Any:
        match tool.answer:
            case SourceAnswer(_, where):
                return compile_row(where) if where is not None else None
            case ValueAnswer(value):
                return compile_row(value)
        raise TypeError(f"nothing answers '{tool.name}'")

    def declared(self, names: Any) -> tuple[ToolDeclaration, ...] | str:
        """The tools of these names as a model is told of them, or which name is none."""
        listed = list(dict.fromkeys(names)) if isinstance(names, list | tuple) else []
        unknown = next((n for n in listed if n not in self._tools), None)
        if unknown is not None:
            return f"there is no tool '{unknown}'"
        return tuple(ToolDeclaration(t.name, t.description, t.parameters) for t in map(self._tools.__getitem__, listed))

    def read(self, call: ToolCall, allowed: Sequence[str]) -> ToolCall | Rejection:
        """The call with its arguments as the tool takes them, or why it cannot be made."""
        if call.name not in allowed:
            there = ", ".join(allowed) or "none"
            return refuse("tools", "unknown tool", f"there is no tool '{call.name[:60]}'; there are: {there}", "")
        given = call.arguments
        if call.unread:
            found = decode(call.unread)
            if len(found) != 1 or not found[0].whole or not isinstance(found[0].value, dict):
                return refuse("tools", "bad arguments", "the arguments are no JSON object", shown(call))
            given = json.loads(json.dumps(found[0].value, default=str))
        arguments = _repaired(given, self._tools[call.name].parameters)
        from jsonschema.exceptions import best_match

        fault = best_match(self._checks[call.name].iter_errors(arguments))
        if fault is not None:
            where = ".".join(map(str, fault.absolute_path))
            why = f"the arguments of {call.name} do not fit: {where + ': ' if where else ''}{fault.message[:160]}"
            return refuse("tools", "bad arguments", why, "")
        return replace(call, arguments=arguments, unread="")

    def answer(self, call: ToolCall, values: Mapping[str, Any]) -> str:
        """What the tool gives, as text; JSON for all but texts."""
        tool, compiled = self._tools[call.name], self._answers[call.name]
        optional = dict.fromkeys(tool.parameters.get("properties", {}))
        seen = {**values, **optional, **call.arguments}
        found: Any = None
        match tool.answer:
            case SourceAnswer(source, _):
                table = self._tables[source]
                rows = (table.row(i) for i in range(len(table)))
                found = next((r for r in rows if compiled is None or compiled({**seen, "row": r})), None)
            case ValueAnswer():
                found = compiled(seen)
        if found is None:
            return json_text({"error": "nothing was found"}, compact=False)
        return found if isinstance(found, str) else json_text(plain(found), compact=False)


def shown(call: ToolCall) -> str:
    """A call for a reader, and for a model that is told what was wrong with it.

    >>> shown(ToolCall("1", "add", {"a": 1}))
    'add({"a": 1})'
    """
    return f"{call.name}({call.unread or json.dumps(dict(call.arguments), ensure_ascii=False, default=str)})"


def column_of(tools: Sequence[ToolDeclaration]) -> list[dict[str, Any]]:
    """Tools as trainers read them."""
    return [
        {
            "type": "function",
            "function": {"name": t.name, "description": t.description, "parameters": dict(t.parameters)},
        }
        for t in tools
    ]


def _repaired(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with numbers and truth values that are written as text, and without optional nulls."""
    members = schema.get("properties") or {}
    required = schema.get("required") or ()
    made: dict[str, Any] = {}
    for name, value in arguments.items():
        kind = members[name].get("type") if isinstance(members.get(name), Mapping) else None
        if value is None and name in members and name not in required and kind != "null":
            continue
        made[name] = _as(value, kind)
    return made


def _as(value: Any, kind: Any) -> Any:
    if isinstance(value, str):
        text = value.strip()
        if kind == "boolean":
            return _WORDS.get(text.lower(), value)
        if kind in ("integer", "number") and text.lstrip("+-").replace(".", "", 1).isdecimal() and text.isascii():
            number = float(text)
            return int(number) if number.is_integer() and (kind == "integer" or "." not in text) else number
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value
