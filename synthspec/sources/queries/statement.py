"""What a query says: one SELECT, of which tables, calling nothing whose value is not the data's."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthspec.diagnostics import did_you_mean
from synthspec.diagnostics.remedies import remove
from synthspec.lazy_dataclass import dataclass
from synthspec.sources.source_kind import SourceFault

_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "json_each", "json_tree"})
CLOCKS = frozenset({
    "current_date", "current_time", "current_timestamp", "current_localtime", "current_localtimestamp", "localtime",
    "localtimestamp", "today", "now", "ago", "get_current_time", "get_current_timestamp", "transaction_timestamp",
})  # fmt: skip
PLACES = frozenset({
    "user", "current_user", "session_user", "current_role", "current_catalog", "current_database", "current_schema",
    "version", "getenv", "get_block_size", "query", "query_table", "reservoir_quantile", "current_setting",
    "getvariable", "currval", "setval", "write_log", "stats", "vector_type",
})  # fmt: skip
_PLACES_BEGIN = ("pg_", "inet_", "has_", "duckdb_", "json_serialize", "json_deserialize", "json_execute", "__")


@dataclass(frozen=True, slots=True)
class Statement:
    """A query that may be run."""

    text: str
    tree: Mapping[str, Any]  # as DuckDB writes it
    files: Mapping[str, tuple[int, int]]  # that it reads, as it names them, each with the characters that do so first
    sources: tuple[str, ...] = ()  # of the spec that it reads


def read_statement(text: str, sources: Sequence[str] = ()) -> Statement:
    """The one SELECT of a text, in which tables are files or one of these sources.

    Raises:
        SourceFault: it is no SELECT (E830), calls what it may not (E831), or reads what is no file (E832).
    """
    tree = _parsed(_parser(), text, sources)
    nodes = list(_nodes(tree))
    _refuse_functions(text, nodes, _unstable_functions())
    files, named = _tables(text, nodes, sources)
    return Statement(text, tree, files, named)


def characters(text: str, start: int, length: int) -> tuple[int, int]:
    """The characters of a text that DuckDB names by their bytes; at least one.

    >>> characters("select é, foo", 11, 3)
    (10, 13)
    """
    data = text.encode()
    first = min(len(data[: max(start, 0)].decode(errors="ignore")), max(0, len(text.rstrip()) - 1))
    last = len(data[: max(start, 0) + max(length, 1)].decode(errors="ignore"))
    return first, max(first + 1, min(last, len(text)))


def ordered(tree: Mapping[str, Any], columns: int) -> dict[str, Any]:
    """The same query with its rows in a total order: its own first, then by every column."""
    node = dict(tree["statements"][0]["node"])
    modifiers = [dict(m) for m in node["modifiers"]]
    order = next((m for m in modifiers if m["type"] == "ORDER_MODIFIER"), None)
    if order is not None and any(o["expression"]["class"] == "STAR" for o in order["orders"]):
        return dict(tree)  # order by all
    if order is None:
        order = {"type": "ORDER_MODIFIER", "orders": []}
        at = next((i for i, m in enumerate(modifiers) if m["type"].startswith("LIMIT")), len(modifiers))
        modifiers.insert(at, order)
    order["orders"] = [*order["orders"], *map(_by_column, range(1, columns + 1))]
    node["modifiers"] = modifiers
    return {**tree, "statements": [{**tree["statements"][0], "node": node}]}


def _by_column(number: int) -> dict[str, Any]:
    place = {"class": "CONSTANT", "type": "VALUE_CONSTANT", "alias": "", "query_location": 0}
    literal = {"kind": "INTEGER", "text": str(number)}
    return {"type": "ASCENDING", "null_order": "NULLS LAST", "expression": {**place, "literal": literal}}


def _parsed(connection: Any, text: str, sources: Sequence[str]) -> dict[str, Any]:
    help = "write one SELECT, such as select name, price from 'products.csv' where price > 10"
    if any(ord(c) < 32 and not c.isspace() for c in text):
        raise SourceFault("the query contains control characters", "remove them", "E830")
    tree: dict[str, Any] = json.loads(connection.execute("select json_serialize_sql(?)", [text]).fetchone()[0])
    if tree.get("error"):
        message = str(tree.get("error_message", "")).splitlines()[0]
        if tree.get("error_type") != "parser":
            raise SourceFault("a query is a SELECT: nothing else is run", help, "E830")
        at = place_told(text, tree)
        if at is not None and text[slice(*at)].lower() in {s.lower() for s in sources}:
            help = f'a source whose name is a word of SQL is in double quotes: "{text[slice(*at)]}"'
        raise SourceFault(f"the query cannot be read: {message}", help, "E830", at=at)
    if len(tree["statements"]) != 1:
        count = len(tree["statements"])
        raise SourceFault(f"a query is one statement, not {count}" if count else "the query is empty", help, "E830")
    return tree


@functools.cache
def _parser() -> Any:
    """A connection that only parses."""
    import duckdb

    return duckdb.connect(":memory:", config={"threads": 1, "enable_external_access": False})


@functools.cache
def _unstable_functions() -> frozenset[str]:
    """The functions that DuckDB itself says may give another value the next time."""
    sql = (
        "select distinct lower(function_name) from duckdb_functions() "
        "where function_type = 'scalar' and stability is distinct from 'CONSISTENT'"
    )
    return frozenset(str(name) for (name,) in _parser().execute(sql).fetchall())


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every map of a tree, the outer first."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(reversed(list(node.values())))
        elif isinstance(node, list):
            waiting.extend(reversed(node))


def place_told(text: str, told: Mapping[str, Any]) -> tuple[int, int] | None:
    """The characters at which DuckDB says that a text is wrong; None where it does not say."""
    found = re.fullmatch(r"\[(\d+),(\d+)\]", str(told.get("location", ""))) or re.fullmatch(
        r"(\d+)()", str(told.get("position", ""))
    )
    return None if found is None else characters(text, int(found[1]), int(found[2] or 1))


def _at(text: str, node: Mapping[str, Any]) -> tuple[int, int] | None:
    """The characters of a part of a query."""
    start = node.get("query_location")
    if not isinstance(start, int) or not 0 <= start < len(text.encode()):
        return None
    return characters(text, start, int(node.get("query_location_length") or 1))


def _refuse_functions(text: str, nodes: list[dict[str, Any]], unstable: frozenset[str]) -> None:
    for node in nodes:
        try:
            _refuse_node(node, unstable)
        except SourceFault as e:
            raise SourceFault(str(e), e.help, e.code, at=_at(text, node)) from None


def _refuse_node(node: Mapping[str, Any], unstable: frozenset[str]) -> None:
    if node.get("type") == "SHOW_REF":
        raise SourceFault("a query selects rows of files", "write select … from 'file.csv'", "E830")
    if node.get("class") == "PARAMETER":
        raise SourceFault("a query has no parameters", "write the value in place of the $ or ?", "E830")
    if node.get("sample"):
        help = remove() + ": the parameters draw rows of the source, by the spec's seed"
        raise SourceFault("a sample differs each time it is taken", help, "E831")
    if node.get("type") == "TABLE_FUNCTION":
        _refuse_table_function(str((node.get("function") or {}).get("function_name", "")).lower())
    elif node.get("class") in ("FUNCTION", "WINDOW"):
        _refuse_function(str(node.get("function_name", "")).lower(), node, unstable)


def _refuse_table_function(name: str) -> None:
    if name in _TABLE_FUNCTIONS:
        return
    help = "name the file itself: select … from 'folder/file.parquet'"
    raise SourceFault(f"a query may not call `{name}`: files are opened for it, not by it", help, "E831")


def _refuse_function(name: str, node: Mapping[str, Any], unstable: frozenset[str]) -> None:
    if name in CLOCKS or (name == "age" and len(node.get("arguments") or ()) == 1):
        help = "write the date or the time itself, so that the rows stay the same"
        raise SourceFault(f"`{name}` gives another value each day", help, "E831")
    if name in PLACES or name.startswith(_PLACES_BEGIN):
        help = remove() + ": a query reads its files, nothing else"
        raise SourceFault(f"a query may not call `{name}`, which is about the machine and not the data", help, "E831")
    if name in unstable - {"error"}:
        help = remove() + ": parameters draw by the spec's seed, in place of the query"
        raise SourceFault(f"`{name}` gives another value each time", help, "E831")


def _tables(
    text: str, nodes: list[dict[str, Any]], sources: Sequence[str]
) -> tuple[dict[str, tuple[int, int]], tuple[str, ...]]:
    """The files that a query names, and the sources of the spec, each in the order of the alphabet."""
    named = {str(e.get("key", "")).lower() for n in nodes for e in (n.get("cte_map") or {}).get("map", ())}
    files: dict[str, str] = {}
    places: dict[str, tuple[int, int]] = {}
    used: set[str] = set()
    for node in nodes:
        if node.get("type") != "BASE_TABLE":
            continue
        name, at = str(node["table_name"]), _at(text, node)
        if name.lower() in named and not node.get("schema_name"):
            continue
        if node.get("schema_name") or node.get("catalog_name") or "." not in name:
            used.add(_source(name, node, at, sources))
            continue
        other = files.setdefault(name.lower(), name)
        if other != name:
            raise SourceFault(f"'{other}' and '{name}' are one name in SQL", "write both alike", "E832", at=at)
        places.setdefault(name, at or (0, len(text)))
    return dict(sorted(places.items())), tuple(sorted(used))


def _source(name: str, node: Mapping[str, Any], at: tuple[int, int] | None, sources: Sequence[str]) -> str:
    """The source of the spec that a query names."""
    alike = [s for s in sources if s.lower() == name.lower()]
    if node.get("schema_name") or node.get("catalog_name") or not alike:
        usual = "name a file below the spec's folder, in quotes: from 'folder/file.parquet'"
        help = did_you_mean(name, sources, f"{usual}; or another source of the spec")
        raise SourceFault(f"there is no table '{name}'", help, "E832", at=at)
    if len(alike) > 1:
        raise SourceFault(f"'{alike[0]}' and '{alike[1]}' are one name in SQL", "rename one of them", "E832", at=at)
    return alike[0]


def bare_names(tree: Any) -> tuple[str, ...]:
    """The columns without a table whose names are also those of a clock or of the machine."""
    names = {str(n["column_names"][0]).lower() for n in _nodes(tree) if len(n.get("column_names") or ()) == 1}
    return tuple(sorted(names & (CLOCKS | PLACES)))
