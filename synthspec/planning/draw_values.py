"""What draws give: uniform numbers to values, one function for each kind of draw that is of no source."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthspec.languages.expressions import Expression, evaluate, random_calls
from synthspec.languages.expressions.evaluation.columns import DTYPES, ColumnArray, conform_column, pack, unpack
from synthspec.languages.expressions.random.quantiles import level_of
from synthspec.languages.expressions.types import Type
from synthspec.lazy_dataclass import dataclass
from synthspec.planning.drawing import Drawing, Values
from synthspec.spec import Choice, Draw, FakerDraw


@dataclass(frozen=True, slots=True)
class ListedTexts:
    """A list of texts: its values, and what draws their places instead of themselves."""

    values: tuple[str, ...]
    places: Values


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal; `true` and 1 are two."""
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def choice_column(values: tuple[Any, ...], kind: Type) -> ColumnArray:
    """Listed values as a column of their type."""
    if kind.kind in ("text", "any", "list", "map"):
        column = np.empty(len(values), dtype=object)
        column[:] = list(values) if kind.kind == "text" else _boxed(values)
        return column
    return pack(list(values), kind.kind)


def choice_values(key: str, values: tuple[Any, ...], weights: tuple[float, ...], kind: Type) -> Values:
    """One of some values, by its weight."""
    column = choice_column(values, kind)

    def draw(drawing: Drawing) -> ColumnArray:
        return column[level_of(drawing.uniforms[key], weights)]

    return draw


def listed_texts(key: str, draw: Draw) -> ListedTexts | None:
    """A list of texts, None where a draw is none."""
    if not isinstance(draw, Choice) or not all(type(v) is str for v in draw.values):
        return None
    values, weights = draw.values, draw.weights
    return ListedTexts(values, lambda drawing: level_of(drawing.uniforms[key], weights))


def _boxed(values: tuple[Any, ...]) -> ColumnArray:
    """An object column, also of lists."""
    column = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        column[index] = value
    return column


def formula_values(key: str, expression: Expression, kind: Type) -> Values:
    """The values of an expression."""
    calls = [c.ordinal for c in random_calls(expression)]

    def draw(drawing: Drawing) -> ColumnArray:
        uniforms = {o: drawing.uniforms[f"{key}#{o}"] for o in calls}
        return evaluate(expression, drawing.columns, drawing.length, uniforms, kind)

    return draw


def pattern_values(key: str, regex: str) -> Values:
    """Texts that match a regular expression."""
    from synthspec.languages.patterns import parse_pattern

    pattern = parse_pattern(regex)

    def draw(drawing: Drawing) -> ColumnArray:
        column = np.empty(drawing.length, dtype=object)
        column[:] = pattern.generate_many(drawing.uniforms[key])
        return column

    return draw


def faker_values(key: str, draw_of: FakerDraw, kind: Type) -> Values:
    """Values of a Faker provider."""
    from faker import Faker

    fake = Faker(draw_of.locale)
    provide = getattr(fake, draw_of.provider)
    arguments = dict(draw_of.arguments)

    def draw(drawing: Drawing) -> ColumnArray:
        made: list[Any] = []
        for u in drawing.uniforms[key].tolist():
            fake.seed_instance(int(u * 2**53))
            made.append(provide(**arguments))
        return _settled(made, kind)

    return draw


def given_values(on: str, cases: tuple[tuple[Any, Values], ...], otherwise: Values | None, kind: Type) -> Values:
    """Values by that of another parameter."""

    def draw(drawing: Drawing) -> ColumnArray:
        parent = drawing.columns[on]
        left = np.ones(drawing.length, dtype=bool)
        result = np.empty(drawing.length, dtype=object)
        for value, values in cases:
            mask = left & _equal(parent, value)
            left &= ~mask
            if mask.any():
                result[mask] = _objects(values(drawing.part(mask)))
        if left.any() and otherwise is not None:
            result[left] = _objects(otherwise(drawing.part(left)))
        return _settled(result.tolist(), kind)

    return draw


def _settled(values: list[Any], kind: Type) -> ColumnArray:
    """Values as a column of a parameter's type, whichever of its values are among them: a whole number is 1.0 in a
    column of numbers even where no other is beside it.
    """
    if kind.kind == "number":
        return conform_column(_boxed(tuple(values)), kind)
    if kind.kind in DTYPES:
        column = pack(values, kind.kind)
        if column.dtype == np.dtype(DTYPES[kind.kind]):
            return column
    return _boxed(tuple(values))


def _objects(column: ColumnArray) -> ColumnArray:
    return _boxed(tuple(unpack(column)))


def _equal(column: ColumnArray, value: Any) -> NDArray[np.bool_]:
    if column.dtype != object:
        return np.asarray(column == value)
    return np.fromiter((same(v, value) for v in column.tolist()), dtype=bool, count=len(column))
