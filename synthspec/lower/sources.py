"""`sources`: each file is opened and looked at, so that unknown columns are found before anything runs."""

from __future__ import annotations

from pathlib import Path

from synthspec.diagnostics import did_you_mean, nearest
from synthspec.document import MapNode, ScalarNode
from synthspec.inherit import inside
from synthspec.lower.context import Lowering, value_of
from synthspec.resources import specs_folder
from synthspec.source import path_fault
from synthspec.spec import SourceTable
from synthspec.tables import Table, TableFault, read_table, rename, table_of


def lower_sources(low: Lowering) -> dict[str, SourceTable]:
    """Every source that could be read, by name; their tables go to `low.tables`."""
    sources: dict[str, SourceTable] = {}
    for entry in low.section("sources").entries:
        node = entry.value
        if not isinstance(node, MapNode) or low.is_broken("sources", entry.key.text):
            continue
        file = node.get("file")
        path = data_path(low, file) if isinstance(file, ScalarNode) else None
        table = _read(low, path, file) if isinstance(file, ScalarNode) else _inline(low, node)
        if table is None:
            continue
        renames = _renames(low, node, table)
        if not len(table):
            low.report("E514", file or node, f"the source '{entry.key.text}' holds no rows", "add data rows")
            continue
        table = rename(table, renames)
        low.tables[entry.key.text] = table
        columns = {name: table.column_type(name) for name in table.columns}
        rows = None if path else tuple(table.row(i) for i in range(len(table)))
        sources[entry.key.text] = SourceTable(entry.key.text, entry.key.span, path, rows, renames, columns)
    return sources


def data_path(low: Lowering, node: ScalarNode) -> Path | None:
    """The path of a data file below the folder of the file that names it."""
    wrong = path_fault(node.text)
    if wrong is not None:
        low.report("E511", node, *wrong)
        return None
    base = node.source.path.parent
    path = base / node.text
    home = specs_folder() if inside(base, specs_folder()) else low.path.parent
    if not inside(path, home):
        help = "copy the file below the spec's folder and name it there"
        low.report("E513", node, f"'{node.text}' lies outside the spec's folder", help)
        return None
    if not path.is_file():
        near = nearest(path.name, [p.name for p in path.parent.iterdir()]) if path.parent.is_dir() else None
        help = f"did you mean '{near}'?" if near else "check the path; it is relative to the file it is written in"
        low.report("E511", node, f"there is no file '{node.text}'", help)
        return None
    return path


def _read(low: Lowering, path: Path | None, node: ScalarNode) -> Table | None:
    if path is None:
        return None
    try:
        return read_table(path)
    except TableFault as e:
        help = "mend the file, or name another"
        if "separated" in str(e):
            help = f"write it with {'tabs' if path.suffix.lower() == '.tsv' else 'commas'}"
        low.report("E511", node, f"'{node.text}' cannot be read: {e}", help)
        return None


def _inline(low: Lowering, node: MapNode) -> Table | None:
    rows = node.get("rows")
    if rows is None:
        return None
    return table_of([r for r in value_of(rows) if isinstance(r, dict)])


def _renames(low: Lowering, node: MapNode, table: Table) -> dict[str, str]:
    columns = node.get("columns")
    renames: dict[str, str] = {}
    for entry in columns.entries if isinstance(columns, MapNode) else ():
        old, new = entry.key.text, entry.value
        if old not in table.columns:
            help = did_you_mean(old, table.columns)
            low.report("E512", entry.key, f"the source has no column '{old}'", help)
        elif isinstance(new, ScalarNode):
            taken = (set(table.columns) - set(renames) - {old}) | set(renames.values())
            if new.text in taken:
                low.report("E515", new, f"two columns would be named '{new.text}'", "choose another name")
            else:
                renames[old] = new.text
    return renames
