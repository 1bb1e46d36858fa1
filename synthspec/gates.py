"""Gates: the finished dataset's figures by name, and which of the spec's gates hold."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from synthspec.expressions import compile_row, names_of
from synthspec.records import Row
from synthspec.spec import Gate, Spec
from synthspec.tally import Tally

SAMPLED = 2_000  # rows that distinct-n is computed on
COMPARED = 50_000  # rows that duplicates are looked for in
NEAR = 0.8  # Jaccard similarity from which two texts are near duplicates
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class GateMetric:
    """A figure a gate may name."""

    name: str
    summary: str


GATE_METRICS: tuple[GateMetric, ...] = (
    GateMetric("rows", "rows kept"),
    GateMetric("acceptance", "rows kept, of the rows that replies held (0 to 1)"),
    GateMetric("completeness", "rows kept, of the rows the spec asks for (0 to 1)"),
    GateMetric("count_accuracy", "rows that replies held, surplus aside, of the rows they were asked for (0 to 1)"),
    GateMetric("near_duplicate_rate", "rows whose texts are at least 0.8 like an earlier row's, of rows kept (0 to 1)"),
    GateMetric("duplicate_rate", "rows whose texts equal an earlier row's, case and punctuation aside (0 to 1)"),
    GateMetric("distinct_1", "different words, of all words, over at most 2,000 rows (0 to 1)"),
    GateMetric("distinct_2", "different pairs of neighbouring words, of all pairs, over at most 2,000 rows (0 to 1)"),
    GateMetric("coverage", "combinations of the plan that have at least one row kept (0 to 1)"),
    GateMetric("warnings", "rows kept that break a check of severity warn"),
    GateMetric("calls", "completions used, reused ones included"),
    GateMetric("tokens", "prompt and completion tokens of those"),
    GateMetric("cost", "US dollars of those"),
)


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate, whether it holds, and the figures it read."""

    text: str
    holds: bool
    figures: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        return {"gate": self.text, "holds": self.holds, "figures": dict(self.figures)}


@dataclass(slots=True)
class GateWatch:
    """Gathers, while rows pass, what the gates of a spec will need and no more."""

    spec: Spec
    texts: list[str] = field(default_factory=list)
    combinations: int = 0  # with at least one row kept
    warned: int = 0
    _fields: tuple[str, ...] = ()
    _wants_texts: bool = False
    _last: int = -1

    def __post_init__(self) -> None:
        named = frozenset[str]().union(*(names_of(g.expression) for g in self.spec.gates))
        self._wants_texts = bool(named & {"near_duplicate_rate", "duplicate_rate", "distinct_1", "distinct_2"})
        written = [f for f in self.spec.fields if f.value is None] or list(self.spec.fields)
        self._fields = tuple(f.name for f in written if f.type.kind == "text" and not f.type.values)

    def passed(self, row: Row, warned: bool) -> None:
        """A row was kept."""
        if row.combination != self._last:  # rows come in plan order
            self._last = row.combination
            self.combinations += 1
        self.warned += warned
        if self._wants_texts and len(self.texts) < COMPARED:
            self.texts.append("\n".join(str(row.values.get(f) or "") for f in self._fields))

    def judge(self, tally: Tally, combinations: int) -> tuple[GateResult, ...]:
        """Every gate of the spec, judged on the finished dataset."""
        figures = self.figures(tally, combinations)
        return tuple(_judge(g, figures) for g in self.spec.gates)

    def figures(self, tally: Tally, combinations: int) -> dict[str, float]:
        """Every figure whose makings are at hand."""
        found = {
            "rows": float(tally.kept),
            "acceptance": _share(tally.kept, tally.candidates, 1.0),
            "completeness": _share(tally.kept, tally.planned, 1.0),
            "count_accuracy": _share(tally.given, tally.asked, 1.0),
            "coverage": min(1.0, _share(self.combinations, combinations, 1.0)),
            "warnings": float(self.warned),
            "calls": float(tally.calls + tally.reused),
            "tokens": float(tally.prompt_tokens + tally.completion_tokens),
            "cost": tally.cost,
        }
        if self._wants_texts:
            found |= text_figures(self.texts)
        return found


def text_figures(texts: Sequence[str]) -> dict[str, float]:
    """`distinct_1`, `distinct_2` (Li et al. 2016), `duplicate_rate` and `near_duplicate_rate` of texts in order."""
    from synthspec.near import near_pairs
    from synthspec.shingles import normal_form

    step = max(1, len(texts) // SAMPLED)
    words = [_WORD.findall(t.casefold()) for t in texts[::step][:SAMPLED]]
    seen: set[str] = set()
    repeated = 0
    for text in texts:
        form = normal_form(text)
        repeated += form in seen
        seen.add(form)
    later = {int(b) for _, b in near_pairs(list(texts), NEAR)} if len(texts) > 1 else set()
    return {
        "distinct_1": _distinct([(w,) for row in words for w in row]),
        "distinct_2": _distinct([p for row in words for p in itertools.pairwise(row)]),
        "duplicate_rate": _share(repeated, len(texts), 0.0),
        "near_duplicate_rate": _share(len(later), len(texts), 0.0),
    }


def _distinct(grams: Sequence[tuple[str, ...]]) -> float:
    return _share(len(set(grams)), len(grams), 1.0)


def _share(part: float, whole: float, otherwise: float) -> float:
    return part / whole if whole else otherwise


def _judge(gate: Gate, figures: Mapping[str, float]) -> GateResult:
    read = {n: figures[n] for n in sorted(names_of(gate.expression))}
    return GateResult(gate.text, bool(compile_row(gate.expression)(dict(figures))), read)
