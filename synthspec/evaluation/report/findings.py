"""What stands out in a report, in sentences: the first thing a reader should see.

Thresholds are ours, from measuring real text and text with known faults (docs/metrics.md): they point, and do not
judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from synthspec.evaluation.metrics.metric import Array
from synthspec.evaluation.report.build_figures import gates_of
from synthspec.evaluation.report.measure import Report
from synthspec.evaluation.report.numbers import format_value
from synthspec.evaluation.report.phrases import Phrase, common_openings
from synthspec.evaluation.report.pieced import BORROWED, MIXED
from synthspec.evaluation.report.reached import FAR
from synthspec.lazy_dataclass import dataclass

FEW_APART = 1.5  # rows or combinations: of few no share can be nearer
ENOUGH = 50  # rows a label, below which a classifier that fails says nothing of the text
NAMED = 6  # phrases of a finding
OFTEN = 0.1  # of all rows: a phrase that so many hold stands out


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence, and whether it is an error or only worth a look. `section` is where its figures stand, `rows` the
    indices of the rows that it is about and `phrases` the words, as far as they are known.
    """

    severity: Literal["bad", "look"]
    text: str
    section: str = ""
    rows: tuple[int, ...] = ()
    phrases: tuple[Phrase, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {"severity": self.severity, "text": self.text}


def findings_of(report: Report) -> tuple[Finding, ...]:
    """Every finding, errors first."""
    return _errors_first(*_gates(report), *findings_beside_gates(report))


def findings_beside_gates(report: Report) -> tuple[Finding, ...]:
    """What was found but the gates that failed, errors first."""
    return _errors_first(
        *_copies(report), *_repetition(report), *_labels(report), *_original(report), *_build(report), *_asked(report)
    )


def _errors_first(*findings: Finding) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda f: f.severity != "bad"))


def _share(value: float) -> str:
    return format_value(value, "share")  # as its card and the text have it


def _gates(report: Report) -> Iterator[Finding]:
    for gate, holds in gates_of(report.corpus.manifest).items():
        if not holds:
            yield Finding("bad", f"the gate {gate} failed", "build")


def _copies(report: Report) -> Iterator[Finding]:
    leaked = report.value("near_copies") or 0.0
    if leaked > 0:
        rows = _marked(report, None if report.copied is None else report.copied[1])
        yield Finding("bad", f"{_share(leaked)} of rows copy the original, exactly or nearly", "leakage", rows)
    runs = report.value("shared_runs") or 0.0
    if runs > BORROWED:
        yield Finding("look", f"{_share(runs)} of rows hold eight words or more in a row from the original", "leakage")
    near = report.value("near_duplicate_rate") or 0.0
    if near > 0.01:
        again = report.corpus.groups != np.arange(len(report.corpus))
        yield Finding(
            "bad", f"{_share(near)} of rows nearly repeat an earlier row", "diversity", _marked(report, again)
        )


def _marked(report: Report, marks: Array | None) -> tuple[int, ...]:
    """The rows that are marked, where every row was looked at."""
    if marks is None or len(marks) != len(report.corpus):
        return ()
    return tuple(int(i) for i in np.flatnonzero(marks))


def _repetition(report: Report) -> Iterator[Finding]:
    openings = report.value("repeated_openings") or 0.0
    if openings > 0.3:
        text = f"{_share(openings)} of rows begin with the same three words as another row"
        yield Finding("look", text, "diversity", phrases=common_openings(report.corpus))
    bleu = report.value("self_bleu") or 0.0
    if bleu > 0.5:
        text = f"rows are pieced together from one another: self-BLEU is {format_value(bleu, 'ratio')}"
        yield Finding("bad", text, "diversity", phrases=report.phrases[:NAMED])
    ratio = report.value("compression_ratio") or 0.0
    if ratio > 3:
        text = f"wording repeats: the text compresses {format_value(ratio)} times, people's prose about 2 to 2.6"
        named = () if bleu > 0.5 else report.phrases[:NAMED]  # those stand beside self-BLEU
        yield Finding("bad", text, "diversity", phrases=named)
    often = [p for p in report.phrases if p.share > OFTEN]
    if often:
        more = f", and {len(often) - 1} more phrases are as common" if len(often) > 1 else ""
        text = f"{_share(often[0].share)} of rows hold the words “{often[0].text}”{more}"
        yield Finding("look", text, "phrases", phrases=tuple(often[:NAMED]))
    for curve in report.curves:
        if curve.name == "near_duplicate_rate" and len(curve.values) >= 6:
            third = len(curve.values) // 3
            first, last = sum(curve.values[:third]) / third, sum(curve.values[-third:]) / third
            if last > 0.02 and last > 2 * first:
                text = f"repetition grows with row number: {_share(first)} of early rows, {_share(last)} of late ones"
                yield Finding("bad", text, "diversity")


def _labels(report: Report) -> Iterator[Finding]:
    for drift in report.drift:
        if drift.kappa < 0.1 and len(drift.right) >= ENOUGH * len(drift.classes):
            where = f"; the classifier learnt from {drift.trained_on}" if drift.trained_on else ""
            yield Finding("look", f"'{drift.column}' can hardly be told from the text: {_share(drift.accuracy)} right, "
                                  f"{_share(drift.chance)} by always naming the commonest{where}", "drift")  # fmt: skip
    for entry in report.balance:
        rare = [v["value"] for v in entry["values"] if v["kept"] and v["lost"] > v["kept"]]
        if rare:
            text = f"more rows were lost than kept where {entry['column']} is {', '.join(rare[:3])}"
            yield Finding("bad", text, "balance")


def _original(report: Report) -> Iterator[Finding]:
    ratio = report.value("length_ratio")
    if ratio is not None and not 0.75 <= ratio <= 1.33:
        yield Finding("look", f"rows are {format_value(ratio)} times as long as the original's", "similarity")
    auc = report.value("two_sample_auc")
    if auc is not None and auc > 0.8:
        yield Finding(
            "look", f"a classifier tells synthetic rows from real ones {_share(auc)} of the time", "similarity"
        )
    if auc is not None and auc < MIXED:
        text = "rows are pieced together from the original's: a classifier takes them for real"
        yield Finding("look", f"{text} (AUC {format_value(auc, 'ratio')})", "similarity")
    coverage = report.value("coverage")
    if coverage is not None and coverage < 0.5:
        text = f"only {_share(coverage)} of the original's rows have a synthetic row near them"
        yield Finding("look", text, "similarity")


def _build(report: Report) -> Iterator[Finding]:
    account = report.account
    missing = max(account.asked - account.kept, 0) if account is not None else report.quarantined
    if missing:
        yield Finding(
            "look", f"{missing:,} {'row is' if missing == 1 else 'rows are'} missing", "account" if account else "build"
        )
    for call in report.calls:
        if call["cut_off"]:
            text = f"{call['cut_off']:,} completions of prompt '{call['prompt']}' were cut off at their longest"
            yield Finding("bad", text, "build")
        if call["count_accuracy"] is not None and call["count_accuracy"] < 0.9:
            text = f"prompt '{call['prompt']}' gives {_share(call['count_accuracy'])} of the rows it is asked for"
            yield Finding("look", text, "build")


def _asked(report: Report) -> Iterator[Finding]:
    asked = report.asked
    for parameter in asked.parameters if asked is not None else ():
        value, distance = parameter.farthest, parameter.distance
        if asked is None or value is None or value.reached is None or distance is None:
            continue
        if distance > max(FAR, FEW_APART / max(1, min(asked.rows, asked.combinations))):
            reached, wanted = _share(value.reached), _share(value.asked)
            yield Finding(
                "look", f"{parameter.name} is {value.value} in {reached} of rows; {wanted} was asked for", "asked"
            )
