"""Tools at work: which a speaker may call, calls checked and repaired, and answered from a source or by an expression.
Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from synthspec.dataset.cells import json_text, plain
from synthspec.formats.recovery.loose_json import decode
from synthspec.formats.recovery.refusals import refuse
from synthspec.inference.examples import ExampleRows
from synthspec.languages.expressions import compile_row
from synthspec.sources import Table
from synthspec.spec import PromptAnswer, SourceAnswer, Speaker, Spec, Tool, ToolDraw, ValueAnswer
from synthspec.spec.messages import ToolCall, ToolDeclaration
from synthspec.spec.rows import Rejection
from synthspec.spec.tool_schemas import tool_of

_WORDS = {"true": True, "false": False}


MOST_AT_ONCE = 16  # tools that one reply may call


class ReadyTool:
    """A tool ready to be called: its arguments checked, its answer compiled."""

    def __init__(self, tool: Tool, tables: Mapping[str, Table]) -> None:
        import jsonschema

        self.tool = tool
        self.declaration = ToolDeclaration(tool.name, tool.description, tool.parameters)
        self._check = jsonschema.Draft202012Validator(dict(tool.parameters))
        self._table: Table | None = None
        self._compiled: Any = None
        match tool.answer:
            case SourceAnswer(source, where):
                self._table = tables[source]
                self._compiled = compile_row(where) if where is not None else None
            case ValueAnswer(value):
                self._compiled = compile_row(value)

    @property
    def player(self) -> str:
        """The endpoint of the prompt that plays it; "" where none does."""
        return self.tool.answer.player if isinstance(self.tool.answer, PromptAnswer) else ""

    def read(self, call: ToolCall) -> ToolCall | Rejection:
        """The call with its arguments as the tool takes them, or why it cannot be made."""
        given = call.arguments
        if call.unread:
            found = decode(call.unread)
            if len(found) != 1 or not found[0].whole or not isinstance(found[0].value, dict):
                return refuse("tools", "bad arguments", "the arguments are no JSON object", shown(call))
            given = json.loads(json.dumps(found[0].value, default=str))
        arguments = _repaired(given, self.tool.parameters)
        from jsonschema.exceptions import best_match

        fault = best_match(self._check.iter_errors(arguments))
        if fault is not None:
            where = ".".join(map(str, fault.absolute_path))
            why = f"the arguments of {call.name} do not fit: {where + ': ' if where else ''}{fault.message[:160]}"
            return refuse("tools", "bad arguments", why, "")
        return replace(call, arguments=arguments, unread="")

    def bound(self, call: ToolCall) -> dict[str, Any]:
        """The arguments by their names; null those that are left out."""
        return {**dict.fromkeys(self.tool.parameters.get("properties", {})), **call.arguments}

    def seen(self, call: ToolCall, values: Mapping[str, Any]) -> dict[str, Any]:
        """What the answer reads: the arguments, then what the row has, then the call itself."""
        about = {"name": self.tool.name, "description": self.tool.description}
        return {"tool": about, "arguments": dict(call.arguments), **values, **self.bound(call)}

    def answer(self, call: ToolCall, values: Mapping[str, Any]) -> str:
        """What the tool gives, as text; JSON for all but texts. Not of one that a prompt plays."""
        seen = self.seen(call, values)
        if isinstance(self.tool.answer, ValueAnswer):
            found = self._compiled(seen)
        else:
            assert self._table is not None
            found = next(
                (r for r in self._table.iterate() if self._compiled is None or self._compiled({**seen, "row": r})), None
            )
        if found is None:
            return json_text({"error": "nothing was found"}, compact=False)
        return found if isinstance(found, str) else json_text(plain(found), compact=False)


Kit = Mapping[str, ReadyTool]  # the tools that a speaker may call for a row, by name
KitOf = Callable[[int, Mapping[str, Any]], Kit | str]  # of a combination and what is known of its row


class Toolbox:
    """The tools of a spec, and of the sources that tools are drawn from."""

    def __init__(self, spec: Spec, tables: Mapping[str, Table]) -> None:
        self._seed, self._tables = spec.seed, tables
        self._declared = {name: ReadyTool(tool, tables) for name, tool in spec.tools.items()}

    def kit_of(self, speaker: Speaker, prompt: str) -> KitOf:
        """What gives the tools of a speaker for a combination and what is known of its row, or says what is wrong."""
        if speaker.tools is None:
            return lambda index, values: {}
        if isinstance(speaker.tools, ToolDraw):
            return DrawnTools(speaker, f"{self._seed}/{prompt}/{speaker.name}", self._tables).kit
        names = compile_row(speaker.tools)
        return lambda index, values: self._named(names(values))

    def _named(self, names: Any) -> Kit | str:
        listed = list(dict.fromkeys(names)) if isinstance(names, list | tuple) else []
        unknown = next((n for n in listed if n not in self._declared), None)
        if unknown is not None:
            return f"there is no tool '{unknown}'"
        return {n: self._declared[n] for n in listed}


class DrawnTools:
    """The tools that a speaker draws from a source. Each row is looked at once."""

    def __init__(self, speaker: Speaker, seed: str, tables: Mapping[str, Table]) -> None:
        assert isinstance(speaker.tools, ToolDraw)
        self._draw, self._tables, self._span = speaker.tools, tables, speaker.span
        self._rows = ExampleRows(speaker.tools.rows, tables[speaker.tools.rows.source], seed)
        self._ready: dict[int, ReadyTool | str] = {}

    def kit(self, index: int, values: Mapping[str, Any]) -> Kit | str:
        """The tools for a combination, in the order drawn."""
        found: dict[str, ReadyTool] = {}
        for place in self._rows.places(index, values):
            ready = self._at(place)
            if isinstance(ready, str):
                return ready
            if ready.tool.name in found:
                return f"two that were drawn are named '{ready.tool.name}'"
            found[ready.tool.name] = ready
        return found

    def _at(self, place: int) -> ReadyTool | str:
        if place not in self._ready:
            tool = tool_of(self._rows.table.row(place), self._draw.answer, self._span)
            wrong = f"row {place + 1} of the source is no tool: {tool}"
            self._ready[place] = wrong if isinstance(tool, str) else ReadyTool(tool, self._tables)
        return self._ready[place]


def read_call(kit: Kit, call: ToolCall) -> ToolCall | Rejection:
    """A call with its arguments as its tool takes them, or why it cannot be made."""
    if call.name not in kit:
        there = ", ".join(kit) or "none"
        return refuse("tools", "unknown tool", f"there is no tool '{call.name[:60]}'; there are: {there}", "")
    return kit[call.name].read(call)


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
        if kind in ("array", "object") and text[:1] == ("[" if kind == "array" else "{"):
            return _as_json(text, value)
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


def _as_json(text: str, otherwise: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return otherwise
