"""A dataset's report in one sentence, and what no figure of it tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Literal

from synthspec.evaluation.report.build_figures import build_figures, gates_of
from synthspec.evaluation.report.findings import Finding, findings_beside_gates
from synthspec.evaluation.report.measure import Report
from synthspec.lazy_dataclass import dataclass

FEW = 100  # rows, below which most figures move by chance


@dataclass(frozen=True, slots=True)
class ReportVerdict:
    """`bad` where a gate failed, an error stands out or no row is there; `look` where something is worth a look."""

    kind: Literal["good", "look", "bad"]
    sentence: str
    unknown: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def verdict_of(report: Report) -> ReportVerdict:
    """What gates, rows and findings come to, and what is not known."""
    findings = findings_beside_gates(report)
    gates = gates_of(report.corpus.manifest)
    errors = [f for f in findings if f.severity == "bad"]
    bad = bool(errors) or not all(gates.values()) or not report.corpus.total
    parts = [_rows(report), _gates(gates) if report.corpus.manifest is not None else ""]
    parts += [_found(findings, errors)] if report.corpus.total else []
    sentence = "; ".join(p for p in parts if p)
    kind: Literal["good", "look", "bad"] = "bad" if bad else "look" if findings else "good"
    return ReportVerdict(kind, sentence[:1].upper() + sentence[1:] + ".", tuple(_unknown(report)))


def _rows(report: Report) -> str:
    account, total = report.account, report.corpus.total
    if account is None:
        return _count(total, "row")
    if not account.kept:
        return f"none of the {_count(account.asked, 'row')} asked for could be had"
    if not account.complete:
        return f"{account.kept:,} of the {_count(account.asked, 'row')} asked for are there"
    if account.asked == 1:
        return "the one row asked for is there"
    return f"all {account.asked:,} rows asked for are there"


def _gates(gates: dict[str, bool]) -> str:
    failed = [g for g, holds in gates.items() if not holds]
    if not gates:
        return "the spec sets no gates"
    if len(gates) == 1:
        return f"its gate {'failed: ' + failed[0] if failed else 'passed'}"
    if failed:
        count = f"{len(failed)} of {len(gates)}" if len(failed) < len(gates) else "both" if len(gates) == 2 else "all"
        return f"{count} gates failed: {', '.join(failed)}"
    return "both gates passed" if len(gates) == 2 else f"all {len(gates)} gates passed"


def _found(findings: Sequence[Finding], errors: Sequence[Finding]) -> str:
    if errors:
        return errors[0].text + (f" (the first of {len(errors)} errors)" if len(errors) > 1 else "")
    if findings:
        looks = f"{_count(len(findings), 'remark')} {'is' if len(findings) == 1 else 'are'}"
        return f"no figure points to an error, and {looks} worth a look"
    return "no figure points to an error"


def _unknown(report: Report) -> Iterator[str]:
    manifest = report.corpus.manifest
    if 0 < report.corpus.total < FEW:
        yield f"figures of {_count(report.corpus.total, 'row')} move by chance"
    if report.against is None:
        yield "how near the rows come to real data: no original was given (--against FILE)"
    if manifest is None:
        yield "how the rows were made, what was asked for and what they cost: the file does not say"
    else:
        build = build_figures(manifest)
        if build["cost"] is None and build["calls"]:
            yield "what it cost: the price of a model is not known"
        if build["unmeasured"]:
            yield f"the tokens of {_count(build['unmeasured'], 'call')}, which the provider did not report"
        if report.asked is None:
            yield "what shares of values were asked for: the manifest does not say; a build again does, without a call"
        if "ngram" in build["backend"]:
            yield (
                "what a language model would write: the embedded n-gram model pieced the texts together from a source,"
                " which is good for trying a spec out and for nothing else"
            )
    yield "whether what the rows say is true: no figure measures it; read some"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
