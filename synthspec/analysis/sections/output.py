"""`output`: which files are written, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthspec.analysis.sections.context import AnalysisContext, value_of
from synthspec.analysis.sections.same_values import are_alike, is_one_value
from synthspec.analysis.sections.scope import Scope
from synthspec.analysis.sections.settings import field_names
from synthspec.analysis.sections.tables import lower_tables
from synthspec.dataset.names import RESERVED
from synthspec.diagnostics import did_you_mean
from synthspec.diagnostics.remedies import remove
from synthspec.document.reader import MapNode, Node, ScalarNode
from synthspec.languages.expressions import names_of
from synthspec.languages.expressions.tree import Expression
from synthspec.languages.expressions.types import Type
from synthspec.plugins import is_plugin, plugin_names
from synthspec.spec import CsvStyle, Field, Output


def lower_output(
    ctx: AnalysisContext, fields: Mapping[str, Field], levels: Mapping[str, int], parameters: Mapping[str, Type]
) -> Output:
    """What is written, and as what. `levels` are those of the fields."""
    node = ctx.section("output")
    formats: list[str] = []
    for item in ctx.items(node.get("formats")):
        if isinstance(item, ScalarNode):
            if is_plugin("writers", item.text):
                if ctx.usable("writers", item.text, item):
                    formats.append(item.text)
            else:
                help = did_you_mean(item.text, plugin_names("writers"))
                ctx.report("E605", item, f"there is no output format '{item.text}'", help)
    partition = field_names(ctx, node.get("partition_by"), fields)
    columns = field_names(ctx, node.get("columns"), fields)
    stratify = field_names(ctx, node.get("stratify"), fields)
    if node.get("stratify") is not None and node.get("split") is None:
        ctx.report("E606", node.key("stratify") or node, "`stratify` without a `split`", "add `split:`, or " + remove())
    written = tuple(dict.fromkeys(formats)) or ("csv",)
    _own_files(ctx, node, written)
    split = value_of(node.get("split"), {})
    _sum_of_shares(ctx, node.get("split"), split)
    return Output(
        formats=written,
        partition_by=partition,
        split={str(k): float(v) for k, v in split.items()},
        columns=columns,
        shape=_shape(ctx, node.get("shape"), fields, columns),
        stratify=stratify[0] if stratify else None,
        csv=_csv_style(ctx, node.get("csv"), written),
        tables=lower_tables(ctx, node, fields, levels),
        group=_group(ctx, node, fields, parameters),
    )


def _group(
    ctx: AnalysisContext, node: MapNode, fields: Mapping[str, Field], parameters: Mapping[str, Type]
) -> Expression | None:
    """By which value rows share a split."""
    given = node.get("group")
    if given is None:
        return None
    before = len(ctx.faults)
    if node.get("split") is None:
        ctx.report("E606", node.key("group") or node, "`group` without a `split`", "add `split:`, or " + remove())
    types = {name: field.type for name, field in fields.items()}
    found, _ = ctx.expression(given, Scope(parameters, types, ctx.names_under("parameters")))
    if found is not None and value_of(ctx.root.get("on_missing")) == "replace":
        for name in sorted(names_of(found) & set(parameters)):
            message = f"`group` reads the parameter '{name}', which `on_missing: replace` may draw again"
            ctx.report("E606", given, message, f"add a field `value: {name}` under another name and group by that")
            break
    if found is not None and len(ctx.faults) == before and is_one_value(found, {**parameters, **types}, fields):
        message = "`group` is the same for every row, so all rows go into one split"
        ctx.report("E698", given, message, "group by a field that differs, or " + remove("group"))
    return found


def _csv_style(ctx: AnalysisContext, node: Node | None, formats: tuple[str, ...]) -> CsvStyle:
    style = value_of(node, {})
    if node is not None and "csv" not in formats:
        message = "`csv` says how CSV files are written, and none is"
        ctx.report("W735", node, message, "add csv to `formats`, or " + remove())
    return CsvStyle(bool(style.get("bom")), bool(style.get("safe")))


def _own_files(ctx: AnalysisContext, node: MapNode, formats: tuple[str, ...]) -> None:
    """A dataset must not have the name of a file that every build writes."""
    tables = node.get("tables")
    names: list[tuple[str, Node, str]] = [
        (value_of(ctx.root.get("name"), ""), ctx.root.get("name") or node, "give the dataset another `name`")
    ]
    if isinstance(tables, MapNode):
        names = [(e.key.text, e.key, "give the table another name") for e in tables.entries]
    plain = not node.get("split") and not node.get("partition_by")
    for name, place, help in names if plain else ():
        for form in formats:
            if f"{name}.{form}".casefold() in {r.casefold() for r in RESERVED}:
                message = f"'{name}.{form}' is a file of every build, so it cannot be the dataset's"
                ctx.report("E651", place, message, help)


def _sum_of_shares(ctx: AnalysisContext, node: Node | None, split: Mapping[str, float]) -> None:
    """Shares such as 8 and 2 are proportions; those below 1 are surely meant to add up to it."""
    total = sum(split.values())
    if node is None or not split or ctx.is_broken("output", "split") or any(s >= 1 for s in split.values()):
        return
    if abs(total - 1) > 1e-6:
        message = f"the shares of the splits add up to {total:.6g}, not to 1"
        ctx.report("W704", node, message, "make them add up to 1; as they are, they count as proportions")


def _shape(ctx: AnalysisContext, node: Node | None, fields: Mapping[str, Field], columns: tuple[str, ...]) -> Any:
    if node is None:
        return "table"
    shape = value_of(node)
    from synthspec.dataset.row_shapes import fields_played, shape_faults
    from synthspec.dataset.writers import Column

    if isinstance(node, MapNode) and not _roles(ctx, node, fields):
        return shape
    names = columns or tuple(fields)
    if any(ctx.is_broken("fields", name) for name in names):  # whose types are not known
        return shape
    written = tuple(Column(n, fields[n].type) for n in names if n in fields)
    faults = list(shape_faults(shape, written))
    for message in faults:
        ctx.report("E607", node, message, "name the fields that play each role, or choose `table`")
    if not faults:
        _pairs(ctx, node, fields, fields_played(shape, written))
    return shape


def _pairs(ctx: AnalysisContext, node: Node, fields: Mapping[str, Field], played: Mapping[str, str]) -> None:
    """Report pairs whose two sides are always the same."""
    if not {"chosen", "rejected"} <= played.keys():
        return
    chosen, rejected = (fields[played[role]] for role in ("chosen", "rejected"))
    if chosen.name == rejected.name:
        message = f"'{chosen.name}' is both `chosen` and `rejected`, so every pair is of equal texts"
        help = "name another field for one of them"
    elif are_alike(chosen, rejected, fields):
        message = f"'{chosen.name}' and '{rejected.name}' always have the same value, so every pair is of equal texts"
        help = f"compute '{rejected.name}' otherwise, for example as rank(answers, scores)[-1]"
    else:
        return
    ctx.report("E697", node, message, help)


def _roles(ctx: AnalysisContext, node: MapNode, fields: Mapping[str, Field]) -> bool:
    """Whether a shape's roles exist and are played by fields."""
    from synthspec.dataset.row_shapes import role_names

    kind = value_of(node.get("kind"))
    before = len(ctx.faults)
    roles = list(role_names(kind))
    for entry in node.entries:
        role = entry.key.text
        if role == "kind":
            continue
        if role not in roles:
            message = f"the shape '{kind}' has no role '{role}'"
            free = [name for name in roles if node.get(name) is None]
            otherwise = remove() if roles else "a table has none: name another kind"
            ctx.report("E607", entry.key, message, did_you_mean(role, free, otherwise))
        else:
            field_names(ctx, entry.value, fields)
    return len(ctx.faults) == before
