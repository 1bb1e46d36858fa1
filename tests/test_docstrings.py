"""Every example in a docstring is so."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "synthspec"
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if ">>> " in p.read_text(encoding="utf-8"))


def test_there_are_examples() -> None:
    assert len(MODULES) > 100


@pytest.mark.parametrize("path", MODULES, ids=lambda p: ".".join(p.relative_to(PACKAGE).with_suffix("").parts))
def test_examples(path: Path) -> None:
    name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as e:  # of an extra that is not installed
        if (e.name or "synthspec").startswith("synthspec"):
            raise
        pytest.skip(f"{e.name} is not installed")
    assert doctest.testmod(module).failed == 0
