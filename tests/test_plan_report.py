"""What `plan` says of a plan is counted on its rows as they are: coverage, shares, ranks."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from depth import one_in
from scipy.stats import spearmanr

import synthspec
from synthspec.cli import cli

LISTS = "a: [1, 2, 3, 4], b: [1, 2, 3], c: [x, y, z], n: 'normal(0, 1)', e: 'exponential(2)'"


def report_of(folder: Path, parameters: str, plan: str, rows: int) -> tuple[dict[str, Any], synthspec.Plan]:
    path = folder / "spec.yaml"
    path.write_text(f"synthspec: 1\nrows: {rows}\nfields: {{z: {{value: 1}}}}\nparameters: {{{parameters}}}\nplan: {plan}\n",
                    encoding="utf-8")  # fmt: skip
    done = CliRunner().invoke(cli, ["plan", str(path), "--format", "json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout), synthspec.plan(path)


PLANS = {
    "correlated lists": "correlate: [{between: [a, b], rank: 0.5}]",
    "a list and a number": "correlate: [{between: [a, n], rank: 0.5}]",
    "both": "correlate: [{between: [a, n], rank: 0.4}, {between: [b, n], rank: -0.3}, {between: [a, b], rank: 0.2}]",
    "a number excluded": "exclude: [n > 1.2, 'a == 1 and n < 0.5']",
    "hardly any left of two": "exclude: ['a == 1 and b == 1 and e < 6']",
    "nothing left of two": "exclude: ['a == 1 and b == 1 and e >= 0']",
    "lists and numbers": "exclude: ['a == 1 and b == 2', 'c == \"x\" and n > 0', 'n > 1 or e > 6'], correlate: [{between: [n, e], rank: 0.5}]",
}  # fmt: skip


@pytest.mark.parametrize(("case", "rows"), one_in(6, [(case, rows) for case in PLANS for rows in (9, 60)]))
def test_coverage_is_that_of_the_rows(tmp_path: Path, case: str, rows: int) -> None:
    report, plan = report_of(tmp_path, LISTS, f"{{strategy: pairwise, {PLANS[case]}}}", rows)
    covering = report["covering"]
    frame = plan[0 : covering["rows"]]
    met = {(p, q, *v) for p, q in itertools.combinations("abc", 2) for v in zip(frame[p], frame[q], strict=True)}
    assert covering["rows"] <= rows
    assert covering["covered"] == len(met)
    assert covering["possible"] + covering["impossible"] == 12 + 12 + 9
    if rows == 60:
        assert covering["covered"] == covering["possible"], "every pair that can be had is there"


@pytest.mark.parametrize(
    ("case", "strategy"),
    one_in(8, [(c, s) for c in PLANS if "correlate" in PLANS[c] for s in ("balanced", "random", "pairwise")]),
)
def test_ranks_are_those_of_the_rows(tmp_path: Path, case: str, strategy: str) -> None:
    report, plan = report_of(tmp_path, LISTS, f"{{strategy: {strategy}, {PLANS[case]}}}", 500)
    frame = plan[0:500]
    assert report["correlations"]
    for each in report["correlations"]:
        first, second = each["between"]
        assert each["reached"] == pytest.approx(spearmanr(frame[first], frame[second]).statistic, abs=1e-9)
    text = CliRunner().invoke(cli, ["plan", str(tmp_path / "spec.yaml")]).output
    assert all(f"{e['asked']:.2f} asked, {e['reached']:.2f} reached" in text for e in report["correlations"])


def test_whole_numbers_among_floats_are_counted(tmp_path: Path) -> None:
    report, _ = report_of(tmp_path, "m: {values: {1: 1, 2.5: 3}}, k: [1, 2.5]", "{exclude: ['m == 1 and k == 1']}", 40)
    assert [v["count"] for v in report["parameters"][1]["values"]] == [20, 20]
    assert sum(v["count"] for v in report["parameters"][0]["values"]) == 40
    assert report["pairs"]["impossible"] == 1


def test_factorial_keeps_every_combination_beside_a_rule_over_a_number(tmp_path: Path) -> None:
    _, plan = report_of(
        tmp_path, LISTS, "{strategy: factorial, exclude: [n > 1, 'a == 2 and n < -1', 'b == 3 and e > 4']}", 36
    )
    assert len(set(map(tuple, plan[0:36][["a", "b", "c"]].to_numpy().tolist()))) == 36
