"""Regular expressions that cannot hang: writing text from them, assessing them, matching with a limit."""

from synthspec.languages.patterns.ambiguity.safety import PatternSafety, assess, runaway
from synthspec.languages.patterns.generator import Pattern, parse_pattern
from synthspec.languages.patterns.matcher import PatternTimeout, SafeRegex, compile_pattern
from synthspec.languages.patterns.tree import PatternFault

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
