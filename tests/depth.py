"""A property held by few examples in the default run and by many in the slow one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pytest


def examples(few: int, many: int) -> pytest.MarkDecorator:
    """Runs a test twice, with `examples` few and, among the slow tests, many."""
    return pytest.mark.parametrize("examples", [few, pytest.param(many, marks=pytest.mark.slow)])


def rest_slow(cases: Sequence[Any], default: Collection[int]) -> list[Any]:
    """Cases of `parametrize`: those whose places are `default` in the default run, all others among the slow tests."""
    return [
        case
        if place in default
        else pytest.param(*case if isinstance(case, tuple) else (case,), marks=pytest.mark.slow)
        for place, case in enumerate(cases)
    ]
