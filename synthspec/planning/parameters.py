"""Parameters to columns: each draw knows its dimensions, and turns their uniform numbers into values.

A dimension's key is stable: `attitude` for a list, `age#0` for the first random function of an expression,
`source:sample` for a row of a source, `wait/aggressive` inside a case. Adding a parameter changes no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthspec.languages.expressions import Expression, names_of, random_calls
from synthspec.languages.expressions.evaluation.columns import ColumnArray, unpack
from synthspec.languages.expressions.functions.placed import READS, placed_calls
from synthspec.languages.expressions.random.quantiles import edges
from synthspec.languages.expressions.tree import FunctionCall, ListOf, Literal, Unary
from synthspec.languages.expressions.types import Type
from synthspec.lazy_dataclass import dataclass
from synthspec.planning.design import Dimension, Requirement
from synthspec.planning.draw_values import (
    ListedTexts,
    choice_values,
    faker_values,
    formula_values,
    given_values,
    listed_texts,
    pattern_values,
    same,
)
from synthspec.planning.drawing import MAX_LEVELS, Values
from synthspec.planning.each_row import in_turn
from synthspec.planning.list_draws import ItemCounts, counted, distinct_choices, list_values
from synthspec.planning.sampling.alike import Alike, indexed
from synthspec.planning.source_draws import nearest_rows, one_row, several_rows
from synthspec.planning.without_replacement import DESIGNED, in_order, lists_in_order
from synthspec.sources import Table
from synthspec.spec import (
    Choice,
    Draw,
    FakerDraw,
    Formula,
    GivenDraw,
    ListDraw,
    Parameter,
    PatternDraw,
    SourceDraw,
    Spec,
)
from synthspec.spec.draws import draws_inside
from synthspec.spec.used_names import draw_reads


@dataclass(frozen=True, slots=True)
class CompiledDraw:
    """One parameter ready to be drawn: its dimensions, what it reads, its values; `listed` if a list of texts."""

    name: str
    type: Type
    dimensions: tuple[Dimension, ...]
    reads: frozenset[str]
    values: Values
    listed: ListedTexts | None = None


def compile_draws(spec: Spec, tables: Mapping[str, Table]) -> tuple[CompiledDraw, ...]:
    """Every parameter of a spec, in order."""
    parameters = spec.parameters
    compiler = _Compiler(spec, tables)
    return tuple(compiler.compile(p) for p in parameters)


@dataclass(slots=True)
class _DrawSite:
    """Where a draw stands: its parameter, its key, the values under which it is drawn, and what it and its like add."""

    parameter: Parameter
    key: str
    requires: tuple[Requirement, ...]
    dimensions: list[Dimension]
    reads: set[str]

    def add(self, weights: tuple[float, ...] | None = None, below: str = "") -> None:
        """One more dimension; `below` tells several of one draw apart."""
        self.dimensions.append(Dimension(self.key + below, weights, self.requires))

    def read(self, expression: Expression) -> None:
        """What an expression reads: names, and what its functions know of the row."""
        self.reads |= names_of(expression)
        self.reads |= {name for call in placed_calls(expression) for name in READS[call.function]}

    def inside(self, case: str, on: str, levels: frozenset[int]) -> _DrawSite:
        """The place of a draw of one case: only where the parameter `on` has one of these values, as far as known."""
        requires = (*self.requires, Requirement(on, levels)) if levels else self.requires
        return replace(self, key=f"{self.key}/{case}", requires=requires)


class _Compiler:
    def __init__(self, spec: Spec, tables: Mapping[str, Table]) -> None:
        parameters = spec.parameters
        self.spec, self.tables, self.each = spec, tables, spec.each
        self.indexes: dict[tuple[str, tuple[str, ...]], Alike] = {}
        self.lists: dict[str, Choice] = {p.name: p.draw for p in parameters if isinstance(p.draw, Choice)}
        self.filters: dict[str, list[Expression]] = {}
        self.sharing: dict[str, list[SourceDraw]] = {}  # the draws of the one row of each source
        for draw in (d for p in parameters for d in draws_inside(p.draw)):
            if isinstance(draw, SourceDraw) and draw.shares_row:
                self.sharing.setdefault(draw.source, []).append(draw)
                found = self.filters.setdefault(draw.source, [])
                if draw.where is not None and draw.where not in found:
                    found.append(draw.where)

    def compile(self, parameter: Parameter) -> CompiledDraw:
        site = _DrawSite(parameter, parameter.name, (), [], set())
        values = self.draw(parameter.draw, site)
        listed = listed_texts(parameter.name, parameter.draw)
        dimensions, reads = tuple(site.dimensions), frozenset(site.reads)
        return CompiledDraw(parameter.name, parameter.type, dimensions, reads, values, listed)

    def draw(self, draw: Draw, site: _DrawSite) -> Values:
        parameter, key = site.parameter, site.key
        match draw:
            case Choice(values, weights):
                site.add(weights)
                return choice_values(key, values, weights, parameter.type)
            case Formula(expression):
                site.read(expression)
                for call in random_calls(expression):
                    site.add(_levels(call), f"#{call.ordinal}")
                return formula_values(key, expression, parameter.type)
            case PatternDraw(regex):
                site.add()
                return pattern_values(key, regex)
            case FakerDraw():
                site.add()
                return faker_values(key, draw, parameter.type)
            case SourceDraw():
                return self.source(draw, site)
            case ListDraw():
                return self.several(draw, site)
            case GivenDraw():
                return self.given(draw, site)

    def source(self, draw: SourceDraw, site: _DrawSite) -> Values:
        table, name = self.tables[draw.source], site.parameter.name
        if not draw.shares_row:
            site.reads |= draw_reads(draw)
            counts = self.counts(draw.count, draw.rows or 1, site)
            if draw.nearest is not None:
                return nearest_rows(name, draw, table, self.index_of, counts)
            if not draw.replacement:
                return lists_in_order(site.key, draw, table, self.spec.seed)
            site.add()
            return several_rows(name, site.key, draw, table, counts)
        if self.each is not None and self.each.source == draw.source:
            return in_turn(one_row(name, draw, table, ()), self.each, table)
        filters = tuple(self.filters[draw.source])
        for where in filters:
            site.reads |= names_of(where) - {"row"}
        rows = len(table)
        sharing = self.sharing[draw.source]
        if not all(d.replacement for d in sharing) and not self.is_balanced(rows, filters):
            return in_order(one_row(name, draw, table, ()), draw.source, sharing, table, self.spec.seed)
        few = not filters and rows <= MAX_LEVELS
        site.dimensions.append(Dimension(f"source:{draw.source}", (1.0,) * rows if few else None))
        return one_row(name, draw, table, filters)

    def counts(self, count: Expression | None, most: int, site: _DrawSite) -> ItemCounts:
        """How many items each list of a draw has; `most` where nothing else is said."""
        if count is None:
            return lambda drawing: np.full(drawing.length, most)
        site.read(count)
        for call in random_calls(count):
            site.add(_levels(call), f"/rows#{call.ordinal}")
        return counted(site.key, count, most)

    def several(self, draw: ListDraw, site: _DrawSite) -> Values:
        """A list: one dimension of the design, and those of its count."""
        key = site.key
        counts = self.counts(draw.count, draw.most, site)
        site.add()
        if isinstance(draw.item, Choice) and not draw.replacement:
            return distinct_choices(key, draw.item, draw.type, counts)
        item = _DrawSite(replace(site.parameter, type=draw.type), f"{key}[]", (), [], site.reads)
        values, own = self.draw(draw.item, item), tuple(d.key for d in item.dimensions)
        return list_values(site.parameter.name, key, values, own, counts, not draw.replacement)

    def is_balanced(self, rows: int, filters: tuple[Expression, ...]) -> bool:
        """Whether the strategy itself draws no row of a source again before all have been."""
        return self.spec.plan.strategy == "balanced" and not filters and rows <= DESIGNED

    def index_of(self, draw: SourceDraw) -> Alike:
        """The index of the words of a source, made when the first text is compared."""
        return indexed(self.indexes, draw.source, self.tables[draw.source], draw.by)

    def given(self, draw: GivenDraw, site: _DrawSite) -> Values:
        site.reads.add(draw.on)
        parent = self.lists.get(draw.on)
        listed = list(parent.values) if parent is not None else []
        cases: list[tuple[Any, Values]] = []
        left = set(range(len(listed)))
        for value, inner in draw.cases:
            levels = frozenset(i for i, v in enumerate(listed) if same(v, value))
            left -= levels
            cases.append((value, self.draw(inner, site.inside(str(value), draw.on, levels))))
        otherwise: Values | None = None
        if draw.otherwise is not None:
            otherwise = self.draw(draw.otherwise, site.inside("else", draw.on, frozenset(left)))
        return given_values(draw.on, tuple(cases), otherwise, site.parameter.type)


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


def _levels(call: FunctionCall) -> tuple[float, ...] | None:
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


def places_in(column: ColumnArray, values: Sequence[Any]) -> NDArray[np.int64]:
    """The place in a list of each value of the column that is drawn from it; the first, where it stands twice."""
    marks = [repr(v) for v in unpack(column)]
    number = column.dtype.kind == "f"
    place: dict[str, int] = {}
    for index, value in enumerate(values):
        place.setdefault(repr(float(value)) if number and value is not None else repr(value), index)
    return np.fromiter((place[m] for m in marks), dtype=np.int64, count=len(marks))
