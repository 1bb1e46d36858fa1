"""Fields, and the rules that hold for one row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from synthspec.diagnostics import Span
from synthspec.languages.expressions.tree import Expression
from synthspec.languages.expressions.types import Type
from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """An inclusive range of counts; None is open."""

    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Clean:
    """One cleaning step. `replace` uses `pattern` and `replacement`, `round` uses `digits`; the others nothing."""

    rule: str
    pattern: str = ""
    replacement: str = ""
    digits: int = 0


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the dataset. `schema` holds its JSON Schema keywords (type, enum, pattern, …)."""

    name: str
    type: Type
    schema: Mapping[str, Any]
    span: Span
    value: Expression | None = None  # computed, not written by a prompt
    words: Bounds = Bounds()
    sentences: Bounds = Bounds()
    turns: Bounds = Bounds()  # of a conversation: messages by its user
    rejects: tuple[str, ...] = ()  # regular expressions that must not be found
    clean: tuple[Clean, ...] = ()
    optional: bool = False
    description: str = ""
    examples: str | None = None  # the prompt whose examples it stores; `value` then reads what decides them


@dataclass(frozen=True, slots=True)
class Check:
    """A rule over one row. `retry` names the prompt that is retried when it fails; `message` is a template."""

    expression: Expression
    text: str
    message: str
    severity: Literal["error", "warn", "drop"]
    span: Span
    retry: str | None = None
    told: frozenset[str] = frozenset()  # the names its message reads
