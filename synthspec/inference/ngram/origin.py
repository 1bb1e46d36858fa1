"""A table to learn from: what its columns are, and which of its rows fit a combination."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from synthspec.inference.ngram.pool import Pool
from synthspec.inference.ngram.reading import SLOT, ReadColumn, read_material
from synthspec.inference.ngram.tokens import GROUP_OF, split
from synthspec.inference.ngram.topics import Topics, factor, find_topics
from synthspec.languages.expressions.random.splitmix64 import GOLDEN

LARGEST = 1e150  # from here on numbers are measured by the largest of them
FAR = 1e3  # from here on nearness is 0
OTHER_CLASS = 0.2  # how welcome a row is that differs in one condition, at most, against 1
OTHER_TOPIC = 0.5  # how welcome a row is that shares no word with a text of the combination, against 1
LEAST_TELLING = 0.4  # what a condition counts for at least, beside the one that says most
STRAY = 0.02  # how welcome a row is that lacks a label of the combination where enough rows have it, against 1
ENOUGH_ALIKE = 3  # rows that must have a label for it to be insisted on
ENOUGH_ROWS = 12  # rows that must fit a combination, counted by how well they do
DIGITS = 9  # kept of a weight, so that every machine has the same
FEW = 12  # distinct values that still sort rows into kinds
WORKING = 800  # rows at most that one combination learns from
POOLS = 16  # kept at a time
CACHED = 256


class Origin:
    """One table's columns, read and indexed on first use. `columns` all have the same length."""

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self.columns = columns
        self.length = len(next(iter(columns.values()), ()))
        self._readings: dict[str, ReadColumn] = {}
        self._matches: dict[tuple[str, str], Any] = {}
        self._categories: dict[str, tuple[dict[str, int], Any]] = {}
        self._telling: dict[str, float] = {}
        self._pools: OrderedDict[bytes, Pool] = OrderedDict()

    def reading(self, column: str) -> ReadColumn:
        """The column's texts; other values count as their text."""
        if column not in self._readings:
            values = self.columns[column]
            self._readings[column] = read_material(
                (i, self._emptied(i, column, str(v))) for i, v in enumerate(values) if v is not None
            )
        return self._readings[column]

    @cached_property
    def texts(self) -> frozenset[str]:
        """The columns that hold running text rather than labels."""
        return frozenset(n for n, values in self.columns.items() if is_running_text(values))

    @cached_property
    def topics(self) -> Topics:
        """Of every column with text in it."""
        named = [n for n, v in self.columns.items() if any(isinstance(x, str) for x in v[:50])]
        return find_topics((self.reading(n) for n in named), self.length)

    def is_category(self, column: str) -> bool:
        """Whether the column sorts the rows into few kinds."""
        return column in self.columns and column not in self.texts and len(self._codes(column)[0]) <= FEW

    def weights(self, conditions: Mapping[str, Any], hints: Iterable[str]) -> Any:
        """How well each row fits, up to 1 for the best: by equal columns, then by words shared with hints."""
        weight = np.ones(self.length)
        known = {n: v for n, v in conditions.items() if n in self.columns and v is not None}
        said = [*hints, *(str(v) for n, v in known.items() if n in self.texts)]
        labels = [n for n in known if n not in self.texts]
        most = max((self.telling(n) for n in labels), default=1.0) if len(labels) > 1 else 0.0
        for name in labels:
            power = max(LEAST_TELLING, self.telling(name) / most) if most else 1.0
            weight *= self.match(name, known[name]) ** power
        for text in said:
            weight *= factor(self.topics.near(self.topics.of_text(text)), OTHER_TOPIC)
        return tempered(weight) * self._insisting({n: known[n] for n in labels})

    def _insisting(self, labels: Mapping[str, Any]) -> Any:
        """By row: 1 where it has the labels, else STRAY. One that too few rows have beside the others is let go.

        The label that says most of what rows are about is insisted on first.
        """
        fits = np.ones(self.length, dtype=bool)
        for name in sorted(labels, key=lambda n: (-self.telling(n), n)):
            codes_of, codes = self._codes(name)
            code = codes_of.get(canonical(labels[name]))
            if code is not None:
                both = fits & (codes == code)
                fits = both if both.sum() >= ENOUGH_ALIKE else fits
        return np.where(fits, 1.0, STRAY)

    def pool(self, weight: Any, salt: int) -> Pool:
        """The rows that fit best: all of a small table, else as many as one combination learns from."""
        if self.length <= WORKING:
            key, rows = b"", None
        else:
            mixed = (np.arange(self.length, dtype=np.uint64) + np.uint64(salt)) * GOLDEN
            order = weight + (mixed >> np.uint64(40)).astype(float) * 1e-12
            rows = np.sort(np.argpartition(-order, WORKING)[:WORKING])
            key = rows.tobytes()
        if key not in self._pools:
            if len(self._pools) >= POOLS:
                self._pools.popitem(last=False)
            self._pools[key] = Pool(self, rows)
        self._pools.move_to_end(key)
        return self._pools[key]

    def telling(self, name: str) -> float:
        """How much a column says of what rows are about: by how much those with one value share more words."""
        if name not in self._telling:
            codes, within, overall = self._codes(name)[1], 0.0, 1e-9
            for row in range(0, self.length, max(1, self.length // 60)):
                near = self.topics.near(self.topics.of_row(row))
                near[row] = 0.0
                same = codes == codes[row]
                within += near[same].sum() / max(int(same.sum()) - 1, 1)
                overall += near.sum() / max(self.length - 1, 1)
            self._telling[name] = round(max(float(within / overall) - 1, 0.05), 6)
        return self._telling[name]

    def match(self, name: str, value: Any) -> Any:
        """How near each row's value of a column is to `value`, OTHER_CLASS to 1."""
        key = (name, canonical(value))
        if key not in self._matches:
            if len(self._matches) >= CACHED:
                self._matches.clear()
            self._matches[key] = self._match(name, value)
        return self._matches[key]

    def _match(self, name: str, value: Any) -> Any:
        values = self.columns[name]
        labels, codes = self._codes(name)
        if is_number(value) and len(labels) > FEW and all(v is None or is_number(v) for v in values):
            numbers = np.array([np.nan if v is None else float(v) for v in values])
            wanted, largest = float(value), float(np.nanmax(np.abs(numbers)))
            if largest > LARGEST:  # its square is no number
                numbers, wanted = numbers / largest, wanted / largest
            spread = float(np.nanstd(numbers)) or 1.0
            away = np.clip((numbers - wanted) / (0.4 * spread), -FAR, FAR)
            near = np.exp(-(away**2))
            return np.maximum(OTHER_CLASS, np.nan_to_num(near))
        other = min(OTHER_CLASS, 0.5 / max(len(labels), 1))  # many kinds say more than few
        likeness = np.array([likeness_of(label, canonical(value)) for label in labels])
        if likeness.max(initial=0.0) == 0:
            return np.ones(self.length)  # a value the column has never seen says nothing
        return np.maximum(other, likeness)[codes]

    def _codes(self, name: str) -> tuple[dict[str, int], Any]:
        if name not in self._categories:
            labels: dict[str, int] = {}
            codes = [labels.setdefault(canonical(v), len(labels)) for v in self.columns[name]]
            self._categories[name] = (labels, np.array(codes, dtype=np.int64))
        return self._categories[name]

    @cached_property
    def slots(self) -> dict[str, str]:
        """Columns whose value the texts of its row often quote, and the character that stands for it."""
        found: dict[str, str] = {}
        for name, values in self.columns.items():
            if name in self.texts or len(set(map(canonical, values[:200]))) < 8:
                continue
            sample = [(str(v), i) for i, v in enumerate(values[:200]) if v is not None and len(str(v)) > 1]
            said = [" ".join(str(self.columns[t][i]) for t in self.texts) for _, i in sample]
            quoted = sum(finder(v).search(text) is not None for (v, _), text in zip(sample, said, strict=True))
            if quoted >= 0.25 * max(len(sample), 4):
                found[name] = chr(ord(SLOT) + 1 + len(found))
        return found

    def _emptied(self, row: int, column: str, text: str) -> str:
        for name, mark in self.slots.items():
            value = self.columns[name][row]
            if name != column and value is not None and len(str(value)) > 1:
                text = finder(str(value)).sub(mark, text)
        return text


@lru_cache(4096)
def finder(value: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(value)}(?!\w)", re.IGNORECASE)


def is_running_text(values: Sequence[Any]) -> bool:
    """Whether a column is written text: mostly different, mostly more than two words."""
    present = [v for v in values[:500] if v is not None and v != ""]
    if not present or not all(isinstance(v, str) for v in present):
        return False
    words = sum(len(split(v)) for v in present) / len(present)
    different = len(set(present)) / len(present)
    return words > 12 or (words > 3.5 and different > 0.5) or (words > 2.6 and different > 0.8)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def canonical(value: Any) -> str:
    """One spelling for values that people take to be equal: `true`, `True` and `yes`; `4` and `4.0`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = " ".join(str(value).lower().split())
    return {"true": "yes", "false": "no"}.get(text, text)


def tempered(weight: Any) -> Any:
    """The weights, best at 1, drawn together until enough rows count: the back-off to the whole source."""
    top = weight.max(initial=0.0)
    if not top > 0:
        return np.ones(len(weight))
    weight = weight / top
    for power in (1.0, 0.7, 0.5, 0.35, 0.25, 0.15):
        drawn = weight**power
        if drawn.sum() ** 2 / (drawn**2).sum() >= min(ENOUGH_ROWS, len(weight) / 3):
            break
    return np.round(drawn, DIGITS)


def likeness_of(label: str, wanted: str) -> float:
    if label == wanted:
        return 1.0
    ours, theirs = set(label.split()) - GROUP_OF.keys(), set(wanted.split()) - GROUP_OF.keys()
    return 0.8 * len(ours & theirs) / max(len(ours | theirs), 1)
