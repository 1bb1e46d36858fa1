"""What stands out in a report, in sentences: the first thing a reader should see.

Thresholds are ours, from measuring real text and text with known faults (docs/metrics.md): they point, and do not
judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from synthspec.evaluation.report.measure import Report
from synthspec.evaluation.report.pieced import BORROWED, MIXED

ENOUGH = 50  # rows a label, below which a classifier that fails says nothing of the text


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence, and whether it is a fault or only worth a look."""

    severity: Literal["bad", "look"]
    text: str


def findings_of(report: Report) -> tuple[Finding, ...]:
    """Every finding, faults first."""
    found = [*_copies(report), *_repetition(report), *_labels(report), *_original(report), *_build(report)]
    return tuple(sorted(found, key=lambda f: f.severity != "bad"))


def _copies(report: Report) -> Iterator[Finding]:
    leaked = report.value("near_copies") or 0.0
    if leaked > 0:
        yield Finding("bad", f"{leaked:.1%} of rows copy the original, exactly or nearly")
    runs = report.value("shared_runs") or 0.0
    if runs > BORROWED:
        yield Finding("look", f"{runs:.0%} of rows hold eight words or more in a row from the original")
    near = report.value("near_duplicate_rate") or 0.0
    if near > 0.01:
        yield Finding("bad", f"{near:.1%} of rows nearly repeat an earlier row")


def _repetition(report: Report) -> Iterator[Finding]:
    openings = report.value("repeated_openings") or 0.0
    if openings > 0.3:
        yield Finding("look", f"{openings:.0%} of rows begin with the same three words as another row")
    bleu = report.value("self_bleu") or 0.0
    if bleu > 0.5:
        yield Finding("bad", f"rows are pieced together from one another: self-BLEU is {bleu:.2f}")
    ratio = report.value("compression_ratio") or 0.0
    if ratio > 3:
        yield Finding("bad", f"wording repeats: the text compresses {ratio:.1f} times, people's prose about 2 to 2.6")
    for curve in report.curves:
        if curve.name == "near_duplicate_rate" and len(curve.values) >= 6:
            third = len(curve.values) // 3
            first, last = sum(curve.values[:third]) / third, sum(curve.values[-third:]) / third
            if last > 0.02 and last > 2 * first:
                yield Finding(
                    "bad", f"repetition grows with row number: {first:.1%} of early rows, {last:.1%} of late ones"
                )


def _labels(report: Report) -> Iterator[Finding]:
    for drift in report.drift:
        if drift.kappa < 0.1 and len(drift.right) >= ENOUGH * len(drift.classes):
            where = f"; the classifier learnt from {drift.trained_on}" if drift.trained_on else ""
            yield Finding("look", f"'{drift.column}' can hardly be told from the text: {drift.accuracy:.0%} right, "
                                  f"{drift.chance:.0%} by always naming the commonest{where}")  # fmt: skip
    for entry in report.balance:
        rare = [v["value"] for v in entry["values"] if v["kept"] and v["lost"] > v["kept"]]
        if rare:
            yield Finding("bad", f"more rows were lost than kept where {entry['column']} is {', '.join(rare[:3])}")


def _original(report: Report) -> Iterator[Finding]:
    ratio = report.value("length_ratio")
    if ratio is not None and not 0.75 <= ratio <= 1.33:
        yield Finding("look", f"rows are {ratio:.2f} times as long as the original's")
    auc = report.value("two_sample_auc")
    if auc is not None and auc > 0.8:
        yield Finding("look", f"a classifier tells synthetic rows from real ones {auc:.0%} of the time")
    if auc is not None and auc < MIXED:
        yield Finding(
            "look", f"rows are pieced together from the original's: a classifier takes them for real (AUC {auc:.2f})"
        )
    coverage = report.value("coverage")
    if coverage is not None and coverage < 0.5:
        yield Finding("look", f"only {coverage:.0%} of the original's rows have a synthetic row near them")


def _build(report: Report) -> Iterator[Finding]:
    if report.quarantined:
        yield Finding(
            "look",
            f"{report.quarantined:,} {'row is' if report.quarantined == 1 else 'rows are'} missing; see the quarantine",
        )
    for call in report.calls:
        if call["cut_off"]:
            yield Finding(
                "bad", f"{call['cut_off']:,} completions of prompt '{call['prompt']}' were cut off at their longest"
            )
        if call["count_accuracy"] is not None and call["count_accuracy"] < 0.9:
            yield Finding(
                "look", f"prompt '{call['prompt']}' gives {call['count_accuracy']:.0%} of the rows it is asked for"
            )
