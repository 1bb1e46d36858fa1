"""What a dataset says was asked of it, and what its rows came to."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

import synthspec
from synthspec.compiler import compile_text
from synthspec.generation import asked_shares
from synthspec.generation.asked_shares import AskedShares
from synthspec.planning.plan import Plan, build_plan

SPEC = """
synthspec: 1
name: shares
rows: {rows}
seed: {seed}
parameters:
  tone: {{values: [calm, cross, 1, true, 1.5, calm], weights: [4, 2, 1, 1, 1, 1]}}
  channel: [web, shop, phone]
  style: [{{name: short, how: In one line.}}, {{name: long, how: At length.}}]
  age: {{value: 'uniform(18, 90)'}}
  income: {{value: 'lognormal(10, 0.4)'}}
  code: {{pattern: '[A-Z]{{3}}'}}
  known: {{value: "if channel == 'web' then age else 0"}}
plan: {{correlate: [{{between: [age, income], rank: 0.6}}], exclude: ["channel == 'shop' and style.name == 'long'"]}}
fields: {{out: {{value: "[code, known, tone, style.name, income]"}}}}
"""


def plan_of(rows: int, seed: int) -> Plan:
    compiled = compile_text(SPEC.format(rows=rows, seed=seed))
    assert compiled.ok and compiled.spec is not None, [d.message for d in compiled.diagnostics]
    return build_plan(compiled.spec, compiled.tables)


@pytest.mark.parametrize("seed", range(3))
def test_counts_are_those_of_the_plan(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever rows are lost, however many a combination gives, and wherever counting is cut."""
    draw = random.Random(seed)
    monkeypatch.setattr(asked_shares, "BATCH", draw.choice([1, 7, 50]))
    plan = plan_of(150, seed)
    watch = AskedShares(plan.spec, plan)
    kept = [i for i in range(150) for _ in range(draw.choice([0, 1, 1, 3])) if draw.random() < 0.9]
    for combination in kept:
        watch.kept(combination)
    found = watch.as_dict()
    assert found["rows"] == len(kept) and found["combinations"] == kept[-1] + 1
    combinations = [plan[i] for i in range(kept[-1] + 1)]
    by_name = {p["name"]: p["values"] for p in found["parameters"]}
    assert list(by_name) == ["tone", "channel", "style"]
    assert [v["value"] for v in by_name["style"]] == ["short", "long"]
    assert [v["asked"] for v in by_name["tone"]] == [0.5, 0.2, 0.1, 0.1, 0.1]
    for value in by_name["channel"]:
        assert value["planned"] == sum(c["channel"] == value["value"] for c in combinations)
        assert value["kept"] == sum(combinations[i]["channel"] == value["value"] for i in kept)
    marks = [repr(c["tone"]) for c in combinations]
    assert [v["planned"] for v in by_name["tone"]] == [
        marks.count(m) for m in ("'calm'", "'cross'", "1", "True", "1.5")
    ]
    (rank,) = found["correlations"]
    assert rank["asked"] == 0.6 and rank["reached"] == pytest.approx(0.6, abs=0.2)
    json.dumps(found)


def test_columns_of_some_parameters_are_those_of_all() -> None:
    plan = plan_of(120, 5)
    every = plan.columns(3, 120)
    for names in (["known"], ["style"], ["age", "income"], ["code", "tone"]):
        some = plan.columns(3, 120, names)
        assert set(names) <= set(some)
        assert all(some[n].tolist() == every[n].tolist() for n in some)
    assert "code" not in plan.columns(0, 5, ["tone"])


def test_a_constant_has_no_correlation() -> None:
    plan = plan_of(40, 1)
    watch = AskedShares(plan.spec, plan)
    watch.kept(3)
    assert watch.as_dict()["correlations"][0]["reached"] is None
    assert AskedShares(plan.spec, plan).as_dict()["rows"] == 0


def test_the_manifest_says_it(tmp_path: Path) -> None:
    text = SPEC.format(rows=30, seed=2)
    dataset = synthspec.build(text, out=tmp_path / "out")
    asked = dataset.manifest["asked"]
    assert asked["rows"] == 30 and asked["combinations"] == 30
    assert "file" not in dataset.manifest["spec"] and dataset.manifest["license"] == ""
    again = synthspec.build(text, out=tmp_path / "out")
    assert again.manifest["asked"] == asked  # rows that are used again are counted too
