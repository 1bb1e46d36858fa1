"""A report as one self-contained HTML page: no network, and no script is needed to read it.

Every text passes through Jinja's escaping; a content security policy allows nothing but the page's own style and its
one script, by digest.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from synthspec.evaluation.metrics.curves import Curve
from synthspec.evaluation.metrics.drift import Drift
from synthspec.evaluation.report import plots
from synthspec.evaluation.report.about import about_of, gate_lines
from synthspec.evaluation.report.build_figures import build_figures
from synthspec.evaluation.report.findings import Finding, findings_of
from synthspec.evaluation.report.measure import Measured, Report
from synthspec.evaluation.report.numbers import format_value
from synthspec.evaluation.report.reached import ReachedParameter, share_difference
from synthspec.evaluation.report.samples import LostGroup, lost_groups, sample_rows
from synthspec.evaluation.report.verdict import verdict_of

DIRECTIONS = {
    "higher": "higher is better",
    "lower": "lower is better",
    "near 1": "best near 1",
    "near 0.5": "best near 0.5",
    "depends": "compare with your original",
}
_TILES = ("near_duplicate_rate", "distinct_2", "self_bleu", "label_recovery", "two_sample_auc", "near_copies")
LINKED = 8  # rows that a finding links to, or a phrase


def report_page(report: Report) -> str:
    """The page as text."""
    corpus = report.corpus
    findings = findings_of(report)
    guilty = sorted({i for f in findings for i in f.rows[:LINKED]} | _phrase_rows(report, findings))
    lost = lost_groups(report.quarantine)
    build = None if corpus.manifest is None else build_figures(corpus.manifest)
    families = [(key, title, _of_family(report, key)) for key, title in report.families.items()]
    return render_page(
        "report.html",
        title=corpus.name,
        report=report,
        about=about_of(report),
        verdict=verdict_of(report),
        notes=(*corpus.notes, *report.left_out),
        findings=[_shown_finding(f) for f in findings],
        numbers={i: int(corpus.places[i]) + 1 for i in guilty},
        account=report.account,
        asked=report.asked,
        build=build,
        gates=gate_lines(corpus.manifest),
        families=families,
        sections=_sections(report, families, lost),
        tiles=[m for name in _TILES for m in report.measured if m.metric.name == name],
        rows=sample_rows(corpus, None if report.copied is None else report.copied[1], also=guilty),
        lost=lost,
        language=_by_group(report.language),
        lengths=[{**h, "lines": _length_lines(h)} for h in report.lengths],
        confusions=[_with_lines(d) for d in report.drift],
        judged=[_with_lines(d) for d in report.judgement.columns] if report.judgement else [],
    )


def render_page(template: str, **values: Any) -> str:
    """A page from a template of this package, with its style and script inside."""
    return _environment().get_template(template).render(
        style=Markup(_style()), script=Markup(_script()), policy=page_policy(), **values
    )  # fmt: skip


def page_policy() -> str:
    """The Content-Security-Policy of every page: its own style and script, by digest, and nothing else."""
    style, script = _digest(_style()), _digest(_script())
    return f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; img-src data:"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(lambda name: _resource(f"templates/{name}")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        figure=format_value, count=lambda n: f"{n:,}", money=_money, points=share_difference, tokens=_tokens
    )
    environment.globals.update(
        directions=DIRECTIONS,
        largest=_largest,
        largest_share=_largest_share,
        curve=plots.curve_plot,
        curve_lines=_curve_lines,
        axis_note=plots.axis_note,
        histogram=plots.histogram_plot,
        matrix=plots.matrix_plot,
        scale=plots.scale_plot,
        bar=plots.bar_plot,
    )
    return environment


def _resource(name: str) -> str:
    return (files("synthspec.evaluation.report") / name).read_text(encoding="utf-8")


def _style() -> str:
    return _resource("page.css")


def _script() -> str:
    return _resource("page.js")


def _digest(text: str) -> str:
    return base64.b64encode(sha256(text.encode()).digest()).decode()


def _phrase_rows(report: Report, findings: Sequence[Finding]) -> set[int]:
    phrases = [*report.phrases, *(p for f in findings for p in f.phrases)]
    return {i for p in phrases for i in p.rows[:LINKED]}


def _shown_finding(finding: Finding) -> dict[str, Any]:
    return {
        "severity": finding.severity,
        "text": finding.text,
        "section": finding.section,
        "rows": finding.rows,
        "linked": finding.rows[:LINKED],
        "phrases": finding.phrases,
    }


def _sections(report: Report, families: Sequence[Any], lost: Sequence[LostGroup]) -> list[tuple[str, str]]:
    has_build = report.corpus.manifest is not None
    found = [
        ("account", "Rows asked for", report.account is not None),
        ("asked", "Asked and reached", has_build),
        ("build", "Build", has_build),
        *((key, name, bool(measured)) for key, name, measured in families),
        ("phrases", "Phrases", bool(report.phrases)),
        ("sample", "Rows", bool(len(report.corpus))),
        ("quarantine", "Quarantine", bool(lost)),
    ]
    return [(anchor, name) for anchor, name, there in found if there]


def _largest(values: Sequence[dict[str, Any]]) -> int:
    return max([1, *(int(v["kept"]) + int(v["lost"]) for v in values)])


def _largest_share(parameter: ReachedParameter) -> float:
    return max([1e-9, *(v.asked for v in parameter.values), *(v.reached or 0.0 for v in parameter.values)])


def _of_family(report: Report, family: str) -> list[Measured]:
    return [m for m in report.measured if m.metric.family == family]


def _by_group(entries: Sequence[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        groups.setdefault(entry["group"], []).append(entry)
    return list(groups.items())


def _curve_lines(curve: Curve) -> list[tuple[str, str]]:
    """A curve as a table: row and value."""
    return [(f"{at + 1:,}", format_value(v, curve.unit)) for at, v in zip(curve.at, curve.values, strict=True)]


def _length_lines(histogram: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A histogram as a table: words, share, and the original's."""
    shares = [histogram["share"], *([histogram["original"]] if "original" in histogram else [])]
    columns = [[format_value(s, "share") for s in its] for its in shares]
    return [
        (plots.span_of(start, histogram["step"]), *cells)
        for start, cells in zip(histogram["from"], zip(*columns, strict=True), strict=True)
    ]


def _with_lines(drift: Drift) -> dict[str, Any]:
    """A confusion matrix with the same as a table."""
    lines = [(c, *(f"{n:,}" for n in row)) for c, row in zip(drift.classes, drift.confusion.tolist(), strict=True)]
    names = ("column", "accuracy", "chance", "classes", "confusion", "right", "trained_on")
    return {**{n: getattr(drift, n) for n in names}, "lines": lines}


def _money(cost: float | None) -> str:
    if cost is None:
        return "unknown"
    if cost == 0:
        return "free"
    return f"${cost:,.4f}" if cost < 1 else f"${cost:,.2f}"


def _tokens(call: Mapping[str, Any], key: str) -> str:
    """The tokens of a prompt's calls, as far as they are known."""
    unknown = int(call["calls_of_unknown_tokens"])
    if unknown and unknown >= int(call["calls"]):
        return "unknown"
    return f"{'at least ' if unknown else ''}{int(call[key]):,}"
