"""The regular expressions of a lexer: matched at many places of one text, all of it within one count of steps."""

from __future__ import annotations

import re
import warnings
from dataclasses import field
from functools import cached_property
from typing import Any

from synthspec.languages.patterns.ambiguity.automaton import TooLargeError
from synthspec.languages.patterns.ambiguity.safety import judge_tree
from synthspec.languages.patterns.simulation.matcher import Match, Scan, Simulator
from synthspec.languages.patterns.simulation.viability import StepsExceededError
from synthspec.languages.patterns.tree import PatternFault, parse_any_length
from synthspec.lazy_dataclass import dataclass

MOST_STEPS = 3_000_000  # for one text, and
STEPS_A_CHARACTER = 20  # for each of its characters
FAST_STEPS = 1e9  # how much `re` is let do: matches at every place of a text, at worst
_CALL = 4  # steps of a match, however short
_SHORT = 16  # characters that `re` matches in one step, and a table holds in two


@dataclass(slots=True)
class Steps:
    """What is left for the text at hand."""

    left: int = MOST_STEPS
    scans: dict[int, Scan] = field(default_factory=dict)

    def begin(self, text: str) -> None:
        """Count anew, for another text."""
        self.left = MOST_STEPS + STEPS_A_CHARACTER * len(text)
        self.scans.clear()

    def take(self, steps: int) -> None:
        """Raises StepsExceededError where none are left."""
        self.left -= steps
        if self.left < 0:
            raise StepsExceededError


class LexerPattern:
    """One pattern of a lexer, with the methods of `re.Pattern` that lexers use.

    They raise StepsExceededError. Which engine runs depends on the pattern and the length of the text alone.
    """

    def __init__(self, text: str, steps: Steps) -> None:
        self._text, self._steps = text, steps
        self._tree = parse_any_length(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._compiled = re.compile(text)

    @cached_property
    def _degree(self) -> tuple[float, int | None]:
        verdict = judge_tree(self._tree)
        return verdict.bits, None if verdict.reason is not None else verdict.degree

    @cached_property
    def _simulator(self) -> Simulator:
        try:
            return Simulator(self._text)
        except TooLargeError:
            raise StepsExceededError from None

    def match(self, text: str, pos: int = 0, end: int | None = None) -> re.Match[str] | Match | None:
        """The match that begins at a place."""
        if end is not None and end < len(text):
            text = text[:end]
        found = self._compiled.match(text, pos) if self._is_fast(len(text)) else self._simulated(text, pos)
        self._steps.take(_CALL + ((found.end() - pos) // _SHORT if found else 0))
        return found

    def fullmatch(self, text: str) -> re.Match[str] | Match | None:
        """The match of the whole text, which is short: a token."""
        if self._is_fast(len(text)):
            return self._compiled.fullmatch(text)
        return self._simulator.whole(text)

    def _is_fast(self, length: int) -> bool:
        bits, degree = self._degree
        return degree is not None and 2.0**bits * float(max(length, 2)) ** degree <= FAST_STEPS

    def _simulated(self, text: str, pos: int) -> Match | None:
        scan = self._steps.scans.get(id(self))
        if scan is None or scan.text != text:
            self._steps.take(2 * len(text) // _SHORT)
            scan = self._steps.scans[id(self)] = self._simulator.scan(text)
        before = scan.steps
        found = scan.match(pos)
        self._steps.take(scan.steps - before)
        return found


class LexerPatterns:
    """What a lexer takes for the module `re`: patterns that share one count of steps."""

    error = PatternFault

    def __init__(self) -> None:
        self.steps = Steps()

    def compile(self, pattern: str, flags: int = 0) -> LexerPattern:
        """A pattern. Raises PatternFault for what is none of `re`."""
        if flags:
            raise PatternFault("flags of a whole lexer are not supported", 0, "write them inside the patterns")
        return LexerPattern(pattern, self.steps)

    def match(self, pattern: str, text: str, flags: int = 0) -> Any:
        """The match at the beginning of a text."""
        return self.compile(pattern, flags).match(text)
