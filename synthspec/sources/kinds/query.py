"""`query`: rows of data files below the spec's folder and of its other sources, joined and filtered by SQL."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthspec.sources import is_readable, read_table, readable
from synthspec.sources.paths import find_file
from synthspec.sources.source_kind import Opened, Place, SourceFault, SourceKind
from synthspec.sources.table import TableFault


def open_query(options: Mapping[str, Any], place: Place) -> Opened:
    """The rows of a query. They are kept, so that it runs again only where it or a file that it reads is another."""
    from synthspec.sources.queries.running import run_query
    from synthspec.sources.queries.statement import read_statement

    statement = read_statement(str(options["query"]), place.others.names)
    files = {name: _file(name, at, place) for name, at in statement.files.items()}
    others = {name: place.others.open(name) for name in statement.sources}
    rows, digest = run_query(statement, files, others)
    try:
        table = read_table(rows)
    except TableFault as e:
        raise SourceFault(f"the rows of the query cannot be read: {e}", e.help or "select fewer", "E833") from None
    origin: dict[str, Any] = {"query": statement.text, "files": list(statement.files)}
    if statement.sources:
        origin["sources"] = list(statement.sources)
    return Opened(table, lambda: digest, origin=origin)


def _reads(options: Mapping[str, Any], place: Place) -> list[Path] | None:
    """The files of a query; None where it reads other sources of the spec."""
    from synthspec.sources.queries.statement import read_statement

    statement = read_statement(str(options["query"]), place.others.names)
    return None if statement.sources else [_file(name, at, place) for name, at in statement.files.items()]


def _file(name: str, at: tuple[int, int], place: Place) -> Path:
    """A data file that a query names at these characters."""
    try:
        path = find_file(name, place)
    except SourceFault as e:
        raise SourceFault(str(e), e.help, e.code, at=at) from None
    if not is_readable(path.suffix.lower()):
        raise SourceFault(f"'{name}' is not a data file", f"a query reads {', '.join(readable())}", "E832", at=at)
    return path


KIND = SourceKind(
    key="query",
    describes="Rows of data files below the spec's folder and of other sources, selected by SQL.",
    schema={
        "type": "string",
        "minLength": 1,
        "maxLength": 100_000,
        "description": "One SELECT, as DuckDB reads it, over files below the spec's folder and other sources by name: "
        "select o.item, c.city from 'orders.parquet' o join customers c using (customer). Rows come in the query's own "
        "order, then by every column.",
    },
    open=open_query,
    reads=_reads,
    extra=("duckdb", "duckdb"),
    without_rows="widen its `where` or its joins: the query gives nothing",
)
