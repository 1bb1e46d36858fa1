"""Plans: every kind of parameter, exclusions, prefixes, reports and files."""

from __future__ import annotations

import json
from collections import Counter
from fractions import Fraction
from pathlib import Path
from textwrap import dedent

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from depth import quarter
from hypothesis import given, settings
from hypothesis import strategies as st

import synthspec
from synthspec.cli import cli

HEAD = "synthspec: 1\nrows: 200\nfields: {x: {value: 1}}\n"


def plan_of(folder: Path, text: str, **options: object) -> synthspec.Plan:
    path = folder / "plan.yaml"
    path.write_text(HEAD + dedent(text), encoding="utf-8")
    return synthspec.plan(path, **options)


def codes(folder: Path, text: str) -> list[str]:
    path = folder / "plan.yaml"
    path.write_text(HEAD + dedent(text), encoding="utf-8")
    return [d.code for d in synthspec.check(path) if d.severity == "error"]


EVERY_KIND = """
    seed: 3
    sources:
      towns: {rows: [{town: Bilbao, size: 3}, {town: Vigo, size: 2}, {town: Ronda, size: 1}]}
    parameters:
      mood: [calm, cross, glad]
      outcome: {values: {solved: 7, dropped: 3}}
      age: round(clip(normal(52, 14), 18, 95))
      wait: {given: mood, cases: {cross: "gamma(4, 5)", glad: [1, 2]}, else: exponential(3)}
      phone: {pattern: '6\\d{3}'}
      town: {from: towns, column: town}
      size: {from: towns, column: size}
      persona: [{job: nurse, pet: cat}, {job: cook, pet: dog}]
      day: date('2026-01-01', '2026-12-31')
      heads: bernoulli(0.3)
      label: if age > 60 then 'old' else persona.job
      both: truncated(mixture([normal(0, 1), normal(50, 1)], [0.5, 0.5]), -1, 49)
"""


@pytest.mark.parametrize("strategy", ["random", "balanced", "factorial", "pairwise"])
def test_every_kind_of_parameter(tmp_path: Path, strategy: str) -> None:
    plan = plan_of(tmp_path, EVERY_KIND + f"    plan: {{strategy: {strategy}}}\n")
    frame = plan[0:200]
    assert len(plan) == 200 and list(frame.index) == list(range(200))
    assert frame["age"].between(18, 95).all() and frame["age"].dtype == np.int64
    assert frame["phone"].str.fullmatch(r"6\d{3}").all()
    assert set(zip(frame["town"], frame["size"], strict=True)) == {("Bilbao", 3), ("Vigo", 2), ("Ronda", 1)}
    assert set(frame[frame["mood"] == "glad"]["wait"]) <= {1, 2}
    assert (frame["wait"] > 0).all() and frame["wait"].dtype == np.float64
    assert frame["day"].dtype.kind == "M" and frame["day"].dt.year.eq(2026).all()
    assert frame["heads"].dtype == bool
    assert (frame["label"] == "old").equals(frame["age"] > 60)
    assert frame["both"].between(-1, 49).all()


@pytest.mark.parametrize("strategy", ["random", "balanced", "factorial", "pairwise"])
def test_rows_are_functions_of_their_index(tmp_path: Path, strategy: str) -> None:
    text = EVERY_KIND + f"    plan: {{strategy: {strategy}, exclude: [mood == 'calm' and outcome == 'dropped']}}\n"
    plan, longer = plan_of(tmp_path, text), plan_of(tmp_path, text, rows=1000)
    pd.testing.assert_frame_equal(plan[0:200], longer[0:200])
    pd.testing.assert_frame_equal(plan[150:160], longer[0:200].iloc[150:160])
    assert plan[7] == next(iter(longer.combinations(7, 8)))
    frame = longer[0:1000]
    assert not ((frame["mood"] == "calm") & (frame["outcome"] == "dropped")).any()


def test_another_seed_gives_another_plan(tmp_path: Path) -> None:
    one, other = plan_of(tmp_path, EVERY_KIND, seed=1)[0:50], plan_of(tmp_path, EVERY_KIND, seed=2)[0:50]
    assert not one["age"].equals(other["age"])


def test_a_new_parameter_leaves_the_others_alone(tmp_path: Path) -> None:
    before = plan_of(tmp_path, EVERY_KIND + "    plan: {strategy: random}\n")[0:100]
    after = plan_of(tmp_path, EVERY_KIND.replace("seed: 3", "seed: 3").replace(
        "      mood: [calm", "      first: [a, b]\n      mood: [calm") + "    plan: {strategy: random}\n")[0:100]  # fmt: skip
    pd.testing.assert_frame_equal(before, after.drop(columns="first"))


@settings(max_examples=quarter(25), deadline=None)
@given(weights=st.lists(st.integers(1, 40), min_size=2, max_size=6), rows=st.integers(1, 300))
def test_balanced_counts_are_within_one_of_their_share(
    tmp_path_factory: pytest.TempPathFactory, weights: list[int], rows: int
) -> None:
    values = ", ".join(f"v{i}: {w}" for i, w in enumerate(weights))
    plan = plan_of(
        tmp_path_factory.mktemp("plan"), f"parameters: {{p: {{values: {{{values}}}}}, q: [a, b, c]}}\n", rows=rows
    )
    counts = Counter(plan[0:rows]["p"])
    for i, weight in enumerate(weights):
        assert abs(counts[f"v{i}"] - Fraction(weight * rows, sum(weights))) < 1


def test_two_of_eight_and_ten(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "parameters: {s: {values: {pos: 8, neg: 2}}}\n", rows=10)
    assert Counter(plan[0:10]["s"]) == {"pos": 8, "neg": 2}


def test_a_row_far_out_answers_at_once(tmp_path: Path) -> None:
    for strategy in ("random", "balanced", "factorial"):
        plan = plan_of(
            tmp_path, f"parameters: {{a: [1, 2, 3], b: [x, y], c: 'normal(0, 1)'}}\nplan: {{strategy: {strategy}}}\n"
        )
        assert set(plan[10**9]) == {"a", "b", "c"}


def test_factorial_takes_every_combination_once(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        "parameters: {a: [1, 2, 3], b: [x, y], c: [p, q]}\nplan: {strategy: factorial, exclude: [a == 1 and b == 'x']}\n",
    )
    first = [tuple(r.values()) for r in plan.combinations(0, 10)]
    assert len(set(first)) == 10 and (1, "x", "p") not in first
    assert {tuple(r.values()) for r in plan.combinations(10, 20)} == set(first)


def test_sources_without_replacement_under_balanced(tmp_path: Path) -> None:
    rows = ", ".join(f"{{w: word{i}}}" for i in range(20))
    plan = plan_of(tmp_path, f"sources: {{s: {{rows: [{rows}]}}}}\nparameters: {{w: {{from: s, column: w}}}}\n")
    for start in (0, 20, 40):
        assert len(set(plan[start : start + 20]["w"])) == 20


def test_where_depends_on_the_combination(tmp_path: Path) -> None:
    text = """
    sources: {s: {rows: [{k: a, w: apple}, {k: b, w: berry}, {k: a, w: ant}]}}
    parameters: {k: [a, b], w: {from: s, column: w, where: row.k == k}}
    """
    frame = plan_of(tmp_path, text)[0:50]
    assert (frame["w"].str[0] == frame["k"]).all()
    assert codes(tmp_path, text.replace("k: [a, b]", "k: [a, b, c]")) == ["E516"]


def test_a_number_below_zero_counts_from_the_end(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(
        "synthspec: 1\nrows: 7\nfields: {z: {value: 1}}\nparameters: {a: 'index()', b: [x, y, z]}\n", encoding="utf-8"
    )
    plan = synthspec.plan(path)
    assert [plan[n] for n in range(-7, 0)] == [plan[n] for n in range(7)]
    with pytest.raises(IndexError):
        plan[-8]


def test_faker_is_deterministic_by_row(tmp_path: Path) -> None:
    pytest.importorskip("faker")
    text = "parameters: {city: {faker: city, locale: es_ES}, n: {faker: random_int, arguments: {min: 3, max: 5}}}\n"
    one, two = plan_of(tmp_path, text), plan_of(tmp_path, text)
    assert one[5] == two[5] and one[0:6].iloc[5]["city"] == one[5]["city"]
    assert one[0:50]["n"].between(3, 5).all()


CORRELATED = """
    parameters: {{age: "normal(50, 10)", income: "lognormal(10, 1)", grade: [low, mid, high]}}
    plan:
      strategy: {strategy}
      correlate: [{{between: [age, income], rank: 0.6}}, {{between: [income, grade], rank: -0.4}}]
"""


@pytest.mark.parametrize("strategy", ["random", "balanced", "pairwise"])
def test_correlations_are_reached(tmp_path: Path, strategy: str) -> None:
    from scipy.stats import spearmanr

    frame = plan_of(tmp_path, CORRELATED.format(strategy=strategy), rows=20_000)[0:20_000]
    order = frame["grade"].map({"low": 0, "mid": 1, "high": 2})
    assert spearmanr(frame["age"], frame["income"]).statistic == pytest.approx(0.6, abs=0.03)
    assert spearmanr(frame["income"], order).statistic == pytest.approx(-0.4, abs=0.03)


IMPOSSIBLE = """
    parameters: {a: "normal(0, 1)", b: "normal(0, 1)", c: "normal(0, 1)"}
    plan:
      correlate: [{between: [a, b], rank: 0.9}, {between: [b, c], rank: 0.9}, {between: [a, c], rank: -0.9}]
"""
PLAN_FAULTS = {
    "everything": ("parameters: {a: [1, 2]}\nplan: {exclude: [a > 0]}\n", ["E522"]),
    "a value": ("parameters: {a: [1, 2], b: [x, y]}\nplan: {exclude: [a == 1 and b == 'x', a == 1 and b == 'y']}\n", ["E523"]),
    "nearly all": ("parameters: {a: 'uniform(0, 1)'}\nplan: {exclude: [a > 0.0001]}\n", ["E526"]),
    "impossible matrix": (IMPOSSIBLE, ["E527"]),
    "two numbers": ("parameters: {a: 'normal(0, 1) + normal(0, 1)', b: [1, 2]}\nplan: {correlate: [{between: [a, b], rank: 0.5}]}\n", ["E527"]),
    "out of reach": ("parameters: {a: {values: {x: 99, y: 1}}, b: 'normal(0, 1)'}\nplan: {correlate: [{between: [a, b], rank: 0.9}]}\n", ["E527"]),
}  # fmt: skip


@pytest.mark.parametrize("fault", PLAN_FAULTS)
def test_faults_of_a_plan_as_a_whole(tmp_path: Path, fault: str) -> None:
    text, wanted = PLAN_FAULTS[fault]
    assert codes(tmp_path, text) == wanted


@pytest.mark.parametrize("extension", ["csv", "jsonl", "parquet"])
def test_combinations_to_a_file(tmp_path: Path, extension: str) -> None:
    plan = plan_of(tmp_path, EVERY_KIND)
    path = tmp_path / f"out.{extension}"
    done = CliRunner().invoke(cli, ["plan", str(tmp_path / "plan.yaml"), "--out", str(path)])
    assert done.exit_code == 0, done.output
    read = {"csv": pd.read_csv, "jsonl": lambda p: pd.read_json(p, lines=True), "parquet": pd.read_parquet}[extension]
    frame = read(path)
    assert list(frame["age"]) == list(plan[0:200]["age"])
    assert list(frame["town"]) == list(plan[0:200]["town"])


def test_a_file_no_writer_knows(tmp_path: Path) -> None:
    plan_of(tmp_path, EVERY_KIND)
    done = CliRunner().invoke(cli, ["plan", str(tmp_path / "plan.yaml"), "--out", str(tmp_path / "x.parquett")])
    assert done.exit_code == 1 and "parquet" in done.output


def test_the_report_for_programs(tmp_path: Path) -> None:
    plan_of(
        tmp_path,
        "parameters: {a: [1, 2, 3], b: {values: {x: 3, y: 1}}}\nplan: {strategy: pairwise, exclude: [a == 1 and b == 'y']}\n",
    )
    done = CliRunner().invoke(cli, ["plan", str(tmp_path / "plan.yaml"), "--format", "json"])
    report = json.loads(done.output)
    assert (report["space"], report["excluded"], report["combinations"]) == (6, 1, 200)
    assert report["pairs"] == {"possible": 5, "impossible": 1, "covered": 5}
    assert report["covering"]["covered"] == 5
    assert [v["share"] for v in report["parameters"][1]["values"]] == [0.75, 0.25]
    assert report["expected"]["calls"] == 0
    text = CliRunner().invoke(cli, ["plan", str(tmp_path / "plan.yaml")])
    assert text.exit_code == 0 and "Pairs of values covered: 5 of 5" in text.output
