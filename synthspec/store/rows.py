"""What the store's rows mean: a completion as it is written, and as it is read again."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synthspec.records import Completion, Constraint, Reply, Request, Usage

CALL_COLUMNS = (
    "key", "prompt", "combination", "attempt", "model", "finish", "prompt_tokens", "completion_tokens",
    "cost", "latency", "created", "crc", "request", "text",
)  # fmt: skip
COMPLETION_COLUMNS = "text, prompt_tokens, completion_tokens, model, finish, cost, latency, crc"

Row = tuple[Any, ...]
_KEPT = 64
_constraints: dict[int, tuple[Constraint, str]] = {}  # by identity; holding the constraint keeps the identity its own
_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


class Decayed(Exception):
    """A text is not the one that was stored."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What all runs of a folder used: all that was settled, and in full what may have been paid for unseen
    (calls in flight now, or cut off by a kill). The tokens of those count as completion tokens."""

    cost: float = 0.0  # US dollars
    prompt_tokens: int = 0
    completion_tokens: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class StoredCall:
    """One stored call, without its texts."""

    key: str
    prompt: str
    combination: int
    attempt: int
    model: str
    finish: str
    prompt_tokens: int
    completion_tokens: int
    cost: float  # US dollars
    latency: float  # seconds
    created: float  # Unix time, for people; nothing is decided by it


def call_row(request: Request, completion: Completion, extra: Mapping[str, Any] | None) -> Row:
    """The values of `CALL_COLUMNS`. Text with no UTF-8 form (half a surrogate pair) is kept as bytes."""
    reply = completion.reply
    text: str | bytes = reply.text
    try:
        raw = reply.text.encode()
    except UnicodeEncodeError:
        text = raw = reply.text.encode("utf-8", "surrogatepass")
    return (
        completion.key,
        request.prompt,
        request.combination,
        request.attempt,
        reply.model,
        reply.finish,
        reply.usage.prompt_tokens,
        reply.usage.completion_tokens,
        completion.cost,
        completion.latency,
        time.time(),
        zlib.crc32(raw),
        _request_text(request, extra),
        text,
    )


def read_completion(key: str, row: Row) -> Completion:
    """The completion held by the values of `COMPLETION_COLUMNS`.

    Raises:
        Decayed: its text is damaged.
    """
    text, prompt_tokens, completion_tokens, model, finish, cost, latency, crc = row
    try:
        raw = text if isinstance(text, bytes) else text.encode()
        if crc is not None and zlib.crc32(raw) != crc:
            raise Decayed(f"the completion of request {key} is not what was stored")
        if text is raw:
            text = raw.decode("utf-8", "surrogatepass")
    except (AttributeError, UnicodeError):  # not even a text
        raise Decayed(f"the completion of request {key} is not what was stored") from None
    usage = Usage(prompt_tokens, completion_tokens)
    return Completion(key, Reply(text, usage, model, finish), cost, latency, reused=True)


def _request_text(request: Request, extra: Mapping[str, Any] | None) -> str:
    body: dict[str, Any] = {"messages": [(m.role, m.content) for m in request.messages], "rows": request.rows}
    if request.seed:
        body["seed"] = request.seed
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if extra:
        body.update(extra)
    constraint = _constraint_text(request.constraint)
    return f"{_encode(body)[:-1]},{constraint}}}" if constraint else _encode(body)


def _constraint_text(constraint: Constraint) -> str:
    """The constraint as members of a JSON object. Requests share theirs, so the last few are kept."""
    kept = _constraints.get(id(constraint))
    if kept is not None and kept[0] is constraint:
        return kept[1]
    given = {name: getattr(constraint, name) for name in ("json_schema", "regex", "grammar")}
    text = _encode({name: value for name, value in given.items() if value is not None})[1:-1]
    if len(_constraints) >= _KEPT:
        _constraints.clear()
    _constraints[id(constraint)] = (constraint, text)
    return text
