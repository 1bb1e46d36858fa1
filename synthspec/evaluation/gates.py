"""Gates: the finished dataset's figures by name, and which of the spec's gates hold."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

from synthspec.inference.accounting.counters import Tally
from synthspec.languages.expressions import compile_row, names_of
from synthspec.lazy_dataclass import dataclass
from synthspec.plugins import find_plugin, is_plugin
from synthspec.spec import Gate, Spec
from synthspec.spec.rows import Row

if TYPE_CHECKING:
    from synthspec.evaluation.corpus.sample import EvenSample

# of rows without words; any other is not known
_UNMEASURED = {"distinct_1": 1.0, "distinct_2": 1.0, "near_duplicate_rate": 0.0, "duplicate_rate": 0.0}


@dataclass(frozen=True, slots=True)
class GateMetric:
    """A figure a gate may name."""

    name: str
    summary: str
    is_share: bool = False  # from 0 to 1


GATE_METRICS: tuple[GateMetric, ...] = (
    GateMetric("rows", "rows kept"),
    GateMetric("acceptance", "share of the rows in replies that became part of a kept row (0 to 1)", True),
    GateMetric("completeness", "rows kept, as a share of the rows the spec asks for (0 to 1)", True),
    GateMetric("count_accuracy", "rows in replies, without surplus, as a share of the rows asked for (0 to 1)", True),
    GateMetric("near_duplicate_rate", "share of rows whose texts nearly repeat another row's, as in `report`", True),
    GateMetric("duplicate_rate", "share of rows whose texts equal an earlier row's, as in `report` (0 to 1)", True),
    GateMetric("distinct_1", "different words as a share of 5,000 words, as in `report` (0 to 1)", True),
    GateMetric("distinct_2", "different pairs of adjacent words as a share of 5,000 words, as in `report`", True),
    GateMetric("coverage", "share of the plan's combinations that have at least one kept row (0 to 1)", True),
    GateMetric("warnings", "kept rows that break a check with severity warn"),
    GateMetric("dropped", "rows left out by a check with severity drop"),
    GateMetric("calls", "completions used, including cached ones"),
    GateMetric("tokens", "prompt and completion tokens of these calls; fails where they are not known"),
    GateMetric("cost", "US dollars for these calls; fails where a price is not known"),
)
TEXT_FIGURES = frozenset(["near_duplicate_rate", "duplicate_rate", "distinct_1", "distinct_2"])
_BUILT_IN = frozenset(m.name for m in GATE_METRICS)
_GRAMMAR = frozenset(["and", "or", "not", "in", "if", "else", "true", "false", "null"])
_WORD = re.compile(r"[^\W\d]\w*")


def metrics_named(texts: Iterable[str]) -> tuple[str, ...]:
    """The metrics of modules and packages that the texts of gates name. Reads no entry points unless one may be."""
    return tuple(w for w in sorted(words_unknown(*texts)) if is_plugin("metrics", w))


def words_unknown(*texts: str) -> frozenset[str]:
    """Words in the texts of gates that are no built-in figure: of a module or a package, of a function, or misspelt."""
    return frozenset(w for text in texts for w in _WORD.findall(text)) - _BUILT_IN - _GRAMMAR


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate, whether it holds, and the figures it read; NaN is one that is not known."""

    text: str
    holds: bool
    figures: Mapping[str, float]
    failures: tuple[str, ...] = ()  # of the code of packages that should have measured them

    def as_dict(self) -> dict[str, Any]:
        figures = {n: None if math.isnan(v) else v for n, v in self.figures.items()}
        return {"gate": self.text, "holds": self.holds, "figures": figures}


@dataclass(slots=True)
class GateWatch:
    """Gathers, while rows pass, what the gates of a spec will need and no more."""

    spec: Spec
    combinations: int = 0  # with at least one row kept
    warned: int = 0
    left_out: int = 0  # rows that reviews took out
    _sample: EvenSample[dict[str, Any]] | None = None  # the texts of rows
    _fields: tuple[str, ...] = ()
    _further: frozenset[str] = frozenset()  # metrics of modules and packages that gates name
    _whole: EvenSample[dict[str, Any]] | None = None  # rows in full, for those
    _columns: tuple[str, ...] = ()
    _last: int = -1
    _failures: dict[str, str] = field(default_factory=dict)  # metrics whose code failed, each with what it raised

    def __post_init__(self) -> None:
        named = frozenset[str]().union(*(names_of(g.expression) for g in self.spec.gates))
        self._fields = text_fields(self.spec)
        if named & TEXT_FIGURES:
            from synthspec.evaluation.corpus.sample import EvenSample

            self._sample = EvenSample()
        self._further = named - _BUILT_IN
        self._columns = self.spec.output.columns or tuple(f.name for f in self.spec.fields)
        if self._further:
            from synthspec.evaluation.corpus.sample import EvenSample

            self._whole = EvenSample()

    def passed(self, row: Row, warned: bool) -> None:
        """A row was kept."""
        if row.combination != self._last:  # rows come in plan order
            self._last = row.combination
            self.combinations += 1
        self.warned += warned
        if self._sample is not None:
            self._sample.add({f: row.values.get(f) for f in self._fields})
        if self._whole is not None:
            self._whole.add({c: row.values.get(c) for c in self._columns})

    def evaluate(self, tally: Tally, combinations: int) -> tuple[GateResult, ...]:
        """Every gate of the spec, evaluated on the finished dataset."""
        figures = self.figures(tally, combinations)
        return tuple(_evaluate(g, figures, self._failures) for g in self.spec.gates)

    def figures(self, tally: Tally, combinations: int) -> dict[str, float]:
        """Every figure whose makings are at hand."""
        counted = tally.counted
        found = {
            "rows": float(tally.kept - self.left_out),
            "acceptance": acceptance_of(tally),
            "completeness": _share(tally.kept, tally.planned, 1.0),
            "count_accuracy": _share(tally.given, tally.asked, 1.0),
            "coverage": min(1.0, _share(self.combinations, combinations, 1.0)),
            "warnings": float(self.warned),
            "dropped": float(tally.dropped.total()),
            "calls": float(counted.completions),
            "tokens": float("nan") if counted.unmeasured else float(counted.prompt_tokens + counted.completion_tokens),
            "cost": float("nan") if counted.unpriced else counted.cost,
        }
        if self._sample is not None:
            found |= text_figures(self._sample.items)
        if self._whole is not None:
            found |= further_figures(self._whole.items, self._further, self._failures)
        return found


def text_fields(spec: Spec) -> tuple[str, ...]:
    """The fields in which texts are looked for: those that prompts write, of those in the output."""
    written = [f for f in spec.fields if f.value is None] or list(spec.fields)
    texts = [f.name for f in written if f.type.kind == "text" and not f.type.values]
    if not spec.output.columns:
        return tuple(texts)
    return tuple(n for n in spec.output.columns if n in texts) or tuple(texts)


def text_figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The figures of rows' texts that gates may name, by the metrics that `report` shows."""
    from synthspec.evaluation.corpus.corpus import corpus_of
    from synthspec.evaluation.metrics import diversity
    from synthspec.evaluation.metrics.metric import Context

    if not rows:
        return dict.fromkeys(TEXT_FIGURES, float("nan"))
    if not rows[0]:
        return {name: _UNMEASURED[name] for name in TEXT_FIGURES}
    context = Context(corpus_of("", rows))
    found = {m.name: m.compute(context) for m in diversity.METRICS if m.name in TEXT_FIGURES}
    return {name: _UNMEASURED[name] if f is None else f.value for name, f in found.items()}


def further_figures(
    rows: Sequence[Mapping[str, Any]], names: Collection[str], failures: dict[str, str] | None = None
) -> dict[str, float]:
    """Figures of modules and packages on the rows of a dataset; NaN where one cannot be measured. What failed is added
    to `failures`, each with a sentence that says why.
    """
    from synthspec.evaluation.corpus.corpus import corpus_of
    from synthspec.evaluation.metrics.metric import Context, compute, failures_of

    context = Context(corpus_of("", rows)) if rows and rows[0] else None
    found = {}
    for name in sorted(names):
        metric = next(m for m in find_plugin("metrics", name).METRICS if m.name == name)
        figure = compute(metric, context) if context is not None else None
        found[name] = float("nan") if figure is None else float(figure.value)
    if failures is not None and context is not None:
        failures.update(failures_of(context))
    return found


def acceptance_of(tally: Tally) -> float:
    """Rows of replies that kept rows are made of, of all that replies held (0 to 1); 1 where no prompt ran, NaN where
    replies held none or were not made, and no row was kept.
    """
    unknown = tally.planned > 0 and tally.kept == 0
    return _share(tally.used, tally.candidates, float("nan") if unknown else 1.0)


def _share(part: float, whole: float, otherwise: float) -> float:
    return part / whole if whole else otherwise


def _evaluate(gate: Gate, figures: Mapping[str, float], failures: Mapping[str, str]) -> GateResult:
    read = {n: figures[n] for n in sorted(names_of(gate.expression))}
    known = not any(math.isnan(v) for v in read.values())
    return GateResult(
        gate.text,
        known and bool(compile_row(gate.expression)(dict(figures))),
        read,
        tuple(failures[n] for n in read if n in failures),
    )
