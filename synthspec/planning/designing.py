"""Which strategy gives each dimension of a plan its numbers: the one that the spec names, and others beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from synthspec.planning.constraints.cells import Tie
from synthspec.planning.constraints.permitted import all_of
from synthspec.planning.constraints.tying import TiedGroup
from synthspec.planning.design import Design, Dimension, Strategy
from synthspec.planning.designs import find_strategy
from synthspec.planning.parameters import CompiledDraw
from synthspec.planning.sampling.beside import Beside
from synthspec.spec import Spec
from synthspec.spec.used_names import used_names


def dimensions_behind(draws: Sequence[CompiledDraw], names: frozenset[str]) -> frozenset[str]:
    """Keys of every dimension that the named parameters hang on."""
    by_name = {d.name: d for d in draws}
    found: set[str] = set()
    todo, seen = list(names), set[str]()
    while todo:
        name = todo.pop()
        if name in seen or name not in by_name:
            continue
        seen.add(name)
        found |= {d.key for d in by_name[name].dimensions}
        todo.extend(by_name[name].reads)
    return frozenset(found)


class Designing:
    """Which strategy gives each dimension its numbers."""

    def __init__(
        self,
        spec: Spec,
        draws: Sequence[CompiledDraw],
        dimensions: tuple[Dimension, ...],
        ties: Sequence[Tie],
        groups: Sequence[TiedGroup],
    ) -> None:
        self._spec, self._draws, self._dimensions = spec, draws, dimensions
        self._ties, self._groups = ties, groups

    def strategy(self) -> Strategy:
        """The strategy of the dimensions that something hangs on, and beside it one of the others, if any."""
        used = self._designed()
        designed = tuple(d for d in self._dimensions if d.key in used)
        others = tuple(d for d in self._dimensions if d.key not in used)
        found = self._covering(designed or others)
        if not designed or not others:
            return found
        return Beside(found, self._strategy_of(others, self._spec.plan.strategy), frozenset(d.key for d in others))

    def _covering(self, dimensions: tuple[Dimension, ...]) -> Strategy:
        """The strategy of these dimensions; under `factorial`, those that are not `over` are balanced beside it."""
        rules = self._spec.plan
        if rules.strategy != "factorial" or not rules.over:
            return self._strategy_of(dimensions, rules.strategy)
        over = self._hanging_together(dimensions_behind(self._draws, frozenset(rules.over)), dimensions)
        first = tuple(d for d in dimensions if d.key in over)
        rest = tuple(d for d in dimensions if d.key not in over)
        found = self._strategy_of(first, rules.strategy)
        return Beside(found, self._strategy_of(rest, "balanced"), frozenset(d.key for d in rest)) if rest else found

    def _hanging_together(self, keys: frozenset[str], dimensions: tuple[Dimension, ...]) -> frozenset[str]:
        """The keys, with those that exclusions, correlations and cases bind to them."""
        bound = [*(t.keys for t in self._ties), *(frozenset(g.tied.keys) for g in self._groups)]
        bound += [frozenset({d.key, *(r.dimension for r in d.requires)}) for d in dimensions if d.requires]
        grown = keys
        while True:
            more = grown.union(*(b for b in bound if b & grown))
            if more == grown:
                return grown
            grown = more

    def _designed(self) -> frozenset[str]:
        """Keys of the dimensions that a prompt, a field, a check or a part of the plan reads.

        All, where no prompt, field or check reads any: the plan itself is then what is wanted.
        """
        if not used_names(replace(self._spec, plan=replace(self._spec.plan, exclude=()))):
            return frozenset(d.key for d in self._dimensions)
        named = {n for c in self._spec.plan.correlate for n in c.between} | set(self._spec.plan.over)
        return dimensions_behind(self._draws, used_names(self._spec) | named)

    def _strategy_of(self, dimensions: tuple[Dimension, ...], name: str) -> Strategy:
        rules = self._spec.plan
        discrete = {d.key for d in dimensions if d.weights is not None}
        ties = tuple(t for t in self._ties if t.keys <= discrete)
        over = None
        if rules.over:
            over = frozenset(k for k in dimensions_behind(self._draws, frozenset(rules.over)) if k in discrete)
        design = Design(
            dimensions=dimensions,
            seed=self._spec.seed,
            strength=rules.strength,
            over=over,
            permitted=all_of(ties) if ties else None,
            permitted_reads=tuple(t.keys for t in ties),
            tied=tuple(g.tied for g in self._groups if discrete.issuperset(g.tied.keys)),
        )
        return find_strategy(name)(design)
