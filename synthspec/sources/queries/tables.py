"""A table as Arrow has it, for DuckDB to read."""

from __future__ import annotations

from typing import Any

from synthspec.sources.source_kind import SourceFault
from synthspec.sources.table import Table


def arrow_table(name: str, table: Table) -> Any:
    """All rows of a table, which a query names so.

    Raises:
        SourceFault: they are too many, or the values of a column are of several kinds (E833).
    """
    import pyarrow as pa

    reason = table.too_large_for()
    if reason:
        help = "save it as Parquet and name that file in the query, which is read by need"
        raise SourceFault(f"'{name}' is too large to be joined: {reason}", help, "E833")
    columns = {}
    for column in table.names:
        try:
            columns[column] = pa.array(list(table.columns[column]))
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            help = "make its values of one kind, or leave it out of the file"
            raise SourceFault(f"the column '{column}' of '{name}' has values of several kinds", help, "E833") from None
    return pa.table(columns)
