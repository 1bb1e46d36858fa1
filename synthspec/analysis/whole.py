"""What can only be seen of a spec as a whole: names nobody uses, fields nobody reads."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping

from synthspec.analysis.empty_openings import empty_openings
from synthspec.analysis.left_out import values_left_out
from synthspec.analysis.null_columns import null_columns
from synthspec.analysis.ruleless import texts_without_rules
from synthspec.analysis.undeclared_calls import undeclared_calls
from synthspec.analysis.unread_items import unread_items
from synthspec.analysis.unread_rows import unread_rows
from synthspec.diagnostics import Diagnostic
from synthspec.diagnostics.remedies import remove
from synthspec.document.reader import MapNode
from synthspec.languages.expressions import compile_row, names_of
from synthspec.sources import Table
from synthspec.spec import Spec
from synthspec.spec.backends_used import endpoints_of
from synthspec.spec.used_names import used_names

MAX_TRIED = 200_000  # rows of a source times combinations of listed values


def check_whole(spec: Spec, tables: Mapping[str, Table], root: MapNode) -> tuple[Diagnostic, ...]:
    """Warnings about a spec whose parts are sound."""
    found = (_unused_parameters(spec), _unread_prompts(spec), _no_examples(spec, tables), _samples_without_chance(spec))
    return (
        *itertools.chain(*found),
        *values_left_out(spec),
        *undeclared_calls(spec, root),
        *texts_without_rules(spec),
        *unread_items(spec),
        *null_columns(spec, tables),
        *unread_rows(spec, root),
        *empty_openings(spec, root),
    )


def _unused_parameters(spec: Spec) -> Iterator[Diagnostic]:
    """A parameter nothing depends on changes no prompt, no field and no other parameter."""
    if not spec.fields:
        return  # a fragment, to be extended
    used = used_names(spec) | (names_of(spec.output.group) if spec.output.group is not None else frozenset())
    written = {w for p in spec.prompts for w in p.writes}
    for parameter in spec.parameters:
        if parameter.name not in used and parameter.name not in written and parameter.span.file == _file_of(spec):
            name = parameter.name
            help = f"use it in a prompt as {{{{ {name} }}}}, add a field `value: {name}`, or " + remove()
            yield Diagnostic("W701", f"the parameter '{parameter.name}' is never used", parameter.span, help)


def _file_of(spec: Spec) -> str:
    from synthspec.document.source import shown_name

    return shown_name(spec.path)


def _unread_prompts(spec: Spec) -> Iterator[Diagnostic]:
    """A prompt is paid for though its fields reach neither the output nor anything else."""
    columns = {*spec.output.columns, *(c for table in spec.output.tables for c in table.columns)}
    if not columns:
        return
    read = columns | set(spec.output.partition_by)
    for prompt in spec.prompts:
        read |= prompt.reads
    for field in spec.fields:
        read |= names_of(field.value) if field.value is not None else set()
    for check in spec.checks:
        read |= names_of(check.expression)
    for prompt in spec.prompts:
        if prompt.writes and not read & set(prompt.writes):
            help = "add one of them to `output.columns` or a check, or remove the prompt"
            yield Diagnostic("W702", f"nothing reads what the prompt '{prompt.name}' writes", prompt.span, help)


def _samples_without_chance(spec: Spec) -> Iterator[Diagnostic]:
    """A prompt whose samples are asked of one backend more than once, at a temperature of 0."""
    for prompt in spec.asked:
        choices = endpoints_of(spec, prompt).values()
        if prompt.samples is None or prompt.samples <= len(prompt.backends) or prompt.samples == 1:
            continue
        if any(c.settings.get("temperature") == 0 for c in choices):
            message = f"'{prompt.name}' is asked the same {prompt.samples} times at temperature 0"
            yield Diagnostic("W725", message, prompt.span, "set a higher `temperature` in its `backend`")


def _no_examples(spec: Spec, tables: Mapping[str, Table]) -> Iterator[Diagnostic]:
    """Listed values for which no row of the source passes a prompt's `examples.where`."""
    types = {p.name: p.type for p in spec.parameters}
    for prompt in spec.prompts:
        asked = prompt.examples
        if asked is None or asked.where is None:
            continue
        names = sorted(names_of(asked.where) - {"row"})
        values = [types[n].values if n in types else None for n in names]
        table = tables[asked.source]
        if any(v is None for v in values) or math.prod(len(v or ()) for v in values) * len(table) > MAX_TRIED:
            continue
        test, rows = compile_row(asked.where), list(table.iterate())
        for chosen in itertools.product(*(v or () for v in values)):
            given = dict(zip(names, chosen, strict=True))
            if not any(test({**given, "row": row}) for row in rows):
                said = " and ".join(f"{n} = {v!r}" for n, v in given.items())
                message = f"no row of '{asked.source}' passes `where`" + (f" for {said}" if said else "")
                help = "the prompt shows no example then: widen `where`, or add such rows"
                yield Diagnostic("W703", message, prompt.span, help)
                break
