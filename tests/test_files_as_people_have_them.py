"""Headers elsewhere or none, compressed files, workbooks, lists inside JSON, many files as one, and what is wrong with them."""

from __future__ import annotations

import bz2
import datetime
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import synthspec
from synthspec.compiler import compile_spec
from synthspec.evaluation.corpus.corpus import read_corpus
from synthspec.extras import install_command
from synthspec.sources import Reading, TableFault, compressed, read_table
from synthspec.sources.compressed import suffix_of

ROWS = [{"name": "Ana", "age": 31}, {"name": "Luis", "age": 40}]
CSV = b"name,age\nAna,31\nLuis,40\n"


def found(folder: Path, source: str) -> tuple[list[str], list[dict[str, Any]]]:
    """What is said of a spec with this source, and its rows."""
    path = folder / "spec.yaml"
    path.write_text(
        f"synthspec: 1\nrows: 2\nsources: {{s: {source}}}\nparameters: {{r: {{from: s}}}}\nfields: {{t: {{value: text(r)}}}}\n"
    )
    compiled = compile_spec(path)
    said = [f"{d.code} {d.message} | {d.help}" for d in compiled.diagnostics]
    return said, list(compiled.tables["s"].iterate()) if "s" in compiled.tables else []


HEADERS = [
    ("Ana,31\nLuis,40\n", "false", [{"column_1": "Ana", "column_2": 31}, {"column_1": "Luis", "column_2": 40}]),
    ("Ana;31\nLuis;40\n", "[name, age]", ROWS),
    ("Staff of 2026\n\nall, of them\nname;age\nAna;31\nLuis;40\n", "3", ROWS),
    ("name,age\nAna,31\nLuis,40\n", "true", ROWS),
    ("name,age\nAna,31\nLuis,40\n", "1", ROWS),
    ("name,age\n", "1", []),
]


@pytest.mark.parametrize(("text", "header", "rows"), HEADERS, ids=range(len(HEADERS)))
def test_a_header_elsewhere_or_none(text: str, header: str, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    said, read = found(tmp_path, f"{{file: a.csv, header: {header}}}")
    assert read == rows and [s[:4] for s in said] == ([] if rows else ["E514"])


WRONG_HEADERS = [
    ("9", "there is no line 9 for the header: it has 3 lines"),
    ("[a]", "`header` names 1 columns; the first line has 2 values"),
    ("[a, a]", "two columns are named 'a'"),
    ("0", "E206"),
    ("-1", "E206"),
]


@pytest.mark.parametrize(("header", "message"), WRONG_HEADERS)
def test_a_header_that_cannot_be(header: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    said, _ = found(tmp_path, f"{{file: a.csv, header: {header}}}")
    assert len(said) == 1 and message in said[0]


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda data: pa.Codec("zstd").compress(data, asbytes=True),
}


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("inside", ["csv", "jsonl", "json"])
def test_compressed_files(kind: str, inside: str, tmp_path: Path) -> None:
    plain = {"csv": CSV, "jsonl": "\n".join(map(json.dumps, ROWS)).encode(), "json": json.dumps(ROWS).encode()}[inside]
    path = tmp_path / f"a.{inside}.{kind}"
    path.write_bytes(PACKERS[kind](plain))
    assert suffix_of(path) == f".{inside}"
    assert found(tmp_path, f"{{file: {path.name}}}") == ([], ROWS)
    assert read_corpus(path).columns["name"] == ["Ana", "Luis"]
    for cut in (0, 3, len(path.read_bytes()) // 2, len(path.read_bytes()) - 2):
        whole = PACKERS[kind](plain)
        path.write_bytes(whole[:cut])
        with pytest.raises(TableFault) as fault:
            read_table(path)
        assert "\n" not in str(fault.value)


@pytest.mark.parametrize("kind", PACKERS)
def test_a_compressed_file_that_unpacks_to_too_much(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"a.csv.{kind}"
    path.write_bytes(PACKERS[kind](b"name\n" + b"x\n" * 700_000))
    assert path.stat().st_size < 20_000
    monkeypatch.setattr(synthspec.sources, "MAX_BYTES", 1_000_000)
    with pytest.raises(TableFault, match="unpacks to more than 1 MB"):
        read_table(path)


def test_compressed_parquet_and_what_is_no_kind_of_file(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    assert list(read_table(tmp_path / "a.parquet.gz").iterate()) == ROWS
    (tmp_path / "a.gz").write_bytes(b"")
    with pytest.raises(TableFault, match=r"not '\.gz'"):
        read_table(tmp_path / "a.gz")
    assert set(compressed.OPENERS) == {f".{k}" for k in PACKERS}


def workbook(folder: Path, **sheets: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, lines in sheets.items():
        sheet = book.create_sheet(name)
        for line in lines:
            sheet.append(line)
    book.save(folder / "a.xlsx")
    return folder / "a.xlsx"


def test_a_workbook(tmp_path: Path) -> None:
    day = datetime.datetime(2026, 3, 1)
    lines = [
        ["name", "day", "code", "share", "left", "", "ok"],
        ["Ana", day, "007", 0.5, "#N/A", None, True],
        [None, None, None, None],
        ["Luis", day, 12, 3, 4, None, False],
    ]
    workbook(tmp_path, Staff=lines, Prices=[["Prices of 2026"], [], ["item", "price"], ["mesa", 12.5]])
    said, rows = found(tmp_path, "{file: a.xlsx, sheet: Staff}")
    date = datetime.date(2026, 3, 1)
    assert not said and rows == [
        {"name": "Ana", "day": date, "code": "007", "share": 0.5, "left": None, "ok": True},
        {"name": "Luis", "day": date, "code": "12", "share": 3, "left": 4, "ok": False},
    ]
    assert found(tmp_path, "{file: a.xlsx, sheet: Prices, header: 3}") == ([], [{"item": "mesa", "price": 12.5}])
    assert found(tmp_path, "{file: a.xlsx, sheet: 2, header: 3}")[1] == [{"item": "mesa", "price": 12.5}]
    assert len(found(tmp_path, "{file: a.xlsx, header: false}")[1]) == 3
    assert read_corpus(tmp_path / "a.xlsx").columns["name"] == ["Ana", "Luis"]


WRONG_BOOKS = [
    ("{file: a.xlsx, sheet: Staf}", "there is no sheet 'Staf' | did you mean 'Staff'?"),
    ("{file: a.xlsx, sheet: 3}", "there is no sheet 3: it has 1"),
    ("{file: a.xlsx, header: 9}", "there is no line 9 for the header: it has 3 lines"),
    ("{file: a.xlsx, delimiter: ';'}", "`delimiter` is for csv or tsv files, not .xlsx"),
    ("{file: a.xlsx, header: 2}", "column 3 has values and no name"),
]


@pytest.mark.parametrize(("source", "message"), WRONG_BOOKS)
def test_a_workbook_that_cannot_be_read_so(source: str, message: str, tmp_path: Path) -> None:
    workbook(tmp_path, Staff=[["a", "b", "c"], ["x", "y"], [1, 2, 3]])
    said, _ = found(tmp_path, source)
    assert len(said) == 1 and message in said[0]


def test_broken_workbooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = workbook(tmp_path, Staff=[["a"], [1]]).read_bytes()
    for data in (b"", b"a,b\n1,2\n", whole[:200], whole[: len(whole) // 2], whole.replace(b"sheet1", b"sheet9")):
        (tmp_path / "b.xlsx").write_bytes(data)
        with pytest.raises(TableFault) as fault:
            read_table(tmp_path / "b.xlsx")
        assert "\n" not in str(fault.value)
    from synthspec.sources import excel

    monkeypatch.setattr(excel, "MAX_BYTES", 100)
    with pytest.raises(TableFault, match="unpacked"):
        read_table(tmp_path / "a.xlsx")
    monkeypatch.setattr(excel, "is_installed", lambda module: False)
    said, _ = found(tmp_path, "{file: a.xlsx}")
    assert (
        len(said) == 1
        and said[0].startswith("E350 'a.xlsx' cannot be read: ")
        and said[0].endswith(install_command("excel"))
    )


PLACES = [
    ({"data": {"items": ROWS}}, "data.items"),
    ({"pages": [{"rows": []}, {"rows": ROWS}]}, "pages[1].rows"),
    ([[], ROWS], "[1]"),
    ({"a b": ROWS}, "a b"),
]


@pytest.mark.parametrize(("value", "at"), PLACES)
def test_a_list_inside_json(value: Any, at: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(value))
    assert found(tmp_path, f"{{file: a.json, at: '{at}'}}") == ([], ROWS)


WRONG_PLACES = [
    ("data.itms", "there is no 'itms' in 'data' | did you mean 'items'?"),
    ("items", "there is no 'items'"),
    ("data.items[9]", "there is no [9] in 'data.items': it has 2"),
    ("data[0]", "there is no [0] in 'data': it is not a list"),
    ("data.items[0]", "list of objects"),
    ("data.items[", "`at: data.items[` is not a place"),
    ("data..items", ""),
]


@pytest.mark.parametrize(("at", "message"), WRONG_PLACES)
def test_a_place_that_is_not_there(at: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"data": {"items": ROWS}}))
    said, rows = found(tmp_path, f"{{file: a.json, at: '{at}'}}")
    assert (len(said) == 1 and message in said[0]) if message else rows == ROWS


def test_where_the_list_is_is_proposed(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        json.dumps({"meta": {"n": 2}, "few": [{"a": 1}], "data": {"items": ROWS}, "more": ROWS})
    )
    said, _ = found(tmp_path, "{file: a.json}")
    assert len(said) == 1 and said[0].endswith("| add `at: more`")


@pytest.mark.parametrize("by_need", [False, True])
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "csv.gz"])
def test_many_files_as_one(by_need: bool, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synthspec.sources.kinds import file

    monkeypatch.setattr(file, "WHOLE_BYTES", -1 if by_need else 1 << 20)
    (tmp_path / "parts" / "more").mkdir(parents=True)
    rows = [{"n": n, "t": f"text {n}"} for n in range(30)]
    for number, name in enumerate(["b", "a", "more/c"]):
        path, some = tmp_path / "parts" / f"{name}.{suffix}", rows[number * 10 : number * 10 + 10]
        if suffix == "parquet":
            pq.write_table(pa.Table.from_pylist(some), path, row_group_size=4)
        elif suffix == "jsonl":
            path.write_text("".join(json.dumps(r) + "\n" for r in some))
        else:
            text = "n,t\n" + "".join(f"{r['n']},{r['t']}\n" for r in some)
            path.write_bytes(gzip.compress(text.encode()) if suffix == "csv.gz" else text.encode())
    assert found(tmp_path, f"{{file: 'parts/*.{suffix}'}}") == ([], rows[10:20] + rows[:10])
    assert found(tmp_path, f"{{file: 'parts/**/*.{suffix}'}}") == ([], rows[10:20] + rows[:10] + rows[20:])


def test_a_broken_file_among_many_is_named_and_counted(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    for number in range(60):
        (tmp_path / "parts" / f"{number:02}.jsonl").write_text(
            "{\n" if number in (7, 30, 31, 32, 50) else f'{{"n": {number}}}\n'
        )
    said, rows = found(tmp_path, "{file: 'parts/*.jsonl'}")
    assert len(rows) == 55 and {7, 30, 31, 32, 50}.isdisjoint(r["n"] for r in rows)
    assert len(said) == 1 and said[0].startswith(
        "W770 5 of the 60 files of 'parts/*.jsonl' cannot be read and are left out: 'parts/07.jsonl': "
    )
    for number in range(60):
        (tmp_path / "parts" / f"{number:02}.jsonl").write_text("{\n")
    said, _ = found(tmp_path, "{file: 'parts/*.jsonl'}")
    assert (
        len(said) == 1
        and "E511 'parts/*.jsonl' cannot be read: none of its 60 files can be read: 'parts/00.jsonl': " in said[0]
    )


def test_what_a_pattern_passes_over(tmp_path: Path) -> None:
    """Hidden files (as macOS leaves them), what a build wrote, and a circle of links, as for documents."""
    for name in ("b.csv", "a/c.csv", "a-b/d.csv", "a/.e.csv", "a/._c.csv", ".git/f.csv", "out/g.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"name\n{name}\n")
    (tmp_path / "out" / "run.sqlite").write_bytes(b"")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    said, rows = found(tmp_path, "{file: '**/*.csv'}")
    assert (said, [r["name"] for r in rows]) == ([], ["a-b/d.csv", "a/c.csv", "b.csv"])  # in the order of their paths
    assert [r["name"] for r in found(tmp_path, "{file: 'a*/**'}")[1]] == ["a-b/d.csv", "a/c.csv"]
    assert [r["name"] for r in found(tmp_path, "{file: 'out/g.csv'}")[1]] == ["out/g.csv"]


def test_patterns_that_find_nothing_or_reach_outside(tmp_path: Path) -> None:
    inside = tmp_path / "spec"
    inside.mkdir()
    (tmp_path / "out.csv").write_bytes(CSV)
    (inside / "link.csv").symlink_to(tmp_path / "out.csv")
    for pattern, said in [
        ("none/*.csv", "E511 no file matches"), ("../*.csv", "E513"), ("/etc/*.csv", "E513"), ("*.csv", "E513 'link.csv' is a link"),
        ("a/**b/*.csv", "E511"), ("a\\0/*.csv", "E511"),
    ]:  # fmt: skip
        assert found(inside, f"{{file: '{pattern}'}}")[0][0].startswith(said), pattern
    (inside / "link.csv").unlink()
    (inside / "a[1].csv").write_bytes(CSV)
    assert found(inside, "{file: 'a[1].csv'}") == ([], ROWS), "a file of that very name"


def test_a_change_of_any_file_is_seen(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    for name in "ab":
        (tmp_path / "parts" / f"{name}.csv").write_bytes(CSV)
    path = tmp_path / "spec.yaml"
    path.write_text(
        "synthspec: 1\nsources: {s: {file: 'parts/*.csv'}}\nparameters: {r: {from: s}}\nfields: {t: {value: text(r)}}\n"
    )

    def digest() -> str:
        spec = compile_spec(path).spec
        assert spec is not None and spec.sources["s"].digest is not None
        return spec.sources["s"].digest()

    first = digest()
    assert digest() == first
    (tmp_path / "parts" / "b.csv").write_bytes(CSV.replace(b"40", b"41"))
    second = digest()
    (tmp_path / "parts" / "c.csv").write_bytes(CSV)
    assert len({first, second, digest()}) == 3


def test_settings_of_other_kinds_of_file(tmp_path: Path) -> None:
    assert Reading() == Reading(None, None, None, None, None, None, False)
    (tmp_path / "a.csv").write_bytes(CSV)
    for setting, kinds in (("at: data", "json"), ("sheet: 2", "xlsx")):
        said, _ = found(tmp_path, f"{{file: a.csv, {setting}}}")
        assert len(said) == 1 and said[0].startswith(f"E130 `{setting.split(':')[0]}` is for {kinds} files, not .csv")


MARKED = {
    "thousands": ('a,p\nx,"1,518.47"\ny,"2,040.00"\nz,638.28\n', "`decimal: '.'`", ".", [1518.47, 2040.0, 638.28]),
    "fractions": ('a,p\nx,"448,72"\ny,"641,5"\n', "`decimal: ','`", ",", [448.72, 641.5]),
    "either": ('a,p\nx,"1,518"\ny,"2,040"\n', "`decimal: ','` or `decimal: '.'`", ".", [1518, 2040]),
    "thousands beside semicolons": ("a;p\nx;1,518.47\ny;2,040.00\n", "`decimal: '.'`", ".", [1518.47, 2040.0]),
}


@pytest.mark.parametrize("case", MARKED)
def test_numbers_that_stay_texts_are_said(case: str, tmp_path: Path) -> None:
    text, help, decimal, numbers = MARKED[case]
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    table = read_table(tmp_path / "t.csv")
    (note,) = table.notes
    assert note.code == "W896" and help in note.help and "'p' (such as " in note.message
    assert all(isinstance(v, str) for v in table.values("p", [0, 1]))
    table = read_table(tmp_path / "t.csv", Reading(decimal=decimal))
    assert table.notes == () and table.values("p", range(len(numbers))) == numbers


@pytest.mark.parametrize(
    "text", ["a\n12\n", "a\n1,5\n", 'a\n"1,518"\n', "a,b\n007,1\n", "a,b\n1.2.3,x\n", 'a,b\n"1,2",x\n"y",z\n']
)
def test_other_texts_are_texts(text: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    try:
        notes = read_table(tmp_path / "t.csv").notes
    except TableFault:
        return
    assert not [n for n in notes if n.code == "W896"]
