"""What the language service gives: plain values with places, each of which can be JSON.

Lines and columns count from 1, columns in characters (code points); an end column is one past the last character.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal

from synthspec.diagnostics import Diagnostic, Span
from synthspec.lazy_dataclass import dataclass

CompletionKind = Literal[
    "key", "parameter", "field", "item", "prompt", "source", "tool", "column", "member", "function", "filter", "test",
    "value", "keyword", "metric", "file",
]  # fmt: skip


class _Jsonable:
    """`as_dict`: the value as maps, lists and plain values."""

    __slots__ = ()

    def as_dict(self) -> dict[str, Any]:
        """The value as JSON has it."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self)}  # type: ignore[arg-type]


def _plain(value: Any) -> Any:
    if isinstance(value, _Jsonable):
        return value.as_dict()
    if isinstance(value, Span):
        return span_dict(value)
    if isinstance(value, Diagnostic):
        return value.as_dict()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def span_dict(span: Span) -> dict[str, Any]:
    """A span as JSON has it."""
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


@dataclass(frozen=True, slots=True, order=True)
class Position(_Jsonable):
    """A place between two characters: `column` is that of the character after it."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Edit(_Jsonable):
    """What stands in a span, replaced by a text. A span that is empty inserts."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class CompletionItem(_Jsonable):
    """One thing that may stand at the cursor; `edit` puts it there. Items come in the order in which to show them."""

    label: str
    kind: CompletionKind
    edit: Edit
    detail: str = ""  # a few words: a type, a signature
    documentation: str = ""  # Markdown


@dataclass(frozen=True, slots=True)
class Hover(_Jsonable):
    """What is to be said of what stands at a place, as Markdown."""

    span: Span
    markdown: str


@dataclass(frozen=True, slots=True)
class Location(_Jsonable):
    """A place in a file, by its whole path."""

    path: str
    span: Span


@dataclass(frozen=True, slots=True)
class Action(_Jsonable):
    """A remedy of a diagnostic as edits of this file. A `certain` one may be applied without asking."""

    title: str
    edits: tuple[Edit, ...]
    diagnostic: Diagnostic
    certain: bool = False


@dataclass(frozen=True, slots=True)
class Symbol(_Jsonable):
    """A part of the spec, for an outline: `kind` is the section that it stands in, or `section`."""

    name: str
    kind: str
    detail: str
    span: Span  # with all that is in it
    name_span: Span
    children: tuple[Symbol, ...] = ()


@dataclass(frozen=True, slots=True)
class Token(_Jsonable):
    """A stretch of one line of an expression or a template, and what it is."""

    span: Span
    kind: str  # parameter, field, item, function, filter, member, keyword, operator, number, string, brace


@dataclass(frozen=True, slots=True)
class Renaming(_Jsonable):
    """The edits that give something another name; or none, and why it cannot have it."""

    edits: tuple[Edit, ...] = ()
    refusal: str = ""
    note: str = ""  # what a person should know of it
