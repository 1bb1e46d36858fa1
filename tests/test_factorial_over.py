"""`over` under `factorial`: every combination of the parameters named comes once before any comes twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import synthspec

SPEC = """
synthspec: 1
rows: 48
seed: {seed}
parameters:
  mood: [calm, cross, glad]
  topic: [bill, meter, move, outage]
  channel: {{values: {{phone: 2, mail: 1}}}}
  wait: {{given: mood, cases: {{cross: [1, 2]}}, else: [0]}}
  age: normal(50, 9)
plan: {{strategy: factorial, over: [{over}], exclude: [{exclude}]}}
fields:
  mood: {{value: mood}}
  topic: {{value: topic}}
  channel: {{value: channel}}
  wait: {{value: wait}}
  age: {{value: age}}
"""


def plan_of(folder: Path, **parts: object) -> synthspec.Plan:
    path = folder / "spec.yaml"
    path.write_text(SPEC.format(**{"seed": 1, "over": "topic, channel", "exclude": "", **parts}), encoding="utf-8")
    return synthspec.plan(path)


@pytest.mark.parametrize("seed", range(6))
def test_each_combination_of_the_parameters_named_comes_once(tmp_path: Path, seed: int) -> None:
    plan = plan_of(tmp_path, seed=seed)
    for start in range(0, 48, 8):
        pairs = Counter((r["topic"], r["channel"]) for r in plan.combinations(start, start + 8))
        assert set(pairs.values()) == {1} and len(pairs) == 8
    assert {Counter(r["mood"] for r in plan)[m] for m in ("calm", "cross", "glad")} == {16}, "the rest is balanced"


def test_what_hangs_on_them_is_covered_too(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, over="mood")
    assert Counter((r["mood"], r["wait"]) for r in plan.combinations(0, 4)) == Counter(
        {("calm", 0): 1, ("glad", 0): 1, ("cross", 1): 1, ("cross", 2): 1}
    )


@pytest.mark.parametrize("over", ["topic, channel", "mood", "mood, topic, channel"])
def test_exclusions_hold_and_rows_are_the_same_alone(tmp_path: Path, over: str) -> None:
    plan = plan_of(tmp_path, over=over, exclude="mood == 'cross' and topic == 'bill', age < 30")
    rows = list(plan)
    assert not any((r["mood"], r["topic"]) == ("cross", "bill") or r["age"] < 30 for r in rows)
    assert [plan[i] for i in range(48)] == rows
