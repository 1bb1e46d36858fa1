"""Matching that cannot hang, and whose answer no clock decides.

Python's `re` runs what is proved to finish soon, for the pattern and the length of the text at hand. Anything
else is simulated in counted steps (`simulation`), linear in the text but for the few patterns that no automaton
can decide. Which of the two runs, and where counting ends, depends on the pattern and the text alone.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from synthspec.languages.patterns.ambiguity.automaton import TooLargeError
from synthspec.languages.patterns.ambiguity.safety import PatternSafety, assess
from synthspec.languages.patterns.simulation.matcher import Match, Simulator, simulator
from synthspec.languages.patterns.simulation.viability import StepsExceededError
from synthspec.languages.patterns.tree import check_replacement
from synthspec.lazy_dataclass import dataclass

STEPS = 2e6  # how much `re` is let do: up to a quarter of a second


class PatternTimeout(Exception):
    """A match that needed more steps than one text is worth: the same on every machine."""

    def __init__(self, pattern: str) -> None:
        super().__init__(f"the pattern {pattern!r} needs too many steps on a text of this length")
        self.pattern = pattern


@dataclass(frozen=True, slots=True)
class SafeRegex:
    """A compiled pattern. Every method raises PatternTimeout rather than run on."""

    text: str
    verdict: PatternSafety

    @property
    def names(self) -> frozenset[str]:
        """The names of its groups."""
        return frozenset(_compiled(self.text).groupindex)

    def search(self, text: str) -> bool:
        """Whether some part of the text matches."""
        if self.is_fast(len(text)):
            return _compiled(self.text).search(text) is not None
        return bool(self._simulated(lambda it: it.search(text)))

    def fullmatch(self, text: str) -> bool:
        """Whether the whole text matches."""
        if self.is_fast(len(text)):
            return _compiled(self.text).fullmatch(text) is not None
        return bool(self._simulated(lambda it: it.fullmatch(text)))

    def finditer(self, text: str) -> Iterator[re.Match[str] | Match]:
        """Every match, from left to right, none overlapping; all are found before the first is given."""
        if self.is_fast(len(text), 1):
            return iter(list(_compiled(self.text).finditer(text)))
        return iter(self._simulated(lambda it: list(it.scan(text).finditer())))

    def sub(self, replacement: str | Callable[[Any], str], text: str) -> str:
        """The text with every match replaced; `\\1` and `\\g<name>` in the replacement stand for groups.

        Raises PatternFault as `check_replacement` does.
        """
        if isinstance(replacement, str):
            check_replacement(self.text, replacement)
        if self.is_fast(len(text), 1):
            return _compiled(self.text).sub(replacement, text)
        return str(self._simulated(lambda it: it.sub(replacement, text)))

    def is_fast(self, length: int, more: int = 0) -> bool:
        """Whether `re` is proved to finish soon on a text of that length."""
        verdict = self.verdict
        if verdict.reason is not None or verdict.degree is None:
            return False
        steps: float = 2.0**verdict.bits * float(max(length, 2)) ** (verdict.degree + more)
        return steps <= STEPS

    def _simulated(self, ask: Callable[[Simulator], Any]) -> Any:
        try:
            return ask(simulator(self.text))
        except (StepsExceededError, TooLargeError):
            raise PatternTimeout(self.text) from None


def compile_pattern(text: str) -> SafeRegex:
    """A pattern to match with. Raises PatternFault for what is no regular expression of Python's `re`."""
    return SafeRegex(text, assess(text))


@lru_cache(maxsize=1024)
def _compiled(text: str) -> re.Pattern[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return re.compile(text)
