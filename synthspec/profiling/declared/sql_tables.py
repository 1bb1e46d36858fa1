"""SQL `create table` statements as declared fields: types, keys, not null, and the checks that bound one column."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from synthspec.extras import install_command
from synthspec.lazy_dataclass import dataclass
from synthspec.profiling.declared.fields import Declared, DeclaredField
from synthspec.profiling.sample import SampleFault

LARGEST = 1024 * 1024
PARENT_ROWS = 100
_TYPES = {
    "INT": "integer", "INTEGER": "integer", "BIGINT": "integer", "SMALLINT": "integer", "TINYINT": "integer",
    "MEDIUMINT": "integer", "UINT": "integer", "UBIGINT": "integer", "SERIAL": "integer", "BIGSERIAL": "integer",
    "SMALLSERIAL": "integer", "BOOLEAN": "boolean", "BIT": "boolean", "FLOAT": "number", "DOUBLE": "number",
    "DECIMAL": "number", "MONEY": "number", "SMALLMONEY": "number", "UUID": "uuid", "DATE": "date",
    "TIME": "time", "TIMETZ": "time", "TIMESTAMP": "date-time", "TIMESTAMPTZ": "date-time", "DATETIME": "date-time",
    "DATETIME2": "date-time", "JSON": "object", "JSONB": "object", "YEAR": "year",
}  # fmt: skip


@dataclass
class _SqlColumn:
    name: str
    schema: dict[str, Any]
    needed: bool = False
    key: bool = False
    unique: bool = False
    refers: str = ""
    notes: list[str] = field(default_factory=list)


def read_sql(path: Path) -> tuple[Declared, ...]:
    """Each table that a file creates, those that others refer to first.

    Raises:
        SampleFault: it cannot be read, or creates no table.
    """
    try:
        import sqlglot
        from sqlglot import exp
    except ImportError:
        raise SampleFault("reading SQL needs the package sqlglot", install_command("sql")) from None
    if path.stat().st_size > LARGEST:
        raise SampleFault(f"'{path.name}' is larger than 1 MB", "give the statements that create tables alone")
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    try:
        statements = [s for s in sqlglot.parse(text, dialect=_dialect(text)) if s is not None]
    except (sqlglot.errors.SqlglotError, RecursionError) as e:
        said = str(e).split("\n", 1)[0] or type(e).__name__
        raise SampleFault(f"'{path.name}' cannot be read as SQL: {re.sub(chr(27) + r'.*?m', '', said)}") from None
    tables = [_table(s) for s in statements if isinstance(s, exp.Create) and isinstance(s.this, exp.Schema)]
    if not tables:
        raise SampleFault(f"'{path.name}' creates no table", "write CREATE TABLE name (column type, …)")
    return tuple(_declared(tables, path.name))


def _dialect(text: str) -> str | None:
    """The dialect that a word of one database shows."""
    marks = {"mysql": r"AUTO_INCREMENT|ENGINE\s*=|`",
             "postgres": r"\b(BIG|SMALL)?SERIAL\b|::|\bTIMESTAMPTZ\b|\bJSONB\b",
             "tsql": r"\bIDENTITY\s*\(|\bNVARCHAR\b|\[\w+\]\s+\w+", "sqlite": r"\bAUTOINCREMENT\b"}  # fmt: skip
    return next((d for d, mark in marks.items() if re.search(mark, text, re.IGNORECASE)), None)


_Table = tuple[str, dict[str, _SqlColumn], list[str]]


def _table(statement: Any) -> _Table:
    """A table's name, its columns, and the rules that no column keeps."""
    from sqlglot import exp

    columns: dict[str, _SqlColumn] = {}
    lost: list[str] = []
    for part in statement.this.expressions:
        if isinstance(part, exp.ColumnDef):
            columns[part.name.casefold()] = _column(part, lost)
    for part in statement.this.expressions:
        if not isinstance(part, exp.ColumnDef):
            _rule(part.find(exp.PrimaryKey, exp.ForeignKey, exp.UniqueColumnConstraint, exp.CheckColumnConstraint,
                            exp.Check) or part, columns, lost)  # fmt: skip
    return statement.this.this.name, columns, lost


def _column(part: Any, lost: list[str]) -> _SqlColumn:
    from sqlglot import exp

    found = _SqlColumn(part.name, _schema(part.args.get("kind")))
    for constraint in part.constraints:
        kind = constraint.kind
        match kind:
            case exp.NotNullColumnConstraint():
                found.needed = not kind.args.get("allow_null")
            case exp.PrimaryKeyColumnConstraint():
                found.key = found.needed = found.unique = True
            case exp.UniqueColumnConstraint():
                found.unique = True
            case exp.Reference():
                found.refers = _referred(kind)
            case exp.CheckColumnConstraint():
                _bound(kind.this, {found.name.casefold(): found}, lost)
            case exp.CommentColumnConstraint():
                found.schema["description"] = kind.this.name
            case _:
                pass  # defaults, collations and the like say nothing of what is in a column
    return found


def _schema(kind: Any) -> dict[str, Any]:
    """The JSON Schema of a type."""
    if kind is None:
        return {"type": "string"}
    name = kind.this.name if hasattr(kind.this, "name") else str(kind.this)
    found = _TYPES.get(name, "string")
    sizes = [int(e.name) for e in kind.expressions if e.name.isdigit()]
    if name == "ENUM":
        return {"type": "string", "enum": [e.name for e in kind.expressions]}
    if found == "year":
        return {"type": "integer", "minimum": 1970, "maximum": 2030}
    if found in ("uuid", "date", "time", "date-time"):
        return {"type": "string", "format": found}
    if found == "number" and len(sizes) == 2:
        return {"type": "number", "decimals": sizes[1]}
    if found == "string" and sizes and "CHAR" in name:
        return {"type": "string", "maxLength": sizes[0]}
    return {"type": found}


def _referred(reference: Any) -> str:
    from sqlglot import exp

    table = reference.find(exp.Table)
    return table.name if table is not None else ""


def _rule(part: Any, columns: dict[str, _SqlColumn], lost: list[str]) -> None:
    """A rule of the whole table."""
    from sqlglot import exp

    match part:
        case exp.PrimaryKey():
            keys = [columns[e.name.casefold()] for e in part.expressions if e.name.casefold() in columns]
            for column in keys:
                column.needed = True
                column.key = column.unique = len(keys) == 1
        case exp.ForeignKey():
            for named in part.expressions:
                if named.name.casefold() in columns and len(part.expressions) == 1:
                    columns[named.name.casefold()].refers = _referred(part.args["reference"])
        case exp.CheckColumnConstraint() | exp.Check():
            _bound(part.this, columns, lost)
        case _:
            lost.append(_one_line(part))


def _bound(condition: Any, columns: dict[str, _SqlColumn], lost: list[str]) -> None:
    """A check that bounds one column becomes part of its schema; any other is said to be lost."""
    from sqlglot import exp

    condition = condition.unnest() if hasattr(condition, "unnest") else condition
    if isinstance(condition, exp.And):
        for part in (condition.left, condition.right):
            _bound(part, columns, lost)
        return
    column = columns.get(condition.this.name.casefold()) if isinstance(condition.this, exp.Column) else None
    if column is None or not all(_is_constant(v) for v in _operands(condition)):
        lost.append(_one_line(condition))
        return
    schema = column.schema
    match condition:
        case exp.In():
            schema["enum"] = [_constant(v) for v in condition.expressions]
        case exp.Between():
            schema |= {"minimum": _constant(condition.args["low"]), "maximum": _constant(condition.args["high"])}
        case exp.GTE() | exp.GT() | exp.LTE() | exp.LT():
            keyword = {"gte": "minimum", "gt": "exclusiveMinimum", "lte": "maximum", "lt": "exclusiveMaximum"}
            schema[keyword[condition.key]] = _constant(condition.expression)
        case _:
            lost.append(_one_line(condition))


def _operands(condition: Any) -> Iterator[Any]:
    yield from condition.expressions
    yield from (condition.args[k] for k in ("low", "high", "expression") if condition.args.get(k) is not None)


def _is_constant(node: Any) -> bool:
    from sqlglot import exp

    return isinstance(node, exp.Literal) or (isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal))


def _constant(node: Any) -> Any:
    from sqlglot import exp

    if isinstance(node, exp.Neg):
        return -_constant(node.this)
    if node.is_string:
        return node.name
    return int(node.name) if re.fullmatch(r"\d+", node.name) else float(node.name)


def _one_line(node: Any) -> str:
    return " ".join(node.sql().split())[:200]


def _declared(tables: Sequence[_Table], origin: str) -> Iterator[Declared]:
    """Tables that are referred to come first; keys that count are counted, and referred to by their numbers."""
    names = {name.casefold(): name for name, *_ in tables}
    counted = {
        name.casefold()
        for name, columns, _ in tables
        if any(c.key and c.schema.get("type") == "integer" for c in columns.values())
    }
    for name, columns, lost in _in_order(tables):
        fields = []
        for column in columns.values():
            declared = DeclaredField(column.name, column.schema, not column.needed, tuple(column.notes))
            other = column.refers.casefold()
            if column.key and column.schema.get("type") == "integer" and not column.refers:
                declared = replace(declared, counter=1)
            elif column.refers and column.schema.get("type") == "integer" and other in counted:
                declared = replace(declared, refers=(names[other], PARENT_ROWS))
            elif column.refers:
                declared = replace(declared, notes=(f"a key of {column.refers}, which this spec cannot see",))
            elif column.unique and not column.key:
                declared = replace(declared, notes=("declared unique",))
            fields.append(declared)
        yield Declared(name, origin, tuple(fields), "", tuple(f"Not kept: {rule}" for rule in lost))


def _in_order(tables: Sequence[_Table]) -> list[_Table]:
    """A table after those that it refers to; circles as they stand."""
    left, done = list(tables), []
    while left:
        names = {name.casefold() for name, *_ in left}
        free = [t for t in left if not any(c.refers.casefold() in names - {t[0].casefold()} for c in t[1].values())]
        chosen = free[0] if free else left[0]
        left.remove(chosen)
        done.append(chosen)
    return done
