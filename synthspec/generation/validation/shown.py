"""Fields that store the examples a prompt was shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from synthspec.inference.examples import ExampleRows
from synthspec.languages.expressions.functions.placed import INDEX
from synthspec.languages.expressions.functions.schemas import plain
from synthspec.sources import Table
from synthspec.spec import Field, Prompt, Spec


def shown_rows(spec: Spec, field: Field, tables: Mapping[str, Table] | None) -> Callable[[Mapping[str, Any]], Any]:
    """The field's value by its row: the very rows that the prompt is shown, as JSON has them."""
    prompt = _prompt(spec, field)
    asked = prompt.examples
    if asked is None or tables is None:
        raise ValueError(f"the field '{field.name}' stores rows of a source, which is not here")
    rows = ExampleRows(asked, tables[asked.source], f"{spec.seed}/{prompt.name}")
    return lambda row: plain(rows.rows(row.get(INDEX, 0), row))


def drawn_by_chance(spec: Spec, field: Field) -> bool:
    """Whether it stores examples that hang on the number of the row's combination."""
    if field.examples is None:
        return False
    asked = _prompt(spec, field).examples
    return asked is not None and asked.nearest is None


def _prompt(spec: Spec, field: Field) -> Prompt:
    return next(p for p in spec.prompts if p.name == field.examples)
