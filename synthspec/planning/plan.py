"""Spec → Plan: which combinations of parameter values the prompts are written for.

Row i of a plan is a pure function of the spec, the seed and i. A plan has no end: it can be read at any index,
and its length is only how many combinations the spec's `rows` need.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from synthspec.languages.expressions import names_of
from synthspec.languages.expressions.evaluation.columns import ColumnArray, objects, unpack
from synthspec.languages.expressions.functions.placed import INDEX
from synthspec.planning.constraints.permitted import ties_of
from synthspec.planning.constraints.rules import Bundle, ExclusionRule, broken, keys_to_redraw, redrawn
from synthspec.planning.constraints.tying import Pull, tie_dimensions
from synthspec.planning.designing import Designing, dimensions_behind
from synthspec.planning.drawing import DrawFault, Drawing
from synthspec.planning.parameters import CompiledDraw, compile_draws, dimensions_of
from synthspec.sources import Table
from synthspec.spec import Correlation, Exclusion, SourceDraw, Spec
from synthspec.spec.draws import draws_inside
from synthspec.spec.fan_outs import rows_per_combination

if TYPE_CHECKING:
    import pandas as pd

    from synthspec.planning.correlation.targets import Copula

MAX_REDRAWS = 20_000
SUBSTITUTE_TRIES = 64
GENTLE = 32  # attempts that redraw continuous dimensions only, so that listed values keep their shares
FIRM = 512  # such attempts where a row's listed values must stay together
CHUNK = 4096


class Plan:
    """The combinations of a spec. `plan[i]` is a dict, `plan[a:b]` a DataFrame; indices count from 0."""

    def __init__(self, spec: Spec, tables: Mapping[str, Table]) -> None:
        self.spec = spec
        self.draws = compile_draws(spec, tables)
        self.dimensions = dimensions_of(self.draws)
        self.rules = tuple(self._rule(e) for e in spec.plan.exclude)
        self.ties = ties_of(self.rules, self.draws, spec.parameters)
        self.pulls = self._pulls()
        self.groups = tie_dimensions(self.dimensions, self.ties, list(self.pulls.values()), spec.seed)
        self.strategy = Designing(spec, self.draws, self.dimensions, self.ties, self.groups).strategy()
        self.copula = self._copula()

    @property
    def rows_per_combination(self) -> int:
        """How many dataset rows one combination is expected to give."""
        return rows_per_combination(self.spec)

    def __len__(self) -> int:
        """How many combinations the spec's `rows` need."""
        return -(-self.spec.rows // self.rows_per_combination)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The combinations that the spec's `rows` need, in order; indexing reaches beyond them."""
        return self.combinations(0, len(self))

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> pd.DataFrame: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | pd.DataFrame:
        if isinstance(index, slice):
            import pandas as pd

            start, stop, step = self._bounds(index)
            columns = self.columns(start, max(start, stop))
            kinds = {d.name: d.type.kind for d in self.draws}
            arrays = {n: _for_pandas(c, kinds[n]) for n, c in columns.items()}
            frame = pd.DataFrame(arrays, index=range(start, max(start, stop)))
            return frame.iloc[::step] if step != 1 else frame
        if not hasattr(index, "__index__"):
            raise TypeError("a plan is indexed by a number or a slice; a slice has columns: plan[0:100]['name']")
        if index < 0:
            index += len(self)
        if index < 0:
            raise IndexError("a plan begins at 0")
        return next(self.combinations(index, index + 1))

    def __repr__(self) -> str:
        from synthspec.planning.shown import plan_title

        return f"<Plan {plan_title(self)}: {', '.join(d.name for d in self.draws[:12])}>"

    def _repr_html_(self) -> str:
        from synthspec.planning.shown import plan_html

        return plan_html(self)

    def _bounds(self, index: slice) -> tuple[int, int, int]:
        start, stop, step = index.start or 0, index.stop, index.step or 1
        stop = len(self) if stop is None else stop
        start = start + len(self) if start < 0 else start
        stop = stop + len(self) if stop < 0 else stop
        if start < 0 or step < 1:
            raise IndexError("a plan begins at 0 and is read forwards")
        return start, stop, step

    def combinations(self, start: int, stop: int) -> Iterator[dict[str, Any]]:
        """Combinations start..stop-1 as plain values, one by one, in little memory."""
        size = 64  # grows, so that a single look is cheap and a long read fast
        while start < stop:
            size = min(size * 4, CHUNK)
            end = min(stop, start + size)
            columns = {n: unpack(c) for n, c in self.columns(start, end).items()}
            for offset in range(end - start):
                yield {n: c[offset] for n, c in columns.items()}
            start = end

    def columns(self, start: int, stop: int, only: Iterable[str] | None = None) -> dict[str, ColumnArray]:
        """Combinations start..stop-1 as one array a parameter, exclusions honoured; `only` these, and what they and
        the exclusions read, where not all are wanted.

        Raises:
            DrawFault: a draw has nothing to give for a combination.
        """
        return self.numbers(start, stop, None if only is None else self._with_reads(only))[1]

    def _with_reads(self, names: Iterable[str]) -> tuple[CompiledDraw, ...]:
        """The draws of these parameters and of all that they and the exclusions hang on."""
        wanted = {*names}.union(*(r.reads for r in self.rules))
        for draw in reversed(self.draws):
            if draw.name in wanted:
                wanted |= draw.reads
        return tuple(d for d in self.draws if d.name in wanted)

    def numbers(
        self, start: int, stop: int, draws: Sequence[CompiledDraw] | None = None
    ) -> tuple[dict[str, NDArray[np.float64]], dict[str, ColumnArray]]:
        """The uniform numbers of combinations start..stop-1 by dimension, and the columns drawn from them: all, or
        those of some draws.
        """
        uniforms = dict(self.strategy.uniforms(start, stop))
        if self.copula is not None:
            uniforms = dict(self.copula.apply(uniforms))
        columns = self._evaluate(uniforms, np.arange(start, stop), draws)
        if self.rules:
            self._redraw(np.arange(start, stop), uniforms, columns, draws)
        return uniforms, columns

    def substitute(self, index: int, number: int) -> dict[str, Any] | None:
        """What stands for a combination of which a row cannot be had, the first of its substitutes being number 1.

        Listed values, and rows drawn without replacement, stay; all else is drawn again, by the seed and these numbers.
        None where the exclusions let nothing else be.
        """
        uniforms, _ = self.numbers(index, index + 1)
        kept = {d.key for d in self.dimensions if d.weights is not None and "#" not in d.key} - self._replaced_sources()
        for attempt in range(SUBSTITUTE_TRIES):
            drawn = {
                k: u if k in kept else _anew(self.spec.seed, k, index, number, attempt) for k, u in uniforms.items()
            }
            columns = self._evaluate(drawn, np.arange(index, index + 1))
            if not self.rules or not broken(self.rules, columns, 1).any():
                return {n: unpack(c)[0] for n, c in columns.items()}
        return None

    def _replaced_sources(self) -> set[str]:
        """The dimensions of sources whose rows may be drawn again."""
        draws = [d for p in self.spec.parameters for d in draws_inside(p.draw) if isinstance(d, SourceDraw)]
        firm = {d.source for d in draws if d.shares_row and not d.replacement}
        return {d.key for d in self.dimensions if d.key.startswith("source:")} - {f"source:{name}" for name in firm}

    def coverage(self) -> Any:
        """What the combinations that the spec's `rows` need hold of a covering array; None where there is none."""
        if not hasattr(self.strategy, "coverage"):
            return None
        rows = min(len(self), getattr(self.strategy, "firm_rows", 0))
        return self.strategy.coverage(self.numbers(0, rows)[0])

    def _evaluate(
        self,
        uniforms: Mapping[str, NDArray[np.float64]],
        numbers: NDArray[np.int64],
        draws: Sequence[CompiledDraw] | None = None,
    ) -> dict[str, ColumnArray]:
        """The columns of the combinations of these numbers."""
        drawing = Drawing(len(numbers), uniforms, {INDEX: numbers})
        for draw in self.draws if draws is None else draws:
            drawing.columns[draw.name] = draw.values(drawing)
        del drawing.columns[INDEX]
        return drawing.columns

    def _redraw(
        self,
        rows: NDArray[np.int64],
        uniforms: dict[str, NDArray[np.float64]],
        columns: dict[str, ColumnArray],
        draws: Sequence[CompiledDraw] | None = None,
    ) -> None:
        """Draw anew what each row's broken rules hang on, until none is broken."""
        at = np.arange(len(rows))
        firm = getattr(self.strategy, "firm_rows", 0)
        for attempt in range(1, MAX_REDRAWS):
            hits = broken(self.rules, {n: c[at] for n, c in columns.items()}, len(at))
            bad = hits.any(axis=0)
            if not bad.any():
                return
            at, hits = at[bad], hits[:, bad]
            gentle = attempt <= np.where(rows[at] < firm, FIRM, GENTLE)
            wanted = keys_to_redraw(self.rules, hits, gentle, self._bundles())
            mixed = redrawn(wanted, {k: u[at] for k, u in uniforms.items()}, rows[at], attempt, self.strategy.redraw)
            if self.copula is not None and self.copula.moved[0] in wanted:
                moved = wanted[self.copula.moved[0]]
                tied = self.copula.apply(mixed)
                mixed |= {k: np.where(moved, tied[k], mixed[k]) for k in self.copula.moved}
            for key in wanted:
                uniforms[key] = uniforms[key].copy()
                uniforms[key][at] = mixed[key]
            for name, column in self._evaluate(mixed, rows[at], draws).items():
                columns[name] = _placed(columns[name], at, column)
        raise DrawFault("", "the exclusions leave too little to draw from", "exclude less")

    def _bundles(self) -> tuple[Bundle, ...]:
        """Dimensions of which some must be redrawn where others are."""
        tied = tuple(Bundle(frozenset(g.tied.keys), frozenset(g.tied.keys)) for g in self.groups)
        if self.copula is None:
            return tied
        return (*tied, Bundle(frozenset(self.copula.keys), frozenset(self.copula.moved)))

    def _rule(self, exclusion: Exclusion) -> ExclusionRule:
        reads = names_of(exclusion.expression)
        behind = self.dimensions_behind(reads)
        continuous = frozenset(d.key for d in self.dimensions if d.weights is None and d.key in behind)
        return ExclusionRule(exclusion, reads, behind, continuous)

    def dimensions_behind(self, names: frozenset[str]) -> frozenset[str]:
        """Keys of every dimension that the named parameters hang on."""
        return dimensions_behind(self.draws, names)

    def _pulls(self) -> Mapping[Correlation, Pull]:
        if not self.spec.plan.correlate:
            return {}
        from synthspec.planning.correlation.copula import find_pulls

        return find_pulls(self.spec, self.draws)

    def _copula(self) -> Copula | None:
        if not self.spec.plan.correlate:
            return None
        from synthspec.planning.correlation.copula import build_copula

        return build_copula(self.spec, self.draws, self.strategy, self.groups)


def _anew(seed: int, key: str, index: int, number: int, attempt: int) -> NDArray[np.float64]:
    """A uniform number of a substitute."""
    text = f"{seed}/{key}/{index}/{number}/{attempt}/substitute"
    digest = blake2b(text.encode(), digest_size=8).digest()
    return np.array([(int.from_bytes(digest, "big") >> 11) / 2**53])


def _placed(column: ColumnArray, at: NDArray[np.int64], values: ColumnArray) -> ColumnArray:
    """A copy of a column with new values at some places, each of the type it has."""
    if column.dtype != values.dtype:
        column, values = objects(unpack(column), len(column)), objects(unpack(values), len(values))
    column = column.copy()
    column[at] = values
    return column


def _for_pandas(column: ColumnArray, kind: str) -> Any:
    if kind == "text" and all(v is None or isinstance(v, str) for v in column):
        import pandas as pd

        return pd.array(column, dtype="str")
    return column


def build_plan(spec: Spec, tables: Mapping[str, Table]) -> Plan:
    """The plan of a checked spec."""
    return Plan(spec, tables)
