"""Parameters to columns: each draw knows its dimensions, and turns their uniform numbers into values.

A dimension's key is stable: `attitude` for a list, `age#0` for the first random function of an expression,
`source:sample` for a row of a source, `wait/aggressive` inside a case. Adding a parameter changes no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthspec.languages.expressions import Expression, evaluate, names_of, random_calls
from synthspec.languages.expressions.evaluation.columns import DTYPES, Column, conform_column, pack, unpack
from synthspec.languages.expressions.functions.placed import READS, placed_calls
from synthspec.languages.expressions.random.quantiles import edges, level_of
from synthspec.languages.expressions.tree import Call, ListOf, Literal, Unary
from synthspec.languages.expressions.types import Type
from synthspec.planning.designs import Dimension, Requirement
from synthspec.planning.drawing import MAX_LEVELS, Drawing, Values
from synthspec.planning.each_row import in_turn
from synthspec.planning.sampling.alike import Alike, indexed
from synthspec.planning.source_draws import nearest_rows, one_row, several_rows
from synthspec.sources import Table
from synthspec.spec import Choice, Draw, FakerDraw, Formula, GivenDraw, Parameter, PatternDraw, RowsEach, SourceDraw


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of texts: its values, and what draws their places instead of themselves."""

    values: tuple[str, ...]
    places: Values


@dataclass(frozen=True, slots=True)
class CompiledDraw:
    """One parameter ready to be drawn: its dimensions, what it reads, its values; `listed` if a list of texts."""

    name: str
    type: Type
    dimensions: tuple[Dimension, ...]
    reads: frozenset[str]
    values: Values
    listed: Listed | None = None


def compile_draws(
    parameters: tuple[Parameter, ...], tables: Mapping[str, Table], each: RowsEach | None = None
) -> tuple[CompiledDraw, ...]:
    """Every parameter, in order. Those that draw from the source of `each` take its rows in turn."""
    compiler = _Compiler(parameters, tables, each)
    return tuple(compiler.compile(p) for p in parameters)


class _Compiler:
    def __init__(
        self, parameters: tuple[Parameter, ...], tables: Mapping[str, Table], each: RowsEach | None = None
    ) -> None:
        self.tables, self.each = tables, each
        self.indexes: dict[tuple[str, tuple[str, ...]], Alike] = {}
        self.lists: dict[str, Choice] = {p.name: p.draw for p in parameters if isinstance(p.draw, Choice)}
        self.filters: dict[str, list[Expression]] = {}
        for p in parameters:
            for draw in _inside(p.draw):
                if isinstance(draw, SourceDraw) and draw.shares_row:
                    found = self.filters.setdefault(draw.source, [])
                    if draw.where is not None and draw.where not in found:
                        found.append(draw.where)

    def compile(self, parameter: Parameter) -> CompiledDraw:
        dimensions: list[Dimension] = []
        reads: set[str] = set()
        values = self.draw(parameter.draw, parameter, parameter.name, (), dimensions, reads)
        listed = _listed(parameter.name, parameter.draw)
        return CompiledDraw(parameter.name, parameter.type, tuple(dimensions), frozenset(reads), values, listed)

    def draw(
        self,
        draw: Draw,
        parameter: Parameter,
        key: str,
        requires: tuple[Requirement, ...],
        dimensions: list[Dimension],
        reads: set[str],
    ) -> Values:
        match draw:
            case Choice(values, weights):
                dimensions.append(Dimension(key, weights, requires))
                return _choice(key, values, weights, parameter.type)
            case Formula(expression):
                reads |= names_of(expression) | {name for c in placed_calls(expression) for name in READS[c.function]}
                for call in random_calls(expression):
                    dimensions.append(Dimension(f"{key}#{call.ordinal}", _levels(call), requires))
                return _formula(key, expression, parameter.type)
            case PatternDraw(regex):
                dimensions.append(Dimension(key, None, requires))
                return _pattern(key, regex)
            case FakerDraw():
                dimensions.append(Dimension(key, None, requires))
                return _faker(key, draw, parameter.type)
            case SourceDraw():
                return self.source(draw, parameter, key, requires, dimensions, reads)
            case GivenDraw():
                return self.given(draw, parameter, key, requires, dimensions, reads)

    def source(
        self,
        draw: SourceDraw,
        parameter: Parameter,
        key: str,
        requires: tuple[Requirement, ...],
        dimensions: list[Dimension],
        reads: set[str],
    ) -> Values:
        table = self.tables[draw.source]
        if draw.nearest is not None or draw.rows is not None:
            reads |= names_of(draw.where) - {"row"} if draw.where is not None else frozenset()
            if draw.nearest is not None:
                reads |= names_of(draw.nearest)
                return nearest_rows(parameter.name, draw, table, self.index_of)
            dimensions.append(Dimension(key, None, requires))
            return several_rows(parameter.name, key, draw, table)
        if self.each is not None and self.each.source == draw.source:
            return in_turn(one_row(parameter.name, draw, table, ()), self.each, table)
        filters = tuple(self.filters[draw.source])
        for where in filters:
            reads |= names_of(where) - {"row"}
        rows = len(table)
        few = not filters and rows <= MAX_LEVELS
        dimensions.append(Dimension(f"source:{draw.source}", (1.0,) * rows if few else None))
        return one_row(parameter.name, draw, table, filters)

    def index_of(self, draw: SourceDraw) -> Alike:
        """The index of the words of a source, made when the first text is compared."""
        return indexed(self.indexes, draw.source, self.tables[draw.source], draw.by)

    def given(
        self,
        draw: GivenDraw,
        parameter: Parameter,
        key: str,
        requires: tuple[Requirement, ...],
        dimensions: list[Dimension],
        reads: set[str],
    ) -> Values:
        reads.add(draw.on)
        parent = self.lists.get(draw.on)
        listed = list(parent.values) if parent is not None else []
        cases: list[tuple[Any, Values]] = []
        left = set(range(len(listed)))
        for value, inner in draw.cases:
            levels = frozenset(i for i, v in enumerate(listed) if _same(v, value))
            left -= levels
            below = (*requires, Requirement(draw.on, levels)) if levels else requires
            cases.append((value, self.draw(inner, parameter, f"{key}/{value}", below, dimensions, reads)))
        otherwise: Values | None = None
        if draw.otherwise is not None:
            below = (*requires, Requirement(draw.on, frozenset(left))) if left else requires
            otherwise = self.draw(draw.otherwise, parameter, f"{key}/else", below, dimensions, reads)
        return _given(draw.on, tuple(cases), otherwise, parameter.type)


def _inside(draw: Draw) -> list[Draw]:
    if isinstance(draw, GivenDraw):
        below = [d for _, c in draw.cases for d in _inside(c)]
        return [draw, *below, *(_inside(draw.otherwise) if draw.otherwise is not None else [])]
    return [draw]


def _same(left: Any, right: Any) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _constant(node: Expression) -> Any:
    """The value of a literal, a signed literal or a list of them; None where it is none."""
    match node:
        case Literal(value=value):
            return value
        case Unary(operator="-", operand=Literal(value=int() | float() as value)):
            return -value
        case ListOf(items=items):
            values = [_constant(i) for i in items]
            return None if None in values else values
        case _:
            return None


def _levels(call: Call) -> tuple[float, ...] | None:
    """The weights of a random call with a few known outcomes, None for all others."""
    arguments = dict(enumerate(_constant(a) for a in call.arguments))
    named = {n: _constant(e) for n, e in call.keywords}
    if call.function == "choice":
        values = arguments.get(0, named.get("values"))
        weights = arguments.get(1, named.get("weights"))
        if not isinstance(values, list) or (len(call.arguments) + len(call.keywords) > 1 and weights is None):
            return None
        return tuple(float(w) for w in weights) if isinstance(weights, list) else (1.0,) * len(values)
    if call.function == "bernoulli":
        p = arguments.get(0, named.get("p"))
        return (1.0 - p, float(p)) if isinstance(p, int | float) and 0 <= p <= 1 else None
    if call.function == "integer":
        low, high = arguments.get(0, named.get("low")), arguments.get(1, named.get("high"))
        if isinstance(low, int) and isinstance(high, int) and 0 <= high - low < 1000:
            return (1.0,) * (high - low + 1)
    return None


def _choice(key: str, values: tuple[Any, ...], weights: tuple[float, ...], kind: Type) -> Values:
    column = pack(list(values), kind.kind)
    if kind.kind in ("text", "any", "list", "map"):
        column = np.empty(len(values), dtype=object)
        column[:] = list(values) if kind.kind == "text" else _boxed(values)

    def draw(drawing: Drawing) -> Column:
        return column[level_of(drawing.uniforms[key], weights)]

    return draw


def _listed(key: str, draw: Draw) -> Listed | None:
    if not isinstance(draw, Choice) or not all(type(v) is str for v in draw.values):
        return None
    values, weights = draw.values, draw.weights
    return Listed(values, lambda drawing: level_of(drawing.uniforms[key], weights))


def _boxed(values: tuple[Any, ...]) -> Column:
    """An object column, also of lists."""
    column = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        column[index] = value
    return column


def _formula(key: str, expression: Expression, kind: Type) -> Values:
    calls = [c.ordinal for c in random_calls(expression)]

    def draw(drawing: Drawing) -> Column:
        uniforms = {o: drawing.uniforms[f"{key}#{o}"] for o in calls}
        return evaluate(expression, drawing.columns, drawing.length, uniforms, kind)

    return draw


def _pattern(key: str, regex: str) -> Values:
    from synthspec.languages.patterns import parse_pattern

    pattern = parse_pattern(regex)

    def draw(drawing: Drawing) -> Column:
        column = np.empty(drawing.length, dtype=object)
        column[:] = pattern.generate_many(drawing.uniforms[key])
        return column

    return draw


def _faker(key: str, draw_of: FakerDraw, kind: Type) -> Values:
    from faker import Faker

    fake = Faker(draw_of.locale)
    provide = getattr(fake, draw_of.provider)
    arguments = dict(draw_of.arguments)

    def draw(drawing: Drawing) -> Column:
        made: list[Any] = []
        for u in drawing.uniforms[key].tolist():
            fake.seed_instance(int(u * 2**53))
            made.append(provide(**arguments))
        return _settled(made, kind)

    return draw


def _given(on: str, cases: tuple[tuple[Any, Values], ...], otherwise: Values | None, kind: Type) -> Values:
    def draw(drawing: Drawing) -> Column:
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


def _settled(values: list[Any], kind: Type) -> Column:
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


def _objects(column: Column) -> Column:
    return _boxed(tuple(unpack(column)))


def _equal(column: Column, value: Any) -> NDArray[np.bool_]:
    if column.dtype != object:
        return np.asarray(column == value)
    return np.fromiter((_same(v, value) for v in column.tolist()), dtype=bool, count=len(column))


def middles(weights: tuple[float, ...]) -> NDArray[np.float64]:
    """A uniform number well inside each level's piece; NaN for a level of weight zero."""
    cuts = edges(weights)
    width = cuts[1:] - cuts[:-1]
    return np.where(width > 0, cuts[:-1] + width / 2, np.nan)


def with_ancestors(draws: tuple[CompiledDraw, ...], names: frozenset[str]) -> frozenset[str]:
    """The named parameters and all that they are drawn from."""
    needed = set(names)
    for draw in reversed(draws):
        if draw.name in needed:
            needed |= draw.reads
    return frozenset(needed)


def dimensions_of(draws: tuple[CompiledDraw, ...]) -> tuple[Dimension, ...]:
    """The dimensions of some draws, each once."""
    found: dict[str, Dimension] = {}
    for draw in draws:
        for dimension in draw.dimensions:
            found.setdefault(dimension.key, dimension)
    return tuple(found.values())


def places_in(column: Column, values: Sequence[Any]) -> NDArray[np.int64]:
    """The place in a list of each value of the column that is drawn from it; the first, where it stands twice."""
    marks = [repr(v) for v in unpack(column)]
    number = column.dtype.kind == "f"
    place: dict[str, int] = {}
    for index, value in enumerate(values):
        place.setdefault(repr(float(value)) if number and value is not None else repr(value), index)
    return np.fromiter((place[m] for m in marks), dtype=np.int64, count=len(marks))
