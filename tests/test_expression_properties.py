"""What always holds of expressions: evaluation is total, both evaluators agree, parsing never fails badly."""

from __future__ import annotations

import datetime
import math
import re
from typing import Any

import numpy as np
import pytest
from depth import examples, one_in, quarter
from expression_strategies import SCOPE, as_columns, expressions, table
from hypothesis import given, settings
from hypothesis import strategies as st

from synthspec.languages.expressions import check_expression, compile_row, evaluate, parse_expression, random_calls
from synthspec.languages.expressions.errors import Fault
from synthspec.languages.expressions.evaluation.columns import unpack
from synthspec.languages.expressions.evaluation.values import is_null
from synthspec.languages.expressions.types import fits

KINDS = ["integer", "number", "text", "boolean", "date", "datetime", "numbers", "texts", "map"]
DTYPES = {
    "integer": ("int64", "object"),  # objects where some are null or beyond 64 bits
    "number": ("float64",),
    "boolean": ("bool",),
    "date": ("datetime64[D]",),
    "datetime": ("datetime64[s]",),
}


def same(a: Any, b: Any) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if is_null(a) or is_null(b):
        return is_null(a) and is_null(b)
    if isinstance(a, datetime.datetime) != isinstance(b, datetime.datetime):
        return False
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def of_a_null(fault: Fault) -> bool:
    """Whether a null was drawn where it is always null, or an item that is never there: right to be said, and
    evaluated all the same."""
    return fault.code in ("E497", "E498") or (fault.code == "E311" and bool(re.search(r"\ba null\b", fault.message)))


@examples(30, 150)
@pytest.mark.parametrize("kind", KINDS)
def test_evaluation_is_total_and_both_evaluators_agree(kind: str, examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(expressions(kind), table())
    def holds(text: str, rows: list[dict[str, Any]]) -> None:
        expression, faults = parse_expression(text)
        assert expression is not None and not faults, (text, faults)
        found, faults = check_expression(expression, SCOPE)
        told = [f for f in faults if f.code != "E308" and not of_a_null(f)]
        assert not told, (text, told)
        column = evaluate(expression, as_columns(rows), len(rows))
        assert column.shape == (len(rows),)
        typed = evaluate(expression, as_columns(rows), len(rows), result=found)
        assert str(typed.dtype) in DTYPES.get(found.kind, ("object",)), (text, typed.dtype)
        row_by_row, conformed = compile_row(expression), compile_row(expression, found)
        for at, row in enumerate(rows):
            assert same(unpack(column)[at], row_by_row(row)), (text, row, unpack(column)[at], row_by_row(row))
            assert same(unpack(typed)[at], conformed(row)), (text, row)
            assert type(unpack(typed)[at]) is type(conformed(row)), (text, row)
            assert not (isinstance(row_by_row(row), float) and not math.isfinite(row_by_row(row))), (
                text,
                row,
            )

    holds()


def test_a_whole_number_stays_one_beside_another_beyond_64_bits() -> None:
    expression, _ = parse_expression("i ** 2")
    assert expression is not None
    found, _ = check_expression(expression, SCOPE)
    column = evaluate(expression, {"i": np.array([3, 3_037_000_500])}, 2, result=found)
    assert [(type(v), v) for v in unpack(column)] == [(int, 9), (float, float(3_037_000_500**2))]


@settings(max_examples=quarter(200), deadline=None)
@given(st.text(alphabet="ab12:null.'\"()[]<>=!+-*/%^&|?:, \n\\{}ifthenelsandorné", max_size=60))
def test_any_text_gives_a_tree_or_a_fault_inside_it(text: str) -> None:
    expression, faults = parse_expression(text)
    assert expression is not None or faults
    for fault in faults:
        assert 0 <= fault.start <= fault.end <= len(text)
        assert fault.message and fault.code == "E302"
    if expression is not None:
        found, more = check_expression(expression, SCOPE, random=True)
        assert fits(found, found) and all(0 <= f.start < f.end <= len(text) for f in more)


def _deep(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"k": value}
    return value


ANYTHING = st.recursive(
    st.sampled_from([None, True, 0, -1, 2.5, float("nan"), "", "a b", "2024-01-31", "12", "\ud800"])
    | st.builds(_deep, st.sampled_from([3, 5000]))
    | st.dates()
    | st.datetimes()
    | st.times()
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["job", "age", "a"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@examples(3, 150)
@pytest.mark.parametrize("kind", KINDS)
def test_evaluation_is_total_of_values_of_any_type(kind: str, examples: int) -> None:
    """What stands under a name may be anything: a field without a type, a column of JSON. Nothing is raised."""

    @settings(max_examples=examples, deadline=None)
    @given(expressions(kind), st.fixed_dictionaries(dict.fromkeys(SCOPE, ANYTHING)))
    def holds(text: str, row: dict[str, Any]) -> None:
        expression, faults = parse_expression(text)
        assert expression is not None and not faults
        compile_row(expression)(row)
        columns = {name: np.empty(1, dtype=object) for name in row}
        for name, value in row.items():
            columns[name][0] = value
        evaluate(expression, columns, 1)

    holds()


DRAWS = [
    "normal(x, 2)", "poisson(clip(i, 0, 9))", "choice(['a', 'b'])", "choice([1, 2.5], [1, 3])", "bernoulli(0.3)",
    "integer(1, 6)", "date('2024-01-01', '2024-12-31')", "date(d, '2024-12-31')", "time('08:00', '09:30')",
    "truncated(normal(x, 2), 0, 10)", "mixture([normal(0, 1), poisson(3)], [2, 1])", "choice(l)", "choice([t, 'z'])",
    "choice(n, weights=[1, 1, 2])", "gamma(2, 3) + uniform()", "zipf(1.1, 1000)", "datetime(m, '2030-01-01')",
]  # fmt: skip


@pytest.mark.parametrize("text", one_in(6, DRAWS))
def test_draws_are_total_and_row_by_row(text: str) -> None:
    """A row's draw depends on its own uniform number and columns alone."""
    expression, faults = parse_expression(text)
    assert expression is not None and not faults
    found, faults = check_expression(expression, SCOPE, random=True)
    assert not faults

    @settings(max_examples=25, deadline=None)
    @given(table(), st.integers(0, 2**32))
    def holds(rows: list[dict[str, Any]], seed: int) -> None:
        generator = np.random.default_rng(seed)
        uniforms = {c.ordinal: generator.uniform(1e-12, 1 - 1e-12, len(rows)) for c in random_calls(expression)}
        columns = as_columns(rows)
        whole = evaluate(expression, columns, len(rows), uniforms, found)
        assert whole.shape == (len(rows),)
        for at in range(len(rows)):
            one = {name: column[at : at + 1] for name, column in columns.items()}
            alone = evaluate(expression, one, 1, {k: u[at : at + 1] for k, u in uniforms.items()}, found)
            assert same(unpack(alone)[0], unpack(whole)[at])
            assert type(unpack(alone)[0]) is type(unpack(whole)[at])

    holds()
