"""The request beside a completion, as it is written and as it is read again. A text that many requests have in common
is kept once, apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import field
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any

from synthspec.inference.store.parts import Find, read_parts, read_shared_text, write_parts
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.messages import Constraint, Message, Request, Text, ToolDeclaration

SHARED_FROM = 64  # characters; a text of a request that comes a second time is kept once, apart
_REMEMBERED = 4096
_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


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
    variant: tuple[str | int, ...] = ()

    @property
    def messages(self) -> tuple[tuple[str, str], ...]:
        """Role and text of each turn."""
        return tuple((m.role, m.content) for m in self.turns)


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


def read_request(text: Any, find_blob: Find) -> StoredRequest:
    """The request in its column; a shared text that cannot be found is left out."""
    try:
        body = json.loads(text)
        turns = tuple(Message(role, read_parts(content, find_blob)) for role, content in body.pop("messages"))
        constraint = body.pop("constraint", None)
        given = json.loads(read_shared_text(constraint, find_blob)) if constraint else {}
        for name in ("json_schema", "regex", "grammar"):  # as 0.1 wrote it
            if name in body:
                given[name] = body.pop(name)
        rows, seed, temperature = body.pop("rows", 1), body.pop("seed", 0), body.pop("temperature", None)
        raw, declared = bool(body.pop("raw", False)), body.pop("tools", None)
        listed = json.loads(read_shared_text(declared, find_blob)) if declared else []
        tools = tuple(ToolDeclaration(*tool) for tool in listed)
        variant = tuple(body.pop("variant", ()))
        return StoredRequest(turns, int(rows), int(seed), temperature, given, body, tools, raw, variant)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return StoredRequest()


def request_text(
    request: Request, extra: Mapping[str, Any] | None, shared: SharedTexts, fresh: list[tuple[bytes, bytes]]
) -> str:
    """The request for its column; `fresh` gets the shared texts that are yet to be stored with it."""
    turns = ",".join([f'["{m.role}",{_content_text(m, shared, fresh)}]' for m in request.messages])
    text = f'{{"messages":[{turns}]'
    if request.rows != 1:
        text += f',"rows":{request.rows}'
    if request.seed:
        text += f',"seed":{request.seed}'
    if request.temperature is not None:
        text += f',"temperature":{_encode(request.temperature)}'
    if request.variant:
        text += f',"variant":{_encode(list(request.variant))}'
    if request.raw:
        text += ',"raw":true'
    if request.tools:
        text += f',"tools":{_shared_text(_encode([t.key_form for t in request.tools]), shared, fresh)}'
    constraint = _constraint_text(request.constraint)
    if constraint:
        text += f',"constraint":{_shared_text(constraint, shared, fresh)}'
    if extra:
        text += f",{_encode(dict(extra))[1:-1]}"
    return text + "}"


def _content_text(message: Message, shared: SharedTexts, fresh: list[tuple[bytes, bytes]]) -> str:
    parts = message.parts
    if len(parts) == 1 and isinstance(parts[0], Text):
        return _shared_text(parts[0].text, shared, fresh)
    return _encode(write_parts(parts, lambda said: shared.put(said, fresh), lambda data: shared.put_bytes(data, fresh)))


def _shared_text(text: str, shared: SharedTexts, fresh: list[tuple[bytes, bytes]]) -> str:
    found = shared.put(text, fresh)
    return _quoted(found) if isinstance(found, str) else f'{{"blob":"{found["blob"]}"}}'


def _quoted(text: str) -> str:
    """A text as JSON: letters as they are, but for one with half a surrogate pair, which has no UTF-8 form."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return encode_basestring_ascii(text)
    return encode_basestring(text)


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
