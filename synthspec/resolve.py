"""What can only be seen of a spec as a whole: names nobody uses, fields nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

from synthspec.diagnostics import Diagnostic
from synthspec.expressions import names_of
from synthspec.spec import Choice, Draw, FakerDraw, Formula, GivenDraw, PatternDraw, SourceDraw, Spec


def check_whole(spec: Spec) -> tuple[Diagnostic, ...]:
    """Warnings about a spec whose parts are sound."""
    return (*_unused_parameters(spec), *_unread_prompts(spec))


def draw_reads(draw: Draw) -> frozenset[str]:
    """The parameters a draw reads."""
    match draw:
        case Formula(expression):
            return names_of(expression)
        case GivenDraw(on, cases, otherwise):
            below = [d for _, d in cases] + ([otherwise] if otherwise is not None else [])
            return frozenset({on}).union(*(draw_reads(d) for d in below))
        case SourceDraw(where=where):
            return names_of(where) - {"row"} if where is not None else frozenset()
        case Choice() | PatternDraw() | FakerDraw():
            return frozenset()


def _unused_parameters(spec: Spec) -> Iterator[Diagnostic]:
    """A parameter nothing depends on changes no prompt, no field and no other parameter."""
    if not spec.fields:
        return  # a fragment, to be extended
    used: set[str] = set()
    for prompt in spec.prompts:
        used |= prompt.reads
    for field in spec.fields:
        used |= names_of(field.value) if field.value is not None else set()
    for expressions in (spec.checks, spec.plan.exclude):
        for rule in expressions:
            used |= names_of(rule.expression)
    todo = [p for p in spec.parameters if p.name in used]
    while todo:
        for name in draw_reads(todo.pop().draw) - used:
            used.add(name)
            todo.extend(p for p in spec.parameters if p.name == name)
    written = {w for p in spec.prompts for w in p.writes}
    for parameter in spec.parameters:
        if parameter.name not in used and parameter.name not in written and parameter.span.file == _file_of(spec):
            help = (
                f"use it in a prompt as {{{{ {parameter.name} }}}}, add a field `value: {parameter.name}`, or remove it"
            )
            yield Diagnostic("W701", f"the parameter '{parameter.name}' is never used", parameter.span, help)


def _file_of(spec: Spec) -> str:
    from synthspec.source import shown_name

    return shown_name(spec.path)


def _unread_prompts(spec: Spec) -> Iterator[Diagnostic]:
    """A prompt is paid for though its fields reach neither the output nor anything else."""
    if not spec.output.columns:
        return
    read = set(spec.output.columns) | set(spec.output.partition_by)
    for prompt in spec.prompts:
        read |= prompt.reads
    for field in spec.fields:
        read |= names_of(field.value) if field.value is not None else set()
    for check in spec.checks:
        read |= names_of(check.expression)
    for prompt in spec.prompts:
        if prompt.writes and not read & set(prompt.writes):
            help = "add one of them to `output.columns` or a check, or remove the prompt"
            yield Diagnostic("W702", f"nobody reads what the prompt '{prompt.name}' writes", prompt.span, help)
