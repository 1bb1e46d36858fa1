"""`output.tables`: rows of a fan-out as parent and child files."""

from __future__ import annotations

from collections.abc import Mapping

from synthspec.analysis.sections.context import AnalysisContext, value_of
from synthspec.analysis.sections.settings import field_names
from synthspec.dataset.tables import key_columns
from synthspec.diagnostics.remedies import remove
from synthspec.document.reader import Entry, MapNode, Node
from synthspec.spec import Field, TableOutput

_ALONE = {  # what has no meaning beside several tables, and what to do instead
    "columns": "name the columns of each table",
    "shape": "a table has its columns as they are",
    "partition_by": "each table is one file, or one a split",
}


def lower_tables(
    ctx: AnalysisContext, output: MapNode, fields: Mapping[str, Field], levels: Mapping[str, int]
) -> tuple[TableOutput, ...]:
    """The tables, the lowest level first."""
    node = output.get("tables")
    if not isinstance(node, MapNode):
        return ()
    for key, help in _ALONE.items():
        if (beside := output.key(key)) is not None:
            ctx.report("E552", beside, f"`{key}` cannot be used with `tables`", remove() + f": {help}")
    deepest = max(levels.values(), default=0)
    before = len(ctx.faults)
    tables = [t for e in node.entries if (t := _table(ctx, e, fields, levels, deepest)) is not None]
    tables.sort(key=lambda t: t.level)
    if len(ctx.faults) == before and not ctx.is_broken("output", "tables"):
        _keys(ctx, node, tables)
        if tables and tables[-1].level < deepest:
            message = f"no table has the rows of level {deepest}, which are those that `rows` counts"
            ctx.report("E553", output.key("tables") or node, message, "add a table for them")
    return tuple(tables)


def _table(
    ctx: AnalysisContext, entry: Entry, fields: Mapping[str, Field], levels: Mapping[str, int], deepest: int
) -> TableOutput | None:
    node, name = entry.value, entry.key.text
    if not isinstance(node, MapNode):
        return None
    columns = field_names(ctx, node.get("columns"), fields)
    own = max((levels.get(c, 0) for c in columns), default=0)
    given: Node | None = node.get("level")
    level = int(value_of(given, own))
    if given is not None and level > deepest:
        message = f"there is no level {level}: this spec's rows have level{'' if not deepest else 's 0 to'} {deepest}"
        ctx.report("E553", given, message, f"write {deepest} at most, or leave `level` out")
        return None
    for column in columns:
        if levels.get(column, 0) > level:
            message = f"'{column}' is of level {levels[column]}, and the table '{name}' has the rows of level {level}"
            ctx.report("E553", given or entry.key, message, "leave `level` out, or move the column to a deeper table")
            return None
    return TableOutput(name, columns, level)


def _keys(ctx: AnalysisContext, node: MapNode, tables: list[TableOutput]) -> None:
    """No column of a table may have the name of one of its keys, no two tables names that differ in case alone."""
    folded: dict[str, str] = {}
    for entry in node.entries:
        other = folded.setdefault(entry.key.text.casefold(), entry.key.text)
        if other != entry.key.text:
            message = f"the tables '{other}' and '{entry.key.text}' would be one file where case does not count"
            ctx.report("E552", entry.key, message, "give one of them another name")
    for table in tables:
        for column in sorted(set(key_columns(table, tables)) & set(table.columns)):
            of_table = node.get(table.name)
            place = of_table.get("columns") if isinstance(of_table, MapNode) else None
            message = f"'{column}' is a key of the table '{table.name}', so no field of that name can be a column of it"
            ctx.report("E552", place or node, message, "give the field another name")
