"""The whole compiler on one screen: every stage, in order.

Source → Document → Spec → Plan → Request → Completion → Row → Dataset
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from synthspec.diagnostics import Diagnostic, has_errors, in_order
from synthspec.document import MapNode, read_document
from synthspec.exclusions import check_listed
from synthspec.inherit import not_a_map, resolve_extends
from synthspec.lower import lower_spec
from synthspec.overrides import apply_overrides
from synthspec.resolve import check_whole, parameters_to_try
from synthspec.schema import check_schema
from synthspec.source import read_source
from synthspec.sources import Table
from synthspec.spec import Spec


@dataclass(frozen=True, slots=True)
class Compiled:
    """What the front end makes of a file: a spec if it could be understood, and every diagnostic, by place."""

    spec: Spec | None
    tables: Mapping[str, Table]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        """Whether there is a spec and nothing is wrong with it (warnings aside)."""
        return self.spec is not None and not has_errors(self.diagnostics)


def compile_spec(path: Path, overrides: Mapping[str, str] | None = None) -> Compiled:
    """The front end: a file to a checked spec. Reads files, calls no model, stops at no fault it can report."""
    source, faults = read_source(path)
    if source is None:
        return Compiled(None, {}, faults)
    document, faults = read_document(source)
    if document is None:
        return Compiled(None, {}, faults)
    if not isinstance(document, MapNode):
        return Compiled(None, {}, (*faults, not_a_map(document)))
    whole, found = resolve_extends(document, path)
    faults += found
    root, found = apply_overrides(whole.root, overrides or {})
    faults += found
    root, broken, found = check_schema(root)
    faults += found
    lowered = lower_spec(path, root, broken)
    faults += lowered.diagnostics
    if not has_errors(faults):
        faults += check_whole(lowered.spec, lowered.tables)
        faults += _check_plan(lowered.spec, lowered.tables)
    if not has_errors(faults):
        faults += _check_draws(lowered.spec, lowered.tables)
    return Compiled(lowered.spec, lowered.tables, in_order(faults))


def _check_plan(spec: Spec, tables: Mapping[str, Table]) -> tuple[Diagnostic, ...]:
    """Exclusions and correlations are tried out; a spec without them needs no plan to be checked."""
    if not spec.plan.correlate and not _filtered(spec):
        faults = check_listed(spec)
        if faults is not None and (faults or not spec.plan.exclude):
            return faults
    from synthspec.plan_checks import check_exclusions

    return check_exclusions(spec, tables)


def _check_draws(spec: Spec, tables: Mapping[str, Table]) -> tuple[Diagnostic, ...]:
    """Random functions whose arguments come from other parameters are tried out; others are known already."""
    names = parameters_to_try(spec)
    if not names:
        return ()
    from synthspec.plan_checks import check_missing

    return check_missing(spec, tables, names)


def _filtered(spec: Spec) -> bool:
    from synthspec.spec import SourceDraw

    return any(isinstance(p.draw, SourceDraw) and p.draw.where is not None for p in spec.parameters)
