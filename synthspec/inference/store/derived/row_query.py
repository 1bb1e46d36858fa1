"""What is asked of a table of rows, and what a review makes of a row in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from synthspec.lazy_dataclass import dataclass

_WORD = re.compile(r'"([^"]*)"?|(\S+)')

Range = tuple[float | None, float | None]  # from and to, both included; None where there is no bound


@dataclass(frozen=True, slots=True)
class RowQuery:
    """Which rows are wanted, and in which order. Nothing said of something wants all."""

    state: str = ""  # one of `row_search.WHERE`
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by column, any of these
    rule: str = ""
    text: str = ""  # words in any order; a phrase in quotation marks
    marked: str = ""  # by what reviewers say: a key of `marks` in `RowTable`, or `none`
    sort: str = ""  # "", "-" reversed, "tries", or the name of a column
    ranges: Mapping[str, Range] = field(default_factory=dict)  # by column of numbers

    @property
    def is_plain(self) -> bool:
        """Whether every row is wanted, in plan order."""
        return not (self.state or self.values or self.rule or self.text or self.marked or self.sort or self.ranges)

    @property
    def key(self) -> str:
        """What tells it from other queries."""
        kinds = sorted(self.values.items()), sorted(self.ranges.items())
        return repr((self.state, *kinds, self.rule, self.text, self.marked, self.sort))


@dataclass(frozen=True, slots=True)
class RevisedRow:
    """A row as reviews have it: other values, or out of the dataset for a reason."""

    values: Mapping[str, Any]
    reason: str = ""  # why it leaves; "" where it stays
    labels: Mapping[str, str | None] = field(default_factory=dict)  # what it is filtered by now, by column
    numbers: Mapping[str, float | None] = field(default_factory=dict)


def match_of(text: str) -> str:
    """What a person writes into a search field, for FTS5: all words, a phrase in quotation marks as one; the last
    word may be unfinished.

    >>> match_of('the "old meter" ren')
    '"the" "old meter" "ren"*'
    """
    found = [(phrase or word, bool(word)) for phrase, word in _WORD.findall(text) if (phrase or word).strip()]
    parts = [quoted(piece) for piece, _ in found]
    if found and found[-1][1]:
        parts[-1] += "*"
    return " ".join(parts) or '""'


def quoted(text: str) -> str:
    """A text that FTS5 looks for as it is."""
    return '"' + text.replace('"', " ").replace("\0", " ") + '"'
