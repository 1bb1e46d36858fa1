"""A comparison shown: as text for a terminal, and as one HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from synthspec.evaluation.comparison import ComparedMetric, Comparison
from synthspec.evaluation.corpus.corpus import Corpus
from synthspec.evaluation.corpus.values import measured_text
from synthspec.evaluation.metrics import families_of
from synthspec.evaluation.report.numbers import format_value
from synthspec.evaluation.report.page import render_page
from synthspec.evaluation.report.plots import interval_plot, interval_range
from synthspec.evaluation.report.samples import cut

SHOWN = 8  # rows side by side
_ARROWS = {"higher": "↑", "lower": "↓", "near 1": "→ 1", "near 0.5": "→ ½", "depends": ""}


def comparison_text(comparison: Comparison) -> str:
    """A table for a terminal; `*` marks what is surely better."""
    return "\n".join(_lines(comparison)) + "\n"


def comparison_page(comparison: Comparison) -> str:
    """The page as text."""
    titles = families_of(ln.metric for ln in comparison.lines)
    families = [(title, [ln for ln in comparison.lines if ln.metric.family == key]) for key, title in titles.items()]
    return render_page(
        "compare.html",
        title=", ".join(comparison.names) if len(comparison.names) <= 4 else f"{len(comparison.names)} datasets",
        comparison=comparison,
        families=[(title, lines) for title, lines in families if lines],
        views={ln.metric.name: _view(ln, comparison.names) for ln in comparison.lines},
        wins=wins(comparison),
        facts=list(zip(comparison.names, comparison.corpora, comparison.builds, strict=True)),
        samples=_samples(comparison.corpora),
    )


def wins(comparison: Comparison) -> list[tuple[str, list[str]]]:
    """For each dataset the titles of the metrics it is surely best at."""
    return [
        (name, [ln.metric.title for ln in comparison.lines if ln.best == i]) for i, name in enumerate(comparison.names)
    ]


def _view(line: ComparedMetric, names: Sequence[str]) -> dict[str, Any]:
    """The plots of a figure, where their axis begins, and the same as a table."""
    unit = line.metric.unit
    intervals = [None if e is None else (e.value, e.low, e.high) for e in line.estimates]  # a point where unknown
    low, high = interval_range(intervals, unit)
    begins = "at zero" if low == 0 else f"at {format_value(low, unit)}, not at zero"
    lines = []
    for name, e in zip(names, line.estimates, strict=True):
        if e is None:
            lines.append((name, "–", "–", "–"))
            continue
        interval = f"{format_value(e.low, unit)} to {format_value(e.high, unit)}" if e.known else "not known"
        lines.append((name, format_value(e.value, unit), interval, e.size))
    return {
        "plots": interval_plot(intervals, unit),
        "axis": f"The axis begins {begins}, and ends at {format_value(high, unit)}.",
        "lines": lines,
    }


def _samples(corpora: Sequence[Corpus]) -> list[list[tuple[int, str]]]:
    """Rows at about the same place of each dataset."""
    found = []
    for share in np.linspace(0.02, 0.98, SHOWN):
        row = []
        for corpus in corpora:
            index = int(share * (len(corpus) - 1))
            parts = [measured_text(corpus.columns[t][index]) for t in corpus.texts]
            row.append((int(corpus.places[index]) + 1, cut("\n".join(parts), 900)))
        found.append(row)
    return found


def _lines(comparison: Comparison) -> Iterator[str]:
    names = [n if len(n) <= 24 else f"…{n[-23:]}" for n in comparison.names]
    width = max(24, *(len(n) + 2 for n in names))
    against = f", against {comparison.against}" if comparison.against else ""
    yield f"{len(names)} datasets, {comparison.rows:,} rows of each measured{against}"
    yield ""
    yield f"{'':<38}" + "".join(f"{n:>{width}}" for n in names)
    yield f"{'rows':<38}" + "".join(f"{c.total:>{width},}" for c in comparison.corpora)
    for title, key, unit in (("cost", "cost", "$"), ("cost a thousand rows", "cost_per_1000", "$"),
                             ("calls", "calls", ""), ("rows kept of those given", "acceptance", "%")):  # fmt: skip
        if any(b is not None and (b[key] or (unit == "$" and b["calls"])) for b in comparison.builds):
            yield f"{title:<38}" + "".join(f"{_fact(b, key, unit):>{width}}" for b in comparison.builds)
    for family, title in families_of(ln.metric for ln in comparison.lines).items():
        lines = [ln for ln in comparison.lines if ln.metric.family == family]
        if lines:
            yield ""
            yield title
        for line in lines:
            cells = (_cell(line, i) for i in range(len(names)))
            yield f"  {line.metric.title:<34}{_ARROWS[line.metric.better]:<4}" + "".join(f"{c:>{width}}" for c in cells)
    yield ""
    for name, why in zip(comparison.names, comparison.unranked, strict=True):
        if why:
            yield f"{name} is called best at nothing: {why}"
    yield "↑ higher is better, ↓ lower is better, * better, with 95% confidence in all of these together"


def _fact(build: dict[str, Any] | None, key: str, unit: str) -> str:
    if build is None:
        return "–"
    if build[key] is None:
        return "unknown" if unit == "$" else "–"
    if unit == "$" and build[key] == 0:
        return "free"
    return f"${build[key]:,.4f}" if unit == "$" else f"{build[key]:.0%}" if unit == "%" else f"{build[key]:,}"


def _cell(line: ComparedMetric, index: int) -> str:
    estimate = line.estimates[index]
    if estimate is None:
        return "–"
    if not estimate.known:
        return format_value(estimate.value, line.metric.unit)
    value, low, high = (format_value(v, line.metric.unit) for v in (estimate.value, estimate.low, estimate.high))
    return f"{'*' if line.best == index else ''}{value} ({low}–{high})"
