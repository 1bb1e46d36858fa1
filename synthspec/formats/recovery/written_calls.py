"""Calls of tools that a model writes into its text, as it does on a server that reads none out of its replies: taken as
calls where there is one way to read them. Answers of tools that it makes up are no message of a talk."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from synthspec.formats.recovery.call_blocks import BLOCK_OPENS, calls_in_block
from synthspec.formats.recovery.call_forms import UnreadCall, call_of, calls_in, calls_of_program, json_at, names_one
from synthspec.formats.recovery.loose_json import decode
from synthspec.formats.recovery.refusals import refuse
from synthspec.formats.recovery.wrappers import unfence
from synthspec.languages.lazy_patterns import lazy_pattern
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.messages import ToolCall
from synthspec.spec.rows import Rejection

MOST_READ = 20_000  # characters of a reply in which calls are read
AS_TEXT = "a call of a tool is written as text: call the tool itself"
_MADE_UP = "the message holds what a tool says: call the tool, and wait for its answer"

# What models are trained to begin a call or its answer with: no person writes it, whatever the talk is about.
_MARKUP = lazy_pattern(
    r"</?tool_(?:call|calls|response|result|use)>|\[/?TOOL_(?:CALLS|RESULTS)\]|<\|python_tag\|>|<function=\w"
    r"|<\|tool[▁_](?:call|output|response)|<｜tool▁|<\|(?:start|end)_(?:action|of_role)\|>"
    r"|</?(?:｜DSML｜|antml:)?function_(?:calls|results)>",
    re.IGNORECASE,
)
# Those that are read: of Hermes and Qwen, Mistral, Llama, DeepSeek.
_OPENS = re.compile(
    rf"<tool_call>|\[TOOL_CALLS\]|<\|python_tag\|>|<function=(?P<name>[\w.-]{{1,64}})>|{BLOCK_OPENS}", re.IGNORECASE
)
_CLOSES = {"<tool_call>": "</tool_call>", "[tool_calls]": "[/tool_calls]", "<|python_tag|>": ""}
_ANSWER = lazy_pattern(
    r"^[\s*_#>`-]*(?:tool|function)(?:[ _-]?(?:result|response|output|call))?[*_`]*\s*:", re.I | re.M
)
_FENCE = lazy_pattern(r"^(```|~~~)[ \t]*\w*[ \t]*\n(?P<body>.*?)\n\1[ \t]*$", re.DOTALL | re.MULTILINE)
_BEFORE_JSON = lazy_pattern(r"(?P<name>[\w.-]{1,64})(?:\[CALL_ID\]\w+)?(?:\[ARGS\])?\s*(?=\{)")
_PARAMETER = lazy_pattern(r"\s*<parameter=(?P<name>[\w.-]+)>\n?(?P<value>.*?)\n?</parameter>", re.DOTALL)
_JSON_LINE = lazy_pattern(r"^[ \t]*(?=\{\s*[\"'](?:name|function|tool|type|arguments|tool_calls?)[\"'])", re.MULTILINE)
_PROGRAM = lazy_pattern(r"(?:print\()?[\w.]+\s?\(")
_BETWEEN = lazy_pattern(r"[\s;,]*")


@dataclass(frozen=True, slots=True)
class WrittenCalls:
    """Calls that stand in a text, and the words before them."""

    text: str
    calls: tuple[ToolCall, ...]


def written_calls(text: str, me: str, tools: Collection[str]) -> WrittenCalls | Rejection | None:
    """The calls that a speaker writes into its text, a rejection where it is no message and no call that can be read
    in one way, None where it calls nothing. `me` is the speaker's name; `tools` are those it may call.

    >>> written_calls('<tool_call>{"name": "clock", "arguments": {"zone": "CET"}}</tool_call>', "ann", ["clock"]).calls
    (ToolCall(id='', name='clock', arguments={'zone': 'CET'}, unread='', opaque=''),)
    >>> written_calls("The clock (a tool) says noon.", "ann", ["clock"])
    """
    body = text.strip()
    marked = _MARKUP.search(body) is not None
    if not marked and not tools:
        return None
    own = r"\A[\s*_#>]*" + re.escape(me).replace("_", "[_ ]") + r"[*_]*\s*:[\s*_]*"
    body = re.sub(own, "", unfence(body) or body, count=1, flags=re.IGNORECASE).strip()
    found: WrittenCalls | None = None
    try:
        if len(body) <= MOST_READ:
            found = _marked(body) if marked else _bare(body, tools)
    except UnreadCall as e:
        return refuse("tools", "call in the text", f"{AS_TEXT}{f' ({e})' if str(e) else ''}", text)
    if found is not None and tools and not _ANSWER.search(found.text):
        return WrittenCalls(found.text.strip(), found.calls)
    if marked or found is not None:
        return refuse("tools", "call in the text", AS_TEXT, text)
    return refuse("tools", "call in the text", _MADE_UP, text) if _ANSWER.search(text) else None


def _marked(text: str) -> WrittenCalls:
    """Calls between marks that nothing else is written with, one after another to the end of the text.

    Raises:
        UnreadCall: something else stands there.
    """
    first = _OPENS.search(text)
    if first is None or _MARKUP.search(text, 0, first.start()):
        raise UnreadCall
    calls: list[ToolCall] = []
    at = first.start()
    while at < len(text):
        opened = _OPENS.match(text, at)
        if opened is None:
            raise UnreadCall("words stand after it")
        if opened["bar"] is not None or opened["spelling"] is not None:
            found, at = calls_in_block(text, opened)
        else:
            found, at = _function(text, opened) if opened["name"] else _block(text, opened)
        calls += found
        at = _past_spaces(text, at)
    return WrittenCalls(text[: first.start()], tuple(calls))


def _block(text: str, opened: re.Match[str]) -> tuple[list[ToolCall], int]:
    """What a mark opens, and where it ends."""
    at = _past_spaces(text, opened.end())
    inner = _OPENS.match(text, at)
    if inner is not None and inner["name"]:
        calls, at = _function(text, inner)
    elif text.startswith(("{", "["), at) and _json_begins(text, at):
        calls, at = _listed(text, at)
    elif (named := _BEFORE_JSON.match(text, at)) is not None:
        arguments, at = _json(text, named.end())
        calls = [call_of(named["name"], arguments)]
    else:
        shut = text.find("<", at)
        end = shut if shut >= 0 else len(text)
        calls, at = calls_of_program(text[at:end].strip(), None), end
    closing = _CLOSES[opened[0].lower()]
    at = _past_spaces(text, at)
    if closing and text[at : at + len(closing)].lower() == closing:
        at += len(closing)
    return calls, at


def _json_begins(text: str, at: int) -> bool:
    """Whether JSON begins here, and no list of calls as programs write them."""
    return not re.match(r"\[\s*[A-Za-z_]", text[at : at + 40])


def _listed(text: str, at: int) -> tuple[list[ToolCall], int]:
    """One value of JSON after another, and where they end."""
    calls: list[ToolCall] = []
    following = at
    while text.startswith(("{", "["), following) and not text.startswith("[/", following):
        value, at = _json(text, following)
        calls += calls_in(value, None)
        between = _BETWEEN.match(text, at)
        following = between.end() if between is not None else at
    return calls, at


def _json(text: str, at: int) -> tuple[Any, int]:
    read = json_at(text, at)
    if read is None:
        raise UnreadCall("its JSON is cut off or broken")
    return read


def _function(text: str, opened: re.Match[str]) -> tuple[list[ToolCall], int]:
    """`<function=name>` with its arguments as JSON or each between tags of its own, and where it ends."""
    at = _past_spaces(text, opened.end())
    if text.startswith("{", at):
        given, at = _json(text, at)
        call = call_of(opened["name"], given)
    else:
        arguments: dict[str, Any] = {}
        while (one := _PARAMETER.match(text, at)) is not None:
            if one["name"] in arguments:
                raise UnreadCall("an argument stands in it twice")
            arguments[one["name"]], at = one["value"], one.end()
        call = call_of(opened["name"], arguments)
    at = _past_spaces(text, at)
    if text.startswith("</function>", at):
        return [call], at + len("</function>")
    if at < len(text) or not call.arguments:
        raise UnreadCall("its end is missing")
    return [call], at


def _bare(text: str, tools: Collection[str]) -> WrittenCalls | None:
    """A call of a declared tool that nothing marks: the whole text, or all that stands after some words.

    Raises:
        UnreadCall: one is there that cannot be read in one way.
    """
    if calls := _read_body(text, tools):
        return WrittenCalls("", tuple(calls))
    inside = [(f, found) for f in _FENCE.finditer(text) if (found := _read_body(f["body"].strip(), tools))]
    if inside:
        last, calls = inside[-1]
        if len(inside) > 1 or last.end() < len(text):
            raise UnreadCall("words stand after it")
        return WrittenCalls(text[: last.start()], tuple(calls))
    start = _JSON_LINE.search(text)
    if start is not None and start.start() > 0 and (calls := _read_body(text[start.end() :], tools)):
        return WrittenCalls(text[: start.start()], tuple(calls))
    return None


def _read_body(body: str, tools: Collection[str]) -> list[ToolCall]:
    """The calls that a text is and nothing else; [] where it is something else.

    Raises:
        UnreadCall: it holds a call of a declared tool, and cannot be read in one way.
    """
    if body[:1] not in ("{", "["):
        return calls_of_program(body, tools) if _PROGRAM.match(body) else []
    calls: list[ToolCall] = []
    at = 0
    while at < len(body):
        read = json_at(body, at)
        found = [] if read is None else calls_in(read[0], tools)
        if read is None or not found:
            if calls or any(names_one(f.value, tools) for f in decode(body[at:])):
                raise UnreadCall("something else stands beside it" if calls else "its JSON is cut off or broken")
            return calls_of_program(body, tools) if read is None else []
        calls += found
        between = _BETWEEN.match(body, read[1])
        at = between.end() if between is not None else read[1]
        if at < len(body) and body[at] not in "{[":
            raise UnreadCall("words stand after it")
    return calls


def _past_spaces(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at
