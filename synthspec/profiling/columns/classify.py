"""Which kind of column it is: each reader looks at the values and takes them, or leaves them to the next."""

from __future__ import annotations

import json
from collections import Counter as Tally
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from typing import Any

import numpy as np

from synthspec.dataset.similarity.shingles import words_of
from synthspec.languages.expressions.functions.texts import count_words
from synthspec.profiling.columns.digits import decimals_of, step_of
from synthspec.profiling.columns.fitting import fit
from synthspec.profiling.columns.identifiers import UUID, counted, induce_pattern
from synthspec.profiling.columns.languages import guess_language
from synthspec.profiling.columns.personal import personal_kind, sensitive, tells_of_people
from synthspec.profiling.columns.profile import (
    Codes,
    ColumnKind,
    ColumnProfile,
    Counter,
    Empty,
    Labels,
    Moments,
    Numbers,
    OneValue,
    People,
    SampledTexts,
    Texts,
    Times,
    Uuids,
)
from synthspec.profiling.columns.talks import talks_of
from synthspec.profiling.sample import LONGEST, SampleColumn

MOST_LABELS = 40
LONGEST_LABEL = 80
MOST_READ = 2000  # texts whose words are counted
MOST_FEW = 12  # different numbers that are listed
KEY_WORDS = ("id", "key", "code", "number", "no", "nr", "num", "ref", "index", "serial")


def profile_column(column: SampleColumn) -> ColumnProfile:
    """What a column holds."""
    present = column.present
    kind = _kind(column, present)
    notes = [column.note] if column.note else []
    reason = sensitive(column.header)
    if reason and not isinstance(kind, People):
        notes.append(f"careful: {reason}")
    distinct = len({mark(v) for v in present})
    missing = 1 - len(present) / len(column.values)
    return ColumnProfile(column.name, column.header, column.path, kind, missing, distinct, tuple(notes))


def mark(value: Any) -> Any:
    """What is equal for equal values; `true` and 1 are two."""
    if isinstance(value, list | dict):
        return json.dumps(value, sort_keys=True, default=str)
    return (isinstance(value, bool), value)


def _kind(column: SampleColumn, present: list[Any]) -> ColumnKind:
    if not present:
        return Empty()
    if isinstance(present[0], list | dict):
        return _nested(present)
    personal = personal_kind(column.header, present)
    if personal is not None and len(set(present)) > 1:
        return People(personal)
    if len({mark(v) for v in present}) == 1:
        return OneValue(present[0])
    readers: dict[type, Callable[[SampleColumn, list[Any]], ColumnKind]] = {
        bool: _booleans, int: _numbers, float: _numbers, datetime: _moments, date: _moments, time: _times, str: _texts,
    }  # fmt: skip
    return readers[type(present[0])](column, present)


def _booleans(column: SampleColumn, present: list[Any]) -> ColumnKind:
    return _labels(present, ordered=False)


def _labels(present: Sequence[Any], *, ordered: bool) -> Labels:
    """Numbers in ascending order, anything else by how often it occurs."""
    tally = Tally(present)
    values = sorted(tally) if ordered else sorted(tally, key=lambda v: (-tally[v], str(v)))
    return Labels(tuple(values), tuple(tally[v] for v in values), ordered)


def _numbers(column: SampleColumn, present: list[Any]) -> ColumnKind:
    values = np.array(present, dtype=np.float64)
    whole = all(isinstance(v, int) for v in present) or bool((values == np.round(values)).all())
    distinct, count = len(np.unique(values)), len(values)
    exact = float(np.abs(values).max()) < 2**53
    if whole and exact and count >= 5 and distinct == count:
        steps = np.unique(np.diff(values))
        if len(steps) == 1 and len(present) == len(column.values):
            return Counter(int(values[0]), int(steps[0]))
    few = distinct <= MOST_FEW and count >= (4 if whole else 10) * distinct
    if few or distinct <= 3:
        return _labels([int(v) if whole and exact else float(v) for v in present], ordered=True)
    whole = whole and exact
    decimals = 0 if whole else decimals_of(values) if exact else None
    if decimals is not None and decimals > 6 and distinct > 0.5 * count:
        decimals = None  # computed, not written down
    step = (values.max() - values.min()) * 1e-6 if decimals is None else step_of(values, decimals)
    if whole and distinct == count and _is_key(column.header) and count >= 20:
        step = 1.0
    if decimals is None and np.unique(values, return_counts=True)[1].max() * 20 > count:
        decimals, step = 9, 1e-9  # some values stand often: rounding brings them back
    found = fit(values, float(step), whole=whole and step == 1)
    return Numbers(float(values.min()), float(values.max()), whole, decimals, float(step), found)


def _is_key(header: str) -> bool:
    words = header.casefold().replace("-", "_").replace(" ", "_").split("_")
    return any(w in KEY_WORDS for w in words) or header.casefold().endswith("id")


def _moments(column: SampleColumn, present: list[Any]) -> ColumnKind:
    first, last = min(present), max(present)
    if isinstance(first, datetime):
        after = np.array([(v - first).total_seconds() for v in present])
    else:
        after = np.array([float((v - first).days) for v in present])
    if len(np.unique(after)) <= 2:
        return _labels([v.isoformat() for v in present], ordered=True)
    return Moments(first, last, fit(after, 1.0, whole=True))


def _times(column: SampleColumn, present: list[Any]) -> ColumnKind:
    if len(set(present)) <= MOST_FEW and len(present) >= 4 * len(set(present)):
        return _labels([v.isoformat("auto") for v in present], ordered=True)
    return Times(min(present), max(present))


def _nested(present: list[Any]) -> ColumnKind:
    return talks_of(present) or SampledTexts(len({mark(v) for v in present}), lists=True)


def _texts(column: SampleColumn, present: list[Any]) -> ColumnKind:
    texts = [str(v) for v in present]
    tally = Tally(texts)
    distinct, count = len(tally), len(texts)
    if all(UUID.fullmatch(t) for t in texts) and distinct == count:
        return Uuids()
    words = np.array([count_words(t) for t in texts])
    short = max(map(len, texts)) <= LONGEST_LABEL
    if short and distinct <= MOST_LABELS and count >= 2.5 * distinct and (np.median(words) <= 8 or distinct <= 10):
        return _labels(texts, ordered=False)
    if distinct >= 0.5 * count and count >= 5 and np.median(words) <= 2:
        pattern = induce_pattern(texts)
        if pattern is not None and (any(c.isdigit() for c in texts[0]) or pattern.digits > 1):
            unique = distinct == count
            return Codes(pattern, unique, counted(texts) if unique else None)
    if short and distinct <= 0.6 * count and np.median(words) <= 8:
        return SampledTexts(distinct)
    return _running(texts, words)


def _running(texts: list[str], words: Any) -> Texts:
    least, median, most = (round(float(q)) for q in np.quantile(words, (0.01, 0.5, 0.99)))
    least, most = least - max(1, least // 10), most + max(1, most // 10)
    prose = median >= 4
    language = guess_language(texts) if prose else None
    telling = sum(tells_of_people(t[:LONGEST]) for t in texts)
    code, certainty = language or ("", 0.0)
    different = len({w for t in texts[:MOST_READ] for w in words_of(t[:LONGEST])})
    return Texts(max(least, 1), median, max(most, 1), code, certainty, telling, prose, different)
