"""Lists of parameters that have no item in any of the first combinations: no row is made of them, nothing is asked."""

from __future__ import annotations

from collections.abc import Mapping

from synthspec.diagnostics import Diagnostic
from synthspec.diagnostics.errors import SynthspecError
from synthspec.languages.expressions import compile_row, names_of
from synthspec.sources import Table
from synthspec.spec import Spec

TRIED = 64  # combinations


def check_empty_lists(spec: Spec, tables: Mapping[str, Table]) -> tuple[Diagnostic, ...]:
    """A warning for each `each` or `map` over a list of parameters that is always empty, as far as is tried."""
    known = {p.name for p in spec.parameters} - {w for p in spec.prompts for w in p.writes}
    over = [(key, e) for p in spec.prompts for key, e in (("each", p.each), ("map", p.map)) if e is not None]
    lists = [(key, each, compile_row(each.items)) for key, each in over if names_of(each.items) <= known]
    if not lists:
        return ()
    from synthspec.planning.plan import build_plan

    tried = 0
    try:
        for values in build_plan(spec, tables).combinations(0, TRIED):
            tried += 1
            lists = [(key, each, items) for key, each, items in lists if not items(values)]
            if not lists:
                return ()
    except SynthspecError:
        return ()  # which is said where it is met
    message = f"in each of the first {tried} combinations this list has no items: "
    vain = {"each": "no row is made of it", "map": "nothing is asked for it"}
    help = "draw lists that have items, or name another"
    return tuple(Diagnostic("W798", message + vain[key], each.span, help) for key, each, _ in lists)
