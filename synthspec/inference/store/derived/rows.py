"""What the store's rows mean: a completion and its request as they are written, and as they are read again."""

from __future__ import annotations

import json
import math
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from synthspec.formats.recovery.thinking import thinking_in
from synthspec.inference.store.derived.stored_request import SharedTexts, StoredRequest, request_text
from synthspec.inference.store.parts import read_parts, write_parts
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.messages import Completion, Reply, Request, Text, Usage

CALL_COLUMNS = (
    "key", "prompt", "combination", "attempt", "model", "finish", "in_tok", "out_tok", "cost", "latency", "created",
    "crc", "reply", "more", "request",
)  # fmt: skip
READ_COLUMNS = ", ".join(CALL_COLUMNS[:-1])  # all that a completion is made of: the request comes last and is not read

StoredRow = tuple[Any, ...]
_LOW = 0xFFFFFFFF
_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


class Decayed(Exception):
    """A row is not the one that was stored."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What all runs of a folder used: all that was settled, and in full what may have been paid for unseen
    (calls in flight now, or cut off by a kill). The tokens of those count as completion tokens."""

    cost: float = 0.0  # US dollars
    prompt_tokens: int = 0
    completion_tokens: int = 0
    requests: int = 0
    at_worst: int = field(default=0, compare=False)  # of the requests, those counted at their worst, not as measured


@dataclass(frozen=True, slots=True)
class StoredCall:
    """One stored call. Its texts are there where they were asked for."""

    key: str
    prompt: str
    combination: int
    attempt: int
    model: str
    finish: str
    prompt_tokens: int | None  # None where the provider did not say
    completion_tokens: int | None
    cost: float | None  # US dollars; None where it is not known
    latency: float  # seconds
    created: float  # Unix time, for people; nothing is decided by it
    text: str = ""  # the completion
    request: StoredRequest | None = None


def key_bytes(key: str) -> bytes | str:
    """A key as it is stored: 16 bytes; as it is, where it is not 32 hexadecimal digits in lower case."""
    try:
        raw = bytes.fromhex(key)
    except ValueError:
        return key
    return raw if len(raw) == 16 and raw.hex() == key else key


def key_text(key: bytes | str) -> str:
    """The key that was stored so."""
    return key.hex() if isinstance(key, bytes) else key


def call_row(
    request: Request, completion: Completion, extra: Mapping[str, Any] | None, shared: SharedTexts
) -> tuple[StoredRow, list[tuple[bytes, bytes]]]:
    """The values of `CALL_COLUMNS`, and the shared texts that are yet to be stored with them."""
    fresh: list[tuple[bytes, bytes]] = []
    reply, usage = completion.reply, completion.reply.usage
    asked = request_text(request, extra, shared, fresh)
    row = [
        key_bytes(completion.key),
        request.prompt,
        request.combination,
        request.attempt,
        reply.model,
        reply.finish,
        usage.prompt_tokens,
        usage.completion_tokens,
        _finite(completion.cost),
        _finite(completion.latency) or 0.0,
        time.time(),
        0,
        _storable(reply.text),
        _more_of(reply),
        asked,
    ]
    row[11] = checksum(row)
    return tuple(row), fresh


def checksum(row: Sequence[Any]) -> int:
    """Of the values of `CALL_COLUMNS`: that of the request above, that of all else in the lower 32 bits."""
    return (zlib.crc32(_raw(row[14])) & 0x7FFFFFFF) << 32 | completion_checksum(row)


def completion_checksum(row: Sequence[Any]) -> int:
    """Of all but the request."""
    key, prompt, combination, attempt, model, finish, asked, given, cost, latency, created, _, reply, more = row[:14]
    if type(cost) is int or type(latency) is int or type(created) is int:  # a page may hold 2 for 2.0
        cost, latency, created = (None if value is None else float(value) for value in (cost, latency, created))
    head = (
        f"{key_text(key)} {combination!r} {attempt!r} {asked!r} {given!r} [{cost!r}, {latency!r}, {created!r}]"
        f"\0{prompt}\0{model}\0{finish}\0{more}\0{type(reply).__name__}\0"
    )
    return zlib.crc32(_raw(reply), zlib.crc32(head.encode("utf-8", "surrogatepass")))


def read_completion(row: Sequence[Any]) -> Completion:
    """The completion in a row's values but its request.

    Raises:
        Decayed: they are not what was stored.
    """
    key, _, _, _, model, finish, asked, given, cost, latency, _, crc, reply, more = row[:14]
    try:
        if crc & _LOW != completion_checksum(row):
            raise Decayed(f"the completion of request {key_text(key)} is not what was stored")
        text = reply if isinstance(reply, str) else reply.decode("utf-8", "surrogatepass")
        beside = json.loads(more) if more else {}
        parts = read_parts(beside["parts"], lambda digest: None) if "parts" in beside else text
        made = Reply(parts, Usage(asked, given), model, finish, beside.get("reasoning", ""))
        if not made.reasoning and (thought := thinking_in(made.text)):
            made = replace(made, reasoning=thought)
        return Completion(key_text(key), made, cost, latency, reused=True)
    except (TypeError, ValueError, AttributeError, LookupError):  # not even of the right types
        raise Decayed("a completion is not what was stored") from None


def is_whole_completion(row: Sequence[Any]) -> bool:
    """Whether a row's values, but its request, are what was stored."""
    try:
        return bool(row[11] & _LOW == completion_checksum(row))
    except (TypeError, ValueError, AttributeError, LookupError):  # not even of the right types
        return False


def is_whole_request(row: Sequence[Any]) -> bool:
    """Whether the request of a row whose completion is whole is so too."""
    return isinstance(row[14], str | bytes) and row[11] >> 32 == zlib.crc32(_raw(row[14])) & 0x7FFFFFFF


def _more_of(reply: Reply) -> str | None:
    """What a reply holds besides its text; thinking that stands in its text is kept there alone."""
    beside: dict[str, Any] = {}
    if reply.reasoning and reply.reasoning != thinking_in(reply.text):
        beside["reasoning"] = reply.reasoning
    if len(reply.parts) != 1 or not isinstance(reply.parts[0], Text):
        beside["parts"] = write_parts(reply.parts)
    return _encode(beside) if beside else None


def _storable(text: str) -> str | bytes:
    """Text with no UTF-8 form (half a surrogate pair) is kept as bytes; so is one with a NUL, which tools cut at."""
    if "\0" in text:
        return text.encode("utf-8", "surrogatepass")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def _raw(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
