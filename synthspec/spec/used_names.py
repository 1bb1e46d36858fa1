"""Which parameters a spec reads, and which have to be tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from synthspec.languages.expressions import names_of, random_calls
from synthspec.languages.expressions.functions.placed import placed_calls
from synthspec.languages.expressions.reach import constant_known
from synthspec.languages.expressions.tree import FunctionCall
from synthspec.spec import (
    Choice,
    Draw,
    FakerDraw,
    Formula,
    GivenDraw,
    ListDraw,
    Parameter,
    PatternDraw,
    SourceDraw,
    Spec,
)
from synthspec.spec.draws import draws_inside


def draw_reads(draw: Draw) -> frozenset[str]:
    """The parameters a draw reads."""
    match draw:
        case Formula(expression):
            return names_of(expression)
        case GivenDraw(on, cases, otherwise):
            below = [d for _, d in cases] + ([otherwise] if otherwise is not None else [])
            return frozenset({on}).union(*(draw_reads(d) for d in below))
        case SourceDraw(where=where, nearest=nearest, count=count):
            read = names_of(where) - {"row"} if where is not None else frozenset[str]()
            return read.union(*(names_of(e) for e in (nearest, count) if e is not None))
        case ListDraw(item=item, count=count):
            return draw_reads(item) | names_of(count)
        case Choice() | PatternDraw() | FakerDraw():
            return frozenset()


def used_names(spec: Spec) -> frozenset[str]:
    """The parameters that a prompt, field, check or exclusion reads, directly or through another parameter."""
    used: set[str] = set()
    for prompt in spec.prompts:
        used |= prompt.reads
    for field in spec.fields:
        used |= names_of(field.value) if field.value is not None else set()
    for expressions in (spec.checks, spec.plan.exclude):
        for rule in expressions:
            used |= names_of(rule.expression)
    used.update(*(check.told for check in spec.checks))
    by_name = {p.name: p for p in spec.parameters}
    todo = [p for p in spec.parameters if p.name in used]
    while todo:
        for name in draw_reads(todo.pop().draw) - used:
            used.add(name)
            if name in by_name:
                todo.append(by_name[name])
    return frozenset(p.name for p in spec.parameters if p.name in used)


def counted(parameters: Sequence[Parameter]) -> frozenset[str]:
    """The parameters that hang on `index()`, the number of their combination, directly or through others."""
    found: set[str] = set()
    for parameter in parameters:  # each reads those above it
        if _counts(parameter.draw) or draw_reads(parameter.draw) & found:
            found.add(parameter.name)
    return frozenset(found)


def _counts(draw: Draw) -> bool:
    match draw:
        case Formula(expression):
            return bool(placed_calls(expression))
        case GivenDraw(_, cases, otherwise):
            return any(map(_counts, (*(d for _, d in cases), *([otherwise] if otherwise is not None else []))))
        case ListDraw(item=item, count=count):
            return _counts(item) or bool(placed_calls(count))
        case SourceDraw(count=count) if count is not None:
            return bool(placed_calls(count))
    return False


def parameters_to_try(spec: Spec) -> frozenset[str]:
    """The parameters drawn by a random function whose arguments are known only when a row is drawn, and lists whose
    items are to differ."""
    found = {p.name for p in spec.parameters if any(not constant_known(c) for c in _calls(p.draw))}
    differ = {p.name for p in spec.parameters if any(_differs(d) for d in draws_inside(p.draw))}
    return frozenset(found | differ)


def _differs(draw: Draw) -> bool:
    return isinstance(draw, ListDraw) and not draw.replacement and not isinstance(draw.item, Choice)


def _calls(draw: Draw) -> Iterator[FunctionCall]:
    match draw:
        case Formula(expression):
            yield from random_calls(expression)
        case GivenDraw(_, cases, otherwise):
            for inner in (*(d for _, d in cases), *([otherwise] if otherwise is not None else [])):
                yield from _calls(inner)
        case ListDraw(item=item, count=count):
            yield from random_calls(count)
            yield from _calls(item)
        case SourceDraw(count=count) if count is not None:
            yield from random_calls(count)
