"""The expression language: one small, typed, total language used wherever a spec computes.

expression, faults = parse_expression("words(summary) < words(call)")
kind, faults = check_expression(expression, {"summary": TEXT, "call": TEXT})
evaluate(expression, columns, length)      # whole columns, NumPy
compile_row(expression)(row)               # one row of plain values
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synthspec.expressions.check import check_expression
from synthspec.expressions.faults import Fault
from synthspec.expressions.functions import Function, Parameter, find_function, function
from synthspec.expressions.library import FUNCTIONS
from synthspec.expressions.parser import MAX_DEPTH, MAX_LENGTH, parse_expression
from synthspec.expressions.rows import compile_row
from synthspec.expressions.tree import Expression
from synthspec.expressions.types import Type
from synthspec.expressions.walk import names_of, random_calls

if TYPE_CHECKING:
    from synthspec.expressions.evaluation import evaluate

__all__ = [
    "FUNCTIONS", "MAX_DEPTH", "MAX_LENGTH", "Expression", "Fault", "Function", "Parameter", "Type",
    "check_expression", "compile_row", "evaluate", "find_function", "function", "names_of",
    "parse_expression", "random_calls",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "evaluate":  # NumPy is loaded only once something is computed
        from synthspec.expressions.evaluation import evaluate

        return evaluate
    raise AttributeError(name)
