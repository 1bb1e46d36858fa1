"""What the store's rows mean: a completion and its request as they are written, and as they are read again."""

from __future__ import annotations

import hashlib
import json
import math
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from synthspec.formats.recovery.thinking import thinking_in
from synthspec.inference.store.parts import Find, read_parts, read_text, write_parts
from synthspec.spec.messages import Completion, Constraint, Message, Reply, Request, Text, ToolDeclaration, Usage

CALL_COLUMNS = (
    "key", "prompt", "combination", "attempt", "model", "finish", "in_tok", "out_tok", "cost", "latency", "created",
    "crc", "reply", "more", "request",
)  # fmt: skip
READ_COLUMNS = ", ".join(CALL_COLUMNS[:-1])  # all that a completion is made of: the request comes last and is not read

Row = tuple[Any, ...]
SHARED_FROM = 64  # characters; a text of a request that comes a second time is kept once, apart
_REMEMBERED = 4096
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


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """What was sent, as far as it can be read: no turns where the request is damaged."""

    turns: tuple[Message, ...] = ()
    rows: int = 1
    seed: int = 0
    temperature: float | None = None
    constraint: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    tools: tuple[ToolDeclaration, ...] = ()
    raw: bool = False

    @property
    def messages(self) -> tuple[tuple[str, str], ...]:
        """Role and text of each turn."""
        return tuple((m.role, m.content) for m in self.turns)


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


class SharedTexts:
    """Texts that many requests have in common (system prompts, schemas), each stored once under its digest.

    A text is shared from the second time it comes, so texts that are all different cost nothing more.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._digests: dict[str, str] = {}
        self._stored: set[str] = set()

    def forget(self) -> None:
        """What was handed out may not have been stored."""
        self._digests.clear()
        self._stored.clear()

    def put(self, text: str, fresh: list[tuple[bytes, bytes]]) -> str | dict[str, str]:
        """The text, or a reference to it; `fresh` gets what has yet to be stored."""
        if len(text) < SHARED_FROM:
            return text
        digest = self._digests.get(text)
        if digest is None:
            mark = hash(text)
            if mark not in self._seen:
                if len(self._seen) >= _REMEMBERED:
                    self._seen.clear()
                self._seen.add(mark)
                return text
            body = text.encode("utf-8", "surrogatepass")
            digest = blob_digest(body).hex()
            if len(self._digests) >= _REMEMBERED:
                self.forget()
            self._digests[text] = digest
            fresh.append((bytes.fromhex(digest), body))
            self._stored.add(digest)
        return {"blob": digest}

    def put_bytes(self, body: bytes, fresh: list[tuple[bytes, bytes]]) -> dict[str, str]:
        """A reference to these bytes, which are stored once."""
        digest = blob_digest(body)
        if digest.hex() not in self._stored:
            if len(self._stored) >= _REMEMBERED:
                self.forget()
            fresh.append((digest, body))
            self._stored.add(digest.hex())
        return {"blob": digest.hex()}


def blob_digest(body: bytes) -> bytes:
    """What a shared text is found by."""
    return hashlib.blake2b(body, digest_size=16).digest()


def call_row(
    request: Request, completion: Completion, extra: Mapping[str, Any] | None, shared: SharedTexts
) -> tuple[Row, list[tuple[bytes, bytes]]]:
    """The values of `CALL_COLUMNS`, and the shared texts that are yet to be stored with them."""
    fresh: list[tuple[bytes, bytes]] = []
    reply = completion.reply
    row = [
        key_bytes(completion.key),
        request.prompt,
        request.combination,
        request.attempt,
        reply.model,
        reply.finish,
        reply.usage.prompt_tokens,
        reply.usage.completion_tokens,
        _finite(completion.cost),
        _finite(completion.latency) or 0.0,
        time.time(),
        0,
        _storable(reply.text),
        _more_of(reply),
        _request_text(request, extra, shared, fresh),
    ]
    row[11] = checksum(row)
    return tuple(row), fresh


def checksum(row: Sequence[Any]) -> int:
    """Of the values of `CALL_COLUMNS`: that of the request above, that of all else in the lower 32 bits."""
    return (zlib.crc32(_raw(row[14])) & 0x7FFFFFFF) << 32 | completion_checksum(row)


def completion_checksum(row: Sequence[Any]) -> int:
    """Of all but the request."""
    key, prompt, combination, attempt, model, finish, asked, given, cost, latency, created, _, reply, more = row[:14]
    reals = [None if value is None else float(value) for value in (cost, latency, created)]  # a page may hold 2 for 2.0
    head = (
        f"{key_text(key)} {combination!r} {attempt!r} {asked!r} {given!r} {reals!r}"
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


def is_whole_request(row: Sequence[Any]) -> bool:
    """Whether the request of a row whose completion is whole is so too."""
    return isinstance(row[14], str | bytes) and row[11] >> 32 == zlib.crc32(_raw(row[14])) & 0x7FFFFFFF


def read_request(text: Any, find_blob: Find) -> StoredRequest:
    """The request in its column; a shared text that cannot be found is left out."""
    try:
        body = json.loads(text)
        turns = tuple(Message(role, read_parts(content, find_blob)) for role, content in body.pop("messages"))
        constraint = body.pop("constraint", None)
        given = json.loads(read_text(constraint, find_blob)) if constraint else {}
        for name in ("json_schema", "regex", "grammar"):  # as 0.1 wrote it
            if name in body:
                given[name] = body.pop(name)
        rows, seed, temperature = body.pop("rows", 1), body.pop("seed", 0), body.pop("temperature", None)
        raw, declared = bool(body.pop("raw", False)), body.pop("tools", None)
        listed = json.loads(read_text(declared, find_blob)) if declared else []
        tools = tuple(ToolDeclaration(*tool) for tool in listed)
        return StoredRequest(turns, int(rows), int(seed), temperature, given, body, tools, raw)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return StoredRequest()


def _more_of(reply: Reply) -> str | None:
    """What a reply holds besides its text; thinking that stands in its text is kept there alone."""
    beside: dict[str, Any] = {}
    if reply.reasoning and reply.reasoning != thinking_in(reply.text):
        beside["reasoning"] = reply.reasoning
    if len(reply.parts) != 1 or not isinstance(reply.parts[0], Text):
        beside["parts"] = write_parts(reply.parts)
    return _encode(beside) if beside else None


def _request_text(
    request: Request, extra: Mapping[str, Any] | None, shared: SharedTexts, fresh: list[tuple[bytes, bytes]]
) -> str:
    def text(said: str) -> Any:
        return shared.put(said, fresh)

    def data(content: bytes) -> Any:
        return shared.put_bytes(content, fresh)

    body: dict[str, Any] = {"messages": [(m.role, write_parts(m.parts, text, data)) for m in request.messages]}
    if request.rows != 1:
        body["rows"] = request.rows
    if request.seed:
        body["seed"] = request.seed
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.raw:
        body["raw"] = True
    if request.tools:
        body["tools"] = text(_encode([t.key_form for t in request.tools]))
    constraint = _constraint_text(request.constraint)
    if constraint:
        body["constraint"] = shared.put(constraint, fresh)
    if extra:
        body.update(extra)
    return _encode(body)


_constraints: dict[int, tuple[Constraint, str]] = {}  # by identity; holding the constraint keeps the identity its own
_KEPT = 64


def _constraint_text(constraint: Constraint) -> str:
    """The constraint as a JSON object, or nothing. Requests share theirs, so the last few are kept."""
    kept = _constraints.get(id(constraint))
    if kept is not None and kept[0] is constraint:
        return kept[1]
    given = {name: getattr(constraint, name) for name in ("json_schema", "regex", "grammar")}
    given = {name: value for name, value in given.items() if value is not None}
    text = _encode(given) if given else ""
    if len(_constraints) >= _KEPT:
        _constraints.clear()
    _constraints[id(constraint)] = (constraint, text)
    return text


def _storable(text: str) -> str | bytes:
    """Text with no UTF-8 form (half a surrogate pair) is kept as bytes; so is one with a NUL, which tools cut at."""
    if "\0" in text:
        return text.encode("utf-8", "surrogatepass")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def _raw(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
