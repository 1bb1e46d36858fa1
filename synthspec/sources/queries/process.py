"""The process in which a query runs: `python -m synthspec.sources.queries.process`, told on its input what to do.

It opens the files it is given, closes DuckDB off from all else, and writes the rows as a Parquet file. It prints one
line of JSON: `{"rows": 12}`, or `{"error": "…", "help": "…", "code": "E833", "at": [7, 5]}`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from synthspec.diagnostics import did_you_mean
from synthspec.diagnostics.remedies import remove, suggest, write
from synthspec.sources.queries.limits import MEMORY, MOST_BYTES
from synthspec.sources.queries.statement import CLOCKS, bare_names, ordered
from synthspec.sources.queries.tables import arrow_table

_BATCH = 8192  # rows written at once
_REMEDIES = {  # by a part of what DuckDB says
    "explicit type casts": "say of what type a column is: price::double",
    "GROUP BY": "add it to `group by`, or " + write("group by all"),
    "Could not convert": "write try_cast(column as type), which is null where it cannot be",
}
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,  # sums of floating point numbers in one order
    "memory_limit": f"{MEMORY // 2}B",
    "temp_directory": "",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
    "default_null_order": "nulls_last",
    "errors_as_json": True,
}
_EXPLAIN = "explain "


class _Refusal(Exception):
    """A query that cannot be answered: a sentence, what to do, the diagnostic, and where: a byte, and how many."""

    def __init__(self, message: str, help: str, code: str = "E833", at: tuple[int, int] | None = None) -> None:
        super().__init__(message)
        self.help, self.code, self.at = help, code, at


def main() -> None:
    """Run the query that is described on the standard input."""
    task = json.loads(sys.stdin.read())
    _bound_memory()
    import duckdb

    known: set[str] = set()
    try:
        told: dict[str, Any] = {"rows": _run(task, known)}
    except _Refusal as e:
        told = {"error": str(e), "help": e.help, "code": e.code, "at": e.at}
    except duckdb.Error as e:
        message, _ = _said(e)
        told = {"error": _first_line(message), "help": _remedy(message, known), "code": "E833"}
    except MemoryError:
        help = "select fewer rows or columns, or join on less"
        told = {"error": f"it needs more than {MEMORY >> 30} GB of memory", "help": help, "code": "E833"}
    print(json.dumps(told))


def _run(task: Mapping[str, Any], known: set[str]) -> int:
    """How many rows the query gives; `known` becomes the names of the columns that it may read."""
    import duckdb

    with duckdb.connect(":memory:", config=_SETTINGS) as connection:
        for name, path in task["files"].items():
            known |= _open(connection, name, Path(path))
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        for name in bare_names(task["tree"]):
            if name not in {column.lower() for column in known}:
                what = "gives another value each day" if name in CLOCKS else "is about the machine and not the data"
                raise _Refusal(f"`{name}` {what}", remove() + ", or name a column", "E831")
        _bind(connection, task["text"], known)
        columns = connection.execute(f"select * from ({_sql(connection, task['tree'])}) limit 0").description
        sql = _sql(connection, ordered(task["tree"], len(columns or ())))
        batches: Any = connection.execute(sql).to_arrow_reader(_BATCH)
        _refuse_columns(batches.schema)
        return _write(batches, Path(task["out"]))


def _open(connection: Any, name: str, path: Path) -> set[str]:
    """Make a file a table of this name; the names of its columns."""
    if path.suffix.lower() == ".parquet":
        import pyarrow.dataset

        data: Any = pyarrow.dataset.dataset(path, format="parquet")
    else:
        data = _in_memory(name, path)
    connection.register(name, data)
    return {str(column) for column in data.schema.names}


def _in_memory(name: str, path: Path) -> Any:
    from synthspec.sources import TableFault, read_table

    try:
        table = read_table(path)
    except TableFault as e:
        raise _Refusal(f"'{name}' cannot be read: {e}", e.help or "correct the file, or name another") from None
    try:
        return arrow_table(name, table)
    except TableFault as e:
        raise _Refusal(str(e), e.help) from None


def _refuse_columns(schema: Any) -> None:
    """Refuse two columns of one name, and a column of a type that no Parquet file keeps."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [str(name) for name in schema.names]
    for field in schema:
        if names.count(field.name) > 1:
            raise _Refusal(f"two columns are named '{field.name}'", f"rename one: {field.name} as other_{field.name}")
        try:
            pq.ParquetWriter(pa.BufferOutputStream(), pa.schema([field])).close()
        except pa.ArrowException:
            help = f"turn it into text: {field.name}::varchar as {field.name}"
            raise _Refusal(f"the column '{field.name}' is of a type that cannot be kept ({field.type})", help) from None


def _sql(connection: Any, tree: Mapping[str, Any]) -> str:
    return str(connection.execute("select json_deserialize_sql(?::json)", [json.dumps(tree)]).fetchone()[0])


def _write(batches: Any, out: Path) -> int:
    import pyarrow.parquet as pq

    rows = 0
    with pq.ParquetWriter(out, batches.schema) as writer:
        for batch in batches:
            _refuse_dates(batch)
            writer.write_batch(batch)
            rows += batch.num_rows
            if out.stat().st_size > MOST_BYTES:
                raise _Refusal(f"it gives more than {MOST_BYTES >> 20} MB of rows", "select fewer rows or columns")
    return rows


def _refuse_dates(batch: Any) -> None:
    """Refuse days and times that Python has none for: before the year 1, after 9999, infinite."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if not (pa.types.is_date(column.type) or pa.types.is_timestamp(column.type)):
            continue
        try:
            pc.min_max(column).as_py()
        except (OverflowError, ValueError, pa.ArrowException):
            help = f"leave them out, or turn them into text: {name}::varchar as {name}"
            raise _Refusal(f"the column '{name}' has days beyond the years 1 to 9999", help) from None


def _bind(connection: Any, text: str, known: Collection[str]) -> None:
    """Let DuckDB say what is wrong with the names and types of a query, at its place in the text that was written."""
    import duckdb

    try:
        connection.execute(f"{_EXPLAIN}{text}")
    except duckdb.Error as e:
        message, told = _said(e)
        place = told.get("location") or f"[{told.get('position', '')},1]"
        found = re.fullmatch(r"\[(\d+),(\d+)\]", str(place))
        at = None if found is None else (int(found[1]) - len(_EXPLAIN), int(found[2]))
        raise _Refusal(_first_line(message), _remedy(message, known), at=at) from None


def _said(error: Exception) -> tuple[str, dict[str, Any]]:
    """What DuckDB says, and all that it tells with it."""
    text = str(error)
    try:
        told = json.loads(text[text.index("{") :])
        return f"{told['exception_type']} Error: {told['exception_message']}", told
    except (ValueError, KeyError, TypeError):
        return text, {}


def _first_line(message: str) -> str:
    """What DuckDB says, without the name that it has for such errors."""
    first = message.strip().splitlines()[0] if message.strip() else "it failed"
    return re.sub(r"^(?:Binder|Catalog|Parser|Conversion|Invalid Input) Error: ", "", first)


def _remedy(message: str, known: Collection[str]) -> str:
    column = re.search(r'(?:Referenced column|a column named) "([^"]+)"', message)
    if column is not None:
        near = did_you_mean(column[1], known) or "name a column that is there"
        return near + f"; a text is in single quotes: '{column[1]}'"
    meant = re.search(r'Did you mean "([^"]+)"', message)
    if meant is not None:
        return suggest(meant[1])
    return next((help for part, help in _REMEDIES.items() if part in message), "correct the query")


def _bound_memory() -> None:
    """Let the process have no more memory than it may, where the system can say so."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
