"""Document → Spec: every part understood, named and typed; every fault reported, none twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from synthspec.analysis.sections.asked_rows import check_combinations, check_moves, lower_rows
from synthspec.analysis.sections.comments import cut_texts
from synthspec.analysis.sections.context import AnalysisContext, ReadText, scalar_text, value_of
from synthspec.analysis.sections.digests import digest_of, program_of
from synthspec.analysis.sections.engines import check_engine
from synthspec.analysis.sections.fields import lower_fields
from synthspec.analysis.sections.items import item_types
from synthspec.analysis.sections.output import lower_output
from synthspec.analysis.sections.parameters import lower_parameters
from synthspec.analysis.sections.plan import lower_plan
from synthspec.analysis.sections.prompts.abilities import check_abilities
from synthspec.analysis.sections.prompts.lowering import lower_prompts
from synthspec.analysis.sections.prompts.surroundings import Surroundings
from synthspec.analysis.sections.rules import lower_checks, lower_gates
from synthspec.analysis.sections.settings import lower_backend, lower_limits, lower_novelty
from synthspec.analysis.sections.sources import lower_sources
from synthspec.analysis.sections.tool_columns import with_tool_columns
from synthspec.analysis.sections.without_replacement import check_replacement
from synthspec.diagnostics import Diagnostic
from synthspec.document.paths import NodePath
from synthspec.document.reader import MapNode, ScalarNode, to_data
from synthspec.lazy_dataclass import dataclass
from synthspec.sources import Table
from synthspec.sources.kinds import NO_ACCESS, Access
from synthspec.spec import Spec
from synthspec.spec.fan_outs import rows_per_combination
from synthspec.spec.field_levels import field_levels


@dataclass(frozen=True, slots=True)
class Lowered:
    """A spec, the source tables it reads, and what is wrong with it."""

    spec: Spec
    tables: dict[str, Table]
    diagnostics: tuple[Diagnostic, ...]
    readings: tuple[ReadText, ...] = ()


def lower_spec(path: Path, document: MapNode, broken: frozenset[NodePath], *, access: Access = NO_ACCESS) -> Lowered:
    """Lower a document that the schema has checked and pruned. `access` is what its sources may do."""
    ctx = AnalysisContext(path, document, broken, access)
    sources = lower_sources(ctx)
    parameters = lower_parameters(ctx, sources)
    types = {p.name: p.type for p in parameters}
    plan = lower_plan(ctx, parameters)
    limits = lower_limits(ctx)
    fields = lower_fields(ctx, types)
    by_name = {f.name: f for f in fields}
    novelty = lower_novelty(ctx, by_name, sources)
    avoid = novelty.avoid is not None or ctx.is_broken("novelty", "avoid")
    written = {f.name: f.type for f in fields}
    items = item_types(ctx, {**written, **types})
    around = Surroundings(types, by_name, sources, limits, avoid, {p.name: p.draw for p in parameters},
                          written, items)  # fmt: skip
    prompts, tools = lower_prompts(ctx, around)
    prompts, fields = with_tool_columns(ctx, prompts, fields, tools.declared)
    by_name = {f.name: f for f in fields}
    root = document.get
    asked, each = lower_rows(ctx, sources, parameters, plan)
    replaces = check_moves(ctx, prompts, each, novelty.on_saturation)
    spec = Spec(
        path=path,
        name=scalar_text(root("name"), _name_of(path)),
        rows=asked,
        seed=int(value_of(root("seed"), 0)),
        description=scalar_text(root("description")).strip(),
        license=scalar_text(root("license")),
        tags=tuple(n.text for n in ctx.items(root("tags")) if isinstance(n, ScalarNode)),
        sources=sources,
        parameters=parameters,
        plan=plan,
        prompts=prompts,
        fields=fields,
        checks=lower_checks(ctx, by_name, {**types, **items}, prompts),
        novelty=novelty,
        gates=lower_gates(ctx),
        output=replace(
            lower_output(ctx, by_name, field_levels(fields, prompts, types), types),
            tools={p.writes[0]: p.writes[1] for p in prompts if p.dialogue is not None and len(p.writes) > 1},
        ),
        backend=lower_backend(ctx, root("backend"), limits),
        limits=limits,
        on_missing="replace" if replaces else "report",
        tools=tools.declared,
        players=tools.players,
        repair=bool(value_of(root("repair"), True)),
        digest=digest_of(to_data(document, json=True)),
        program_digest=digest_of(program_of(to_data(document, json=True))),
    )
    check_abilities(ctx, spec, around)
    if each is not None:
        spec = replace(spec, rows=asked * rows_per_combination(spec), each=each, open_ended=True)
    check_replacement(ctx, spec)
    check_combinations(ctx, spec)
    check_engine(ctx, spec)
    return Lowered(spec, ctx.tables, (*ctx.faults, *cut_texts(document)), tuple(ctx.readings))


def _name_of(path: Path) -> str:
    import re

    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-.") or "dataset"
