"""A table to learn from: which of its rows fit a combination, and which of them speak of the same thing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from synthspec.ngram.corpus import SLOT, Corpus, build_corpus
from synthspec.ngram.tokens import GROUP_OF, split

OTHER_CLASS = 0.08  # how welcome a row is that differs in one condition, against 1
UNRELATED = 0.3  # how welcome a row is that shares no topic, against 1
FEW = 12  # distinct numbers that are still categories


class Origin:
    """One table's columns, indexed on first use. `columns` all have the same length."""

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self.columns = columns
        self.length = len(next(iter(columns.values()), ()))
        self._corpora: dict[str, Corpus] = {}
        self._near: dict[int, dict[int, float]] = {}
        self._matches: dict[tuple[str, str], Any] = {}
        self._categories: dict[str, tuple[dict[str, int], Any]] = {}

    def corpus(self, column: str) -> Corpus:
        """The column's texts; other values count as their text."""
        if column not in self._corpora:
            values = self.columns[column]
            self._corpora[column] = build_corpus(
                (i, self._emptied(i, column, str(v))) for i, v in enumerate(values) if v is not None
            )
        return self._corpora[column]

    @cached_property
    def slots(self) -> dict[str, str]:
        """Columns whose value is often quoted by the texts of its row, and the character that stands for it there."""
        found = {}
        for name, values in self.columns.items():
            if name in self.texts or len(set(map(canonical, values[:200]))) < 8:
                continue
            sample = [(str(v), i) for i, v in enumerate(values[:200]) if v is not None and len(str(v)) > 1]
            quoted = sum(
                any(_finder(v).search(str(self.columns[t][i])) for t in self.texts) for v, i in sample
            )
            if quoted >= 0.25 * max(len(sample), 4):
                found[name] = chr(ord(SLOT) + 1 + len(found))
        return found

    def _emptied(self, row: int, column: str, text: str) -> str:
        for name, mark in self.slots.items():
            value = self.columns[name][row]
            if name != column and value is not None and len(str(value)) > 1:
                text = _finder(str(value)).sub(mark, text)
        return text

    def neighbours(self, row: int) -> dict[int, float]:
        """Rows that share topics with this one, 0 to 1."""
        if row not in self._near:
            if len(self._near) > 4096:
                self._near.clear()
            self._near[row] = self.related(self.topic(row))
        return self._near[row]

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The columns that hold running text rather than labels."""
        return tuple(n for n, values in self.columns.items() if is_running_text(values))

    def is_text(self, column: str) -> bool:
        return column in self.texts

    def weights(self, conditions: Mapping[str, Any], hints: Iterable[str]) -> Any:
        """How well each row fits, 0 to 1 with the best at 1: by equal columns, then by words in common with hints."""
        weight = np.ones(self.length)
        topic = list(hints)
        for name, value in conditions.items():
            if name not in self.columns or value is None:
                continue
            if name in self.texts:
                topic.append(str(value))
            else:
                weight *= self.match(name, value)
        for text in topic:
            related = self.related(content_words(text))
            if related:
                factor = np.full(self.length, 0.5)
                factor[list(related)] = np.maximum(0.5, list(related.values()))
                weight *= factor
        top = weight.max(initial=0.0)
        return weight / top if top > 0 else np.ones(self.length)

    def match(self, name: str, value: Any) -> Any:
        """How near each row's value of a column is to `value`, OTHER_CLASS to 1."""
        key = (name, canonical(value))
        if key not in self._matches:
            if len(self._matches) > 256:
                self._matches.clear()
            self._matches[key] = self._match(name, value)
        return self._matches[key]

    def _match(self, name: str, value: Any) -> Any:
        values = self.columns[name]
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        if numeric and len(self._codes(name)[0]) > FEW and all(isinstance(v, int | float) for v in values):
            numbers = np.array(values, dtype=float)
            spread = float(numbers.std()) or 1.0
            return np.maximum(OTHER_CLASS, np.exp(-(((numbers - float(value)) / (0.4 * spread)) ** 2)))
        labels, codes = self._codes(name)
        likeness = np.array([_likeness(label, canonical(value)) for label in labels])
        if likeness.max(initial=0.0) == 0:
            return np.ones(self.length)  # a value the column has never seen says nothing
        return np.maximum(OTHER_CLASS, likeness)[codes]

    def _codes(self, name: str) -> tuple[dict[str, int], Any]:
        if name not in self._categories:
            labels: dict[str, int] = {}
            codes = np.array(
                [labels.setdefault(canonical(v), len(labels)) for v in self.columns[name]], dtype=int
            )
            self._categories[name] = (labels, codes)
        return self._categories[name]

    @cached_property
    def _mentions(self) -> dict[str, list[int]]:
        mentions: dict[str, list[int]] = {}
        for i in range(self.length):
            for word in content_words(" ".join(str(self.columns[n][i] or "") for n in self.topical)):
                mentions.setdefault(word, []).append(i)
        return mentions

    @cached_property
    def topical(self) -> tuple[str, ...]:
        """The columns whose words say what a row is about."""
        return tuple(n for n, v in self.columns.items() if any(isinstance(x, str) for x in v[:50]))

    def related(self, words: Iterable[str]) -> dict[int, float]:
        """Rows that share rare words with these, each with 0 to 1 for how much."""
        score: dict[int, float] = {}
        for word in sorted(words):
            rows = self._mentions.get(word, ())
            if 0 < len(rows) <= max(8, self.length // 10):
                gain = float(np.log2(1 + self.length / len(rows)))
                for row in rows[:400]:
                    score[row] = score.get(row, 0.0) + gain
        top = max(score.values(), default=1.0)
        return {row: s / top for row, s in score.items()}

    def topic(self, row: int) -> frozenset[str]:
        """The content words of a row."""
        return frozenset(content_words(" ".join(str(self.columns[n][row] or "") for n in self.topical)))


@lru_cache(4096)
def _finder(value: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(value)}(?!\w)", re.IGNORECASE)


def content_words(text: str) -> set[str]:
    """Words that carry a topic, in lower case and without a plural s."""
    found = set()
    for token in split(text):
        word = token.strip().lower()
        if len(word) > 3 and word[0].isalpha() and word not in GROUP_OF:
            found.add(word[:-1] if word.endswith("s") and not word.endswith("ss") else word)
    return found


def is_running_text(values: Sequence[Any]) -> bool:
    """Whether a column is written text: mostly different, mostly more than two words."""
    present = [v for v in values[:500] if v is not None and v != ""]
    if not present or not all(isinstance(v, str) for v in present):
        return False
    words = sum(len(split(v)) for v in present) / len(present)
    different = len(set(present)) / len(present)
    return words > 12 or (words > 3.5 and different > 0.5) or (words > 2.6 and different > 0.8)


def canonical(value: Any) -> str:
    """One spelling for values that people take to be equal: `true`, `True` and `yes`; `4` and `4.0`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = " ".join(str(value).lower().split())
    return {"true": "yes", "false": "no"}.get(text, text)


def _likeness(label: str, wanted: str) -> float:
    if label == wanted:
        return 1.0
    ours, theirs = set(label.split()) - GROUP_OF.keys(), set(wanted.split()) - GROUP_OF.keys()
    return 0.8 * len(ours & theirs) / max(len(ours | theirs), 1)
