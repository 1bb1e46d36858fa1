"""Datasets of several tables: parent and child files, keys between them, splits, reading them again."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import synthspec
from synthspec.dataset.tables import DatasetTables
from synthspec.dataset.writers import Column
from synthspec.languages.expressions.types import TEXT
from synthspec.spec import Output, TableOutput

STAFF = """\
synthspec: 1
name: staff
rows: 14
parameters: {city: [Porto, Lyon, Graz]}
prompts:
  people:
    user: Write {{ rows }} people who work in {{ city }}.
    rows: 4
fields:
  city: {value: city}
  person: {type: string, words: {min: 1, max: 8}}
  size: {value: len(person)}
OUTPUT
backend: ngram
"""
TABLES = "{cities: {columns: [city]}, people: {columns: [person, size]}}"


def staff(folder: Path, output: str) -> Path:
    path = folder / "staff.yaml"
    path.write_text(STAFF.replace("OUTPUT", f"output: {output}"), encoding="utf-8")
    return path


def read(path: Path) -> list[dict[str, Any]]:
    match path.suffix:
        case ".jsonl":
            return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        case ".parquet":
            return pyarrow.parquet.read_table(path).to_pylist()
        case _:
            with path.open(encoding="utf-8", newline="") as file:
                return list(csv.DictReader(file))


def test_parents_and_children_by_key(tmp_path: Path) -> None:
    out = tmp_path / "out"
    dataset = synthspec.build(staff(tmp_path, f"{{formats: [jsonl, csv, parquet], tables: {TABLES}}}"), out=out)
    assert dataset.complete
    for form in ("jsonl", "csv", "parquet"):
        cities, people = read(out / f"cities.{form}"), read(out / f"people.{form}")
        assert len(people) == 14, "`rows` counts the deepest table"
        assert [c["id"] for c in cities] == ["0", "1", "2", "3"]
        assert [p["id"] for p in people] == [f"{n // 4}.{n % 4}" for n in range(14)]
        assert all(p["cities_id"] == p["id"].partition(".")[0] for p in people)
        assert list(people[0]) == ["id", "cities_id", "person", "size"] and list(cities[0]) == ["id", "city"]
    assert [r["city"] for r in dataset.rows] == [c["city"] for c in cities for _ in range(4)][:14]


def test_a_level_may_be_left_out_or_given(tmp_path: Path) -> None:
    given_level = TABLES.replace("[city]}", "[city], level: 0}").replace("size]}", "size], level: 1}")
    one = synthspec.build(staff(tmp_path, f"{{tables: {TABLES}}}"), out=tmp_path / "a")
    two = synthspec.build(staff(tmp_path, f"{{tables: {given_level}}}"), out=tmp_path / "b")
    assert [p.read_bytes() for p in one.files] == [p.read_bytes() for p in two.files]


def test_a_table_of_the_deepest_level_may_repeat_what_lies_above(tmp_path: Path) -> None:
    dataset = synthspec.build(staff(tmp_path, "{tables: {people: {columns: [city, person]}}}"), out=tmp_path / "out")
    rows = read(tmp_path / "out/people.csv")
    assert list(rows[0]) == ["id", "city", "person"] and len(rows) == 14 and dataset.complete


def test_a_parent_shares_the_split_of_its_first_child(tmp_path: Path) -> None:
    output = f"{{formats: jsonl, split: {{train: 0.5, test: 0.5}}, tables: {TABLES}}}"
    synthspec.build(staff(tmp_path, output), out=tmp_path / "out")
    seen: list[str] = []
    for split in ("train", "test"):
        cities = {c["id"] for c in read(tmp_path / f"out/cities-{split}.jsonl")}
        firsts = [p for p in read(tmp_path / f"out/people-{split}.jsonl") if p["id"].endswith(".0")]
        assert {p["cities_id"] for p in firsts} == cities
        seen += cities
    assert sorted(seen) == ["0", "1", "2", "3"]


def test_the_card_names_the_tables_and_the_report_reads_the_deepest(tmp_path: Path) -> None:
    out = tmp_path / "out"
    dataset = synthspec.build(staff(tmp_path, f"{{formats: jsonl, tables: {TABLES}}}"), out=out)
    card = (out / "README.md").read_text(encoding="utf-8")
    matter = yaml.safe_load(card.split("---\n")[1])
    assert [(c["config_name"], c.get("default", False)) for c in matter["configs"]] == [
        ("people", True),
        ("cities", False),
    ]
    assert matter["configs"][0]["data_files"] == [{"split": "train", "path": "people.jsonl"}]
    assert [i["config_name"] for i in matter["dataset_info"]] == ["people", "cities"]
    assert "### people" in card and "### cities" in card and 'load_dataset("path/to/this/folder", "people")' in card
    assert dataset.manifest["tables"] == ["cities", "people"]
    assert {f["table"] for f in dataset.manifest["files"]} == {"cities", "people"}
    assert synthspec.report(out).as_dict()["rows"] == 14


def test_building_again_gives_the_same_bytes(tmp_path: Path) -> None:
    spec = staff(tmp_path, f"{{formats: [csv, parquet], tables: {TABLES}}}")
    first = synthspec.build(spec, out=tmp_path / "out")
    before = {p.name: p.read_bytes() for p in first.files}
    again = synthspec.build(spec, out=tmp_path / "out")
    assert {p.name: p.read_bytes() for p in again.files} == before


def three(folder: Path) -> DatasetTables:
    tables = (TableOutput("a", ("x",), 0), TableOutput("b", ("y",), 1), TableOutput("c", ("z",), 2))
    return DatasetTables(folder, Output(formats=("jsonl",), tables=tables), [Column(n, TEXT) for n in "xyz"], seed=1)


@given(st.lists(st.lists(st.integers(0, 3), max_size=3), min_size=1, max_size=6), st.integers(1, 9))
def test_every_parent_once_in_any_batches(tree: list[list[int]], size: int) -> None:
    """A tree of three levels, written in batches of any size: a row for each node that has a leaf, in path order."""
    import tempfile

    leaves = [(a, b, c) for a, children in enumerate(tree) for b, count in enumerate(children) for c in range(count)]
    with tempfile.TemporaryDirectory() as name:
        files = three(Path(name))
        for start in range(0, len(leaves), size):
            paths = leaves[start : start + size]
            files.write([{"x": f"x{p[0]}", "y": f"y{p[1]}", "z": f"z{p[2]}"} for p in paths], paths=paths)
        files.finish()
        texts = {t: read(Path(name) / f"{t}.jsonl") for t in "abc"}
    for depth, table in enumerate("abc"):
        ids = list(dict.fromkeys(".".join(map(str, p[: depth + 1])) for p in leaves))
        assert [r["id"] for r in texts[table]] == ids
    assert all(r["b_id"] == r["id"].rpartition(".")[0] for r in texts["c"])
    assert all(r["a_id"] == r["id"].partition(".")[0] for r in texts["b"])


def test_a_node_without_children_is_a_parent_all_the_same(tmp_path: Path) -> None:
    files = three(tmp_path)
    files.write([{"x": "x", "y": "y", "z": "z"}], paths=[(0, 0, 0)])
    files.write_empty({"x": "x", "y": "second"}, (0, 1))
    files.write_empty({"x": "third"}, (2,))
    files.finish()
    assert [r["id"] for r in read(tmp_path / "a.jsonl")] == ["0", "2"]
    assert [r["id"] for r in read(tmp_path / "b.jsonl")] == ["0.0", "0.1"]
    assert [r["id"] for r in read(tmp_path / "c.jsonl")] == ["0.0.0"]


@pytest.mark.parametrize("form", ["csv", "jsonl", "json", "parquet"])
def test_every_writer_writes_tables(tmp_path: Path, form: str) -> None:
    dataset = synthspec.build(staff(tmp_path, f"{{formats: {form}, tables: {TABLES}}}"), out=tmp_path / "out")
    assert [p.name for p in dataset.files] == [f"cities.{form}", f"people.{form}"] and dataset.complete
