"""Where prompts run, and what a build may use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthspec.diagnostics import Span
from synthspec.languages.expressions.tree import Expression
from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars for a million tokens."""

    prompt: float
    completion: float
    image_tokens: int | None = None  # what one picture counts for at worst, where the provider does not state it


@dataclass(frozen=True, slots=True)
class BackendChoice:
    """Where prompts run."""

    provider: str
    model: str
    options: Mapping[str, Any]  # base_url, timeout, …: the provider's own
    settings: Mapping[str, Any]  # temperature, max_tokens, top_p, …: part of every request
    prices: Prices | None
    span: Span


@dataclass(frozen=True, slots=True)
class Choose:
    """A backend for each row: by the value of an expression, as text."""

    expression: Expression
    of: Mapping[str, BackendChoice]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a build may use. None is no limit."""

    budget: float | None = None  # US dollars
    tokens: int | None = None
    requests: int | None = None
    minutes: float | None = None
    concurrency: int = 32
    attempts: int = 4
    timeout: float = 120.0  # seconds for one call
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    combinations: int | None = None  # tried at most, where rows are dropped or replaced; None: ten times the planned
    tool_rounds: int = 8  # replies in a row that only call tools
    engine: str = "local"  # where calls are made: a name of `inference/engines/`, and what stands behind it
