"""Regular expressions that cannot hang: writing text from them, judging them, matching with a limit."""

from synthspec.patterns.generate import Pattern, parse_pattern
from synthspec.patterns.match import PatternTimeout, SafeRegex, compile_pattern
from synthspec.patterns.safety import Verdict, judge, runaway
from synthspec.patterns.tree import PatternFault

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
