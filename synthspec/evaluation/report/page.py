"""A report as one self-contained HTML page: no network, and no script is needed to read it.

Every text passes through Jinja's escaping; a content security policy allows nothing but the page's own style and its
one script, by digest.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from synthspec.evaluation.report.findings import findings_of
from synthspec.evaluation.report.measure import Measured, Report, build_figures
from synthspec.evaluation.report.numbers import format_value
from synthspec.evaluation.report.plots import curve_plot, histogram_plot, matrix_plot, scale_plot
from synthspec.evaluation.report.samples import lost_groups, sample_rows

DIRECTIONS = {
    "higher": "higher is better",
    "lower": "lower is better",
    "near 1": "best near 1",
    "near 0.5": "best near 0.5",
    "depends": "compare with your original",
}
_TILES = ("near_duplicate_rate", "distinct_2", "self_bleu", "label_recovery", "two_sample_auc", "near_copies")


def report_page(report: Report) -> str:
    """The page as text."""
    corpus = report.corpus
    return render_page(
        "report.html",
        title=corpus.name,
        report=report,
        build=None if corpus.manifest is None else build_figures(corpus.manifest),
        findings=findings_of(report),
        families=[(key, title, _of_family(report, key)) for key, title in report.families.items()],
        tiles=[m for name in _TILES for m in report.measured if m.metric.name == name],
        rows=sample_rows(corpus, None if report.copied is None else report.copied[1]),
        lost=lost_groups(report.quarantine),
        language=_by_group(report.language),
        largest=_largest,
        curve=curve_plot,
        histogram=histogram_plot,
        matrix=matrix_plot,
        scale=scale_plot,
    )


def render_page(template: str, **values: Any) -> str:
    """A page from a template of this package, with its style and script inside."""
    script = _resource("page.js")
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_digest(script)}'; img-src data:"
    return _environment().from_string(_resource(template)).render(
        style=Markup(_resource("page.css")), script=Markup(script), policy=policy, directions=DIRECTIONS, **values
    )  # fmt: skip


@cache
def _environment() -> Environment:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["figure"] = format_value
    environment.filters["count"] = lambda n: f"{n:,}"
    environment.filters["money"] = _money
    return environment


def _resource(name: str) -> str:
    return (files("synthspec.evaluation.report") / name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return base64.b64encode(sha256(script.encode()).digest()).decode()


def _largest(values: Sequence[dict[str, Any]]) -> int:
    return max([1, *(int(v["kept"]) + int(v["lost"]) for v in values)])


def _of_family(report: Report, family: str) -> list[Measured]:
    return [m for m in report.measured if m.metric.family == family]


def _by_group(entries: Sequence[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        groups.setdefault(entry["group"], []).append(entry)
    return list(groups.items())


def _money(cost: float | None) -> str:
    if cost is None:
        return "unknown"
    if cost == 0:
        return "free"
    return f"${cost:,.4f}" if cost < 1 else f"${cost:,.2f}"
