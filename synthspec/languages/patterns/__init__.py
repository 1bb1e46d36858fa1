"""Regular expressions that cannot hang: writing text from them, assessing them, matching with a limit.

Nothing of it is loaded until it is used: most specs hold no pattern.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthspec.languages.patterns.ambiguity.safety import PatternSafety, assess, runaway
    from synthspec.languages.patterns.generator import Pattern, parse_pattern
    from synthspec.languages.patterns.matcher import PatternTimeout, SafeRegex, compile_pattern
    from synthspec.languages.patterns.tree import PatternFault

_HOMES = {
    "Pattern": "generator",
    "PatternFault": "tree",
    "PatternSafety": "ambiguity.safety",
    "PatternTimeout": "matcher",
    "SafeRegex": "matcher",
    "assess": "ambiguity.safety",
    "compile_pattern": "matcher",
    "parse_pattern": "generator",
    "runaway": "ambiguity.safety",
}
__all__ = [
    "Pattern",
    "PatternFault",
    "PatternSafety",
    "PatternTimeout",
    "SafeRegex",
    "assess",
    "compile_pattern",
    "parse_pattern",
    "runaway",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        return value
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
