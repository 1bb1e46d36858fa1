"""What is written, and what a finished dataset must reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from synthspec.diagnostics import Span
from synthspec.languages.expressions.tree import Expression
from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Gate:
    """An expression over the finished dataset's metrics; false fails the build."""

    expression: Expression
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class CsvStyle:
    """How CSV files are written: with a mark that tells a spreadsheet UTF-8, with no cell that it runs."""

    bom: bool = False
    safe: bool = False


@dataclass(frozen=True, slots=True)
class TableOutput:
    """One table of several: a row for every node of a level, 0 for combinations."""

    name: str
    columns: tuple[str, ...]
    level: int


@dataclass(frozen=True, slots=True)
class Output:
    """What is written."""

    formats: tuple[str, ...] = ("csv",)
    partition_by: tuple[str, ...] = ()
    split: Mapping[str, float] = field(default_factory=dict)
    columns: tuple[str, ...] = ()  # empty: every field, in order
    shape: str | Mapping[str, Any] = "table"
    stratify: str | None = None
    csv: CsvStyle = CsvStyle()
    tables: tuple[TableOutput, ...] = ()  # the lowest level first
    tools: Mapping[str, str] = field(default_factory=dict)  # conversation -> the column of the tools it may call
    group: Expression | None = None  # over parameters and fields: rows with the same value share a split
