"""Data that rows are drawn from, as a spec declares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthspec.diagnostics import Span
from synthspec.languages.expressions.tree import Expression
from synthspec.languages.expressions.types import Type


@dataclass(frozen=True, slots=True)
class SourceTable:
    """Data to draw from: a file below the spec's folder, or rows written inline."""

    name: str
    span: Span
    path: Path | None = None
    rows: tuple[Mapping[str, Any], ...] | None = None
    renames: Mapping[str, str] = field(default_factory=dict)  # old column name -> new
    columns: Mapping[str, Type] = field(default_factory=dict)  # after renaming; read from the data itself


@dataclass(frozen=True, slots=True)
class RowsEach:
    """A combination for every row of a source, `times` over; combination i uses row i // times of those passing."""

    source: str
    times: int = 1
    where: Expression | None = None
