"""Data that rows are drawn from, as a spec declares it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from synthspec.diagnostics import Span
from synthspec.languages.expressions.tree import Expression
from synthspec.languages.expressions.types import Type
from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class SourceTable:
    """Data to draw from."""

    name: str
    span: Span
    kind: str = "rows"  # the key that says what it is: `file`, `rows`, …
    renames: Mapping[str, str] = field(default_factory=dict)  # old column name -> new
    columns: Mapping[str, Type] = field(default_factory=dict)  # after renaming; read from the data itself
    digest: Callable[[], str] | None = field(default=None, compare=False)  # of its contents, before renaming
    origin: Mapping[str, Any] = field(default_factory=dict)  # what the manifest says of it, beside its digest


@dataclass(frozen=True, slots=True)
class RowsEach:
    """A combination for every row of a source, `times` over; combination i uses row i // times of those passing."""

    source: str
    times: int = 1
    where: Expression | None = None
