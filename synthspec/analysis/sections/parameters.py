"""`parameters`: what varies, and how it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

from synthspec.analysis.sections.context import AnalysisContext, scalar_text, value_of
from synthspec.analysis.sections.draw_counts import Count, lower_count, lower_list
from synthspec.analysis.sections.faker import FakerFault, faker_type
from synthspec.analysis.sections.source_draws import lower_source_draw
from synthspec.diagnostics import Related, did_you_mean
from synthspec.diagnostics.remedies import write
from synthspec.document.reader import Entry, ListNode, MapNode, Node, ScalarNode, to_data
from synthspec.languages.expressions.traversal import walk
from synthspec.languages.expressions.tree import Expression, Name
from synthspec.languages.expressions.types import ANY, TEXT, Type, join_all, type_of_values
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Choice, Draw, FakerDraw, Formula, GivenDraw, Parameter, PatternDraw, SourceDraw, SourceTable

DrawnType = tuple[Draw | None, Type]


def lower_parameters(ctx: AnalysisContext, sources: Mapping[str, SourceTable]) -> tuple[Parameter, ...]:
    """Every parameter that could be understood, in the order declared."""
    every = ctx.names_under("parameters")
    declared = {e.key.text for e in ctx.section("parameters").entries}
    scope: dict[str, Type] = {name: ANY for name in every if name not in declared}
    parameters: list[Parameter] = []
    conditions: list[_Condition] = []
    for entry in ctx.section("parameters").entries:
        name = entry.key.text
        known = {p.name: p.draw for p in parameters}
        draw, kind = _Drawing(ctx, scope, sources, name, every, conditions, known).draw(entry.value)
        if name in scope:
            continue
        scope[name] = ANY if _may_be_a_list(ctx, name) else kind
        if draw is not None:
            parameters.append(Parameter(name, draw, scope[name], entry.key.span))
    _read_too_early(ctx, parameters, conditions)
    return tuple(parameters)


def _may_be_a_list(ctx: AnalysisContext, name: str) -> bool:
    """Whether the `rows` of a draw were found fault with: what was meant as a list is none without them."""
    return any(path[:2] == ("parameters", name) and path[-1] == "rows" for path in ctx.broken)


@dataclass(frozen=True, slots=True)
class _Condition:
    """A `where` of a draw: it holds for the one row that every draw of its source takes."""

    source: str
    node: ScalarNode
    expression: Expression


def _read_too_early(ctx: AnalysisContext, parameters: list[Parameter], conditions: list[_Condition]) -> None:
    """Report a `where` that reads what is declared after the first draw of its source, or hangs on it."""
    place = {p.name: n for n, p in enumerate(parameters)}
    first: dict[str, Parameter] = {}
    for parameter in parameters:
        for source in _sources_of(parameter.draw):
            first.setdefault(source, parameter)
    for condition in conditions:
        begun = first.get(condition.source)
        names = [n for n in walk(condition.expression) if isinstance(n, Name) and n.name in place]
        late = next((n for n in names if begun is not None and place[n.name] >= place[begun.name]), None)
        if begun is None or late is None:
            continue
        read = next(p for p in parameters if p.name == late.name)
        drawn = f"the row of '{condition.source}' is drawn before, for '{begun.name}'"
        message = f"`where` reads '{late.name}', but {drawn}"
        help = f"move '{late.name}' above '{begun.name}'"
        if _hangs_on(read, condition.source, parameters):
            help = f"declare the data a second time, as another source, and draw '{begun.name}' from that"
            if isinstance(read.draw, SourceDraw) and read.draw.column:
                help = write(f"row.{read.draw.column}") + ": draws from one source take the same row"
        related = (Related(begun.span, "drawn here"),)
        ctx.report("E551", condition.node.place(late.start, late.end), message, help, related)


def _sources_of(draw: Draw) -> Iterator[str]:
    if isinstance(draw, SourceDraw):
        if draw.shares_row:
            yield draw.source
    elif isinstance(draw, GivenDraw):
        for below in (*(d for _, d in draw.cases), *((draw.otherwise,) if draw.otherwise is not None else ())):
            yield from _sources_of(below)


def _hangs_on(parameter: Parameter, source: str, parameters: list[Parameter]) -> bool:
    """Whether a parameter is drawn from a source, or from others that are."""
    from synthspec.spec.used_names import draw_reads

    by_name = {p.name: p for p in parameters}
    todo, seen = [parameter], {parameter.name}
    while todo:
        some = todo.pop()
        if source in _sources_of(some.draw):
            return True
        behind = [by_name[n] for n in draw_reads(some.draw) if n in by_name and n not in seen]
        seen.update(p.name for p in behind)
        todo.extend(behind)
    return False


class _Drawing:
    """Lowers the definition of one parameter."""

    def __init__(
        self,
        ctx: AnalysisContext,
        scope: Mapping[str, Type],
        sources: Mapping[str, SourceTable],
        name: str,
        every: Mapping[str, Type],
        conditions: list[_Condition],
        draws: Mapping[str, Draw],
    ) -> None:
        self.draws = draws
        self.ctx = ctx
        self.scope = scope
        self.sources = sources
        self.name = name
        self.every = every
        self.conditions = conditions
        self.marked: tuple[Type, frozenset[Any]] | None = None

    def explain(self, name: str) -> str | None:
        if name == self.name:
            return f"'{name}' is the parameter being declared: it cannot read itself"
        if name in self.every:
            return f"'{name}' is declared later: move it above '{self.name}'"
        return None

    def draw(self, node: Node) -> DrawnType:
        if isinstance(node, ListNode):
            return self.choice(tuple(to_data(n) for n in self.ctx.items(node)), None)
        if isinstance(node, ScalarNode):
            return self.formula(node)
        if node.get("from") is not None:
            return self.drawn(node)
        kinds: dict[str, Callable[[MapNode], DrawnType]] = {
            "values": self.weighted,
            "value": self.computed,
            "pattern": self.pattern,
            "faker": self.faked,
            "given": self.given,
        }
        for key, lower in kinds.items():
            if node.get(key) is not None:
                item, count = lower(node), self.count(node)
                return lower_list(self.ctx, node, item, count)
        return None, ANY

    def count(self, node: MapNode) -> Count | None:
        """How many values a list has, where there is one."""
        rows = node.get("rows")
        return lower_count(self.ctx, rows, self.scope, self.draws, self.explain) if rows is not None else None

    def formula(self, node: Node | None) -> DrawnType:
        if not isinstance(node, ScalarNode) or node.value is None:
            return None, ANY
        expression, kind = self.ctx.expression(node, self.scope, random=True, explain=self.explain, placed=("index",))
        return (Formula(expression) if expression is not None else None), kind

    def computed(self, node: MapNode) -> DrawnType:
        return self.formula(node.get("value"))

    def choice(self, values: tuple[Any, ...], weights: tuple[float, ...] | None) -> DrawnType:
        if not values:
            return None, ANY
        return Choice(values, weights or (1.0,) * len(values)), type_of_values(values)

    def weighted(self, node: MapNode) -> DrawnType:
        values, beside = node.get("values"), node.get("weights")
        if isinstance(values, MapNode):
            if beside is not None:
                self.ctx.report("E505", beside, "the weights are given twice", "give them in `values` alone")
            weights = tuple(float(value_of(e.value, 0)) for e in values.entries)
            chosen = tuple(e.key.value if e.key.value is not None else e.key.text for e in values.entries)
        else:
            chosen = tuple(to_data(n) for n in self.ctx.items(values))
            given = value_of(beside)
            if given and None in given:  # at fault, as reported
                return None, type_of_values(chosen)
            weights = tuple(float(w) for w in given) if given else (1.0,) * len(chosen)
            if len(weights) != len(chosen):
                message = f"{len(chosen)} values have {len(weights)} weights"
                self.ctx.report("E505", beside or node, message, "give one weight for each value")
                return None, type_of_values(chosen)
        if chosen and not sum(weights) > 0:
            self.ctx.report("E502", values or node, "all weights are zero", "give at least one value a weight above 0")
            return None, type_of_values(chosen)
        if any(w != w or w in (float("inf"),) for w in weights):
            self.ctx.report("E502", values or node, "a weight is not a finite number", "use numbers such as 1 or 0.5")
            return None, type_of_values(chosen)
        return self.choice(chosen, weights)

    def pattern(self, node: MapNode) -> DrawnType:
        from synthspec.languages.patterns import PatternFault, parse_pattern

        regex = node.get("pattern")
        if not isinstance(regex, ScalarNode):
            return None, TEXT
        try:
            parse_pattern(regex.text)
        except PatternFault as e:
            code = "E503"
            start = min(e.offset or 0, max(len(regex.text) - 1, 0))
            self.ctx.report(code, regex.place(start, len(regex.text)), f"the pattern: {e.message}", e.help)
            return None, TEXT
        return PatternDraw(regex.text), TEXT

    def drawn(self, node: MapNode) -> DrawnType:
        count = self.count(node)
        if node.get("rows") is not None and count is None:
            return None, Type("list", item=ANY)
        found = lower_source_draw(self.ctx, node, self.scope, self.sources, self.explain, count)
        if found.draw is not None and found.draw.shares_row and isinstance(found.where, ScalarNode):
            assert found.draw.where is not None
            self.conditions.append(_Condition(found.draw.source, found.where, found.draw.where))
        return found.draw, found.type

    def faked(self, node: MapNode) -> DrawnType:
        provider = node.get("faker")
        if not isinstance(provider, ScalarNode):
            return None, ANY
        locale = scalar_text(node.get("locale"), "en_US")
        draw = FakerDraw(provider.text, locale, value_of(node.get("arguments"), {}))
        kind = faker_type(draw)
        if isinstance(kind, FakerFault):
            self.ctx.report(kind.code, node.get(kind.key) or provider, kind.message, kind.help)
            return None, ANY
        return draw, kind

    def given(self, node: MapNode) -> DrawnType:
        on, cases, otherwise = node.get("given"), node.get("cases"), node.get("else")
        if not isinstance(on, ScalarNode) or not isinstance(cases, MapNode):
            return None, ANY
        if on.text not in self.scope and not self.ctx.is_lost("parameters"):
            help = self.explain(on.text) or did_you_mean(on.text, self.scope)
            self.ctx.report("E301", on, f"there is no parameter '{on.text}' above this one", help)
        of = self.scope.get(on.text, ANY)
        lowered: list[tuple[Any, Draw]] = []
        kinds: list[Type] = []
        good = True
        before = self.strays()
        for entry in cases.entries:
            key = self.case_key(entry, of, on)
            draw, of_case = self.draw(entry.value)
            kinds.append(of_case)
            good = good and draw is not None
            if draw is not None:
                lowered.append((key, draw))
        rest: Draw | None = None
        if otherwise is not None:
            rest, of_rest = self.draw(otherwise)
            kinds.append(of_rest)
            good = good and rest is not None
        elif good and not self.ctx.is_broken("parameters", self.name) and before == self.strays():
            self.exhaustive(cases, of, on)
        if not good or on.text not in self.scope:
            return None, join_all(kinds)
        return GivenDraw(on.text, tuple(lowered), rest), join_all(kinds)

    def strays(self) -> int:
        """How many cases were for no value; one that is may be meant for a value that lacks one."""
        return sum(f.code == "E524" for f in self.ctx.faults)

    def case_key(self, entry: Entry, of: Type, on: ScalarNode) -> Any:
        """The value a case stands for, with the type the parameter's values have."""
        key = entry.key.value if entry.key.value is not None else entry.key.text
        if of.kind == "text":
            key = entry.key.text
        if of.values is not None and _mark(key) not in self.known(of):
            known = [str(v) for v in of.values]
            message = f"'{on.text}' is never '{entry.key.text}'"
            self.ctx.report("E524", entry.key, message, did_you_mean(entry.key.text, known))
        return key

    def known(self, of: Type) -> frozenset[Any]:
        """The values of a parameter, marked so that they are found at once; kept for the cases to come."""
        if self.marked is None or self.marked[0] is not of:
            self.marked = of, frozenset(_mark(v) for v in of.values or ())
        return self.marked[1]

    def exhaustive(self, cases: MapNode, of: Type, on: ScalarNode) -> None:
        if of.values is None:
            if of.kind != "any":
                help = "add `else:` for every other value"
                self.ctx.report("E525", on, f"'{on.text}' may have values for which there is no case", help)
            return
        covered = {e.key.text for e in cases.entries}
        missing = [str(v) for v in of.values if shown(v) not in covered]
        if missing:
            listed = ", ".join(f"'{m}'" for m in missing[:5])
            self.ctx.report("E525", on, f"there is no case for {listed}", "add the case, or `else:`")


def shown(value: Any) -> str:
    """A value as it would be written as a YAML key."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mark(value: Any) -> Any:
    """What is equal for equal values; `true` and 1 are two."""
    return (isinstance(value, bool), value if isinstance(value, Hashable) else repr(value))
