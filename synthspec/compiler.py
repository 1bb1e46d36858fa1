"""The whole compiler on one screen: every stage, in order.

Source → Document → Spec → Plan → Request → Completion → Row → Dataset
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from synthspec.analysis.compiled import Compiled
from synthspec.analysis.failed_plugin import plugin_that_failed
from synthspec.analysis.sections import lower_spec
from synthspec.analysis.whole import check_whole
from synthspec.diagnostics import Diagnostic, Span, has_errors, in_order
from synthspec.document.inheritance import not_a_map, resolve_extends
from synthspec.document.overrides import apply_overrides
from synthspec.document.reader import MapNode, read_document
from synthspec.document.schema import check_schema
from synthspec.document.source import Source, buffer_source, read_source, text_source
from synthspec.generation.empty_lists import check_empty_lists
from synthspec.generation.unkept_rules import check_unkept
from synthspec.planning.constraints.checked_before import CheckedPlans
from synthspec.planning.constraints.listed import check_listed
from synthspec.plugins.guarding import PluginFault
from synthspec.sources import Table, TableFault
from synthspec.sources.kinds import NO_ACCESS, Access
from synthspec.spec import Spec
from synthspec.spec.used_names import parameters_to_try

_CHECKED = CheckedPlans()  # of texts in editors


def compile_spec(path: Path, overrides: Mapping[str, str] | None = None, *, access: Access = NO_ACCESS) -> Compiled:
    """The front end: a file to a checked spec. Reads files, calls no model, stops at no fault it can report.

    `access` is what the person who runs it allows sources: to run code, to look again at what they fetched.
    """
    return _compile(*read_source(path), overrides or {}, access)


def compile_text(text: str, overrides: Mapping[str, str] | None = None, *, access: Access = NO_ACCESS) -> Compiled:
    """The same for a spec that is no file. Files that it names are looked for in the working directory."""
    return _compile(*text_source(text), overrides or {}, access)


def compile_buffer(
    path: Path,
    text: str,
    *,
    access: Access = NO_ACCESS,
    texts: Mapping[Path, str] | None = None,
    tried: bool = True,
) -> Compiled:
    """The same for a file as an editor has it. `texts` are other files that are not saved, by resolved path.

    Unless it is to be `tried`, nothing is drawn: what only a plan tells is not looked for.
    """
    return _compile(*buffer_source(path, text), {}, access, texts, tried, _CHECKED)


def _compile(
    source: Source | None,
    faults: tuple[Diagnostic, ...],
    overrides: Mapping[str, str],
    access: Access,
    texts: Mapping[Path, str] | None = None,
    tried: bool = True,
    checked: CheckedPlans | None = None,
) -> Compiled:
    if source is None:
        return Compiled(None, {}, faults)
    path = source.path
    document, faults = read_document(source)
    if document is None:
        return Compiled(None, {}, faults)
    if not isinstance(document, MapNode):
        return Compiled(None, {}, (*faults, not_a_map(document)))
    whole, found = resolve_extends(document, path, texts)
    faults += found
    root, found = apply_overrides(whole.root, overrides)
    faults += found
    root, broken, found = check_schema(root)
    faults += found
    try:
        lowered = lower_spec(path, root, broken, access=access)
    except PluginFault as e:
        return Compiled(None, {}, in_order((*faults, plugin_that_failed(root, e))), whole.root, files=whole.files)
    faults += lowered.diagnostics
    try:
        if tried and not has_errors(faults):
            faults += check_whole(lowered.spec, lowered.tables, root)
            spec, tables = lowered.spec, lowered.tables
            faults += _try_plan(spec, tables) if checked is None else checked.found(_try_plan, spec, tables)
        if tried and not has_errors(faults):
            faults += check_unkept(lowered.spec, lowered.tables)
            faults += check_empty_lists(lowered.spec, lowered.tables)
    except PluginFault as e:
        faults += (plugin_that_failed(root, e),)
    except TableFault as e:  # a row that is read by need
        faults += (Diagnostic(getattr(e, "code", "E511"), str(e), _sources_of(root), e.help),)
    return Compiled(lowered.spec, lowered.tables, in_order(faults), whole.root, lowered.readings, whole.files)


def _sources_of(root: MapNode) -> Span:
    """Where the sources are declared."""
    key = root.key("sources")
    return root.span if key is None else key.span


def _try_plan(spec: Spec, tables: Mapping[str, Table]) -> tuple[Diagnostic, ...]:
    """What only drawing tells of a plan."""
    faults = _check_plan(spec, tables)
    return faults if has_errors(faults) else (*faults, *_check_draws(spec, tables))


def _check_plan(spec: Spec, tables: Mapping[str, Table]) -> tuple[Diagnostic, ...]:
    """Exclusions and correlations are tried out; a spec without them needs no plan to be checked."""
    if not spec.plan.correlate and not _filtered(spec):
        faults = check_listed(spec)
        if faults is not None and (faults or not spec.plan.exclude):
            return faults
    from synthspec.planning.constraints.checks import check_exclusions

    return check_exclusions(spec, tables)


def _check_draws(spec: Spec, tables: Mapping[str, Table]) -> tuple[Diagnostic, ...]:
    """Random functions whose arguments come from other parameters are tried out; others are known already."""
    names = parameters_to_try(spec)
    if not names:
        return ()
    from synthspec.planning.constraints.checks import check_missing

    return check_missing(spec, tables, names)


def _filtered(spec: Spec) -> bool:
    from synthspec.spec import SourceDraw

    return any(isinstance(p.draw, SourceDraw) and p.draw.where is not None for p in spec.parameters)
