"""A property held by few examples in the default run and by many in the slow one."""

from __future__ import annotations

import pytest


def examples(few: int, many: int) -> pytest.MarkDecorator:
    """Runs a test twice, with `examples` few and, among the slow tests, many."""
    return pytest.mark.parametrize("examples", [few, pytest.param(many, marks=pytest.mark.slow)])
