"""Draws of several values: `{values: [a, b], rows: 3}` is a list of three, `{faker: name, rows: size}` one of `size`.

A list takes one uniform number of the design; those of its items are derived from it, from their place in the list and
from what they are for. So a longer list begins as a shorter one does, and no other parameter moves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthspec.languages.expressions import evaluate, random_calls
from synthspec.languages.expressions.evaluation.columns import ColumnArray, objects, unpack
from synthspec.languages.expressions.tree import Expression
from synthspec.languages.expressions.types import INTEGER, Type
from synthspec.planning.draw_values import choice_column
from synthspec.planning.drawing import DrawFault, Drawing, Values
from synthspec.planning.sampling.bijection import mixed
from synthspec.planning.sampling.philox import key_of, to_unit
from synthspec.spec import Choice

ItemCounts = Callable[[Drawing], NDArray[np.int64]]  # for each combination; NONE where there is no list
NONE = -1
TRIES = 200  # draws of an item that must differ from those before it
CELLS = 1 << 20  # combinations times values that are weighed at once


def counted(key: str, expression: Expression, most: int) -> ItemCounts:
    """How many items each list has."""
    calls = [c.ordinal for c in random_calls(expression)]

    def counts(drawing: Drawing) -> NDArray[np.int64]:
        uniforms = {o: drawing.uniforms[f"{key}/rows#{o}"] for o in calls}
        found = unpack(np.asarray(evaluate(expression, drawing.columns, drawing.length, uniforms, INTEGER)))
        numbers = (NONE if value is None else min(max(0, int(value)), most) for value in found)
        return np.fromiter(numbers, dtype=np.int64, count=drawing.length)

    return counts


def list_values(name: str, key: str, item: Values, keys: tuple[str, ...], counts: ItemCounts, differ: bool) -> Values:
    """Lists of what `item` draws by the dimensions `keys`. Where items differ, each is drawn until it does."""
    marks = {k: np.uint64(key_of(0, k, "item") & (2**64 - 1)) for k in keys}

    def draw(drawing: Drawing) -> ColumnArray:
        wanted = counts(drawing)
        owner = np.repeat(np.arange(drawing.length), np.maximum(wanted, 0))
        place = np.arange(len(owner)) - np.searchsorted(owner, owner)
        words = (drawing.uniforms[key] * 2.0**53).astype(np.uint64)

        def drawn(at: NDArray[np.int64], attempt: int) -> list[Any]:
            whose = owner[at]
            step = place[at] * TRIES + attempt
            uniforms = {k: to_unit(mixed(words[whose] ^ mark, step)) for k, mark in marks.items()}
            return unpack(item(_of(drawing, whose, uniforms)))

        values = drawn(np.arange(len(owner)), 0) if len(owner) else []
        if differ:
            _redraw(name, owner, values, drawn)
        return _divided(values, wanted)

    return draw


def distinct_choices(key: str, draw_of: Choice, kind: Type, counts: ItemCounts) -> Values:
    """Lists of different values, each in proportion to its weight among those that are left."""
    column = choice_column(draw_of.values, kind)
    weights = np.array(draw_of.weights, dtype=np.float64)
    mark = np.uint64(key_of(0, key, "item") & (2**64 - 1))

    def draw(drawing: Drawing) -> ColumnArray:
        wanted = counts(drawing)
        words = (drawing.uniforms[key] * 2.0**53).astype(np.uint64) ^ mark
        result = np.empty(drawing.length, dtype=object)
        block = max(1, CELLS // len(weights))
        for start in range(0, drawing.length, block):
            some = slice(start, start + block)
            for at, places in enumerate(_without_replacement(weights, words[some], wanted[some]), start):
                result[at] = unpack(column[places]) if wanted[at] != NONE else None
        return result

    return draw


def _without_replacement(
    weights: NDArray[np.float64], words: NDArray[np.uint64], wanted: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """For each list, the places of its values, in the order drawn."""
    left = np.repeat(weights[None, :], len(words), axis=0)
    found = np.zeros((len(words), max(0, int(wanted.max(initial=0)))), dtype=np.int64)
    for step in range(found.shape[1]):
        sums = np.cumsum(left, axis=1)
        number = to_unit(mixed(words, np.full(len(words), step, dtype=np.int64))) * sums[:, -1]
        last = left.shape[1] - 1 - (left[:, ::-1] > 0).argmax(axis=1)
        found[:, step] = np.minimum((sums <= number[:, None]).sum(axis=1), last)
        left[np.arange(len(words)), found[:, step]] = 0.0
    return [row[: max(0, count)] for row, count in zip(found, wanted.tolist(), strict=True)]


def _of(drawing: Drawing, owner: NDArray[np.int64], uniforms: Mapping[str, NDArray[np.float64]]) -> Drawing:
    """One evaluation for each item, which sees what its combination has."""
    return Drawing(
        len(owner),
        uniforms,
        {n: c[owner] for n, c in drawing.columns.items()},
        {n: p[owner] for n, p in drawing.picked.items()},
    )


def _redraw(
    name: str, owner: NDArray[np.int64], values: list[Any], drawn: Callable[[NDArray[np.int64], int], list[Any]]
) -> None:
    """Draw items anew that equal one before them in their list."""
    owners = owner.tolist()
    for attempt in range(1, TRIES):
        seen: set[tuple[int, str]] = set()
        again = []
        for at, value in enumerate(values):
            mark = (owners[at], repr(value))
            if mark in seen:
                again.append(at)
            seen.add(mark)
        if not again:
            return
        for at, value in zip(again, drawn(np.array(again), attempt), strict=True):
            values[at] = value
    message = f"no list of different values was found: {TRIES} draws of an item gave values that the list has already"
    raise DrawFault(name, message, "ask for fewer `rows`, or leave `replacement` out")


def _divided(values: list[Any], wanted: NDArray[np.int64]) -> ColumnArray:
    ends = np.cumsum(np.maximum(wanted, 0)).tolist()
    lists = (
        None if count == NONE else values[end - count : end] for end, count in zip(ends, wanted.tolist(), strict=True)
    )
    return objects(lists, len(wanted))
