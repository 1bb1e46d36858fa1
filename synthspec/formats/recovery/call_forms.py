"""One call of a tool as models write it into text: as JSON in every provider's spelling, or as programs write it."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from synthspec.formats.recovery.loose_json import Object, Raw, decode
from synthspec.spec.messages import ToolCall

_NAMES = ("name", "tool", "tool_name", "function")
_ARGUMENTS = ("arguments", "parameters", "args", "input")
_BESIDE = frozenset({"id", "type", "index", "call_id", "tool_call_id"})  # that say nothing of the call


class UnreadCall(Exception):
    """What stands here is no call that can be read in one way."""


class _Doubled(dict[str, Any]):
    """An object in which a name stands twice."""


def json_at(text: str, at: int) -> tuple[Any, int] | None:
    """The JSON value that begins here, and where it ends; also as models write it, where it is whole."""
    try:
        return json.JSONDecoder(object_pairs_hook=_object).raw_decode(text, at)
    except (ValueError, RecursionError):
        pass
    found = decode(text[at:])
    if not found or not found[0].whole or found[0].span[0] != 0:
        return None
    end = found[0].span[1]
    if text[at + end - 1] not in "}]" or not 0 <= _last_end(found[0].value, text[at:]) <= end:
        return None
    return _exact(found[0].value), at + end


def _last_end(value: Any, text: str) -> int:
    """Where the last object in a value of the forgiving reader ends; 0 where it holds none, -1 where one has no end."""
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    ends = [_last_end(v, text) for v in inside]
    last = -1 if -1 in ends else max(ends, default=0)
    if not isinstance(value, Object) or last < 0:
        return last
    end = value.span[1]
    return end if end > last and text[end - 1 : end] == "}" else -1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    return made if len(made) == len(pairs) else _Doubled(made)


def _exact(value: Any) -> Any:
    """A value of the forgiving reader, its numbers as numbers."""
    if isinstance(value, Mapping):
        made = {k: _exact(v) for k, v in value.items()}
        return _Doubled(made) if getattr(value, "doubled", False) else made
    if isinstance(value, list):
        return [_exact(v) for v in value]
    if isinstance(value, Raw):
        try:
            return json.loads(value)
        except ValueError:
            return str(value)
    return value


def calls_in(value: Any, tools: Collection[str] | None) -> list[ToolCall]:
    """The calls of a JSON value; with `tools` [] where it names none of them.

    Raises:
        UnreadCall: it is no call, or may be several.

    >>> calls_in([{"name": "add", "arguments": '{"a": 1}'}], None)[0].arguments
    {'a': 1}
    """
    if isinstance(value, Mapping) and len(value) == 1:
        value = next((value[k] for k in ("tool_calls", "tool_call") if k in value), value)
    listed = value if isinstance(value, list) else [value]
    if tools is not None and not names_one(listed, tools):
        return []
    if not listed:
        raise UnreadCall("it names no tool")
    return [_one(v) for v in listed]


def names_one(value: Any, tools: Collection[str]) -> bool:
    """Whether a JSON value names one of the tools, and arguments for it."""
    if isinstance(value, list):
        return any(names_one(v, tools) for v in value)
    if not isinstance(value, Mapping):
        return False
    inner = _inner(value)
    named = any(isinstance(inner.get(k), str) and _plain(inner[k]) in tools for k in _NAMES)
    return named and any(k in inner for k in _ARGUMENTS)


def _one(value: Any) -> ToolCall:
    if not isinstance(value, Mapping) or isinstance(value, _Doubled):
        raise UnreadCall("it is no call of a tool" if not isinstance(value, Mapping) else "a name stands in it twice")
    inner = _inner(value)
    outer = () if inner is value else (k for k in value if k != "function")
    names = [k for k in _NAMES if isinstance(inner.get(k), str)]
    given = [k for k in _ARGUMENTS if k in inner]
    strange = {*outer, *inner} - _BESIDE - {*names, *given}
    if strange:
        raise UnreadCall(f"'{min(strange)}' has no place in it")
    if len(names) != 1 or len(given) > 1:
        raise UnreadCall("its name or its arguments stand in it twice or not at all")
    arguments = inner[given[0]] if given else {}
    if isinstance(arguments, Mapping) and isinstance(arguments.get("properties"), Mapping) and "type" in arguments:
        raise UnreadCall("it declares a tool")
    return call_of(inner[names[0]], arguments)


def _inner(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """What names the tool: the value, or its member `function`."""
    function = value.get("function")
    return function if isinstance(function, Mapping) else value


def call_of(name: str, arguments: Any) -> ToolCall:
    """A call; arguments that are a text are JSON themselves.

    Raises:
        UnreadCall: a name stands twice among the arguments.
    """
    if isinstance(arguments, str) and arguments.strip():
        body = arguments.strip()
        read = json_at(body, 0)
        if read is None or read[1] != len(body) or not isinstance(read[0], Mapping):
            return ToolCall("", _plain(name), {}, arguments)
        arguments = read[0]
    if isinstance(arguments, _Doubled):
        raise UnreadCall("an argument stands in it twice")
    if isinstance(arguments, Mapping):
        return ToolCall("", _plain(name), dict(arguments))
    return ToolCall("", _plain(name), {}, json.dumps(arguments) if arguments else "")


def _plain(name: str) -> str:
    return name.strip().removeprefix("functions.")


def calls_of_program(body: str, tools: Collection[str] | None) -> list[ToolCall]:
    """Calls as programs write them, each argument by its name; with `tools` [] where the text calls none of them.

    Raises:
        UnreadCall: it calls one in a way that cannot be read.

    >>> calls_of_program('[add(a=1, b=[2])]', ["add"])[0].arguments
    {'a': 1, 'b': [2]}
    """
    try:
        tree = ast.parse(body, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        first = re.match(r"\[?(?:print\()?(?:functions\.)?(\w+)\s*\(", body)
        if tools is None or (first is not None and first[1] in tools and body.endswith((")", "]"))):
            raise UnreadCall("it cannot be read") from None
        return []
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == "print" and tree.args:
        tree = tree.args[0]
    listed = tree.elts if isinstance(tree, ast.List) else [tree]
    called = [_called(node) for node in listed]
    if tools is not None and not any(name in tools for name in called):
        return []
    if not called or not all(called):
        raise UnreadCall("it cannot be read")
    return [_from_program(name, node) for name, node in zip(called, listed, strict=True)]


def _called(node: ast.expr) -> str:
    """The function that is called, "" where none is; `name.call(…)` calls `name`."""
    if not isinstance(node, ast.Call):
        return ""
    name = ast.unparse(node.func)
    return _plain(name.removesuffix(".call")) if re.fullmatch(r"[\w.]+", name) else ""


def _from_program(name: str, node: ast.expr) -> ToolCall:
    assert isinstance(node, ast.Call)
    arguments: dict[str, Any] = {}
    if node.args or any(k.arg is None for k in node.keywords):
        raise UnreadCall("its arguments have no names")
    for keyword in node.keywords:
        try:
            value = ast.literal_eval(keyword.value)
            arguments[str(keyword.arg)] = json.loads(json.dumps(value, allow_nan=False))
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            raise UnreadCall(f"the value of '{keyword.arg}' cannot be read") from None
    return ToolCall("", name, arguments)
