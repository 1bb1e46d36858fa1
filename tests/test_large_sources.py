"""Sources read by row number: the same rows as a whole reading gives, in little memory, and never those of another file."""

from __future__ import annotations

import datetime
import decimal
import json
import os
import random
import resource
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from depth import quarter, rest_slow
from hypothesis import given, settings
from hypothesis import strategies as st

import synthspec
from synthspec.cli import cli
from synthspec.compiler import compile_spec
from synthspec.generation.validation.novelty import read_texts
from synthspec.planning.plan import build_plan
from synthspec.sources import (
    MemoryTable,
    Reading,
    Table,
    TableFault,
    fingerprints,
    json_lines,
    line_index,
    parquet,
    read_table,
)
from synthspec.sources.fingerprints import files_digest
from synthspec.sources.joined_table import JoinedTable, UnlikeTables
from synthspec.sources.likeness import UnlikeRow
from synthspec.sources.lines_table import LinesTable
from synthspec.sources.parquet_table import ParquetTable
from synthspec.testing.source_kind_contract import check_table


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(json_lines, "WHOLE_BYTES", -1)
    monkeypatch.setattr(parquet, "WHOLE_BYTES", -1)
    monkeypatch.setattr(fingerprints, "SETTLED", -1.0)
    monkeypatch.setattr(fingerprints, "REMEMBERED", -1)
    monkeypatch.setenv("SYNTHSPEC_CACHE", str(tmp_path / "cache"))


def lines(folder: Path, rows: list[dict[str, Any]], name: str = "data.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    return path


VALUES = st.one_of(
    st.none(),
    st.integers(-9, 9),
    st.text(alphabet='aé\u2028\\"\n ', max_size=5),
    st.lists(st.integers(0, 3), max_size=2),
)
BLANKS = st.sampled_from(["", "\n", "\n\n", "  \n", "\t\r\n", "\r\n"])


@settings(max_examples=quarter(30))
@given(
    values=st.lists(VALUES, min_size=1, max_size=9),
    blanks=st.lists(BLANKS, min_size=10, max_size=10),
    ending=st.sampled_from(["\n", "\r\n"]),
    mark=st.booleans(),
    last=st.booleans(),
    block=st.integers(5, 40),
)
def test_lines_are_found_wherever_blocks_end(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any], blanks: list[str], ending: str, mark: bool, last: bool,
    block: int,
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("lines")
    rows = [{"n": i, "v": v} for i, v in enumerate(values)]
    written = [json.dumps(r, ensure_ascii=False) for r in rows]
    text = blanks[-1] + "".join(w + ending + b for w, b in zip(written, blanks, strict=False))
    path = folder / "data.jsonl"
    path.write_bytes((b"\xef\xbb\xbf" if mark else b"") + (text if last else text.rstrip()).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_index, "BLOCK", block)
        patch.setenv("SYNTHSPEC_CACHE", str(folder / "cache"))
        for _ in range(2):  # the second time from what is remembered
            table = read_table(path)
            assert isinstance(table, LinesTable)
            assert table.rows(range(len(table))) == rows
        patch.setattr(json_lines, "WHOLE_BYTES", 1 << 20)
        whole = read_table(path)
    assert isinstance(whole, MemoryTable) and list(whole.iterate()) == rows
    assert whole.column_type("v") == table.column_type("v") and whole.has_gaps("v") == table.has_gaps("v")


def test_lines_keep_the_contract(tmp_path: Path) -> None:
    rows = [{"id": n, "name": f"né {n}", "tags": ["a"] * (n % 3), "price": n / 4 if n % 5 else None} for n in range(50)]
    table = read_table(lines(tmp_path, rows))
    check_table(table, rows)
    assert [table.column_type(n).kind for n in table.names] == ["integer", "text", "list", "number"]
    with pytest.raises(IndexError):
        table.row(50)


def random_table(seed: int) -> pa.Table:
    draw = random.Random(seed)
    n = draw.randint(1, 60)

    def column(make: Any, kind: pa.DataType, gaps: bool) -> pa.Array:
        return pa.array([None if gaps and draw.random() < 0.2 else make(i) for i in range(n)], kind)

    gaps = [draw.random() < 0.5 for _ in range(9)]
    return pa.table(
        {
            "id": column(lambda i: i, pa.int64(), gaps[0]),
            "kind": column(lambda i: draw.choice("xyz"), pa.string(), gaps[1]),
            "code": column(lambda i: draw.choice("xyz"), pa.string(), gaps[2]).dictionary_encode(),
            "price": column(lambda i: draw.random(), pa.float64(), gaps[3]),
            "day": column(lambda i: datetime.date(2026, 1, 1 + i % 28), pa.date32(), gaps[4]),
            "yes": column(lambda i: i % 2 == 0, pa.bool_(), gaps[5]),
            "tags": column(lambda i: ["a", "b"][: i % 3], pa.list_(pa.string()), gaps[6]),
            "of": column(lambda i: {"a": i, "b": f"t{i}"}, pa.struct([("a", pa.int32()), ("b", pa.string())]), gaps[7]),
            "image": column(lambda i: b"GIF8" + bytes([i]), pa.binary(), gaps[8]),
        }
    )


@pytest.mark.parametrize("seed", rest_slow(range(5), (1, 3)))
@pytest.mark.parametrize("small", [-1, 1 << 20], ids=["streamed", "kept"])
def test_parquet_by_row_number_is_as_a_whole_reading(
    seed: int, small: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthspec.sources import parquet_table

    monkeypatch.setattr(parquet_table, "SMALL", small)
    monkeypatch.setattr(parquet_table, "BATCH", 7)
    monkeypatch.setattr(parquet_table, "KEPT", 700)
    path = tmp_path / "data.parquet"
    table = random_table(seed)
    pq.write_table(table, path, row_group_size=random.Random(seed).randint(1, 20), write_statistics=seed % 3 > 0)
    lazy = read_table(path)
    assert isinstance(lazy, ParquetTable)
    monkeypatch.setattr(parquet, "WHOLE_BYTES", 1 << 20)
    whole = read_table(path)
    assert isinstance(whole, MemoryTable)
    check_table(lazy, list(whole.iterate()))
    for name in lazy.names:
        told, seen = lazy.column_type(name), whole.column_type(name)
        assert seen.kind == "any" or told.kind == seen.kind or name == "image"
        if seed % 3 and name not in ("tags", "of"):
            assert lazy.has_gaps(name) == whole.has_gaps(name)
    some = lazy.some(5)
    assert list(some) == sorted(set(some)) and lazy.rows(some) == whole.rows(some)


STRANGE = {
    "whole": (pa.decimal128(9, 0), [decimal.Decimal(7), None], [7, None], "integer"),
    "part": (pa.decimal128(9, 2), [decimal.Decimal("7.25"), None], [7.25, None], "number"),
    "map": (
        pa.map_(pa.string(), pa.float64()),
        [[("a", 1.0), ("b", float("nan"))], []],
        [{"a": 1.0, "b": None}, {}],
        "map",
    ),
    "maps": (pa.list_(pa.map_(pa.string(), pa.int8())), [[[("a", 1)]], None], [[{"a": 1}], None], "list"),
    "nan": (pa.float32(), [float("nan"), 0.5], [None, 0.5], "number"),
    "nans": (pa.list_(pa.float64()), [[float("nan"), 0.5], []], [[None, 0.5], []], "list"),
    "in": (pa.struct([("d", pa.decimal128(9, 1))]), [{"d": decimal.Decimal("0.5")}, None], [{"d": 0.5}, None], "map"),
    "took": (pa.duration("ms"), [datetime.timedelta(days=1, seconds=2.5), None], ["P1DT2.5S", None], "text"),
    "at": (pa.time64("us"), [datetime.time(7, 30), None], [datetime.time(7, 30), None], "time"),
    "when": (
        pa.timestamp("ns"),
        [datetime.datetime(2026, 1, 2, 3), None],
        [datetime.datetime(2026, 1, 2, 3), None],
        "datetime",
    ),
}


@pytest.mark.parametrize("most", [-1, 1 << 20])
def test_values_of_parquet_are_plain(most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "WHOLE_BYTES", most)
    pq.write_table(
        pa.table({n: pa.array(given, kind) for n, (kind, given, *_) in STRANGE.items()}), tmp_path / "a.parquet"
    )
    table = read_table(tmp_path / "a.parquet")
    assert {n: table.values(n, range(2)) for n in table.names} == {
        n: wanted for n, (_, _, wanted, _) in STRANGE.items()
    }
    assert {n: table.column_type(n).kind for n in table.names} == {n: kind for n, (*_, kind) in STRANGE.items()}


@pytest.mark.parametrize("most", [-1, 1 << 20])
@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("s")])
def test_a_date_that_python_has_none_for(
    kind: pa.DataType, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "WHOLE_BYTES", most)
    far = pa.array(
        [35_810_000 if kind == pa.date32() else 3_093_527_980_799], pa.int32() if kind == pa.date32() else pa.int64()
    )
    pq.write_table(pa.table({"d": far.cast(kind), "n": [1]}), tmp_path / "a.parquet")
    with pytest.raises(TableFault, match="read"):
        read_table(tmp_path / "a.parquet").row(0)


def parts(seed: int) -> tuple[list[dict[str, Any]], list[Table]]:
    draw, rows, tables = random.Random(seed), [], []
    for _ in range(draw.randint(1, 6)):
        some = [{"n": draw.randint(0, 9), "t": draw.choice(["a", "b", None])} for _ in range(draw.randint(0, 5))]
        rows += some
        columns = {"n": [r["n"] for r in some], "t": [r["t"] for r in some]}
        tables.append(MemoryTable(dict(draw.sample(list(columns.items()), 2))))
    return rows, tables


@pytest.mark.parametrize("seed", range(20))
def test_several_tables_as_one(seed: int) -> None:
    rows, tables = parts(seed)
    joined = JoinedTable([(f"{n}.csv", t) for n, t in enumerate(tables)])
    check_table(joined, rows)
    assert joined.in_memory and list(joined.some(3)) == list(range(len(rows)))


def test_several_parts_of_a_large_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"n": n, "t": f"text {n}"} for n in range(90)]
    tables = []
    for number in range(9):
        path = tmp_path / f"{number}.parquet"
        pq.write_table(pa.Table.from_pylist(rows[number * 10 : number * 10 + 10]), path, row_group_size=3)
        tables.append(read_table(path))
    joined = JoinedTable([(str(n), t) for n, t in enumerate(tables)])
    check_table(joined, rows)
    assert sum(bool(t._kept) for t in tables if isinstance(t, ParquetTable)) <= 4
    assert len(joined.some(4)) >= 4 and joined.rows(joined.some(4)) == [rows[n] for n in joined.some(4)]
    with pytest.raises(IndexError):
        joined.row(90)


OTHERS = [
    ({"a": [1], "b": [2]}, "'one' and 'two' have other columns: only 'one' has 'c' and only 'two' has 'b'"),
    ({"a": ["x"], "c": [2]}, "'a' is an integer in 'one' and a text in 'two'"),
    ({"a": [1]}, "only 'one' has 'c'"),
]


@pytest.mark.parametrize(("columns", "said"), OTHERS, ids=range(len(OTHERS)))
def test_tables_that_are_not_alike(columns: dict[str, list[Any]], said: str) -> None:
    one, two = MemoryTable({"a": [1], "c": [3]}), MemoryTable(columns)
    with pytest.raises(UnlikeTables, match=said):
        JoinedTable([("one", one), ("two", two)])
    assert (
        JoinedTable([("one", one), ("two", MemoryTable({"c": [0.5], "a": [None]}))]).column_type("c").kind == "number"
    )


@pytest.mark.parametrize("write", ["jsonl", "parquet"])
def test_a_plan_is_the_same_whichever_way_a_source_is_read(
    write: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"id": n, "kind": "xyz"[n % 3], "text": f"the {n} cat {n % 7}", "price": n / 8} for n in range(90)]
    if write == "jsonl":
        lines(tmp_path, rows)
    else:
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "data.parquet", row_group_size=13)
    path = tmp_path / "spec.yaml"
    path.write_text(
        f"synthspec: 1\nrows: 60\nsources: {{docs: {{file: data.{write}, columns: {{id: number}}}}}}\n"
        "parameters:\n  doc: {from: docs, where: 'row.number > 10'}\n  kind: {from: docs, column: kind}\n"
        "  some: {from: docs, rows: 3, column: text}\n  near: {from: docs, nearest: kind + ' 7', column: number}\n"
        "  shots: {from: docs, rows: 2, where: row.kind == kind}\n"
        "fields: {price: {value: doc.price}}\n",
        encoding="utf-8",
    )  # fmt: skip
    found = []
    for most in (-1, 1 << 20):
        monkeypatch.setattr(json_lines, "WHOLE_BYTES", most)
        monkeypatch.setattr(parquet, "WHOLE_BYTES", most)
        compiled = compile_spec(path)
        assert not [d for d in compiled.diagnostics if d.code[0] == "E"]
        assert isinstance(compiled.tables["docs"], MemoryTable) == (most > 0)
        found.append(list(build_plan(compiled.spec, compiled.tables)))
    assert found[0] == found[1]


def test_a_source_gone_through_in_turn(tmp_path: Path) -> None:
    lines(tmp_path, [{"n": n} for n in range(40)])
    path = tmp_path / "spec.yaml"
    path.write_text(
        "synthspec: 1\nrows: {each: docs, times: 2, where: row.n % 2 == 0}\nsources: {docs: {file: data.jsonl}}\n"
        "parameters: {n: {from: docs, column: n}}\nfields: {n2: {value: n}}\n"
    )
    assert [r["n"] for r in synthspec.plan(path)] == [n for n in range(0, 40, 2) for _ in range(2)]
    path.write_text(path.read_text().replace(", where: row.n % 2 == 0", ""))
    assert [r["n"] for r in synthspec.plan(path)] == [n for n in range(40) for _ in range(2)]


UNLIKE = [
    ("n/a", "a text; the rows that were looked at have an integer"),
    (7.5, "a number; the rows"),
    (True, "a boolean; the rows"),
    ([1], "a list"),
]


@pytest.mark.parametrize(("value", "said"), UNLIKE)
def test_a_row_unlike_those_that_were_looked_at(
    value: Any, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthspec.sources import lines_table

    monkeypatch.setattr(lines_table, "SAMPLE", 5)
    path = lines(
        tmp_path, [{"n": n, "text": "x"} if n != 33 else {"n": value, "text": "x", "more": 1} for n in range(60)]
    )
    table = read_table(path)
    assert table.values("n", [32, 34]) == [32, 34]
    assert table.values("text", [33]) == ["x"], "a column that is not read is not looked at"
    with pytest.raises(UnlikeRow, match=r"^E352: row 34 of data.jsonl: 'n' is ") as found:
        table.rows([1, 33])
    assert said in str(found.value) and "Parquet" in found.value.help


def test_a_build_says_which_row_is_unlike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synthspec.sources import lines_table

    monkeypatch.setattr(lines_table, "SAMPLE", 2)
    lines(tmp_path, [{"n": n if n in (0, 59) else "x"} for n in range(60)])
    path = tmp_path / "spec.yaml"
    path.write_text(
        "synthspec: 1\nrows: 9\nsources: {docs: {file: data.jsonl}}\nparameters: {n: {from: docs, column: n}}\n"
        "fields: {m: {value: n + 1}}\n"
    )
    for command in (["plan", str(path)], ["build", str(path), "--out", str(tmp_path / "out")]):
        done = CliRunner().invoke(cli, command, catch_exceptions=False)
        assert done.exit_code in (1, 3) and done.output.count("E352: row ") == 1, done.output
    path.write_text(path.read_text().replace("column: n}", "column: n, where: row.n > 3}"))
    assert [d.code for d in compile_spec(path).diagnostics] == ["E352"], "where a check goes through the rows"


def test_members_that_few_rows_have_are_in_whole_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synthspec.sources import lines_table

    monkeypatch.setattr(lines_table, "SAMPLE", 2)
    table = read_table(lines(tmp_path, [{"a": 1}, {"b": 2}, {"a": 3, "c": None}]))
    assert table.names == ("a", "c")
    assert table.rows([1, 0]) == [{"a": None, "c": None, "b": 2}, {"a": 1, "c": None}]
    assert table.values("a", [1]) == [None]


@pytest.mark.parametrize("write", ["jsonl", "parquet"])
def test_a_changed_file_is_never_taken_for_what_it_was(write: str, tmp_path: Path) -> None:
    path = tmp_path / f"data.{write}"

    def written(word: str) -> None:
        rows = [{"t": f"{word}{n}"} for n in range(30)]
        if write == "jsonl":
            lines(tmp_path, rows)
        else:
            pq.write_table(pa.Table.from_pylist(rows), path)

    written("cat")
    before, digest = path.stat(), files_digest([path])
    table = read_table(path)
    assert table.row(3) == {"t": "cat3"}
    written("dog")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as copying tools do
    assert path.stat().st_size == before.st_size and path.stat().st_mtime_ns == before.st_mtime_ns
    with pytest.raises(TableFault, match="has changed since"):
        table.row(4)
    with pytest.raises(TableFault, match="has changed since"):
        files_digest([path], marks=[table._mark])  # type: ignore[attr-defined]
    assert files_digest([path]) != digest
    assert read_table(path).row(3) == {"t": "dog3"}


def test_what_is_remembered_may_be_lost_or_damaged(tmp_path: Path) -> None:
    path = lines(tmp_path, [{"n": n} for n in range(30)])
    digest = files_digest([path])
    cache = tmp_path / "cache" / "files"
    assert read_table(path).row(7) == {"n": 7} and len(list(cache.iterdir())) == 2
    for damage in (b"", b"x", b"\0" * 8, b"\0" * 800):
        for file in cache.iterdir():
            file.write_bytes(damage)
        assert read_table(path).row(29) == {"n": 29} and files_digest([path]) == digest
    for file in cache.iterdir():
        file.unlink()
    cache.rmdir()
    cache.write_text("no folder")
    assert read_table(path).row(29) == {"n": 29} and files_digest([path]) == digest


def test_a_file_just_written_is_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprints, "SETTLED", 1e9)
    path = lines(tmp_path, [{"n": 1}])
    assert read_table(path).row(0) == {"n": 1} and files_digest([path])
    assert not list((tmp_path / "cache" / "files").glob("*"))


BROKEN = [
    ('{"n": 1}\n[2]\n{"n": 3}\n', "row 2 is not a JSON object"),
    ('{"n": 1}\n{"n": \n', "row 2 is not JSON"),
    ('{"n": 1}\n{"n": "\udce9"}\n', "row 2 is not utf-8 text"),
    ('{"n": "' + "x" * 300 + '"}\n', "row 1 is 0 MB long"),
]


@pytest.mark.parametrize(("text", "said"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_line(text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_index, "LONGEST_LINE", 200)
    path = tmp_path / "data.jsonl"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(TableFault, match=said):
        read_table(path, Reading(encoding="utf-8"))


def test_a_broken_row_group(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(
        pa.table({"t": [f"text {n}" * 5 for n in range(3_000)]}),
        path,
        row_group_size=1_000,
        compression="none",
        use_dictionary=False,
    )
    data = bytearray(path.read_bytes())
    data[60_000:60_400] = b"\xff" * 400
    path.write_bytes(bytes(data))
    table = read_table(path)
    with pytest.raises(TableFault, match=r"row group [01] of data.parquet cannot be read: "):
        list(table.iterate())
    assert table.row(2_999) == {"t": "text 2999" * 5}


def test_ten_million_rows_take_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(
        pa.table({"n": pa.nulls(10_000_000, pa.int64()), "t": pa.nulls(10_000_000, pa.string())}),
        path,
        compression="zstd",
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    table = read_table(path)
    assert len(table) == 10_000_000 and table.row(9_999_999) == {"n": None, "t": None}
    assert "at most 10,000,000" in table.too_large_for() and not table.too_large_for(("n",))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000


def test_the_embedded_model_learns_from_some_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synthspec.inference.ngram import material

    monkeypatch.setattr(material, "LEARNED", 20)
    rows = [{"text": f"the {w} cat sat on the {w} mat in the {w} sun {n}"} for n in range(400) for w in ("red", "blue")]
    asked: list[int] = []
    table = read_table(lines(tmp_path, rows))
    real = LinesTable.rows

    def counted(self: LinesTable, numbers: Any, names: Any = None) -> Any:
        found = real(self, numbers, names)
        asked.append(len(found))
        return found

    monkeypatch.setattr(LinesTable, "rows", counted)
    assert len(material._learned(table)["text"]) == 20 and sum(asked) == 20


@pytest.mark.parametrize("where", ["", ", where: row.kind == kind"])
def test_examples_are_the_same_whichever_way_a_source_is_read(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthspec.inference import examples

    monkeypatch.setattr(examples, "AHEAD", 8)
    monkeypatch.setattr(examples, "BLOCKS", 2)
    lines(tmp_path, [{"n": n, "kind": "xy"[n % 2]} for n in range(50)])
    path = tmp_path / "spec.yaml"
    path.write_text(
        "synthspec: 1\nsources: {docs: {file: data.jsonl}}\nparameters: {kind: [x, y]}\n"
        f"prompts: {{p: {{user: '{{{{ kind }}}}', writes: t, examples: {{from: docs, rows: 3{where}}}}}}}\n"
        "fields: {t: {type: string}}\nbackend: ngram\n"
    )
    found = []
    for most in (-1, 1 << 20):
        monkeypatch.setattr(json_lines, "WHOLE_BYTES", most)
        compiled = compile_spec(path)
        assert compiled.spec is not None and compiled.spec.prompts[0].examples is not None
        shown = examples.ExampleRows(compiled.spec.prompts[0].examples, compiled.tables["docs"], "0/p")
        order = [3, 0, 1, 9, 40, 41, 2, 17, 18, 40, 3, 0, 999, 12]
        found.append([shown.rows(index, {"kind": "x"}) for index in order])
    assert found[0] == found[1]


def test_a_row_of_another_combination_stops_no_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synthspec.inference import examples
    from synthspec.sources import lines_table
    from synthspec.spec import Examples

    monkeypatch.setattr(lines_table, "SAMPLE", 2)
    table = read_table(lines(tmp_path, [{"n": "x" if n == 25 else n} for n in range(50)]))
    shown = examples.ExampleRows(Examples("docs", 2), table, "0/p")
    places = {index: shown.places(index, {}) for index in range(60)}
    for index, drawn in places.items():
        if 25 in drawn:
            with pytest.raises(UnlikeRow):
                shown.rows(index, {})
        else:
            assert shown.rows(index, {}) == [{"n": n} for n in drawn]
    assert any(25 in drawn for drawn in places.values())


def test_texts_to_be_kept_apart_are_read_by_rows(tmp_path: Path) -> None:
    rows = [{"a": f"one {n}", "b": [f"two {n}", {"c": "three"}], "n": n} for n in range(20)]
    found = list(read_texts(lines(tmp_path, rows)))
    assert found[:3] == ["one 0", "two 0", "three"] and len(found) == 60


def test_a_line_without_end_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_index, "LONGEST_LINE", 5_000)
    monkeypatch.setattr(line_index, "BLOCK", 1_000)
    path = tmp_path / "data.jsonl"
    path.write_text('{"n": 1}\n{"n": "' + "x" * 100_000)
    real, read = os.pread, []

    def counted(file: int, size: int, at: int) -> bytes:
        read.append(at)
        return real(file, size, at)

    monkeypatch.setattr(os, "pread", counted)
    with pytest.raises(TableFault, match="row 2 is 0 MB long; at most 0 MB"):
        read_table(path)
    assert max(read) < 10_000


@pytest.mark.parametrize("name", ["data.csv", "data.json", "data.xlsx"])
def test_two_gigabytes_of_what_is_read_as_a_whole_are_not_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        file.truncate(2_000_000_000)
    with pytest.raises(TableFault, match="2000 MB; a source can have at most 536 MB"):
        read_table(path)


def test_a_cell_of_a_csv_file_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synthspec.sources import delimited

    monkeypatch.setattr(delimited, "LONGEST_CELL", 1_000)
    path = tmp_path / "data.csv"
    path.write_text("a,b\n1," + "x" * 2_000 + "\n")
    with pytest.raises(TableFault, match="row 2 has a value of more than"):
        read_table(path)
