"""`sources`: each file is opened and looked at, so that unknown columns are found before anything runs."""

from __future__ import annotations

from pathlib import Path

from synthspec.analysis.sections.context import AnalysisContext, value_of
from synthspec.diagnostics import did_you_mean, nearest
from synthspec.document.inheritance import inside
from synthspec.document.reader import MapNode, ScalarNode
from synthspec.document.resources import specs_folder
from synthspec.document.source import path_fault
from synthspec.sources import Reading, Table, TableFault, is_readable, read_table, rename, settings_read, table_of
from synthspec.spec import SourceTable

ENCODINGS = tuple(
    "utf-8 utf-16 utf-32 ascii latin-1 cp1250 cp1251 cp1252 cp437 cp850 iso-8859-1 iso-8859-15 mac-roman shift_jis "
    "gb18030 big5 euc-kr koi8-r".split()
)


def lower_sources(ctx: AnalysisContext) -> dict[str, SourceTable]:
    """Every source that could be read, by name; their tables go to `ctx.tables`."""
    sources: dict[str, SourceTable] = {}
    for entry in ctx.section("sources").entries:
        node = entry.value
        if not isinstance(node, MapNode) or ctx.is_broken("sources", entry.key.text):
            continue
        file = node.get("file")
        path = data_path(ctx, file) if isinstance(file, ScalarNode) else None
        table = _read(ctx, path, file, _reading(ctx, node)) if isinstance(file, ScalarNode) else _inline(ctx, node)
        if table is None:
            continue
        renames = _renames(ctx, node, table)
        if not len(table):
            ctx.report("E514", file or node, f"the source '{entry.key.text}' holds no rows", "add data rows")
            continue
        table = rename(table, renames)
        ctx.tables[entry.key.text] = table
        columns = {name: table.column_type(name) for name in table.columns}
        rows = None if path else tuple(table.row(i) for i in range(len(table)))
        sources[entry.key.text] = SourceTable(entry.key.text, entry.key.span, path, rows, renames, columns)
    return sources


def data_path(ctx: AnalysisContext, node: ScalarNode) -> Path | None:
    """The path of a data file below the folder of the file that names it."""
    wrong = path_fault(node.text)
    if wrong is not None:
        ctx.report("E511", node, *wrong)
        return None
    base = node.source.path.parent
    path = base / node.text
    home = specs_folder() if inside(base, specs_folder()) else ctx.path.parent
    if not inside(path, home):
        help = "copy the file below the spec's folder and name it there"
        ctx.report("E513", node, f"'{node.text}' lies outside the spec's folder", help)
        return None
    if not path.is_file():
        folder = node.text[: node.text.rfind("/") + 1]
        there = [f"{folder}{p.name}" for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = nearest(node.text, there)
        help = f"did you mean '{near}'?" if near else "check the path; it is relative to the file it is written in"
        ctx.report("E511", node, f"there is no file '{node.text}'", help)
        return None
    return path


def _read(ctx: AnalysisContext, path: Path | None, node: ScalarNode, reading: Reading | None) -> Table | None:
    if path is None or reading is None:
        return None
    try:
        table = read_table(path, reading)
    except TableFault as e:
        ctx.report("E511", node, f"'{node.text}' cannot be read: {e}", e.help or "correct the file, or name another")
        return None
    if table.guessed_encoding:
        help = f"add `encoding: {table.guessed_encoding}` to the source if that is right, or save the file as UTF-8"
        ctx.report("W750", node, f"'{node.text}' is not UTF-8 text; it is read as {table.guessed_encoding}", help)
    return table


def _reading(ctx: AnalysisContext, node: MapNode) -> Reading | None:
    """How the spec says that a file is to be read; None where it says what cannot be."""
    file = node.get("file")
    suffix = Path(file.text).suffix.lower() if isinstance(file, ScalarNode) else ""
    given = {k: n.text for k in ("delimiter", "encoding", "decimal") if isinstance(n := node.get(k), ScalarNode)}
    if isinstance(file, ScalarNode) and is_readable(suffix) and not ctx.usable("sources", suffix[1:], file):
        return None
    heeded = settings_read(suffix) if given and is_readable(suffix) else tuple(given)
    for key in given:
        if key not in heeded:
            kinds = "csv or tsv" if key != "encoding" else "text"
            ctx.report("E130", node.get(key) or node, f"`{key}` is for {kinds} files, not {suffix}", f"remove `{key}`")
            return None
    delimiter = "\t" if given.get("delimiter") in ("tab", "\\t") else given.get("delimiter")
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        help = "write one character in quotes, such as `delimiter: ';'`, or `delimiter: tab`"
        ctx.report("E130", node.get("delimiter") or node, f"'{delimiter}' separates no values", help)
        return None
    encoding = given.get("encoding")
    if encoding is not None and not _is_encoding(encoding):
        help = did_you_mean(encoding, ENCODINGS, "write one such as utf-8, utf-16 or cp1252")
        ctx.report("E130", node.get("encoding") or node, f"there is no encoding '{encoding}'", help)
        return None
    return Reading(delimiter, encoding, given.get("decimal"))


def _is_encoding(name: str) -> bool:
    try:
        "".encode(name)
        return isinstance(b"".decode(name), str)
    except (LookupError, UnicodeError, ValueError, TypeError):
        return False


def _inline(ctx: AnalysisContext, node: MapNode) -> Table | None:
    rows = node.get("rows")
    if rows is None:
        return None
    return table_of([r for r in value_of(rows) if isinstance(r, dict)])


def _renames(ctx: AnalysisContext, node: MapNode, table: Table) -> dict[str, str]:
    columns = node.get("columns")
    renames: dict[str, str] = {}
    for entry in columns.entries if isinstance(columns, MapNode) else ():
        old, new = entry.key.text, entry.value
        if old not in table.columns:
            help = did_you_mean(old, table.columns)
            ctx.report("E512", entry.key, f"the source has no column '{old}'", help)
        elif isinstance(new, ScalarNode):
            taken = (set(table.columns) - set(renames) - {old}) | set(renames.values())
            if new.text in taken:
                ctx.report("E515", new, f"two columns would be named '{new.text}'", "choose another name")
            else:
                renames[old] = new.text
    return renames
