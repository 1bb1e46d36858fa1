"""What a message consists of: text, pictures, calls of tools, and what the tools gave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from hashlib import blake2b
from typing import Any

from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text."""

    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture, as its bytes."""

    data: bytes = field(repr=False)
    media_type: str  # e.g. `image/png`
    path: str = field(default="", repr=False, compare=False)  # in the spec's folder, where it is a file

    @property
    def digest(self) -> str:
        """32 hex digits over the bytes: what a request's key knows of it."""
        return blake2b(self.data, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model asks for a tool to be used."""

    id: str
    name: str
    arguments: Mapping[str, Any]
    unread: str = ""  # arguments that are no JSON object, as the model wrote them; `arguments` is empty then
    opaque: str = ""  # what the provider wants back with the call, in its own words; in no key


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave for the call of this id."""

    id: str
    content: str


@dataclass(frozen=True, slots=True)
class ToolDeclaration:
    """A tool that a model may call. `parameters` is the JSON Schema of its arguments, an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]

    @property
    def key_form(self) -> list[Any]:
        """What a request's key is made of."""
        return [self.name, self.description, dict(self.parameters)]


Part = Text | Image | ToolCall | ToolResult


def parts_of(content: str | Iterable[Part]) -> tuple[Part, ...]:
    """Parts, where a text stands for one part of text."""
    return (Text(content),) if isinstance(content, str) else tuple(content)


def text_of(parts: Sequence[Part]) -> str:
    """The text of the parts, all else left out."""
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return "".join(p.text for p in parts if isinstance(p, Text))


def shown_part(part: Part) -> str:
    """A part for people: its text, or a word for what it is."""
    match part:
        case Text(text):
            return text
        case Image(data, media_type):
            return f"[image: {media_type}, {len(data):,} bytes]"
        case ToolCall(_, name, arguments, unread):
            told = unread or ", ".join(f"{k}={v!r}" for k, v in arguments.items())
            return f"[call: {name}({told})]"
        case ToolResult(_, content):
            return f"[result: {content}]"


def key_form_of(part: Part) -> list[Any]:
    """What a request's key is made of."""
    match part:
        case Text(text):
            return ["text", text]
        case Image():
            return ["image", part.media_type, part.digest]
        case ToolCall(id, name, arguments, unread):
            return ["call", id, name, dict(arguments), *([unread] if unread else ())]
        case ToolResult(id, content):
            return ["result", id, content]
