"""`query`: rows of data files below the spec's folder, joined and filtered by SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthspec.sources import is_readable, read_table, readable
from synthspec.sources.kinds import Opened, Place, SourceFault, SourceKind
from synthspec.sources.paths import find_file
from synthspec.sources.table import TableFault


def open_query(options: Mapping[str, Any], place: Place) -> Opened:
    """The rows of a query. They are kept, so that it runs again only where it or a file that it reads is another."""
    from synthspec.sources.queries.running import run_query
    from synthspec.sources.queries.statement import read_statement

    statement = read_statement(str(options["query"]))
    files = {name: find_file(name, place) for name in statement.files}
    for name, path in files.items():
        if not is_readable(path.suffix.lower()):
            raise SourceFault(f"'{name}' is no data file", f"a query reads {', '.join(readable())}", "E832")
    rows, digest = run_query(statement, files)
    try:
        table = read_table(rows)
    except TableFault as e:
        raise SourceFault(f"the rows of the query cannot be read: {e}", e.help or "select fewer", "E833") from None
    return Opened(table, lambda: digest, origin={"query": statement.text, "files": list(statement.files)})


KIND = SourceKind(
    key="query",
    describes="Rows of data files below the spec's folder, selected by SQL.",
    schema={
        "type": "string",
        "minLength": 1,
        "maxLength": 100_000,
        "description": "One SELECT, as DuckDB reads it, over files below the spec's folder: select o.item, c.city from "
        "'orders.parquet' o join 'customers.csv' c using (customer). Rows come in the query's own order, then by every "
        "column.",
    },
    open=open_query,
    extra=("duckdb", "duckdb"),
)
