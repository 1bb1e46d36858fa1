"""A property held by few examples in the default run and by many in the slow one.

Tests of Hypothesis run in both: with a quarter of their examples among the default tests, with all among the slow ones
(conftest.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import pytest
from _pytest.mark import ParameterSet

_DEEP = False


def quarter(examples: int) -> int:
    """So many examples of Hypothesis, in the default run a quarter of them."""
    return examples if _DEEP else examples // 4


def run_deep(deep: bool) -> None:
    """Say, before any test is read, whether this is more than the default run."""
    global _DEEP
    _DEEP = deep


def examples(few: int, many: int) -> pytest.MarkDecorator:
    """Runs a test twice, with `examples` few and, among the slow tests, many."""
    return pytest.mark.parametrize("examples", [few, pytest.param(many, marks=pytest.mark.slow)])


def one_in(step: int, cases: Iterable[Any]) -> list[Any]:
    """Cases of `parametrize`: one in so many in the default run, the first among them, all others among the slow tests."""
    listed = list(cases)
    return rest_slow(listed, range(0, len(listed), step))


def rest_slow(cases: Sequence[Any], default: Collection[int]) -> list[Any]:
    """Cases of `parametrize`: those whose places are `default` in the default run, all others among the slow tests."""
    return [case if place in default else _slow(case) for place, case in enumerate(cases)]


def _slow(case: Any) -> Any:
    if isinstance(case, ParameterSet):
        return pytest.param(*case.values, marks=(*case.marks, pytest.mark.slow), id=case.id)
    return pytest.param(*case if isinstance(case, tuple) else (case,), marks=pytest.mark.slow)
