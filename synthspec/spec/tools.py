"""Tools: what a model may call, and what answers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthspec.diagnostics import Span
from synthspec.languages.expressions.tree import Expression
from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    """A tool answers with a row of a source: the first for which `where` holds."""

    source: str
    where: Expression | None


@dataclass(frozen=True, slots=True)
class ValueAnswer:
    """A tool answers with the value of an expression over its arguments, parameters and fields."""

    value: Expression


@dataclass(frozen=True, slots=True)
class PromptAnswer:
    """A prompt plays the tool: its player in the spec, by the name of its endpoint."""

    player: str


ToolAnswer = SourceAnswer | ValueAnswer | PromptAnswer


@dataclass(frozen=True, slots=True)
class Tool:
    """Something a model may call. `parameters` is the JSON Schema of its arguments, an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    answer: ToolAnswer
    span: Span
