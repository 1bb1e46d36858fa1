"""Exclusions over listed values, and correlations between these, leave every value its share wherever that can be."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from depth import quarter, rest_slow
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.stats import spearmanr

import synthspec
from synthspec.languages.expressions import compile_row
from synthspec.planning.constraints.fitting import Wanted, fit, whole
from synthspec.planning.design import Tied
from synthspec.planning.sampling.tied import PERIOD, STEP, Schedule

QUICK = settings(max_examples=quarter(25), deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate),
                 suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip


def plan_of(folder: Path, parameters: str, plan: str, rows: int = 1000) -> synthspec.Plan:
    path = folder / "spec.yaml"
    path.write_text(f"synthspec: 1\nrows: {rows}\nfields: {{z: {{value: 1}}}}\nparameters: {parameters}\nplan: {plan}\n",
                    encoding="utf-8")  # fmt: skip
    return synthspec.plan(path)


def quoted(rules: Sequence[str]) -> str:
    return ", ".join(f'"{rule}"' for rule in rules)


def shares(plan: synthspec.Plan, name: str, rows: int) -> dict[Any, float]:
    return {v: n / rows for v, n in Counter(plan[0:rows][name].tolist()).items()}


ISSUE = {
    "a value only with another": ("{a: {values: {a0: 20, a1: 80}}, b: {values: {b0: 20, b1: 80}}}", ["a == 'a0' and b != 'b0'"],
                                  {"a": {"a0": 0.2}, "b": {"b0": 0.2}}),
    "1% bound to 5%": ("{a: {values: {a0: 1, a1: 99}}, b: {values: {b0: 5, b1: 95}}}", ["a == 'a0' and b != 'b0'"],
                       {"a": {"a0": 0.01}, "b": {"b0": 0.05}}),
    "five lists of two": ("{a: [x, y], b: [x, y], c: [x, y], d: [x, y], e: [x, y]}", ["a == 'x' and b == 'x'", "b == c", "d == 'x' and e == 'y' and a == 'x'"],
                          {n: {"x": 0.5} for n in "abcde"}),
    "given": ("{k: {values: {p: 3, q: 7}}, g: {given: k, cases: {p: [1, 2, 3], q: {values: {1: 5, 4: 5}}}}, h: [u, v]}", ["g == 1 and h == 'u'"],
              {"k": {"p": 0.3}, "g": {1: 0.45, 2: 0.1, 3: 0.1, 4: 0.35}, "h": {"u": 0.5}}),
    "a function": ("{d: 'integer(1, 6)', k: [x, y, z]}", ["d > 3 and k == 'x'"], {"d": {1: 1 / 6, 6: 1 / 6}, "k": {"x": 1 / 3}}),
}  # fmt: skip


@pytest.mark.parametrize("strategy", ["balanced", "random", "pairwise"])
@pytest.mark.parametrize("case", ISSUE)
def test_shares_of_the_issue(tmp_path: Path, case: str, strategy: str) -> None:
    parameters, rules, wanted = ISSUE[case]
    plan = plan_of(tmp_path, parameters, f"{{strategy: {strategy}, exclude: [{quoted(rules)}]}}", 4000)
    for name, values in wanted.items():
        found = shares(plan, name, 4000)
        for value, share in values.items():
            near = 0.03 if strategy == "random" else 0.002 if strategy == "balanced" else 0.005
            assert found[value] == pytest.approx(share, abs=near), (name, value)


@st.composite
def lists_and_rules(draw: st.DrawFn) -> tuple[list[list[int]], list[str]]:
    """Weights of two to four lists, and exclusions of one to three values each."""
    weights = [draw(st.lists(st.integers(1, 30), min_size=2, max_size=5)) for _ in range(draw(st.integers(2, 4)))]
    rules = []
    for _ in range(draw(st.integers(1, 4))):
        some = draw(st.lists(st.integers(0, len(weights) - 1), min_size=2, max_size=3, unique=True))
        parts = [
            f"p{n} {draw(st.sampled_from(['==', '==', '!=']))} {draw(st.integers(0, len(weights[n]) - 1))}"
            for n in some
        ]
        rules.append(" and ".join(parts))
    return weights, rules


def nearest(weights: Sequence[Sequence[int]], permitted: np.ndarray) -> float:
    """The least possible of the largest deviation of a share, by a linear program over the permitted cells."""
    rows, wanted = [], []
    for n, each in enumerate(weights):
        for level in range(len(each)):
            rows.append((permitted[:, n] == level).astype(float))
            wanted.append(each[level] / sum(each))
    a, b, cells = np.array(rows), np.array(wanted), len(permitted)
    slack = -np.ones((len(b), 1))
    found = linprog([*[0] * cells, 1], A_ub=np.block([[a, slack], [-a, slack]]), b_ub=[*b, *-b],
                    A_eq=[[*[1] * cells, 0]], b_eq=[1])  # fmt: skip
    return float(found.fun)


@QUICK
@given(drawn=lists_and_rules(), strategy=st.sampled_from(["balanced", "pairwise"]))
def test_shares_are_met_where_they_can_be(
    tmp_path: Path, drawn: tuple[list[list[int]], list[str]], strategy: str
) -> None:
    weights, rules = drawn
    values = ", ".join(
        f"p{n}: {{values: {{{', '.join(f'{v}: {w}' for v, w in enumerate(each))}}}}}" for n, each in enumerate(weights)
    )
    path = tmp_path / "spec.yaml"
    path.write_text(f"synthspec: 1\nrows: 2000\nfields: {{z: {{value: 1}}}}\nparameters: {{{values}}}\n"
                    f"plan: {{strategy: {strategy}, exclude: {rules}}}\n".replace("'", '"'), encoding="utf-8")  # fmt: skip
    found = synthspec.check(path)
    if any(d.severity == "error" for d in found):
        return
    plan = synthspec.plan(path)
    frame = plan[0:2000]
    cells = np.array(list(itertools.product(*(range(len(w)) for w in weights))))
    compiled = [compile(r, "rule", "eval") for r in rules]
    kept = [c for c in cells.tolist() if not any(eval(r, {f"p{n}": v for n, v in enumerate(c)}) for r in compiled)]
    assert set(map(tuple, frame.to_numpy().tolist())) <= set(map(tuple, kept))
    off = max(
        abs((frame[f"p{n}"] == v).mean() - w / sum(each)) for n, each in enumerate(weights) for v, w in enumerate(each)
    )
    least = nearest(weights, np.array(kept))
    early = 0.01 if strategy == "pairwise" else 0.0  # a covering array of some 30 rows comes first
    if least < 0.0005:
        assert off <= 0.002 + early
        assert "W710" not in {d.code for d in found}
    elif least > 0.004:
        assert "W710" in {d.code for d in found}
        assert off <= 3 * least + 0.01


@QUICK
@given(
    sizes=st.lists(st.integers(2, 6), min_size=2, max_size=4),
    seed=st.integers(0, 2**32 - 1),
    gone=st.floats(0, 0.6),
    start=st.sampled_from([0, 5, 1 << 20, (1 << 23) - 3, 1 << 25]),
)
def test_every_prefix_keeps_to_the_shares_of_tied_values(sizes: list[int], seed: int, gone: float, start: int) -> None:
    random = np.random.default_rng(seed)
    table = np.array(list(itertools.product(*map(range, sizes))))
    table = table[random.random(len(table)) >= gone]
    if len(table) < 2:
        return
    fitted = fit(table, [random.random(n) + 0.1 for n in sizes])
    tied = Tied("t", tuple(map(str, range(len(sizes)))), table, whole(fitted.shares))
    assert sum(tied.parts) == PERIOD and min(tied.parts) > 0
    cells = Schedule(tied, seed).cells(start, start + 8).T.reshape(-1)
    again = Schedule(tied, seed)
    assert (np.concatenate([again.cells(start + b, start + b + 1).T.reshape(-1) for b in (5, 0, 7)])
            == np.concatenate([cells[b * STEP : (b + 1) * STEP] for b in (5, 0, 7)])).all()  # fmt: skip
    rows = np.arange(1, len(cells) + 1)
    slack = 2.2 if start == 0 else 4.4  # of a stretch that begins elsewhere both ends count
    for column in range(len(sizes)):
        share = np.bincount(table[:, column], np.array(tied.parts) / PERIOD, minlength=sizes[column])
        for level, p in enumerate(share):
            came = np.cumsum(table[cells, column] == level)
            assert np.abs(came - rows * p).max() <= slack


def test_prefixes_of_a_plan_keep_to_their_shares(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "{a: [1, 2, 3, 4, 5], b: {values: {1: 5, 2: 1, 3: 1, 4: 3}}, c: [1, 2, 3, 4, 5], d: [x, y]}",
                   "{exclude: [a == b, b == c]}", 1000)  # fmt: skip
    frame = plan[0:1000]
    weights = {
        "a": dict.fromkeys(range(1, 6), 0.2),
        "b": {1: 0.5, 2: 0.1, 3: 0.1, 4: 0.3},
        "c": dict.fromkeys(range(1, 6), 0.2),
        "d": {"x": 0.5, "y": 0.5},
    }
    for name, values in weights.items():
        for value, share in values.items():
            off = (frame[name] == value).cumsum() - share * np.arange(1, 1001)
            assert off.abs().max() < 2, (name, value)


def test_other_lists_stay_even_with_tied_ones(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "{a: [1, 2, 3, 4], b: [1, 2, 3, 4], c: [1, 2, 3, 4]}", "{exclude: [a == b]}", 1600)
    met = Counter(zip(plan[0:1600]["a"], plan[0:1600]["c"], strict=True))
    assert len(met) == 16 and all(abs(n - 100) < 12 for n in met.values())


@pytest.mark.slow
def test_far_and_large(tmp_path: Path) -> None:
    values = list(range(60))
    plan = plan_of(tmp_path, f"{{a: {values}, b: {values}}}", "{exclude: [a == b]}")
    assert plan[10**12] == plan[10**12 : 10**12 + 1].to_dict("records")[0]
    assert len(set(map(tuple, plan[0:3540].to_numpy().tolist()))) > 3000  # hardly any combination comes twice


@pytest.mark.parametrize(
    ("lists", "rules"),
    [
        pytest.param(12, [f"p{i} == p{i + 1}" for i in range(11)], marks=pytest.mark.slow),
        (6, ["p0 + p1 + p2 + p3 + p4 + p5 > 40"]),
    ],
)
def test_more_combinations_than_can_be_listed(tmp_path: Path, lists: int, rules: list[str]) -> None:
    values = list(range(1, 11))
    parameters = ", ".join(f"p{i}: {values}" for i in range(lists))
    plan = plan_of(tmp_path, f"{{{parameters}}}", f"{{exclude: [{quoted(rules)}]}}", 1000)
    assert [d.code for d in synthspec.check(tmp_path / "spec.yaml") if d.code != "W701"] == ["W711"]
    frame = plan[0:1000]
    for name in frame:
        for value in values:
            off = (frame[name] == value).cumsum() - np.arange(1, 1001) / 10
            assert off.abs().max() < 6 and abs(off.iloc[-1]) <= 2, (name, value)
    tests = [compile_row(e.expression) for e in plan.spec.plan.exclude]
    assert not any(test(row) for test in tests for row in plan.combinations(0, 200))
    assert len(set(map(tuple, frame.to_numpy().tolist()))) > 950


@pytest.mark.slow
def test_rare_values_are_among_the_combinations_that_stand_for_all(tmp_path: Path) -> None:
    values = ", ".join(f"{v}: {1000 if v < 10 else 1}" for v in range(1, 13))
    lists = ", ".join(f"p{i}: {{values: {{{values}}}}}" for i in range(5))
    plan = plan_of(tmp_path, f"{{{lists}}}", "{exclude: [p0 == p1, p1 == p2, p2 == p3, p3 == p4]}")
    (group,) = plan.groups
    assert group.sampled
    for column, margin in zip(group.tied.table.T, group.fitted.margins, strict=True):
        assert set(column.tolist()) == set(range(12))
        assert margin[11] == pytest.approx(1 / 9003, rel=0.01)


LISTED = "{a: [1, 2, 3], b: {values: {x: 2, y: 1, z: 1}}, c: [1, 2, 3, 4], n: 'normal(0, 1)', m: 'gamma(2, 1)'}"


@pytest.mark.parametrize("strategy", rest_slow(["balanced", "random"], (0,)))
@pytest.mark.parametrize("rules", [[], ["a == 3 and b == 'x'"], ["a == 3 and b == 'x'", "c == 4 and a == 3"]])
def test_listed_values_are_correlated_within_their_shares(tmp_path: Path, strategy: str, rules: list[str]) -> None:
    correlate = "[{between: [a, b], rank: 0.3}, {between: [c, b], rank: -0.4}, {between: [a, n], rank: 0.5}, {between: [n, m], rank: 0.4}]"
    plan = plan_of(
        tmp_path, LISTED, f"{{strategy: {strategy}, exclude: [{quoted(rules)}], correlate: {correlate}}}", 6000
    )
    frame = plan[0:6000]
    order = frame["b"].map({"x": 0, "y": 1, "z": 2})
    near = 0.05 if strategy == "random" else 0.02
    assert spearmanr(frame["a"], order).statistic == pytest.approx(0.3, abs=near)
    assert spearmanr(frame["c"], order).statistic == pytest.approx(-0.4, abs=near)
    assert spearmanr(frame["a"], frame["n"]).statistic == pytest.approx(0.5, abs=0.04)
    assert spearmanr(frame["n"], frame["m"]).statistic == pytest.approx(0.4, abs=0.04)
    if strategy == "balanced":
        for name, weights in {
            "a": {1: 1, 2: 1, 3: 1},
            "b": {"x": 2, "y": 1, "z": 1},
            "c": dict.fromkeys(range(1, 5), 1),
        }.items():
            for value, weight in weights.items():
                off = (frame[name] == value).cumsum() - weight / sum(weights.values()) * np.arange(1, 6001)
                assert off.abs().max() < 2.5, (name, value)


def test_two_lists_of_three_values_keep_their_counts(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "{a: [l, m, h], b: [l, m, h]}", "{correlate: [{between: [a, b], rank: 0.6}]}", 3000)
    for name in "ab":
        assert all(abs(n - 1000) <= 1 for n in Counter(plan[0:3000][name]).values())


@QUICK
@given(rank=st.floats(-0.7, 0.7), seed=st.integers(0, 2**32 - 1), sizes=st.tuples(st.integers(3, 7), st.integers(3, 7)))
def test_a_tilted_table_has_its_rank_and_its_margins(rank: float, seed: int, sizes: tuple[int, int]) -> None:
    random = np.random.default_rng(seed)
    margins = [random.random(n) + 0.5 for n in sizes]
    table = np.array(list(itertools.product(*map(range, sizes))))
    fitted = fit(table, margins, [Wanted((0, 1), rank, (np.arange(sizes[0]), np.arange(sizes[1])))])
    assert fitted.ranks[0] == pytest.approx(rank, abs=0.005)
    for found, wanted in zip(fitted.margins, margins, strict=True):
        np.testing.assert_allclose(found, wanted / wanted.sum(), atol=1e-4)


def test_a_rank_beyond_what_exclusions_allow_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("synthspec: 1\nrows: 9\nfields: {z: {value: 1}}\nparameters: {a: [1, 2, 3], b: [1, 2, 3]}\n"
                    "plan: {exclude: [a == b], correlate: [{between: [a, b], rank: 0.3}]}\n", encoding="utf-8")  # fmt: skip
    (found,) = synthspec.check(path)
    assert found.code == "E527" and "beside the exclusions" in found.message and "-0.50" in found.help


def test_a_level_that_no_cell_has_leaves_the_other_margins_alone() -> None:
    table = np.array([c for c in itertools.product(range(3), range(3), range(2)) if c[1] != 2])
    table[table[:, 0] != 1, 2] = -1  # the third column plays a part beside level 1 of the first alone
    table = np.unique(table[(table[:, 0] != 1) | (table[:, 2] != 1)], axis=0)
    fitted = fit(table, [np.array([5.0, 3, 2]), np.array([1.0, 1, 2]), np.array([1.0, 1])])
    np.testing.assert_allclose(fitted.margins[0], [0.5, 0.3, 0.2], atol=1e-9)
    np.testing.assert_allclose(fitted.margins[1], [0.5, 0.5, 0], atol=1e-9)
    np.testing.assert_allclose(fitted.margins[2], [1, 0], atol=1e-9)


@QUICK
@given(seed=st.integers(0, 2**32 - 1), inside=st.floats(0.08, 0.92))
def test_every_rank_that_the_exclusions_allow_is_reached(seed: int, inside: float) -> None:
    random = np.random.default_rng(seed)
    sizes = random.integers(2, 6, size=random.integers(2, 5)).tolist()
    table = np.array(list(itertools.product(*map(range, sizes))))
    for _ in range(random.integers(0, 4)):
        first, second = random.choice(len(sizes), 2, replace=False)
        gone = (table[:, first] == random.integers(sizes[first])) & (table[:, second] == random.integers(sizes[second]))
        table = table[~gone]
    margins = [each / each.sum() for each in (random.random(n) + 0.2 for n in sizes)]
    rows = np.array([(table[:, d] == level).astype(float) for d, n in enumerate(sizes) for level in range(n)])
    ranks = [np.cumsum(m) - m / 2 - 0.5 for m in margins[:2]]
    scores = [
        (r / np.sqrt((m * r * r).sum()))[table[:, d]] for d, (r, m) in enumerate(zip(ranks, margins, strict=False))
    ]
    ends = [linprog(sign * scores[0] * scores[1], A_eq=rows, b_eq=np.concatenate(margins)) for sign in (1, -1)]
    assume(all(end.status == 0 for end in ends))
    low, high = ends[0].fun, -ends[1].fun
    rank = low + (high - low) * inside
    fitted = fit(table, margins, [Wanted((0, 1), rank, (np.arange(sizes[0]), np.arange(sizes[1])))])
    assert fitted.ranks[0] == pytest.approx(rank, abs=0.01)
    for found, wanted in zip(fitted.margins, margins, strict=True):
        np.testing.assert_allclose(found, wanted, atol=0.001)


def found_in(folder: Path, parameters: str, plan: str) -> list[tuple[str, str]]:
    path = folder / "spec.yaml"
    path.write_text(
        f"synthspec: 1\nrows: 9\nfields: {{z: {{value: 1}}}}\nparameters: {parameters}\nplan: {plan}\n",
        encoding="utf-8",
    )
    return [(d.code, d.message) for d in synthspec.check(path) if d.code != "W701"]


def test_lists_whose_correlations_contradict_each_other(tmp_path: Path) -> None:
    lists, pairs = "{a: [1, 2, 3], b: [1, 2, 3], c: [1, 2, 3]}", (("a", "b", 0.8), ("b", "c", 0.8), ("a", "c", -0.8))
    listed = ", ".join(f"{{between: [{a}, {b}], rank: {r}}}" for a, b, r in pairs)
    assert found_in(tmp_path, lists, f"{{correlate: [{listed}]}}") == [
        ("E527", "these correlations are not possible together")
    ]


def test_a_value_that_no_number_leaves_is_said(tmp_path: Path) -> None:
    ((code, message),) = found_in(tmp_path, "{a: [1, 2, 3], n: 'normal(0, 1)'}", "{exclude: [a == 1 and n > -9]}")
    assert code == "W710" and "a = 1" in message


EDGES = {
    "one cell": ("{a: {values: {x: 1, y: 0}}, b: {values: {u: 1}}}", "{exclude: [\"a == 'y' and b == 'u'\"]}"),
    "no dimension": ("{a: [1, 2]}", "{exclude: ['1 == 2']}"),
    "rarer than a part": (
        "{a: {values: {x: 1, y: 0.000000000001}}, b: [1, 2, 3]}",
        "{exclude: [\"a == 'y' and b == 1\"]}",
    ),
    "a value twice": ("{a: [x, x, y], b: [1, 2]}", "{exclude: [\"a == 'y' and b == 1\"]}"),
    "a pair twice": (
        "{a: [1, 2, 3], b: [1, 2, 3]}",
        "{correlate: [{between: [a, b], rank: 0.5}, {between: [b, a], rank: 0.5}]}",
    ),
    "dice": ("{a: 'integer(1, 6)', b: '7 - integer(1, 6)'}", "{correlate: [{between: [a, b], rank: 0.5}]}"),
    "a formula over another": (
        "{a: [1, 2, 3], b: 'a + integer(1, 3)', c: [1, 2, 3]}",
        "{correlate: [{between: [b, c], rank: 0.5}]}",
    ),
}


@pytest.mark.parametrize("strategy", ["balanced", "random", "pairwise"])
@pytest.mark.parametrize("case", EDGES)
def test_edges(tmp_path: Path, case: str, strategy: str) -> None:
    parameters, plan = EDGES[case]
    found = plan_of(tmp_path, parameters, plan.replace("{", f"{{strategy: {strategy}, ", 1), 4000)
    frame = found[0:4000]
    assert frame.iloc[3977].to_dict() == found[3977]
    for each in found.spec.plan.correlate:
        near = 0.03 if strategy == "balanced" else 0.06
        assert spearmanr(frame[each.between[0]], frame[each.between[1]]).statistic == pytest.approx(each.rank, abs=near)
