"""What every plug-in that reads files says of them."""

from __future__ import annotations

from types import ModuleType

from synthspec.plugins import declared


def check_suffixes(module: ModuleType, example: str) -> None:
    """`SUFFIXES` is a literal tuple of endings in small letters, such as `example`."""
    assert isinstance(module.SUFFIXES, tuple), f"SUFFIXES is a tuple: ('{example}',)"
    assert module.SUFFIXES
    assert all(s[0] == "." and s == s.lower() and len(s) > 1 for s in module.SUFFIXES), (
        f"such as '{example}', in small letters"
    )
    assert declared(module.__name__, "SUFFIXES") == module.SUFFIXES, (
        "write SUFFIXES as a plain literal: it is read as text"
    )
