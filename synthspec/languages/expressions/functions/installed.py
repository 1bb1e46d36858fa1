"""Functions of packages, held to what they say of themselves: what another's code does wrong is one sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from synthspec.languages.expressions.evaluation.values import FAULTS, settle
from synthspec.languages.expressions.types import ANY, Type
from synthspec.plugins.guarding import PluginFault, blaming

if TYPE_CHECKING:
    from synthspec.languages.expressions.functions.signatures import Function

_KINDS: dict[str, tuple[type, ...]] = {
    "integer": (int,), "number": (int, float), "text": (str,), "boolean": (bool,), "list": (list,), "map": (dict,),
    "date": (date,), "datetime": (datetime,), "time": (time,),
    "any": (int, float, str, bool, list, dict, date, datetime, time),
}  # fmt: skip


def held(found: Function, name: str) -> Function:
    """The function of a package, so that it gives what its signature says, null, or an error with its name.

    Its own errors of types, values, arithmetic and look-ups mean null, as `Function` says.
    """
    result = found.result if isinstance(found.result, Type) else ANY
    kinds = _KINDS.get(result.kind, _KINDS["any"])

    def apply(*values: Any) -> Any:
        value = _called(found.apply, values, name)
        if value is None:
            return None
        if type(value) not in kinds:
            gave = f"gave a value of the type {type(value).__name__}, which is not {result.with_article}"
            gave = gave if result.kind != "any" else f"gave a {type(value).__name__}, which is no value"
            raise PluginFault("functions", name, gave)
        return settle(value)

    def typed(given: Sequence[Type]) -> Type:
        assert not isinstance(found.result, Type)
        try:
            kind = found.result(given)
        except Exception:
            return ANY
        return kind if isinstance(kind, Type) else ANY

    columns = found.columns
    whole = None if columns is None else lambda *values: _whole(columns, values, name)
    return replace(
        found, apply=apply, columns=whole, result=found.result if isinstance(found.result, Type) else typed, place=()
    )


def _called(call: Callable[..., Any], values: Sequence[Any], name: str) -> Any:
    with blaming("functions", name, FAULTS):
        return call(*values)


def _whole(columns: Callable[..., Any], values: Sequence[Any], name: str) -> Any:
    try:
        return _called(columns, values, name)
    except FAULTS:
        return NotImplemented  # row by row
