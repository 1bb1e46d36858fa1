"""Calls of tools between marks that say where each begins and ends: as DeepSeek's models write them, and `<invoke>`."""

from __future__ import annotations

import json
import re
from typing import Any

from synthspec.formats.recovery.call_forms import UnreadCall, call_of, json_at
from synthspec.languages.lazy_patterns import lazy_pattern
from synthspec.spec.messages import ToolCall

BLOCK_OPENS = r"<(?P<bar>[｜|])tool[▁_]calls[▁_]begin[｜|]>|<(?P<spelling>(?:｜DSML｜|antml:)?)function_calls>"
_BEGIN = lazy_pattern(
    r"\s*<[｜|]tool[▁_]call[▁_]begin[｜|]>\s*(?:function\s*<[｜|]tool[▁_]sep[｜|]>)?\s*(?P<name>[\w.-]{1,64})\s*"
)
_SEPARATOR = lazy_pattern(r"<[｜|]tool[▁_]sep[｜|]>\s*")
_FENCED = lazy_pattern(r"```(?:json)?\s*")
_SHUT = lazy_pattern(r"\s*```")
_END = lazy_pattern(r"\s*<[｜|]tool[▁_]call[▁_]end[｜|]>")
_LAST = lazy_pattern(r"\s*<[｜|]tool[▁_]calls[▁_]end[｜|]>(?:\s*<[｜|]end[▁_]of[▁_]sentence[｜|]>)?")


def calls_in_block(text: str, opened: re.Match[str]) -> tuple[list[ToolCall], int]:
    """The calls that `opened`, a match of BLOCK_OPENS, begins, and where they end.

    Raises:
        UnreadCall: anything else stands among them, or their end is missing.
    """
    if opened["bar"] is not None:
        return _between_bars(text, opened.end())
    return _invoked(text, opened.end(), re.escape(opened["spelling"]))


def _between_bars(text: str, at: int) -> tuple[list[ToolCall], int]:
    """`…call▁begin…name…sep…{…}…call▁end…`, the arguments in a fence or bare."""
    calls: list[ToolCall] = []
    while (begun := _BEGIN.match(text, at)) is not None:
        at = begun.end()
        separator, fence = _SEPARATOR.match(text, at), _FENCED.match(text, at)
        if separator is not None:
            at = separator.end()
            fence = _FENCED.match(text, at)
        at = fence.end() if fence is not None else at
        read = json_at(text, at) if text.startswith("{", at) else None
        if read is None:
            raise UnreadCall("its JSON is cut off or broken")
        calls.append(call_of(begun["name"], read[0]))
        at = _past(_SHUT, text, read[1]) if fence is not None else read[1]
        at = _past(_END, text, at)
    return _some(calls), _past(_LAST, text, at)


def _invoked(text: str, at: int, spelling: str) -> tuple[list[ToolCall], int]:
    """`<invoke name="…">` with each argument between tags of its own."""
    begin = re.compile(rf"\s*<{spelling}invoke name=\"(?P<name>[\w.-]{{1,64}})\">")
    parameter = re.compile(
        rf"\s*<{spelling}parameter name=\"(?P<name>[\w.-]+)\"(?: string=\"(?P<text>true|false)\")?>"
        rf"\n?(?P<value>[^<]*(?:<(?!/?{spelling}(?:parameter|invoke|function_calls)\b)[^<]*)*?)\n?</{spelling}parameter>"
    )
    calls: list[ToolCall] = []
    while (begun := begin.match(text, at)) is not None:
        arguments: dict[str, Any] = {}
        at = begun.end()
        while (one := parameter.match(text, at)) is not None:
            if one["name"] in arguments:
                raise UnreadCall("an argument stands in it twice")
            arguments[one["name"]], at = _value(one["value"], one["text"]), one.end()
        calls.append(call_of(begun["name"], arguments))
        at = _past(re.compile(rf"\s*</{spelling}invoke>"), text, at)
    return _some(calls), _past(re.compile(rf"\s*</{spelling}function_calls>"), text, at)


def _value(written: str, text: str | None) -> Any:
    """A text; where it is said to be none, what its JSON says."""
    if text != "false":
        return written
    read = json_at(written, 0) if written[:1] in "{[" else _scalar(written)
    if read is None or written[read[1] :].strip():
        raise UnreadCall("a value is said to be JSON, and is none")
    return read[0]


def _scalar(written: str) -> tuple[Any, int] | None:
    """A JSON value that is no object and no list."""
    try:
        return json.loads(written), len(written)
    except ValueError:
        return None


def _some(calls: list[ToolCall]) -> list[ToolCall]:
    if not calls:
        raise UnreadCall("it names no tool")
    return calls


def _past(mark: re.Pattern[str], text: str, at: int) -> int:
    found = mark.match(text, at)
    if found is None:
        raise UnreadCall("its end is missing")
    return found.end()
