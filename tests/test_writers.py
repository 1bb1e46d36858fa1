"""Writers: the exact bytes of a small table, and that other people's readers give the same rows back."""

from __future__ import annotations

import csv
import datetime
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy
import pandas
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import synthspec
from synthspec.dataset.writers import Column
from synthspec.dataset.writers.parquet import GROUP_ROWS
from synthspec.languages.expressions.types import BOOLEAN, DATE, DATETIME, INTEGER, NUMBER, TEXT, TIME, Type
from synthspec.plugins import find_plugin, plugin_names

COLUMNS = (
    Column("n", INTEGER),
    Column("x", NUMBER),
    Column("yes", BOOLEAN),
    Column("text", TEXT),
    Column("day", DATE),
    Column("tags", Type("list", item=TEXT)),
    Column("who", Type("map", members=(("job", TEXT), ("age", INTEGER)))),
    Column("more", Type("map")),
)
ROWS: list[dict[str, Any]] = [
    {
        "n": 1,
        "x": 0.1,
        "yes": True,
        "text": 'She said "no", twice',
        "day": datetime.date(2026, 2, 28),
        "tags": ["a", "b, c"],
        "who": {"job": "nurse", "age": 41},
        "more": {"k": [1, None]},
    },
    {"n": -2, "x": 1e300, "yes": False, "text": "líne\nbreak", "tags": [], "who": {"job": None, "age": None}},
    {"text": ""},
]


def written(folder: Path, name: str, rows: list[dict[str, Any]], columns: tuple[Column, ...] = COLUMNS) -> Path:
    path = folder / f"table.{name}"
    writer = find_plugin("writers", name).open_writer(path, columns)
    for row in rows:
        writer.write([row])
    writer.close()
    return path


def test_csv_bytes(tmp_path: Path) -> None:
    assert written(tmp_path, "csv", ROWS).read_bytes().decode() == (
        "n,x,yes,text,day,tags,who,more\n"
        '1,0.1,true,"She said ""no"", twice",2026-02-28,"[""a"",""b, c""]",'
        '"{""job"":""nurse"",""age"":41}","{""k"":[1,null]}"\n'
        '-2,1e+300,false,"líne\nbreak",,[],"{""job"":null,""age"":null}",\n'
        ',,,"",,,,\n'
    )


def test_csv_leaves_formulas_and_makes_nul_and_surrogates_safe(tmp_path: Path) -> None:
    rows = [{"text": "=1+1"}, {"text": "a\0b"}, {"text": "a\ud800b"}, {"text": None}]
    path = written(tmp_path, "csv", rows, (Column("text", TEXT),))
    assert path.read_text(encoding="utf-8").split("\n") == ["text", "=1+1", "a\ufffdb", "a\ufffdb", '""', ""]


def test_json_lines_bytes(tmp_path: Path) -> None:
    lines = written(tmp_path, "jsonl", ROWS).read_text(encoding="utf-8").split("\n")
    assert lines[1] == (
        '{"n": -2, "x": 1e+300, "yes": false, "text": "líne\\nbreak", "day": null, "tags": [], '
        '"who": {"job": null, "age": null}, "more": null}'
    )
    assert len(lines) == 4 and lines[3] == ""


def test_json_lines_stay_lines(tmp_path: Path) -> None:
    rows = [{"text": "a\u2028b\u0085c\rd\0"}, {"text": "\ud800"}]
    path = written(tmp_path, "jsonl", rows, (Column("text", TEXT),))
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["a\u2028b\u0085c\rd\0", "\ufffd"]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_json_is_one_array(tmp_path: Path, count: int) -> None:
    path = written(tmp_path, "json", ROWS[:count])
    values = json.loads(path.read_text(encoding="utf-8"))
    assert [v["text"] for v in values] == [r["text"] for r in ROWS[:count]]
    assert path.read_bytes().count(b"\n") == (count + 2 if count else 1)


def test_numbers_that_json_lacks_become_null(tmp_path: Path) -> None:
    rows = [{"x": float("nan")}, {"x": float("inf")}, {"x": numpy.float64(0.5)}]
    path = written(tmp_path, "jsonl", rows, (Column("x", NUMBER),))
    assert path.read_text() == '{"x": null}\n{"x": null}\n{"x": 0.5}\n'


def test_parquet_types_and_values(tmp_path: Path) -> None:
    columns = (*COLUMNS, Column("at", DATETIME), Column("hour", TIME))
    at = datetime.datetime(2026, 1, 2, 3, 4, 5, 600)
    rows = [*ROWS, {"at": at, "hour": "03:04:05", "text": "ç\ud800"}]
    table = pyarrow.parquet.read_table(written(tmp_path, "parquet", rows, columns))
    assert {f.name: str(f.type) for f in table.schema} == {
        "n": "int64",
        "x": "double",
        "yes": "bool",
        "text": "string",
        "day": "date32[day]",
        "tags": "list<element: string>",
        "who": "struct<job: string, age: int64>",
        "more": "string",
        "at": "timestamp[us]",
        "hour": "time64[us]",
    }
    first, _, _, last = table.to_pylist()
    assert first["who"] == {"job": "nurse", "age": 41} and first["more"] == '{"k":[1,null]}'
    assert first["tags"] == ["a", "b, c"] and first["day"] == datetime.date(2026, 2, 28)
    assert (last["at"], last["hour"], last["text"]) == (at, datetime.time(3, 4, 5), "ç\ufffd")


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (INTEGER, [1, 4.0, 2**70], ["1", "4", str(2**70)]),
        (INTEGER, [1, 2.5, None], ["1", "2.5", None]),
        (BOOLEAN, [True, "maybe"], ["true", "maybe"]),
        (DATE, [datetime.date(2026, 1, 2), "soon"], ["2026-01-02", "soon"]),
        (Type("map", members=(("a", INTEGER),)), [{"a": 1}, {"a": 1, "b": 2}], ['{"a":1}', '{"a":1,"b":2}']),
        (Type("list", item=INTEGER), [[1], "x"], ["[1]", "x"]),
    ],
)
def test_parquet_turns_a_column_to_text_when_a_value_does_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Type, values: list[Any], expected: list[Any]
) -> None:
    monkeypatch.setattr("synthspec.dataset.writers.parquet.GROUP_ROWS", 1)  # every value in a group of its own
    rows = [{"id": i, "v": v} for i, v in enumerate(values)]
    path = written(tmp_path, "parquet", rows, (Column("id", INTEGER), Column("v", kind)))
    table = pyarrow.parquet.read_table(path)
    assert table.column("v").to_pylist() == expected
    assert table.column("id").to_pylist() == list(range(len(values)))
    assert [p.name for p in tmp_path.iterdir()] == ["table.parquet"]


def test_parquet_groups_do_not_depend_on_batches(tmp_path: Path) -> None:
    rows = [{"n": i} for i in range(2 * GROUP_ROWS + 5)]
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    columns = (Column("n", INTEGER),)
    writer = find_plugin("writers", "parquet").open_writer(other / "table.parquet", columns)
    writer.write(rows)
    writer.close()
    path = written(one, "parquet", rows, columns)
    assert path.read_bytes() == (other / "table.parquet").read_bytes()
    assert pyarrow.parquet.ParquetFile(path).num_row_groups == 3


@pytest.mark.parametrize("name", plugin_names("writers"))
def test_every_writer_holds_the_contract(tmp_path: Path, name: str) -> None:
    module = find_plugin("writers", name)
    assert module.SUMMARY and isinstance(module.BINARY, bool) and module.__doc__
    first = written(tmp_path, name, ROWS).read_bytes()
    assert written(tmp_path, name, ROWS).read_bytes() == first
    assert written(tmp_path, name, []).exists()
    writer = module.open_writer(tmp_path / "twice", COLUMNS)
    writer.close()
    writer.close()


CELLS = some.text(some.characters(exclude_categories=["Cs"]), max_size=20)


@settings(deadline=None)
@given(some.lists(some.tuples(CELLS, CELLS), max_size=8))
def test_round_trip_of_text(tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]) -> None:
    folder = tmp_path_factory.mktemp("round")
    columns = (Column("a", TEXT), Column("b", TEXT))
    rows = [{"a": a, "b": b} for a, b in pairs]
    safe = [tuple(t.replace("\0", "\ufffd") for t in pair) for pair in pairs]

    path = written(folder, "csv", rows, columns)
    with path.open(encoding="utf-8", newline="") as file:
        assert [tuple(line) for line in csv.reader(file)] == [("a", "b"), *safe]
    frame = pandas.read_csv(path, dtype=str, keep_default_na=False, engine="python")
    assert list(frame.itertuples(index=False, name=None)) == safe
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    convert = pyarrow.csv.ConvertOptions(column_types={"a": "string", "b": "string"})
    table = pyarrow.csv.read_csv(path, parse_options=parse, convert_options=convert)
    assert [tuple(r.values()) for r in table.to_pylist()] == safe

    lines = written(folder, "jsonl", rows, columns).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == rows
    assert json.loads(written(folder, "json", rows, columns).read_text(encoding="utf-8")) == rows
    assert pyarrow.parquet.read_table(written(folder, "parquet", rows, columns)).to_pylist() == rows


NUMBERS = some.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None)
@given(some.lists(some.tuples(NUMBERS, some.integers(-(2**63), 2**63 - 1), some.booleans()), max_size=8))
def test_round_trip_of_numbers(tmp_path_factory: pytest.TempPathFactory, values: list[tuple[float, int, bool]]) -> None:
    folder = tmp_path_factory.mktemp("round")
    columns = (Column("x", NUMBER), Column("n", INTEGER), Column("yes", BOOLEAN))
    rows = [{"x": x, "n": n, "yes": yes} for x, n, yes in values]
    with written(folder, "csv", rows, columns).open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [(float(r["x"]), int(r["n"]), r["yes"] == "true") for r in read] == values
    assert pyarrow.parquet.read_table(written(folder, "parquet", rows, columns)).to_pylist() == rows


# --- csv for spreadsheets

FORMULAS = [
    "=1+1",
    "+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\tplain",
    " =1",
    "\n=1",
    "\ufeff=1",
    "＝1+1",
    "\0=1",
    '=HYPERLINK("x")',
]


def csv_of(path: Path, columns: tuple[Column, ...], rows: list[dict[str, Any]], **style: bool) -> list[list[str]]:
    writer = find_plugin("writers", "csv").open_writer(path, columns, **style)
    writer.write(rows)
    writer.close()
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_of_a_safe_file_is_a_formula(tmp_path: Path, text: str) -> None:
    columns = (Column(text, TEXT), Column("n", INTEGER))
    row = {text: text, "n": -5}
    header, cells = csv_of(tmp_path / "a.csv", columns, [row], safe=True)
    assert header[0].startswith("'") and cells[0].startswith("'") and cells[1] == "-5"  # a number is no formula
    plain = text.replace("\0", "\ufffd")
    assert cells[0][1:] == plain
    if "\r" not in text:
        assert csv_of(tmp_path / "b.csv", columns, [row])[1][0] == plain  # as it is, unless asked


@given(some.lists(some.one_of(some.none(), some.text(), some.floats(allow_nan=False), some.booleans()), min_size=1))
def test_a_safe_file_changes_nothing_else(values: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        columns, rows = (Column("v", Type("any")), Column("n", INTEGER)), [{"v": v, "n": 1} for v in values]
        safe = csv_of(Path(folder) / "a.csv", columns, rows, safe=True)
        plain = csv_of(Path(folder) / "b.csv", columns, rows)
    for (one, _), (other, _) in zip(safe, plain, strict=True):
        assert one == other or (one == f"'{other}" and re.search(r"[=+\-@＝＋－＠\t\r]", other))


def test_a_mark_tells_utf_8(tmp_path: Path) -> None:
    csv_of(tmp_path / "a.csv", (Column("é", TEXT),), [{"é": "ü"}], bom=True)
    assert (tmp_path / "a.csv").read_bytes() == "\ufeffé\nü\n".encode()


def test_a_spec_says_how_csv_is_written(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text("""
synthspec: 1
name: sums
rows: 2
parameters: {n: [1, 2]}
fields: {n: {value: n}, sum: {value: "'=1+' + text(n)"}}
output: {formats: [csv, jsonl], csv: {bom: true, safe: true}}
""")
    dataset = synthspec.build(spec, out=tmp_path / "out")
    text = (tmp_path / "out/sums.csv").read_bytes()
    assert text.startswith("\ufeffn,sum\n".encode()) and text.count(b"'=1+") == 2
    assert "'" not in (tmp_path / "out/sums.jsonl").read_text()
    assert [r["sum"] for r in dataset.rows] == [f"=1+{r['n']}" for r in dataset.rows]
