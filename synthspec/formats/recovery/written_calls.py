"""Calls of tools that a model writes into its text, and answers of tools that it makes up: no message of a talk."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from synthspec.formats.recovery.loose_json import decode
from synthspec.formats.recovery.wrappers import unfence

# What models are trained to begin a call or its answer with: no person writes it, whatever the talk is about.
_MARKUP = re.compile(
    r"</?tool_(?:call|calls|response|result|use)>|\[/?TOOL_(?:CALLS|RESULTS)\]|<\|python_tag\|>|<function=\w"
    r"|<\|tool[▁_](?:call|output|response)|<｜tool▁|<\|(?:start|end)_(?:action|of_role)\|>|<function_(?:calls|results)>",
    re.IGNORECASE,
)
_ANSWER = re.compile(r"^[\s*_#>`-]*(?:tool|function)(?:[ _-]?(?:result|response|output|call))?[*_`]*\s*:", re.I | re.M)
_ARGUMENTS = ("arguments", "parameters", "args", "input")


def written_call(text: str, tools: Collection[str]) -> str:
    """What is wrong with a message by a speaker who may call these tools, "" where it calls none in its text.

    >>> written_call('{"name": "clock", "arguments": {}}', ["clock"])
    'a call of a tool is written as text: call the tool itself'
    >>> written_call("The clock (a tool) says noon.", ["clock"])
    ''
    """
    if _MARKUP.search(text) or (tools and _is_call(text, tools)):
        return "a call of a tool is written as text: call the tool itself"
    if tools and _ANSWER.search(text):
        return "the message holds what a tool says: call the tool, and wait for its answer"
    return ""


def _is_call(text: str, tools: Collection[str]) -> bool:
    """Whether a text is a call and nothing else: as JSON, or as programs write it."""
    body = (unfence(text) or text).strip()
    named = re.match(r"(?:print\()?(?:functions\.)?([\w-]+)\s*\(", body)
    if named is not None and named[1] in tools and body.endswith(")"):
        return True
    if body[:1] not in "{[":
        return False
    return any(_names_one(item, tools) for found in decode(body) for item in _items(found.value))


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _names_one(value: Any, tools: Collection[str]) -> bool:
    if not isinstance(value, dict):
        return False
    function = value.get("function")
    inner: dict[str, Any] = function if isinstance(function, dict) else value
    return inner.get("name", inner.get("tool")) in tools and any(key in inner for key in _ARGUMENTS)
