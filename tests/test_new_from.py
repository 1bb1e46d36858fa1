"""`synthspec new --from`: specs that check, build at once, and give labels and numbers as the sample has them."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from depth import one_in
from sample_tables import Columns, csv_text, orders, people, sentence

from synthspec.cli import cli
from synthspec.compiler import compile_spec
from synthspec.evaluation.metrics.numbers import kolmogorov
from synthspec.sources import read_table

GOLDEN = Path(__file__).parent / "golden" / "new_from"


def run(*arguments: str | Path, status: int = 0) -> str:
    result = CliRunner().invoke(cli, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == status, result.output + result.stderr
    return result.stdout + result.stderr


def spec_of(folder: Path, data: str | bytes, suffix: str = "csv", name: str = "rows") -> Path:
    """The spec made of a file with this text; it has no error and no warning."""
    file = folder / f"data.{suffix}"
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    run("new", name, "--from", file, "--out", folder / "specs")
    spec = folder / "specs" / f"{name}.yaml"
    assert compile_spec(spec).diagnostics == ()
    return spec


def built(spec: Path, rows: int = 500) -> Mapping[str, Sequence[Any]]:
    """The columns of the dataset of a spec."""
    out = spec.parent / "build"
    run("build", spec, "--out", out, "--set", f"rows={rows}", "-q")
    (file,) = [p for p in out.iterdir() if p.name in (f"{spec.stem}.csv", f"{spec.stem}.jsonl")]
    return {n: list(v) for n, v in read_table(file).columns.items()}


def test_a_last_digit_is_no_difference() -> None:
    values = np.array([1 / 3, 2 / 3, 2 / 3, 7.0])
    assert kolmogorov(values, values.round(9)) == 0
    assert kolmogorov(values, values + 0.2) > 0.2


def variation(one: Sequence[Any], other: Sequence[Any]) -> float:
    """The total variation between the labels of two columns."""
    a, b = Counter(map(str, one)), Counter(map(str, other))
    return sum(abs(a[v] / len(one) - b[v] / len(other)) for v in {*a, *b}) / 2


def test_labels_numbers_dates_and_dependencies_come_back(tmp_path: Path) -> None:
    table = orders()
    made = built(spec_of(tmp_path, csv_text(table)))
    assert list(made) == list(table)
    for name in ("city", "country", "tier", "units", "source"):
        assert variation(table[name], made[name]) < 0.02, name
    numbers = np.array(table["amount"]), np.array(made["amount"])
    assert kolmogorov(*numbers) < 0.07
    days = (np.array([d.toordinal() for d in c], dtype=float) for c in (table["day"], made["day"]))
    assert kolmogorov(*days) < 0.07
    pairs = set(zip(table["city"], table["country"], strict=True))
    assert set(zip(made["city"], made["country"], strict=True)) == pairs
    assert made["order"] == list(range(1000, 1500))
    assert sum(v in (None, "") for v in made["note"]) / 500 == pytest.approx(table["note"].count(None) / 400, abs=0.02)
    plus = [a for a, t in zip(made["amount"], made["tier"], strict=True) if t == "plus"]
    assert min(plus) > 200, "the amount follows the tier"
    assert all(len(c) == 8 and c[2] == "-" for c in made["code"])


def test_data_about_people_stands_nowhere(tmp_path: Path) -> None:
    table = people()
    spec = spec_of(tmp_path, csv_text(table))
    written = "".join(p.read_text() for p in (spec, spec.parent / "data" / "rows.jsonl"))
    for name in ("name", "email", "phone", "card", "ip"):
        assert not [v for v in table[name] if str(v) in written], name
        assert f"{name}: {{faker: " in written
    assert "+34" not in written
    made = built(spec, 60)
    assert variation(table["mood"], made["mood"]) < 0.03
    assert not {*table["email"], *table["card"]} & {*made["email"], *map(str, made["card"])}
    assert all(v for v in made["comment"])


def test_what_points_to_people_is_in_no_example(tmp_path: Path) -> None:
    """Coordinates, birth dates and postcodes are drawn anew, and shown to no model."""
    dice = random.Random(3)
    rows = [{"latitude": round(dice.uniform(40, 41), 4), "birth date": f"19{dice.randrange(50, 99)}-0{dice.randrange(1, 9)}-11",
             "note": sentence(dice)} for _ in range(60)]  # fmt: skip
    spec = spec_of(tmp_path, "".join(json.dumps(r) + "\n" for r in rows), "jsonl")
    assert spec.read_text().count("areful") == 2
    copied = [json.loads(line) for line in (spec.parent / "data" / "rows.jsonl").read_text().splitlines()]
    assert {k for row in copied for k in row} == {"note"}


@pytest.mark.slow
def test_without_faker_a_pattern_takes_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthspec.profiling.draws.has_faker", lambda: False)
    monkeypatch.setattr("synthspec.profiling.remarks.has_faker", lambda: False)
    spec = spec_of(tmp_path, csv_text(people(40)))
    assert "faker: email}" in spec.read_text()
    assert all("@example." in v for v in built(spec, 20)["email"])


def test_texts_are_written_after_the_sample(tmp_path: Path) -> None:
    dice = random.Random(4)
    rows = [{"stars": dice.choice([1, 5]), "text": sentence(dice), "reply": sentence(dice) if i % 3 else None}
            for i in range(120)]  # fmt: skip
    spec = spec_of(tmp_path, "".join(json.dumps(r) + "\n" for r in rows), "jsonl")
    made = built(spec, 40)
    assert all(10 <= len(t.split()) <= 20 for t in made["text"])
    assert sum(r in (None, "") for r in made["reply"]) in range(12, 16)
    assert "in English" in spec.read_text()
    assert not {*made["text"]} & {r["text"] for r in rows}


def test_objects_and_lists(tmp_path: Path) -> None:
    dice = random.Random(5)
    rows = [{"at": {"town": dice.choice(["Rome", "Lyon"]), "zip code": f"{dice.randrange(100000):05d}",
                    "deep": {"n": round(dice.gauss(5, 1), 1)}}, "tags": dice.sample(["a", "b", "c"], dice.randrange(3))}
            for _ in range(100)]  # fmt: skip
    made = built(spec_of(tmp_path, json.dumps(rows), "json"), 50)
    assert {tuple(v) for v in made["at"]} == {("town", "zip code", "deep")}
    assert all(2 < v["deep"]["n"] < 8 for v in made["at"])
    assert {json.dumps(t) for t in made["tags"]} <= {json.dumps(r["tags"]) for r in rows}


@pytest.mark.slow
def test_the_same_sample_gives_the_same_spec(tmp_path: Path) -> None:
    texts = []
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        texts.append(spec_of(tmp_path / place, csv_text(orders(120))).read_text())
    assert texts[0] == texts[1]


TABLES: dict[str, Columns] = {"orders": orders(), "people": people(80)}


@pytest.mark.parametrize("name", TABLES)
def test_golden_specs(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    text = spec_of(tmp_path, csv_text(TABLES[name]), name=name).read_text()
    file = GOLDEN / f"{name}.yaml"
    if request.config.getoption("--rewrite-golden"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


AWKWARD = {
    "one row": "a,b,c\n1,x,2024-01-01\n",
    "one column": "a\n" + "\n".join(map(str, range(40))) + "\n",
    "names that are none": "if,and,2nd,a b,é,row,examples\n" + "1,x,2,y,3,4,5\n" * 12,
    "names of functions": "date,text,round,index,choice,sample\n" + "".join(f"2024-01-{d:02d},a,{d * d},u,v{d},w\n" for d in range(1, 28)),
    "values like YAML": "a,b\n" + "yes,a: b\nno,# c\n~,'q'\nnull,-\ntrue,{x}\n" * 8,
    "mixed": "a\n1\ntwo\n3.5\n2024-01-01\n" * 1 + "x\n" * 20,
    "wide": ",".join(f"c{i}" for i in range(2000)) + "\n" + "\n".join(",".join([str(i)] * 2000) for i in range(6)) + "\n",
    "a long cell": "a,b\n" + "\n".join(f"{i},{'word ' * 1000000 if i == 3 else 'a few words of this one here'}" for i in range(12)) + "\n",
    "line ends in cells": 'a,b\n' + '1,"two\nlines ""quoted"" here and more of it"\n2,"one line of it, with a comma\tand a tab"\n' * 6,
    "latin": "a,b\nse\u00f1or,1\ncaf\u00e9,2\n".encode("cp1252") * 1,
    "bom": "\ufeffa,b\n1,x\n2,y\n3,x\n".encode(),
    "template marks": "a,b\n" + "".join(f"{{{{ x }}}} {{% y %}} number {i} of the texts here,{i % 3}\n" for i in range(20)),
    "huge numbers": "a\n" + "".join(f"{9 ** k}\n" for k in range(1, 60)),
    "tiny spread": "a\n" + "".join(f"{1 + k * 1e-13!r}\n" for k in range(30)),
    "control characters": "a,b\n" + "".join(f"x\u0085y\u2028z {i},\u0007{i}\n" for i in range(20)),
}  # fmt: skip


@pytest.mark.parametrize("case", one_in(2, AWKWARD))
def test_an_awkward_sample_gives_a_sound_spec(case: str, tmp_path: Path) -> None:
    data = AWKWARD[case]
    file = tmp_path / "data.csv"
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    run("new", "rows", "--from", file, "--out", tmp_path)
    faults = [d for d in compile_spec(tmp_path / "rows.yaml").diagnostics if d.code != "W740"]
    assert faults == []
    if case not in ("wide", "control characters"):  # the embedded model needs words
        run("build", tmp_path / "rows.yaml", "--out", tmp_path / "out", "--set", "rows=8", "-q")


@pytest.mark.parametrize(
    ("file", "data", "said"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"a,b\n", "no rows"),
        ("a.csv", b"a,b\n,\n,\n", "missing"),
        ("a.csv", b"a,a\n1,2\n", "two columns are named 'a'"),
        ("a.csv", b"a,b\n1\n", "row 2 has 1 values"),
        ("a.csv", b"\xff\xfe\x00\xd8\x00\x00" * 9, ""),
        ("a.json", b"[]", "no columns"),
        ("a.json", b"[1, 2]", "list of objects"),
        ("a.jsonl", b"{\n", "line 1"),
        ("a.parquet", b"PAR1", "Parquet"),
        ("a.docx", b"", "cannot be made from"),
        ("missing.csv", None, "no such file"),
    ],
)
def test_a_bad_sample_is_a_sentence(file: str, data: bytes | None, said: str, tmp_path: Path) -> None:
    if data is not None:
        (tmp_path / file).write_bytes(data)
    text = run("new", "rows", "--from", tmp_path / file, "--out", tmp_path / "specs", status=1)
    assert text.startswith("error: ")
    assert said in text
    assert not (tmp_path / "specs").exists()


def test_like_and_from_exclude_each_other(tmp_path: Path) -> None:
    assert "exclude each other" in run("new", "x", "--from", "a.csv", "--like", "reviews", "--out", tmp_path, status=2)


@pytest.mark.slow
def test_a_report_shows_that_numbers_and_labels_are_as_in_the_sample(tmp_path: Path) -> None:
    """Also of columns whose headers are no names."""
    table = {{"amount": "Amount (EUR)"}.get(n, n): v for n, v in orders().items() if n in ("amount", "tier", "units")}
    spec = spec_of(tmp_path, csv_text(table))
    built(spec)
    report = json.loads(
        run("report", spec.parent / "build", "--against", tmp_path / "data.csv", "--format", "json", "-q")
    )
    figures = {m["name"]: m["value"] for m in report["metrics"]}
    assert figures["number_ks"] < 0.07
    assert figures["label_js"] < 0.005


def test_short_texts_of_which_no_whole_row_can_be_copied_are_listed(tmp_path: Path) -> None:
    """Two columns of which every row has one at most, and lists."""
    places = [f"the {n} of the town" for n in range(45)]
    rows = [{"a": places[i % 45] if i % 2 else None, "b": None if i % 2 else places[i % 45]} for i in range(270)]
    spec = spec_of(tmp_path, "".join(json.dumps(r) + "\n" for r in rows), "jsonl")
    assert "sources" not in spec.read_text()
    made = built(spec, 50)
    assert {*made["a"], *made["b"]} <= {*places, None, ""}


def test_totals_are_computed_and_dates_follow(tmp_path: Path) -> None:
    dice = random.Random(6)
    table: Columns = {n: [] for n in ("price", "units", "total", "net", "start", "end")}
    for _ in range(150):
        price, units, day = round(dice.uniform(1, 50), 2), dice.randrange(1, 6), int(dice.random() * 300)
        begin = date(2023, 1, 1) + timedelta(days=day)
        row = (price, units, round(price * units, 2), round(price * units - price, 2), begin,
               begin + timedelta(days=int(dice.expovariate(0.1))))  # fmt: skip
        for name, value in zip(table, row, strict=True):
            table[name].append(value)
    spec = spec_of(tmp_path, csv_text(table))
    made = built(spec, 200)
    assert "total: {value: 'round(price * units, 2)'}" in spec.read_text()
    assert "# Never before start; " in spec.read_text()
    for price, units, total, net in zip(*(made[n] for n in ("price", "units", "total", "net")), strict=True):
        assert total == pytest.approx(price * units, abs=0.011)
        assert net == pytest.approx(total - price, abs=0.011)
    between = [(b - a).days for a, b in zip(made["start"], made["end"], strict=True)]
    real = [(b - a).days for a, b in zip(table["start"], table["end"], strict=True)]
    assert min(between) >= 0
    assert kolmogorov(np.array(between, float), np.array(real, float)) < 0.15
    ends = [np.array([d.toordinal() for d in t["end"]], float) for t in (made, table)]
    assert kolmogorov(*ends) < 0.15


_slow = pytest.mark.slow


@pytest.mark.parametrize(
    "suffix",
    [
        pytest.param("tsv", marks=_slow),
        "csv.gz",
        "parquet",
        pytest.param("xlsx", marks=_slow),
        pytest.param("json", marks=_slow),
    ],
)
def test_the_same_rows_in_another_file_give_the_same_parameters(suffix: str, tmp_path: Path) -> None:
    table = {n: v for n, v in orders(80).items() if n in ("city", "country", "units", "code", "amount")}
    text, file = csv_text(table), tmp_path / f"data.{suffix}"
    if suffix == "csv.gz":
        file.write_bytes(gzip.compress(text.encode()))
    elif suffix == "tsv":
        file.write_text(text.replace(",", "\t"))
    elif suffix == "json":
        file.write_text(json.dumps([dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]))
    elif suffix == "parquet":
        pq.write_table(pa.table(table), file)
    else:
        book = pytest.importorskip("openpyxl").Workbook()
        for row in [tuple(table), *zip(*table.values(), strict=True)]:
            book.active.append(row)
        book.save(file)
    plain = spec_of(tmp_path, text, name="plain").read_text()
    run("new", "other", "--from", file, "--out", tmp_path / "specs")
    other = (tmp_path / "specs" / "other.yaml").read_text()
    assert other.split("parameters:")[1] == plain.split("parameters:")[1]
