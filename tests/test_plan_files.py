"""`plan --out`: whole columns to a file hold just what the rows of the plan hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from depth import quarter, rest_slow
from hypothesis import given, settings
from hypothesis import strategies as st

import synthspec
from synthspec.dataset.plan_files import write_combinations
from synthspec.dataset.writers import Column
from synthspec.dataset.writers._columnar import Coded, cell_values
from synthspec.languages.expressions.types import DATE, DATETIME, INTEGER, NUMBER, TEXT, Type
from synthspec.plugins import find_plugin, plugin_names

SPEC = """
synthspec: 1
rows: {rows}
sources: {{towns: {{rows: [{{town: Bilbao, size: 3}}, {{town: "Vi,\\"go", size: 2}}, {{town: "línea\\u2028", size: 1}}]}}}}
parameters:
  mood: [calm, "cr\\"oss, really", "gl\\nad", ""]
  read: [one, two, three]
  outcome: {{values: {{solved: 7, dropped: 3}}}}
  age: round(clip(normal(52, 14), 18, 95))
  wait: {{given: read, cases: {{one: "gamma(4, 5)", two: [1, 2]}}, else: exponential(3)}}
  phone: {{pattern: '6\\d{{3}}'}}
  town: {{from: towns, column: town}}
  size: {{from: towns, column: size}}
  persona: [{{job: nurse, pet: cat}}, {{job: cook, pet: dog}}]
  words: [[a, b], [c]]
  mixed: [1, two, 2.5, true]
  day: date('2026-01-01', '2026-12-31')
  moment: datetime('2026-01-01T00:00:00', '2026-12-31T10:00:00')
  clock: time('08:00', '18:30')
  heads: bernoulli(0.3)
  nothing: sqrt(normal(0, 1))
  label: if age > 60 then 'old' else outcome
plan: {{strategy: {strategy}, exclude: [mood == '' and age > 60]}}
fields: {{x: {{value: label}}}}
"""


def plan_of(folder: Path, strategy: str, rows: int) -> synthspec.Plan:
    path = folder / "plan.yaml"
    path.write_text(SPEC.format(strategy=strategy, rows=rows), encoding="utf-8")
    return synthspec.plan(path)


def by_rows(plan: synthspec.Plan, path: Path, extension: str) -> None:
    writer = find_plugin("writers", extension).open_writer(
        path, tuple(Column(p.name, p.type) for p in plan.spec.parameters)
    )
    for row in plan:
        writer.write([row])
    writer.close()


@pytest.mark.parametrize(
    ("strategy", "extension"),
    rest_slow([(s, e) for s in ("random", "balanced") for e in plugin_names("writers")], (0, 2, 5, 7)),
)
def test_columns_and_rows_write_the_same(
    tmp_path: Path, extension: str, strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthspec.dataset.plan_files.CHUNK", 97)
    plan = plan_of(tmp_path, strategy, 300)
    write_combinations(plan, tmp_path / f"columns.{extension}")
    by_rows(plan, tmp_path / f"rows.{extension}", extension)
    if extension == "parquet":
        one, other = (pa.parquet.read_table(tmp_path / f"{n}.parquet") for n in ("columns", "rows"))
        assert one.schema.equals(other.schema) and one.equals(other)
    else:
        assert (tmp_path / f"columns.{extension}").read_bytes() == (tmp_path / f"rows.{extension}").read_bytes()


@pytest.mark.parametrize("extension", plugin_names("writers"))
def test_a_plan_without_parameters_or_rows_of_one(tmp_path: Path, extension: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("synthspec: 1\nrows: 3\nfields: {x: {value: 1}}\n", encoding="utf-8")
    assert write_combinations(synthspec.plan(path), tmp_path / f"out.{extension}") == 3


CELLS: dict[Type, st.SearchStrategy[Any]] = {
    INTEGER: st.integers(-(2**63), 2**63 - 1),
    NUMBER: st.floats() | st.none(),
    TEXT: st.text(alphabet=st.characters(), max_size=4),
    DATE: st.dates(),
    DATETIME: st.datetimes().map(lambda d: d.replace(microsecond=0)),
    Type("boolean"): st.booleans(),
    Type("any"): st.integers(-9, 9) | st.text(max_size=3) | st.none() | st.lists(st.integers(0, 9), max_size=2),
}


@settings(max_examples=quarter(60), deadline=None)
@given(data=st.data(), kinds=st.lists(st.sampled_from(list(CELLS)), min_size=1, max_size=4), rows=st.integers(1, 6))
@pytest.mark.parametrize("extension", plugin_names("writers"))
def test_any_columns_are_written_as_their_rows(
    tmp_path_factory: pytest.TempPathFactory, extension: str, data: st.DataObject, kinds: list[Type], rows: int
) -> None:
    from synthspec.languages.expressions.evaluation.columns import pack

    folder = tmp_path_factory.mktemp("any")
    columns: dict[str, Any] = {}
    for place, kind in enumerate(kinds):
        values = data.draw(st.lists(CELLS[kind], min_size=rows, max_size=rows))
        columns[f"c{place}"] = pack(values, kind.kind)
        if kind.kind == "text" and data.draw(st.booleans()):
            columns[f"c{place}"] = Coded(np.arange(rows)[::-1].copy(), tuple(values))
    declared = tuple(Column(n, k) for n, k in zip(columns, kinds, strict=True))
    opened = {n: find_plugin("writers", extension).open_writer(folder / n, declared) for n in ("columns", "rows")}
    plain = {n: cell_values(c) for n, c in columns.items()}
    opened["columns"].write_columns(columns)
    opened["rows"].write([dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)])
    for writer in opened.values():
        writer.close()
    if extension != "parquet":
        assert (folder / "columns").read_bytes() == (folder / "rows").read_bytes()
        return
    one, other = (pa.parquet.read_table(folder / n) for n in ("columns", "rows"))
    assert one.schema.equals(other.schema) and repr(one.to_pylist()) == repr(other.to_pylist())


def test_a_column_that_stops_fitting_becomes_text(tmp_path: Path) -> None:
    declared = (Column("n", INTEGER), Column("mood", TEXT))
    writer = find_plugin("writers", "parquet").open_writer(tmp_path / "a.parquet", declared)
    mood = Coded(np.array([1, 0]), ("calm", "cross"))
    writer.write_columns({"n": np.array([1, 2]), "mood": mood})
    writer.write_columns({"n": np.array([3, "x"], dtype=object), "mood": mood})
    writer.close()
    found = pa.parquet.read_table(tmp_path / "a.parquet").to_pydict()
    assert found == {"n": ["1", "2", "3", "x"], "mood": ["cross", "calm"] * 2}
