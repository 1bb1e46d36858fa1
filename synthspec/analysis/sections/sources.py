"""`sources`: each is opened and looked at, so that unknown columns are found before anything runs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from synthspec.analysis.sections.context import AnalysisContext, shown_circle, value_of
from synthspec.diagnostics import did_you_mean
from synthspec.document.inheritance import inside
from synthspec.document.reader import Entry, MapNode, ScalarNode
from synthspec.document.resources import specs_folder
from synthspec.extras import install_command, is_installed
from synthspec.plugins import is_plugin
from synthspec.plugins.guarding import PluginFault, guarded
from synthspec.sources import Table, TableFault, rename
from synthspec.sources.fingerprints import values_digest
from synthspec.sources.guarded_table import guarded_table
from synthspec.sources.kinds import SHARED, Opened, Others, Place, SourceFault, SourceKind, UnreadSource, find_kind
from synthspec.sources.paths import find_file
from synthspec.spec import SourceTable


def lower_sources(ctx: AnalysisContext) -> dict[str, SourceTable]:
    """Every source that could be read, by name, in the order written; their tables go to `ctx.tables`."""
    lowering = _Lowering(ctx)
    for name in lowering.nodes:
        lowering.lower(name)
    ctx.tables |= {name: lowering.tables[name] for name in lowering.nodes if name in lowering.tables}
    return {name: lowering.sources[name] for name in lowering.nodes if name in lowering.sources}


class _Lowering(Others):
    """Sources are opened in the order written, but one that another reads before it."""

    def __init__(self, ctx: AnalysisContext) -> None:
        self.ctx = ctx
        self.nodes = {e.key.text: e for e in ctx.section("sources").entries}
        self.sources: dict[str, SourceTable] = {}
        self.tables: dict[str, Table] = {}
        self._done: set[str] = set()
        self._open: list[str] = []  # those that are being opened, each by the one before it

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.ctx.names_under("sources"))

    def open(self, name: str) -> Opened:
        if name in self._open:
            circle = shown_circle([*self._open[self._open.index(name) :], name])
            raise SourceFault(f"the sources read one another: {circle}", "let one of them read a file instead", "E354")
        if name in self.nodes:
            self.lower(name)
        if name not in self.sources:
            raise UnreadSource(name)
        return Opened(self.tables[name], self.sources[name].digest)

    def lower(self, name: str) -> None:
        """Open a source, unless it was before."""
        if name not in self._done:
            self._done.add(name)
            self._open.append(name)
            self._lower(self.nodes[name])
            self._open.pop()

    def _lower(self, entry: Entry) -> None:
        ctx, node, name = self.ctx, entry.value, entry.key.text
        if not isinstance(node, MapNode) or ctx.is_broken("sources", name):
            return
        key = next(
            (e.key for e in node.entries if e.key.text not in SHARED and is_plugin("source_kinds", e.key.text)), None
        )
        if key is None or not ctx.usable("source_kinds", key.text, key):
            return
        kind = find_kind(key.text)
        opened = _open(ctx, kind, node, self)
        if opened is None:
            return
        renames = _renames(ctx, node, opened.table)
        if not len(opened.table):
            where = node.get(kind.key)
            place = where if isinstance(where, ScalarNode) else node
            ctx.report("E514", place, f"the source '{name}' has no rows", kind.without_rows)
            return
        self.tables[name] = table = rename(opened.table, renames)
        columns = {column: table.column_type(column) for column in table.names}
        digest = opened.digest or partial(values_digest, opened.table)
        self.sources[name] = SourceTable(name, entry.key.span, kind.key, renames, columns, digest, opened.origin)


def _open(ctx: AnalysisContext, kind: SourceKind, node: MapNode, others: Others) -> Opened | None:
    """A source with what there is to say of it reported; None where it cannot be drawn from."""
    at = node.get(kind.key) or node
    if kind.extra is not None and not is_installed(kind.extra[1]):
        message = f"`{kind.key}` needs the package {kind.extra[1]}, which is not installed"
        ctx.report("E350", node.key(kind.key) or node, message, install_command(kind.extra[0]))
        return None
    options = {e.key.text: value_of(e.value) for e in node.entries if e.key.text not in SHARED}
    try:
        place = replace(place_of(ctx, at if isinstance(at, ScalarNode) else node.key(kind.key)), others=others)
        before = ctx.access.before.find(kind, options, place)
        opened = before or guarded("source_kinds", kind.key, kind.open, TableFault)(options, place)
        if not isinstance(opened, Opened) or not isinstance(opened.table, Table):
            raise PluginFault("source_kinds", kind.key, f"gave no Opened with a Table: {type(opened).__name__}")
    except UnreadSource:  # which is said of that one
        return None
    except SourceFault as e:
        where = node.get(e.key) or at
        place_at = where.place(*e.at) if e.at is not None and isinstance(where, ScalarNode) else where
        ctx.report(e.code, place_at, str(e), e.help, e.related)
        return None
    except TableFault as e:
        ctx.report("E511", at, f"this source cannot be read: {e}", e.help or "correct what it names")
        return None
    if before is None:
        ctx.access.before.keep(kind, options, place, opened)
    for note in opened.notes:
        ctx.report(note.code, node.get(note.key) or at, note.message, note.help)
    return replace(
        opened,
        table=guarded_table("source_kinds", kind.key, opened.table),
        digest=opened.digest and guarded("source_kinds", kind.key, opened.digest, TableFault),
    )


def place_of(ctx: AnalysisContext, node: ScalarNode | None) -> Place:
    """Where something is written: of a shipped spec that is extended, its own folder."""
    folder = node.source.path.parent if node is not None else ctx.path.parent
    home = specs_folder() if inside(folder, specs_folder()) else ctx.path.parent
    seed = value_of(ctx.root.get("seed"), 0)
    return Place(folder, home, seed if isinstance(seed, int) else 0, ctx.access)


def data_path(ctx: AnalysisContext, node: ScalarNode) -> Path | None:
    """The path of a data file below the folder of the file that names it."""
    try:
        return find_file(node.text, place_of(ctx, node))
    except SourceFault as e:
        ctx.report(e.code, node, str(e), e.help)
        return None


def _renames(ctx: AnalysisContext, node: MapNode, table: Table) -> dict[str, str]:
    columns = node.get("columns")
    renames: dict[str, str] = {}
    for entry in columns.entries if isinstance(columns, MapNode) else ():
        old, new = entry.key.text, entry.value
        if old not in table.names:
            help = did_you_mean(old, table.names)
            ctx.report("E512", entry.key, f"the source has no column '{old}'", help)
        elif isinstance(new, ScalarNode):
            taken = (set(table.names) - set(renames) - {old}) | set(renames.values())
            if new.text in taken:
                ctx.report("E515", new, f"two columns would be named '{new.text}'", "choose another name")
            else:
                renames[old] = new.text
    return renames
