"""A report for a terminal: the figures that matter, one a line, then what stands out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from synthspec.evaluation.report.build_figures import build_figures
from synthspec.evaluation.report.findings import findings_of
from synthspec.evaluation.report.measure import Measured, Report
from synthspec.evaluation.report.numbers import format_value
from synthspec.evaluation.report.reached import share_difference
from synthspec.evaluation.report.verdict import verdict_of

_ARROWS = {"higher": "↑", "lower": "↓", "near 1": "→ 1", "near 0.5": "→ ½", "depends": ""}
PHRASES = 5  # shown
_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: tuple[float, ...]) -> str:
    """A curve in one line of text.

    >>> sparkline((0.0, 1.0, 2.0))
    '▁▅█'
    """
    low, high = min(values), max(values)
    if high - low < 1e-9:
        return _BARS[0] * len(values)
    return "".join(_BARS[round((v - low) / (high - low) * 7 + 1e-9)] for v in values)


def report_text(report: Report) -> str:
    """The whole summary, without colour."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    corpus = report.corpus
    against = f", against {report.against.name} ({report.against.total:,} rows)" if report.against else ""
    yield f"{corpus.name}: {corpus.total:,} rows{against}"
    yield f"  text: {', '.join(corpus.texts) or 'none'}; labels: {', '.join(corpus.labels) or 'none'}"
    yield from (f"  note: {n}" for n in (*corpus.notes, *report.left_out))
    yield f"  {verdict_of(report).sentence}"
    if corpus.manifest is not None:
        yield from _build(report, build_figures(corpus.manifest))
        yield from _asked(report)
    for family, title in report.families.items():
        measured = [m for m in report.measured if m.metric.family == family]
        if measured:
            yield ""
            yield f"{title}"
            yield from map(_figure, measured)
        if family == "diversity" and report.curves:
            yield f"  by row, first to last ({len(report.curves[0].at)} windows)"
            for c in report.curves:
                first, last = format_value(c.values[0], c.unit), format_value(c.values[-1], c.unit)
                yield f"    {c.title:<28} {first:>6} {sparkline(c.values)} {last:<6} {_ARROWS[c.better]}".rstrip()
        if family == "drift":
            yield from (
                f"    {d.column:<28} {d.accuracy:>6.0%} right, {d.chance:.0%} by the commonest" for d in report.drift
            )
            yield from _judge(report)
    yield from _stands_out(report)


def _judge(report: Report) -> Iterator[str]:
    judged = report.judgement
    if judged is None:
        return
    tokens = "unknown" if judged.tokens is None else f"{judged.tokens:,}"
    reused = f", {judged.reused:,} cached" if judged.reused else ""
    lost = f", {judged.lost:,} without an answer" if judged.lost else ""
    yield f"  by the judge {judged.backend} ({judged.calls:,} calls{reused}, {tokens} tokens{lost})"
    for d in judged.columns:
        yield f"    {d.column:<28} {d.accuracy:>6.0%} right of {len(d.right)}, {d.chance:.0%} by the commonest"


def _figure(measured: Measured) -> str:
    metric, figure = measured.metric, measured.figure
    floor = f", floor {format_value(figure.floor, metric.unit)}" if figure.floor is not None else ""
    size = f"({figure.size}{floor})" if figure.size else ""
    return (
        f"  {metric.title:<32} {format_value(figure.value, metric.unit):>8} {_ARROWS[metric.better]:<4} {size}".rstrip()
    )


def _build(report: Report, build: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield f"Build  {build['backend']}"
    yield "  " + " → ".join(f"{name} {count:,}" for name, count in build["funnel"].items())
    top = sorted(build["rejections"].items(), key=lambda r: -r[1])[:4]
    if top:
        yield "  rejected on the way: " + ", ".join(f"{rule} {count:,}" for rule, count in top)
    if build["calls"]:
        tokens = build["prompt_tokens"] + build["completion_tokens"]
        unknown = "" if not build["unmeasured"] else f" and those of {build['unmeasured']:,} calls that are not known"
        yield f"  {build['calls']:,} calls, {tokens:,} tokens{unknown}, {_cost(build)}"
    for call in report.calls:
        given = call["count_accuracy"]
        yield (
            f"    {call['prompt']}: {call['calls']:,} calls, {call['asked_again']:,} retried"
            + ("" if call["latency_median"] is None else f", median {call['latency_median']:.2f} s")
            + (f", {given:.0%} of the rows asked for" if given is not None else "")
        )
    if build["servers"]:
        shown = (f"{n}: {s['answered']:,} and {s['failed']:,}" for n, s in enumerate(build["servers"], 1))
        yield f"  calls that each server answered and failed in the last run: {'; '.join(shown)}"
    for missing in report.account.missing if report.account else ():
        yield f"  missing: {missing.count:,} {'row' if missing.count == 1 else 'rows'}, {missing.why}"
    if report.quarantine:
        yield "  reasons: " + "; ".join(f"{r} ({n})" for r, n in report.reasons()[:3])
    for gate, holds in build["gates"].items():
        yield f"  gate {'passed' if holds else 'FAILED'}: {gate}"


def _asked(report: Report) -> Iterator[str]:
    """The shares and correlations asked for and reached: of each parameter the value that is farthest from it."""
    asked = report.asked
    if asked is None or not (asked.parameters or asked.correlations):
        return
    yield ""
    yield f"Asked and reached, over {asked.rows:,} rows"
    for parameter in asked.parameters:
        value = parameter.farthest
        if value is None or value.reached is None:
            yield f"  {parameter.name:<32} not known: there are no rows"
        elif not parameter.distance:
            yield f"  {parameter.name:<32} each of {len(parameter.values)} values as asked"
        else:
            reached, off = format_value(value.reached, "share"), share_difference(value.difference)
            asked_for = format_value(value.asked, "share")
            yield f"  {parameter.name:<32} farthest: {value.value} {asked_for} asked, {reached} reached ({off})"
    for c in asked.correlations:
        reached = "not known" if c.reached is None else f"{c.reached:.2f} reached"
        yield f"  {' and '.join(c.between):<32} rank correlation {c.asked:.2f} asked, {reached}"


def _cost(build: dict[str, Any]) -> str:
    if build["cost"] is None:
        return "cost unknown"
    if build["cost"] == 0:
        return "free"
    each = build["cost_per_1000"]
    return f"${build['cost']:,.4g}" + (f", ${each:,.3g} a thousand rows" if each else "")


def _stands_out(report: Report) -> Iterator[str]:
    found = findings_of(report)
    yield ""
    yield "What stands out" if found else "No findings."
    yield from (f"  {'!' if f.severity == 'bad' else '-'} {f.text}" for f in found)
    if report.phrases:
        yield ""
        yield "Phrases that most rows have in common"
        yield from (f"  {len(p.rows):>6,} rows  {p.text}" for p in report.phrases[:PHRASES])
    yield ""
    yield "Not known"
    yield from (f"  {u}" for u in verdict_of(report).unknown)
    yield ""
    yield "↑ higher is better, ↓ lower is better; no arrow: compare with your original (--against FILE)"
