"""Prompts asked several times, in `preview`, `plan` and `diff`, on the embedded model and on `replay`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from depth import rest_slow
from fake_backend import FakeBackend, use
from several_specs import several_reply, several_spec

import synthspec
from synthspec.cli.shared.watched import Watched
from synthspec.compiler import compile_spec, compile_text
from synthspec.generation.build import Build, finish_build
from synthspec.generation.estimates.plan_report import PlanReport, report_plan
from synthspec.planning.plan import build_plan


def build(path: Path, out: Path, **overrides: str) -> dict[str, Any]:
    compiled = compile_spec(path, overrides)
    assert compiled.spec is not None and compiled.ok, compiled.diagnostics
    dataset = asyncio.run(finish_build(Build(compiled.spec, compiled.tables, out)))
    return {"data": (out / "calls.csv").read_bytes(), "funnel": dataset.manifest["funnel"]}


@pytest.mark.parametrize("number", rest_slow(range(8), (1,)))
def test_replay_gives_the_same_dataset(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = several_spec(number, tmp_path)
    use(monkeypatch, FakeBackend(several_reply, number))
    first = build(path, tmp_path / "build" / "one", **{"limits.concurrency": "64"})
    again = build(path, tmp_path / "two", backend="replay:build/one/run.sqlite")
    assert again == first


@pytest.mark.parametrize("number", rest_slow(range(8), (0, 1)))
def test_the_embedded_model_serves_them(number: int, tmp_path: Path) -> None:
    path = several_spec(number, tmp_path)
    spec = json.loads(path.read_text())
    spec["checks"] = []
    spec.pop("novelty", None)
    for field in spec["fields"].values():
        field.pop("maxLength", None)
    path.write_text(json.dumps({k: v for k, v in spec.items() if v}))
    built = build(path, tmp_path / "out", backend="ngram")
    assert built["funnel"]["kept"] >= built["funnel"]["planned"] * 0.9, built["funnel"]


SHOWN = {
    "synthspec": 1,
    "name": "calls",
    "rows": 12,
    "parameters": {"topic": ["bill", "meter"], "depth": [0, 2, 4], "tags": {"values": [["a"], ["a", "b", "c"]]}},
    "prompts": {
        "answers": {"samples": 3, "user": "Of {{ topic }}", "writes": ["answers"]},
        "scores": {"map": "a in answers", "user": "Rate {{ a }}", "writes": ["scores"], "format": "json"},
        "notes": {"map": "t in tags", "user": "Note {{ t }}", "writes": ["notes"]},
        "grow": {"repeat": "depth", "from": {"task": "topic"}, "user": "{{ task }}", "writes": ["task"]},
    },
    "fields": {
        "answers": {"type": "array", "words": {"min": 2, "max": 9}},
        "scores": {"type": "array", "items": {"type": "integer"}},
        "notes": {"type": "array"},
        "task": {"type": "string"},
    },
    "backend": {"provider": "openai", "model": "m", "prices": {"prompt": 1, "completion": 2}},
}


def changed(**prompts: Any) -> str:
    return json.dumps({**SHOWN, "prompts": {**SHOWN["prompts"], **prompts}})  # type: ignore[dict-item]


def reported(text: str) -> PlanReport:
    compiled = compile_text(text)
    assert compiled.spec is not None and compiled.ok, compiled.diagnostics
    return report_plan(build_plan(compiled.spec, compiled.tables), compiled.tables)


def test_plan_counts_samples_items_and_rounds() -> None:
    report = reported(json.dumps(SHOWN))
    assert {p.name: p.calls for p in report.prompts} == {"answers": 36, "scores": 36, "notes": 24, "grow": 24}
    assert all(p.least is None and p.cost for p in report.prompts)
    assert report.expected["calls"] == report.least["calls"] == 120
    assert report.worst["calls"] == 480


def test_plan_shows_what_is_not_fixed_from_where_to_where() -> None:
    grow = {**SHOWN["prompts"]["grow"], "until": "len(task) > 90"}  # type: ignore[index]
    report = reported(changed(grow=grow))
    (found,) = [p for p in report.prompts if p.name == "grow"]
    assert (found.calls, found.least.calls) == (24, 8)
    assert report.least["calls"] == 104 and report.expected["calls"] == 120


def test_plan_tells_backends_apart() -> None:
    dear = {"model": "n", "prices": {"prompt": 10, "completion": 20}}
    answers = {**SHOWN["prompts"]["answers"], "backend": [{"model": "m"}, dear]}  # type: ignore[index]
    chosen = {"choose": "topic", "of": {"bill": {"temperature": 1}, "meter": dear}}
    notes = {**SHOWN["prompts"]["notes"], "backend": chosen}  # type: ignore[index]
    report = reported(changed(answers=answers, notes=notes))
    calls = {p.name: p.calls for p in report.prompts}
    assert calls["answers"] == 24 and calls["answers#2"] == 12
    assert calls["notes=bill"] + calls["notes=meter"] == 24 and min(calls.values()) > 0


def test_diff_counts_the_calls_that_are_made_again() -> None:
    answers = {**SHOWN["prompts"]["answers"], "samples": 5}  # type: ignore[index]
    found = synthspec.diff(json.dumps(SHOWN), changed(answers=answers))
    assert {p.name: (p.same, p.new, p.gone) for p in found.prompts} == {
        "answers": (36, 24, 0), "scores": (36, 24, 0), "notes": (24, 0, 0), "grow": (24, 0, 0)
    }  # fmt: skip
    grow = {**SHOWN["prompts"]["grow"], "user": "More {{ task }}"}  # type: ignore[index]
    found = synthspec.diff(json.dumps(SHOWN), changed(grow=grow))
    assert {p.name: p.new for p in found.prompts} == {"answers": 0, "scores": 0, "notes": 0, "grow": 24}
    plain = {"user": "Of {{ topic }}", "writes": ["one"]}
    before = {**SHOWN, "prompts": {"answers": plain}, "fields": {"one": {"type": "string"}}}
    after = {**SHOWN, "prompts": {"answers": {**plain, "samples": 3}}, "fields": {"one": {"type": "array"}}}
    found = synthspec.diff(json.dumps(before), json.dumps(after))
    assert [(p.same, p.new, p.gone) for p in found.prompts] == [(12, 24, 0)]


def test_the_progress_line_counts_every_call() -> None:
    compiled = compile_text(json.dumps(SHOWN))
    assert compiled.spec is not None
    work = Watched(compiled.spec).prompts
    assert {n: w.expected(0) for n, w in work.items()} == {"answers": 36, "scores": 36, "notes": 24, "grow": 24}
    assert work["scores"].expected(2) == 30, "a row that is lost needs no more"
