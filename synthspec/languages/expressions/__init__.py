"""The expression language: one small, typed, total language used wherever a spec computes.

expression, faults = parse_expression("words(summary) < words(call)")
kind, faults = check_expression(expression, {"summary": TEXT, "call": TEXT})
evaluate(expression, columns, length)      # whole columns, NumPy
compile_row(expression)(row)               # one row of plain values
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synthspec.languages.expressions.checking.checker import check_expression
from synthspec.languages.expressions.errors import Fault
from synthspec.languages.expressions.evaluation.rows import compile_row
from synthspec.languages.expressions.functions.library import FUNCTIONS
from synthspec.languages.expressions.functions.signatures import Function, FunctionParameter, find_function, function
from synthspec.languages.expressions.parsing.parser import MAX_DEPTH, MAX_LENGTH, parse_expression
from synthspec.languages.expressions.traversal import names_of, random_calls
from synthspec.languages.expressions.tree import Expression
from synthspec.languages.expressions.types import Type

if TYPE_CHECKING:
    from synthspec.languages.expressions.evaluation.evaluator import evaluate

__all__ = [
    "FUNCTIONS", "MAX_DEPTH", "MAX_LENGTH", "Expression", "Fault", "Function", "FunctionParameter", "Type",
    "check_expression", "compile_row", "evaluate", "find_function", "function", "names_of",
    "parse_expression", "random_calls",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "evaluate":  # NumPy is loaded only once something is computed
        from synthspec.languages.expressions.evaluation.evaluator import evaluate

        return evaluate
    raise AttributeError(name)
