"""`rows`: the rows themselves, written in the spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthspec.sources.source_kind import Opened, Place, SourceKind
from synthspec.sources.table import table_of


def open_rows(options: Mapping[str, Any], place: Place) -> Opened:
    """The table of the rows of a spec."""
    return Opened(table_of(r for r in options["rows"] if isinstance(r, dict)))


KIND = SourceKind(
    key="rows",
    describes="Rows written inline.",
    schema={
        "type": "array",
        "minItems": 1,
        "items": {"type": "object", "minProperties": 1},
        "description": "The rows themselves, each a map of column to value.",
    },
    open=open_rows,
)
