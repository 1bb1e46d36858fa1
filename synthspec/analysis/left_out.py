"""Listed values for which there are too few combinations, because a prompt writes several rows of each."""

from __future__ import annotations

from collections.abc import Iterator

from synthspec.diagnostics import Diagnostic, Related
from synthspec.spec import Choice, Spec
from synthspec.spec.fan_outs import rows_per_combination
from synthspec.spec.used_names import used_names


def values_left_out(spec: Spec) -> Iterator[Diagnostic]:
    """The longest list that is read and has more values than the spec's `rows` need combinations."""
    several = max(spec.prompts, key=lambda prompt: prompt.rows, default=None)
    each = rows_per_combination(spec)
    if several is None or several.rows == 1 or any(prompt.each is not None for prompt in spec.prompts):
        return
    combinations = -(-spec.rows // each)
    used = used_names(spec)
    longest, most = None, combinations
    for parameter in spec.parameters:
        if parameter.name in used and isinstance(parameter.draw, Choice):
            count = sum(weight > 0 for weight in parameter.draw.weights)
            if count > most:
                longest, most = parameter, count
    if longest is None:
        return
    fewer = several.rows * ((spec.rows - 1) // (most - 1)) // each
    message = (
        f"{spec.rows:,} rows, {each:,} of each combination, take {combinations:,} combinations: "
        f"{most - combinations:,} of the {most:,} values of '{longest.name}' or more never occur"
    )
    help = f"set `rows: {each * most}` for the spec"
    help += f", or `rows: {fewer}` in the prompt '{several.name}'" if fewer else ""
    related = (Related(several.span, f"writes {several.rows:,} rows at once"),)
    yield Diagnostic("W740", message, longest.span, help, related)
