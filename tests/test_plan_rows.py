"""Row i of a plan is a pure function of spec, seed and i: specs with several exclusions of every kind, drawn at random."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from depth import quarter
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

import synthspec
from synthspec.compiler import compile_spec
from synthspec.languages.expressions import compile_row
from synthspec.planning.plan import build_plan

STRATEGIES = ("balanced", "random", "factorial", "pairwise")
PARAMETERS = """
sources:
  towns: {rows: [{town: Bilbao, size: 3, of: x}, {town: Vigo, size: null, of: y}, {town: Ronda, size: 1, of: x},
                 {town: Soria, size: 2.5, of: y}]}
parameters:
  a: [1, 2, 3, 4, 5]
  b: {values: [1, 2, 3, 4, 5], weights: [5, 1, 1, 2, 1]}
  k: [x, y, z]
  m: [1, 2.5, 4]
  v: [1, text, 2.5, true]
  n: normal(0, 1)
  e: round(gamma(2, 3), 2)
  g: {given: k, cases: {x: [1, 2], y: [0.5, 1.5]}, else: 'integer(1, 3)'}
  h: {given: k, cases: {x: 'normal(5, 1)', y: [1, 2, 3]}, else: 7}
  w: {given: k, cases: {x: [p, q], y: [1, 2.5]}, else: [r]}
  t: {from: towns, column: town}
  s: {from: towns, column: size}
  i: "if a > 3 then s else (if b > 2 then a else a / 2)"
  d: integer(1, 6) + integer(1, 6)
"""
RULES = (
    "a == b", "k == 'x' and a == 1", "b == 1 and k == 'z'", "m == 2.5 and a == 2",  # lists only
    "v == 'text' and k == 'x'", "d > 10", "d == 7 and a == 5",
    "n > 1", "n > 0 and k == 'y'", "a == 3 and e > 4", "n + e < -0.5", "e > 20 or n < -2",  # numbers too
    "g == 1", "g == 1.5 and a == 4", "h == 7 and b == 1", "h > 5.5", "w == 2.5", "w == 'p' and a < 3",  # given
    "t == 'Vigo'", "s == 2.5 and a == 1", "t == 'Ronda' and k == 'z'", "missing(s) and k == 'y'",  # sources
    "i == 2", "i == 0.5 and k == 'z'", "a + b > 8 and n > 0.5", "m * a > 15",  # over several
)  # fmt: skip
CORRELATE = (
    "[]",
    "[{between: [a, b], rank: 0.4}]",
    "[{between: [n, e], rank: 0.5}]",
    "[{between: [a, n], rank: -0.4}, {between: [n, e], rank: 0.3}]",
)


def spec_text(strategy: str, rules: list[str], correlate: str, where: bool) -> str:
    words = set(re.findall(r"\w+", " ".join([*rules, correlate])))
    lines = PARAMETERS.splitlines(keepends=True)
    for _ in range(2):  # what these are drawn from
        kept = [line for line in lines if (m := re.match(r"  (\w): (.*)", line)) is None or m[1] in words]
        words |= {w for line in kept if line.startswith("  ") for w in re.findall(r"\b\w\b", line)}
    text = "".join(kept)
    if where:
        text = text.replace("column: town}", "column: town, where: row.of == 'x' or row.size == 1}")
    listed = "".join(f'\n    - "{rule}"' for rule in rules)
    head = "synthspec: 1\nrows: 60\nseed: 4\nfields: {z: {value: 1}}\n"
    return f"{head}{text}plan:\n  strategy: {strategy}\n  correlate: {correlate}\n  exclude:{listed}\n"


def exactly(row: dict[str, Any]) -> dict[str, tuple[type, str]]:
    """Values with their types; a null is a null."""
    return {
        n: (type(None), "") if v is None or (isinstance(v, float) and v != v) else (type(v), repr(v))
        for n, v in row.items()
    }


def rows_of(frame: pd.DataFrame) -> list[dict[str, tuple[type, str]]]:
    columns = {n: frame[n].tolist() for n in frame}
    return [exactly({n: c[i] for n, c in columns.items()}) for i in range(len(frame))]


@settings(
    max_examples=quarter(6),
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    strategy=st.sampled_from(STRATEGIES),
    rules=st.lists(st.sampled_from(RULES), min_size=2, max_size=4, unique=True),
    correlate=st.sampled_from(CORRELATE),
    where=st.booleans(),
    start=st.integers(0, 400),
    length=st.integers(1, 60),
    step=st.integers(1, 7),
)
def test_a_row_is_the_same_whatever_is_read_with_it(
    tmp_path: Path, strategy: str, rules: list[str], correlate: str, where: bool, start: int, length: int, step: int
) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(spec_text(strategy, rules, correlate, where), encoding="utf-8")
    compiled = compile_spec(path)
    assert compiled.spec is not None
    assume(not {d.code for d in compiled.diagnostics} & {"E516", "E522", "E523", "E526", "E527"})
    assert compiled.ok, compiled.diagnostics
    plan, again = (build_plan(compiled.spec, compiled.tables) for _ in range(2))
    longer = build_plan(replace(compiled.spec, rows=1000), compiled.tables)
    part = rows_of(longer[start : start + length])
    assert part == [exactly(r) for r in plan.combinations(start, start + length)]
    assert part[::step] == rows_of(plan[start : start + length : step])
    some = range(length - 1, -1, -max(1, length // 6))
    assert [part[i] for i in some] == [exactly(again[start + i]) for i in some]
    tests = [compile_row(e.expression) for e in plan.spec.plan.exclude]
    assert not any(test(row) is True for test in tests for row in longer.combinations(start, start + length))


def test_two_rules_of_the_issue(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    lists = "".join(f"  {n}: [1, 2, 3, 4, 5]\n" for n in "abcd")
    path.write_text("synthspec: 1\nrows: 400\nfields: {x: {value: 1}}\n"
                    f"parameters:\n{lists}plan: {{exclude: [a == b, c == d]}}\n", encoding="utf-8")  # fmt: skip
    plan, longer = synthspec.plan(path), synthspec.plan(path, rows=1000)
    pd.testing.assert_frame_equal(plan[0:400], longer[0:1000].iloc[:400])
    assert [plan[i] for i in range(0, 400, 7)] == plan[0:400].iloc[::7].to_dict("records")


MIXED = {
    "given": ("{k: [x, y], p: {given: k, cases: {x: 1, y: 2.5}}}", float),
    "given a list": ("{k: [x, y], p: {given: k, cases: {x: [1, 2], y: [0.5]}}}", float),
    "given a function": ("{k: [x, y], p: {given: k, cases: {x: 'integer(1, 3)', y: 'normal(0, 1)'}}}", float),
    "nested": ("{k: [x, y], l: [1, 2], p: {given: k, cases: {x: {given: l, cases: {1: 1, 2: 2}}, y: 2.5}}}", float),
    "list": ("{p: [1, 2.5]}", float),
    "conditional": ("{k: [x, y], p: \"if k == 'x' then 1 else 2.5\"}", float),
    "whole": ("{k: [x, y], p: {given: k, cases: {x: 1, y: [2, 3]}}}", int),
    "truth": ("{k: [x, y], p: {given: k, cases: {x: true, y: 'bernoulli(0.5)'}}}", bool),
}


@pytest.mark.parametrize("kind", MIXED)
def test_a_value_has_its_parameters_type(tmp_path: Path, kind: str) -> None:
    parameters, wanted = MIXED[kind]
    path = tmp_path / "spec.yaml"
    path.write_text(
        f"synthspec: 1\nrows: 40\nfields: {{x: {{value: 1}}}}\nparameters: {parameters}\n", encoding="utf-8"
    )
    plan = synthspec.plan(path)
    assert {type(plan[i]["p"]) for i in range(40)} == {wanted}
    assert {type(r["p"]) for r in plan} == {wanted}
    assert {type(v) for v in plan[0:40]["p"].tolist()} == {wanted}


MANY_KINDS = """
sources:
  s: {rows: [{x: 1, y: a, d: 2026-01-01}, {x: null, y: null, d: null}, {x: 2, y: c, d: 2026-01-02}]}
  m: {rows: [{x: 1, y: a}, {x: 2.5, y: 3}, {x: 3, y: true}]}
parameters:
  k: [p, q, r]
  x: {from: s, column: x}
  y: {from: s, column: y}
  d: {from: s, column: d}
  mx: {from: m, column: x}
  my: {from: m, column: y}
  c1: "if k == 'p' then 1 else (if k == 'q' then x else 2.5)"
  c2: "if k == 'p' then x else 2"
  c3: "[x, 1, 2.5]"
  c4: "if k == 'p' then 1 else (if k == 'q' then 2.5 else 'text')"
  c5: "text(if k == 'p' then 1 else (if k == 'q' then x else 2.5))"
  c6: "if k == 'p' then true else (if k == 'q' then 1 else 2.5)"
  c7: "max(x, 2.5)"
  c8: "if k == 'p' then [1] else [2.5, 'a']"
  c9: "text(my)"
  c10: "text(if k == 'p' then x else mx)"
  g1: {given: k, cases: {p: 1, q: 2.5}, else: [text]}
  g2: {given: k, cases: {p: [1, 2.5], q: {from: s, column: x}}, else: "normal(0, 1)"}
  g3: {given: k, cases: {p: 2026-01-01, q: {from: s, column: d}}, else: "date('2026-01-01', '2026-02-01')"}
  g4: {given: k, cases: {p: true, q: 1}, else: [2.5]}
  g5: {given: k, cases: {p: [{a: 1}], q: [{a: 2.5}]}, else: [[1, 2]]}
  t1: "text(g1)"
  t2: "text(g2)"
"""


@pytest.mark.parametrize("exclude", ["[]", "[\"k == 'p' and x == 1\", \"k == 'q' and my == true\", g2 == 2.5]"])
def test_values_of_every_kind_are_the_same_alone_and_in_a_slice(tmp_path: Path, exclude: str) -> None:
    path = tmp_path / "spec.yaml"
    head = "synthspec: 1\nrows: 40\nfields: {z: {value: 1}}\n"
    path.write_text(f"{head}{MANY_KINDS}plan: {{exclude: {exclude}}}\n", encoding="utf-8")
    plan = synthspec.plan(path)
    alone = [exactly(plan[i]) for i in range(40)]
    assert [exactly(row) for row in plan] == alone
    assert [exactly(row) for row in plan.combinations(13, 17)] == alone[13:17]
    frame = plan[5:40:3].drop(columns=["d", "g3"])  # pandas has its own dates
    wanted = [{n: v for n, v in row.items() if n in frame} for row in alone[5:40:3]]
    assert rows_of(frame) == wanted
