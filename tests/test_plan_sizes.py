"""Plans of very many parameters: the work grows with their number, and every one keeps to its shares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from depth import rest_slow

from synthspec.cli import cli
from synthspec.compiler import compile_spec
from synthspec.planning.balancing.joint import JointChooser
from synthspec.planning.balancing.uneven import Remembering
from synthspec.planning.design import Design, Dimension
from synthspec.planning.designs.balanced import JOINT, Balanced
from synthspec.planning.plan import Plan

KINDS = ["[a, b, c]", "{values: {x: 3, y: 1, z: 2}}", "uniform(0, 1)", "[1, 2]"]


def plan_of(count: int, folder: Path, extra: str = "") -> Plan:
    lines = "".join(f"  p{i:05}: {KINDS[i % 4]}\n" for i in range(count))
    path = folder / "spec.yaml"
    path.write_text(f"synthspec: 1\nrows: 40\nparameters:\n{lines}{extra}", encoding="utf-8")
    compiled = compile_spec(path)
    assert not compiled.diagnostics
    return Plan(compiled.spec, compiled.tables)


def counted_work(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Pairs of dimensions that are filled together."""
    pairs: list[int] = []
    fill, uneven = JointChooser.fill, Remembering._fill

    def chosen(self: JointChooser, sequences: Any, fixed: Any, noise: Any) -> Any:
        pairs.append(len(sequences) * (len(sequences) + len(fixed)))
        return fill(self, sequences, fixed, noise)

    def remembered(self: Remembering, *given: Any) -> Any:
        pairs.append(len(self._sizes) ** 2)
        return uneven(self, *given)

    monkeypatch.setattr(JointChooser, "fill", chosen)
    monkeypatch.setattr(Remembering, "_fill", remembered)
    return pairs


@pytest.mark.parametrize("count", rest_slow([10, 400, 2_000], (0,)))
def test_pairs_filled_together_are_bounded(count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = counted_work(monkeypatch)
    plan_of(count, tmp_path).columns(0, 40)
    assert 0 < sum(pairs) <= 2 * JOINT**2


@pytest.mark.parametrize(("count", "joint"), rest_slow([(40, 8), (240, JOINT)], (0,)))
def test_every_one_of_many_keeps_to_its_shares_in_every_prefix(
    count: int, joint: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthspec.planning.designs.balanced.JOINT", joint)
    plan = plan_of(count, tmp_path)
    columns = plan.columns(0, 300)
    rows = np.arange(1, 301)
    for name, column in columns.items():
        shares = {"a": 1 / 3, "x": 1 / 2, 1: 1 / 2}
        kind = int(name[1:]) % 4
        if kind == 2:
            for parts in (2, 4, 8, 16):
                for part in range(parts):
                    inside = np.floor(np.asarray(column, dtype=float) * parts) == part
                    assert np.all(np.abs(np.cumsum(inside) - rows / parts) < 1), (name, parts, part)
            continue
        value = ["a", "x", None, 1][kind]
        found = np.cumsum([v == value for v in column.tolist()])
        assert np.all(np.abs(found - rows * shares[value]) < 1), name


@pytest.mark.parametrize(("count", "joint"), rest_slow([(14, 8), (70, JOINT), (300, JOINT)], (0,)))
def test_many_are_as_the_same_at_any_index(
    count: int, joint: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthspec.planning.designs.balanced.JOINT", joint)
    plan = plan_of(count, tmp_path)
    whole = list(plan.combinations(0, 150))
    again = plan_of(count, tmp_path)
    assert [again[i] for i in (149, 3, 128, 0)] == [whole[i] for i in (149, 3, 128, 0)]
    assert list(plan.combinations(700, 705)) == list(again.combinations(700, 705))


@pytest.mark.slow
def test_those_beyond_the_joint_ones_differ_from_each_other(tmp_path: Path) -> None:
    columns = plan_of(240, tmp_path).columns(0, 64)
    for kind in range(4):
        alike = [tuple(c.tolist()) for n, c in columns.items() if int(n[1:]) % 4 == kind]
        assert len(set(alike)) == len(alike)


def test_long_lists_are_not_filled_together_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tuple(float(1 + level % 3) for level in range(60))
    design = Design(tuple(Dimension(f"d{i:03}", weights, ()) for i in range(120)), 0)
    sizes: list[int] = []
    original = Remembering._square
    monkeypatch.setattr(Remembering, "_square", lambda self: sizes.append(original(self)[0]) or original(self))
    columns = Balanced(design).uniforms(0, 40)
    assert len(columns) == 120 and max(sizes) <= 2048


@pytest.mark.parametrize("command", ["plan", "build", "preview"])
def test_a_plan_that_would_take_too_long_is_refused_with_what_to_do(command: str, tmp_path: Path) -> None:
    lists = "".join(f"  p{n}: [{', '.join(f'v{i}' for i in range(600))}]\n" for n in range(3))
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        f"synthspec: 1\nrows: 3\nparameters:\n{lists}plan: {{strategy: pairwise}}\nprompts:\n"
        "  say: {user: 'Say {{ p0 }} {{ p1 }} {{ p2 }}', writes: [text]}\nfields:\n"
        "  text: {type: string, words: {min: 1}}\nbackend: ngram:en\n",
        encoding="utf-8",
    )
    found = CliRunner().invoke(cli, [command, str(spec), *(["--out", str(tmp_path / "out")] * (command == "build"))])
    assert found.exit_code == 1, found.output
    assert "too many tuples to cover: 360,000 of 2 parameters" in found.output
    assert "shorten the lists" in found.output
    assert "internal error" not in found.output
