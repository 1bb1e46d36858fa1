"""The parts of a report: the account of rows, asked and reached, phrases, the verdict; and one figure everywhere."""

from __future__ import annotations

import html
import random
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from synthspec.evaluation.corpus.corpus import corpus_of, read_corpus
from synthspec.evaluation.report.account import rows_account
from synthspec.evaluation.report.findings import findings_of
from synthspec.evaluation.report.measure import Report, measure
from synthspec.evaluation.report.numbers import format_value
from synthspec.evaluation.report.page import report_page
from synthspec.evaluation.report.phrases import repeated_phrases, rows_holding
from synthspec.evaluation.report.plots import axis_note, curve_range, interval_range
from synthspec.evaluation.report.reached import asked_and_reached, share_difference
from synthspec.evaluation.report.verdict import verdict_of

FUNNEL = ("planned", "called", "parsed", "valid", "novel", "kept")
ASKED = {
    "combinations": 40,
    "rows": 40,
    "parameters": [
        {"name": "tone", "values": [{"value": "calm", "asked": 0.5, "planned": 20, "kept": 30},
                                    {"value": None, "asked": 0.5, "planned": 20, "kept": 10}]},
        {"name": "many", "values": [{"value": 1, "asked": 0.25, "planned": 10, "kept": 10}],
         "others": {"count": 7, "asked": 0.75, "planned": 30, "kept": 30}},
    ],
    "correlations": [{"between": ["a", "b"], "asked": 0.6, "reached": None}],
}  # fmt: skip


def manifest_of(counts: tuple[int, ...], **more: Any) -> dict[str, Any]:
    funnel = dict(zip(FUNNEL, counts, strict=True))
    return {"funnel": funnel, "usage": {"calls": 3}, "cost": 0.5, "asked": ASKED, **more}


def report_of(manifest: Mapping[str, Any] | None, rows: int = 40) -> Report:
    draw = random.Random(4)
    texts = [" ".join("".join(draw.choices("abcdefghijklmnoprstuvw", k=6)) for _ in range(9)) for _ in range(rows)]
    corpus = corpus_of("d", [{"text": t} for t in texts])
    return measure(replace(corpus, manifest=manifest))


def test_the_account_adds_up() -> None:
    """Whatever a funnel says, asked is kept and all that is missing."""
    draw = random.Random(7)
    for _ in range(200):
        counts = sorted((draw.randrange(0, 60) for _ in range(6)), reverse=True)
        lost = draw.choice([None, draw.randrange(0, 40)])
        reviews = draw.choice([{}, {"digest": "x", "rejected": draw.randrange(9), "refused": 1, "accepted": 30}])
        account = rows_account(manifest_of(tuple(counts), quarantined=lost, reviews=reviews))
        assert account is not None
        assert account.asked == account.kept + sum(m.count for m in account.missing)
        assert all(m.count > 0 for m in account.missing)
    stopped = rows_account(
        manifest_of((100, 60, 58, 50, 50, 50), quarantined=10, run={"stopped": "the budget is spent"})
    )
    assert stopped is not None and [(m.count, m.why) for m in stopped.missing] == [
        (40, "not asked for: the budget is spent"),
        (8, "every try broke a rule"),
        (2, "no reply could be read"),
    ]
    reviewed = rows_account(manifest_of((20,) * 6, quarantined=3, reviews={"rejected": 2, "refused": 1, "edited": 9}))
    assert reviewed is not None and reviewed.kept == 17
    assert [(m.count, m.why) for m in reviewed.missing] == [(3, "taken out by a review")]
    assert rows_account(None) is None and rows_account({"funnel": {"planned": "many"}}) is None


def test_asked_and_reached() -> None:
    found = asked_and_reached(manifest_of((40,) * 6))
    assert found is not None
    tone, many = found.parameters
    assert [(v.value, v.reached, v.difference) for v in tone.values] == [("calm", 0.75, 0.25), ("null", 0.25, -0.25)]
    assert many.others == 7 and many.values[-1].value == "7 more values" and many.distance == 0
    assert found.correlations[0].reached is None
    none = asked_and_reached({"asked": {**ASKED, "rows": 0}})
    assert none is not None and none.parameters[0].distance is None  # not known, and not 0
    for spoilt in (None, {}, {"asked": 3}, {"asked": {"rows": 1}}, {"asked": {**ASKED, "parameters": [{"name": "x"}]}}):
        assert asked_and_reached(spoilt) is None
    assert share_difference(0.0004) == "0"


def phrases_in(texts: list[str]) -> list[tuple[str, tuple[int, ...]]]:
    return [(p.text, p.rows) for p in repeated_phrases(corpus_of("d", [{"text": t} for t in texts]))]


def test_phrases_are_where_they_are_said_to_be() -> None:
    draw = random.Random(3)
    words = [f"word{i}" for i in range(400)]
    texts = [" ".join(draw.sample(words, 30)) for _ in range(60)]
    for i in range(0, 60, 4):
        texts[i] = f"{texts[i]}, at the End of the day! {words[i]}"
    texts[1] += " as an ai model"
    found = phrases_in(texts)
    assert found == [("at the End of the day", tuple(range(0, 60, 4)))]
    assert rows_holding(texts, found[0][0]) == list(found[0][1])


@pytest.mark.parametrize("texts", [[], ["", ""], ["one two"] * 9, ["的" * 30] * 5, ["\n".join("abcdefg")] * 4])
def test_phrases_of_little(texts: list[str]) -> None:
    corpus = corpus_of("d", [{"text": t} for t in texts])
    for phrase in repeated_phrases(corpus):
        assert set(phrase.rows) <= set(range(len(texts))) and "\n" not in phrase.text


@pytest.mark.parametrize(
    ("manifest", "kind", "sentence"),
    [
        (manifest_of((40,) * 6, gates={"rows > 3": True, "cost < 1": True}), "look",
         "All 40 rows asked for are there; both gates passed; no figure points to an error, and 1 remark is worth a "
         "look."),
        (manifest_of((50, 50, 50, 40, 40, 40), gates={"rows > 45": False}, quarantined=10), "bad",
         "40 of the 50 rows asked for are there; its gate failed: rows > 45; no figure points to an error, and 2 "
         "remarks are worth a look."),
        (manifest_of((40,) * 6, asked={**ASKED, "parameters": []}), "good",
         "All 40 rows asked for are there; the spec sets no gates; no figure points to an error."),
        (None, "good", "40 rows; no figure points to an error."),
    ],
)  # fmt: skip
def test_the_verdict(manifest: Mapping[str, Any] | None, kind: str, sentence: str) -> None:
    verdict = verdict_of(report_of(manifest))
    assert (verdict.kind, verdict.sentence) == (kind, sentence)


def test_what_is_not_known_is_said() -> None:
    unpriced = manifest_of((40,) * 6, cost=None, usage={"calls": 3, "calls_of_unknown_tokens": 2})
    told = " | ".join(verdict_of(report_of(unpriced)).unknown)
    assert "what it cost" in told and "tokens of 2 calls" in told and "no original" in told
    del unpriced["asked"]
    assert "what shares of values" in " | ".join(verdict_of(report_of(unpriced)).unknown)
    page = report_page(report_of(unpriced))
    assert ">unknown</b><span>cost" in page and "free" not in page


def test_a_build_without_rows_has_a_report(tmp_path: Path) -> None:
    import json

    (tmp_path / "d.csv").write_text("text\n", encoding="utf-8")
    manifest = manifest_of((5, 5, 5, 0, 0, 0), quarantined=5, files=[])
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    report = measure(read_corpus(tmp_path, empty=True))
    assert verdict_of(report).sentence == "None of the 5 rows asked for could be had; the spec sets no gates."
    assert verdict_of(report).kind == "bad" and "5 rows asked for" in report.text()
    page = report_page(report)
    assert "every try broke a rule" in page and "0% of those asked for" in page


def shown(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


def test_figures_are_the_same_everywhere() -> None:
    """Page, text and JSON say each figure, finding and verdict in the same words."""
    report = report_of(manifest_of((41, 41, 41, 41, 40, 40), quarantined=1, gates={"rows > 45": False}))
    page, text, plain = shown(report_page(report)), report.text(), report.as_dict()
    for measured, told in zip(report.measured, plain["metrics"], strict=True):
        value = format_value(measured.figure.value, measured.metric.unit)
        assert f"{measured.metric.title} {value} " in page
        assert re.search(rf"{re.escape(measured.metric.title)} +{re.escape(value)}( |$)", text, re.MULTILINE)
        assert told["value"] == measured.figure.value
    findings = findings_of(report)
    assert len(findings) >= 3 and [f["text"] for f in plain["findings"]] == [f.text for f in findings]
    for finding in findings:
        assert f"{finding.text[0].upper()}{finding.text[1:]}." in page and f" {finding.text}\n" in text
    assert verdict_of(report).sentence in page and verdict_of(report).sentence in text
    assert plain["verdict"]["sentence"] in text
    for unknown in verdict_of(report).unknown:
        assert unknown[1:] in page and unknown in text
    assert "calm 50% 75% +25.0 30" in page and "tone is calm in 75% of rows; 50% was asked for" in text
    assert "rank correlation 0.60 asked, not known" in text and "0.60 not known" in page
    assert len(findings) == len(set(findings))


def test_a_link_leads_somewhere() -> None:
    draw = random.Random(5)
    rows = [{"text": " ".join(draw.choices(["alpha", "beta", "gamma", "delta"], k=12))} for _ in range(90)]
    page = report_page(measure(corpus_of("d", rows * 2)))
    ids = set(re.findall(r'id="([^"]+)"', page))
    links = set(re.findall(r'href="#([^"]+)"', page))
    assert any(link.startswith("row-") for link in links) and links <= ids


def test_axes_begin_at_zero_or_say_so() -> None:
    draw = random.Random(2)
    for _ in range(200):
        values = [draw.uniform(-1, 1) * 10 ** draw.randrange(-2, 3) for _ in range(draw.randrange(1, 9))]
        low, high = curve_range(values, "number")
        assert low <= min(values) and high >= max(values)
        assert bool(axis_note(values, "number")) == (low != 0)
        begin, end = interval_range([(v, v - 0.1, v + 0.1) for v in values] + [None])
        assert begin <= min(values) - 0.1 and end >= max(values) + 0.1
        assert begin == 0 or min(values) < 0.1 or min(values) - 0.1 > 0.3 * max(values)


def test_sixty_parameters_and_long_names() -> None:
    values = [{"value": f"{'long ' * 16}{i}", "asked": 0.02, "planned": 1, "kept": 1} for i in range(25)]
    parameters = [{"name": f"{'n' * 80}{i}", "values": values} for i in range(60)]
    manifest = manifest_of((40,) * 6, asked={**ASKED, "parameters": parameters})
    page = report_page(report_of(manifest))
    assert "48 more parameters" in page and "15 more values" in page and "n" * 80 + "59" in page
