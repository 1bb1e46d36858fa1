"""Regular expressions that cannot hang: writing text from them, judging them, matching with a limit."""

from synthspec.languages.patterns.ambiguity.safety import Verdict, judge, runaway
from synthspec.languages.patterns.generator import Pattern, parse_pattern
from synthspec.languages.patterns.matcher import PatternTimeout, SafeRegex, compile_pattern
from synthspec.languages.patterns.tree import PatternFault

__all__ = [
    "Pattern",
    "PatternFault",
    "PatternTimeout",
    "SafeRegex",
    "Verdict",
    "compile_pattern",
    "judge",
    "parse_pattern",
    "runaway",
]
