"""A report or a comparison in a notebook: the figures as a small table. The whole page is `html()`."""

from __future__ import annotations

from synthspec.diagnostics.html import heading, note, page, table
from synthspec.evaluation.comparison import Comparison
from synthspec.evaluation.metrics import FAMILIES
from synthspec.evaluation.report.findings import findings_of
from synthspec.evaluation.report.measure import Report
from synthspec.evaluation.report.numbers import format_value


def report_html(report: Report) -> str:
    """The figures of a dataset, and what stands out."""
    rows = [
        (FAMILIES[m.metric.family], m.metric.title, format_value(m.figure.value, m.metric.unit), m.metric.better)
        for m in report.measured
    ]
    beside = f" beside {report.against.name}" if report.against is not None else ""
    return page(
        heading(report.corpus.name, f"{report.corpus.total:,} rows{beside}"),
        *(note(finding.text) for finding in findings_of(report)),
        table(("", "metric", "value", "better"), rows),
    )


def comparison_html(comparison: Comparison) -> str:
    """Every figure of every dataset; `*` marks what is surely better."""
    rows = []
    for line in comparison.lines:
        cells = [
            "" if e is None else format_value(e.value, line.metric.unit) + (" *" if line.best == i else "")
            for i, e in enumerate(line.estimates)
        ]
        rows.append((FAMILIES[line.metric.family], line.metric.title, *cells))
    return page(
        heading(" · ".join(comparison.names), f"{comparison.rows:,} rows of each"),
        table(("", "metric", *comparison.names), rows),
        note("* surely better, over all figures and pairs"),
    )
