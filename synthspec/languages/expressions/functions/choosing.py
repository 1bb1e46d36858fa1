"""Choosing among the items of a list: the commonest, the best, all in order of a score. Nulls never win. And lists
side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synthspec.languages.expressions.evaluation.values import is_null


def majority(items: Sequence[Any]) -> Any:
    """The item that occurs most often, nulls left out; of several that do, the one that comes first.

    >>> majority(["a", None, "b", "b", None, None])
    'b'
    """
    counts: dict[Any, int] = {}
    first: dict[Any, Any] = {}
    for item in items:
        if not is_null(item):
            mark = mark_of(item)
            counts[mark] = counts.get(mark, 0) + 1
            first.setdefault(mark, item)
    return first[max(counts, key=counts.__getitem__)] if counts else None


def mark_of(value: Any) -> Any:
    """Something hashable that is equal for equal values only: 1 and 1.0 are one value, 1 and true are two."""
    if isinstance(value, Mapping):
        return frozenset((k, mark_of(v)) for k, v in value.items())
    if isinstance(value, list | tuple):
        return tuple(mark_of(v) for v in value)
    return (value,) if isinstance(value, bool) else value


def argmax(scores: Sequence[Any]) -> int | None:
    """The place, from 0, of the greatest score, nulls left out; of several, the first."""
    places = _scored(scores)
    return max(places, key=lambda n: scores[n]) if places else None


def _scored(scores: Sequence[Any]) -> list[int]:
    """The places of the scores that are not null.

    Raises:
        TypeError: one is no number.
    """
    places = [n for n, score in enumerate(scores) if not is_null(score)]
    if not all(isinstance(scores[n], int | float) for n in places):
        raise TypeError("a score is a number")
    return places


def best(items: Sequence[Any], scores: Sequence[Any]) -> Any:
    """The item with the greatest score.

    Raises:
        ValueError: there are not as many scores as items.
    """
    place = argmax(_beside(items, scores))
    return None if place is None else items[place]


def rank(items: Sequence[Any], scores: Sequence[Any]) -> list[Any]:
    """The items by their scores, the greatest first; those without a score are left out. Equal ones keep their order.

    Raises:
        ValueError: there are not as many scores as items.
    """
    scores = _beside(items, scores)
    return [items[n] for n in sorted(_scored(scores), key=lambda n: scores[n], reverse=True)]


def zipped(lists: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """A map for each place of lists that are equally long: of each list, by its name, the item there.

    >>> zipped({"name": ["Ada", "Bo"], "pay": [3, 2]})
    [{'name': 'Ada', 'pay': 3}, {'name': 'Bo', 'pay': 2}]

    Raises:
        TypeError: one is no list.
        ValueError: they are not equally long, or there are none.
    """
    if not lists or not all(isinstance(items, list | tuple) for items in lists.values()):
        raise TypeError("zip() takes a map of lists")
    return [dict(zip(lists, items, strict=True)) for items in zip(*lists.values(), strict=True)]


def _beside(items: Sequence[Any], scores: Sequence[Any]) -> Sequence[Any]:
    if len(items) != len(scores):
        raise ValueError(f"{len(items)} items and {len(scores)} scores")
    return scores
