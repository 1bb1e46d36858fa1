"""A row's place in every file of its dataset: whatever the format, the split, the shape and what stands in its values."""

from __future__ import annotations

import csv
import io
import json
import random
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from depth import one_in

import synthspec
from synthspec.compiler import compile_spec
from synthspec.dataset.manifest import listed_files, read_manifest
from synthspec.generation.row_places import places_of
from synthspec.inference.store.derived.row_views import kept_rows
from synthspec.spec import Spec

TEXTS = [
    "plain",
    "two\nlines",
    'a "quote"',
    "=1+1",
    "a, comma",
    " space",
    "",
    "é漢\u2028",
    "line\r\nend",
    "]",
    "}",
    "+1",
]
KINDS = ["a", "b/c", "x, y"]
SPEC = """
synthspec: 1
name: rows
rows: {rows}
sources: {{all: {{rows: {data}}}}}
parameters: {{row: {{from: all}}}}
fields:
  n: {{value: row.n}}
  text: {{value: row.text, optional: true}}
  kind: {{value: row.kind}}
  amount: {{value: row.amount, optional: true}}
  list: {{value: row.list, optional: true}}
output: {output}
"""
FORMATS = (["csv"], ["jsonl"], ["json"], ["parquet"], ["csv", "json"], ["parquet", "jsonl", "csv", "json"])
OUTPUTS = (
    {},
    {"split": {"train": 0.6, "test": 0.4}},
    {"partition_by": ["kind"]},
    {"partition_by": ["kind"], "split": {"train": 0.5, "rest": 0.5}, "columns": ["text", "n"]},
    {"csv": {"bom": True, "safe": True}, "columns": ["n", "list", "text", "amount"]},
)


def make(folder: Path, output: dict[str, Any], rows: int, seed: int) -> Spec:
    rng = random.Random(seed)
    data = [
        {
            "n": n,
            "text": rng.choice(TEXTS),
            "kind": rng.choice(KINDS),
            "amount": rng.choice([n / 3, -0.0, 2.0**70, None]),
            "list": rng.choice([[], ["x\ny", "é"], [""]]),
        }
        for n in range(rows)
    ]
    path = folder / "rows.yaml"
    path.write_text(SPEC.format(rows=rows, data=json.dumps(data), output=json.dumps(output)), encoding="utf-8")
    synthspec.build(path, out=folder / "out")
    spec = compile_spec(path).spec
    assert spec is not None
    return spec


def numbers_in(path: Path, form: str) -> list[int]:
    """The value of `n` of each row of a file, as somebody else reads it."""
    if form == "parquet":
        return [int(row["n"]) for row in pyarrow.parquet.read_table(path).to_pylist()]
    if form == "csv":
        with path.open(newline="", encoding="utf-8-sig") as file:
            return [int(row["n"]) for row in csv.DictReader(file)]
    text = path.read_text(encoding="utf-8")
    told = json.loads(text) if form == "json" else [json.loads(line) for line in text.split("\n") if line]
    return [row["n"] for row in told]


@pytest.mark.parametrize(("formats", "more"), one_in(2, list(product(FORMATS, OUTPUTS))[::4]))
def test_a_row_is_where_it_is_said_to_be(formats: list[str], more: dict[str, Any], tmp_path: Path) -> None:
    where_is_every_row(formats, more, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("formats", "more"), list(product(FORMATS, OUTPUTS)))
def test_every_row_of_every_output(formats: list[str], more: dict[str, Any], tmp_path: Path) -> None:
    where_is_every_row(formats, more, tmp_path, rows=300)


def where_is_every_row(formats: list[str], more: dict[str, Any], folder: Path, rows: int = 40) -> None:
    spec = make(folder, {"formats": formats, **more}, rows, len(str(more)) + len(formats))
    out = folder / "out"
    held = {f.path: numbers_in(out / f.path, f.format) for f in listed_files(read_manifest(out))}
    for row in kept_rows(out):
        found = places_of(out, spec, row.names, row.values)
        assert sorted(Path(p["file"]).suffix[1:] for p in found) == sorted(formats)
        for place in found:
            assert held[place["file"]][place["row"] - 1] == row.values["n"]
            assert place["rows"] == len(held[place["file"]])
            if place["line"] is not None:
                lines = (out / place["file"]).read_bytes().decode("utf-8-sig").split("\n")
                rest = io.StringIO("\n".join(lines[place["line"] - 1 :]), newline="")
                first = next(csv.reader(rest)) if place["file"].endswith("csv") else rest.readline()
                assert str(row.values["n"]) in first
            if place["file"].endswith("csv"):
                assert place["sheet"] == place["row"] + 1


def test_formats_that_are_not_read_have_the_row_of_those_that_are(tmp_path: Path) -> None:
    spec = make(tmp_path, {"formats": ["jsonl", "csv"]}, 20, 1)
    out, rows = tmp_path / "out", list(kept_rows(tmp_path / "out"))
    manifest = json.loads((out / "manifest.json").read_text())
    for entry in manifest["files"]:
        if entry["format"] == "csv":
            entry.update(format="xlsx", path="rows.xlsx")  # of some package
    (out / "manifest.json").write_text(json.dumps(manifest))
    told = {p["file"]: (p["row"], p["line"], p["sheet"]) for p in places_of(out, spec, (6,), rows[6].values)}
    assert told == {"rows.jsonl": (7, 7, None), "rows.xlsx": (7, None, 8)}
    manifest["files"] = [f for f in manifest["files"] if f["format"] == "xlsx"]
    (out / "manifest.json").write_text(json.dumps(manifest))
    (place,) = places_of(out, spec, (6,), rows[6].values, lambda: (7, len(rows)))
    assert (place["row"], place["sheet"]) == (7, 8)
    assert places_of(out, spec, (6,), rows[6].values, lambda: (7, len(rows) - 1)) == []  # the file has others
    assert places_of(out, spec, (6,), rows[6].values) == []


def test_a_row_that_is_in_no_file_has_no_place(tmp_path: Path) -> None:
    for form in ("csv", "parquet", "json"):
        folder = tmp_path / form
        folder.mkdir()
        spec = make(folder, {"formats": [form]}, 9, 1)
        values = {**next(iter(kept_rows(folder / "out"))).values, "text": "another"}
        assert places_of(folder / "out", spec, (0,), values) == []
        for path in (folder / "out").glob(f"rows*.{form}"):
            path.unlink()
        assert places_of(folder / "out", spec, (0,), values) == []


TABLES = """
synthspec: 1
name: firms
rows: 12
parameters: {topic: [bill, meter]}
prompts:
  firm: {user: "A firm for {{ topic }}.", writes: [firm]}
  staff: {user: "Its people: {{ firm }}", writes: [who], rows: 3, format: csv}
fields: {firm: {type: string}, who: {type: string}}
output: {formats: [parquet, json], tables: {firms: {columns: [firm], level: 0}, staff: {columns: [who], level: 1}}}
backend: {provider: ngram, model: en}
"""


def test_a_row_of_several_tables_is_in_each_of_them(tmp_path: Path) -> None:
    path, out = tmp_path / "firms.yaml", tmp_path / "out"
    path.write_text(TABLES, encoding="utf-8")
    synthspec.build(path, out=out)
    spec = compile_spec(path).spec
    assert spec is not None
    rows = list(kept_rows(out))
    assert len(rows) > 5
    for row in rows:
        places = places_of(out, spec, row.names, row.values)
        assert [p["table"] for p in places] == ["firms", "firms", "staff", "staff"]
        for place in places:
            told = json.loads((out / f"{place['table']}.json").read_text())[place["row"] - 1]
            assert told["id"] == (row.path if place["table"] == "staff" else row.path.partition(".")[0])
