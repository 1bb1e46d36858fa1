"""Source files as people have them: separators, encodings, decimal marks, and what a small file may unpack to."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from depth import quarter
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from synthspec.evaluation.corpus.files import read_rows
from synthspec.sources import Reading, TableFault, read_table
from synthspec.sources.encodings import find_encoding

ROWS = [["name", "price", "size"], ["mesa larga", "12,5", "3"], ["silla", "7,25", "40"], ["cama, ancha", "199,0", "1"]]


def file_of(folder: Path, text: str, encoding: str = "utf-8", name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def written(rows: list[list[str]], delimiter: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_file_of_a_spreadsheet(tmp_path: Path, delimiter: str, encoding: str) -> None:
    table = read_table(file_of(tmp_path, written(ROWS, delimiter), encoding))
    assert dict(table.columns) == {
        "name": ["mesa larga", "silla", "cama, ancha"],
        "price": [12.5, 7.25, 199.0],
        "size": [3, 40, 1],
    }


def test_windows_text_is_read_and_said_to_be_a_guess(tmp_path: Path) -> None:
    path = file_of(tmp_path, "name;town\nBegoña;Cádiz\nJosé “Pepe”;León – centro\n", "cp1252")
    table = read_table(path)
    assert table.columns["town"] == ["Cádiz", "León – centro"] and table.guessed_encoding == "cp1252"
    assert read_table(path, Reading(encoding="cp1252")).guessed_encoding == ""


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "shift_jis", "cp1253"])
def test_another_alphabet_is_not_taken_for_western(tmp_path: Path, encoding: str) -> None:
    text = {"shift_jis": "名前,町\n花子,東京\n", "cp1253": "όνομα,πόλη\nΕλένη,Πάτρα\n"}.get(
        encoding, "имя,город\nАнна,Омск\n"
    )
    path = file_of(tmp_path, text, encoding)
    with pytest.raises(TableFault, match="not UTF-8") as found:
        read_table(path)
    assert "encoding" in found.value.help
    assert len(read_table(path, Reading(encoding=encoding))) == 1


def test_what_cannot_be_told_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(TableFault) as found:
        read_table(file_of(tmp_path, "name;town,age\nAna;Vigo,31\n"))
    assert "delimiter: ','" in found.value.help and "delimiter: ';'" in found.value.help
    for delimiter, columns in ((",", ["name;town", "age"]), (";", ["name", "town,age"])):
        table = read_table(tmp_path / "data.csv", Reading(delimiter=delimiter))
        assert list(table.columns) == columns
    prices = file_of(tmp_path, "name;price\nmesa;1,250\nsilla;2,500\n", name="prices.csv")
    with pytest.raises(TableFault) as found:
        read_table(prices)
    assert "decimal: ','" in found.value.help and "decimal: '.'" in found.value.help
    assert read_table(prices, Reading(decimal=",")).columns["price"] == [1.25, 2.5]
    assert read_table(prices, Reading(decimal=".")).columns["price"] == [1250, 2500]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1.234,5", "10"], [1234.5, 10.0]),
        (["1.234.567", "2"], [1234567, 2]),
        (["0,125", "0,250"], [0.125, 0.25]),
        (["0.125", "1.250"], [0.125, 1.25]),
        (["007", "1,5"], ["007", "1,5"]),
        (["1,5", "uno"], ["1,5", "uno"]),
        (["-3,25", ""], [-3.25, None]),
    ],
)
def test_numbers_between_semicolons(tmp_path: Path, cells: list[str], values: list[object]) -> None:
    text = "name;price\n" + "".join(f"n{i};{c}\n" for i, c in enumerate(cells))
    assert read_table(file_of(tmp_path, text)).columns["price"] == values


def test_a_file_between_semicolons_is_never_one_column(tmp_path: Path) -> None:
    with pytest.raises(TableFault, match="row 3 has 3 values"):
        read_table(file_of(tmp_path, "name;town\nAna;Vigo\nLuis;Soria;x\n"))


CELLS = st.text(alphabet="abcñé ;,|\t\"'\n.0123", max_size=8)


@settings(max_examples=quarter(150), deadline=None)
@given(
    rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=6),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
)
def test_a_file_is_read_as_written_or_asked_about(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], delimiter: str
) -> None:
    """What a CSV writer wrote never comes back with its cells cut or joined elsewhere."""
    assume(all("\r" not in c for r in rows for c in r))
    path = file_of(tmp_path_factory.mktemp("csv"), written([["one", "two", "three"], *rows], delimiter))
    try:
        table = read_table(path)
    except TableFault as e:
        assert e.help
        return
    assert list(table.columns) == ["one", "two", "three"] and len(table) == len(rows)
    for i, name in enumerate(table.columns):
        if isinstance(next((v for v in table.columns[name] if v is not None), None), str):
            assert table.columns[name] == [r[i] for r in rows]


def test_a_report_reads_the_same_files(tmp_path: Path) -> None:
    path = file_of(tmp_path, written(ROWS, ";"), "utf-16")
    assert [r["name"] for r in read_rows(path)] == ["mesa larga", "silla", "cama, ancha"]
    long = file_of(tmp_path, "text\n" + "ñ" * 600_000 + "\n", name="long.csv")
    assert len(next(iter(read_rows(long)))["text"]) == 600_000


def test_zero_bytes_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(b"\0\1\2\3" * 50)
    with pytest.raises(TableFault, match="zero bytes"):
        read_table(path)
    assert find_encoding("a,b\n1,2\n".encode("utf-16-le"))[0] == "utf-16-le"


def test_a_small_parquet_file_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data.parquet"
    text = "x" * 10_000
    pq.write_table(pa.table({"text": [text] * 5_000}), path)  # 50 MB of text in some kilobytes
    assert path.stat().st_size < 100_000
    column = read_table(path).columns["text"]
    assert len(column) == 5_000 and len({id(v) for v in column}) < 10, "a text that comes again is held once"
    from synthspec.sources import parquet

    monkeypatch.setattr(parquet, "WHOLE_VALUES", 4_999)
    by_need = read_table(path)
    assert not by_need.in_memory and by_need.values("text", [0, 4_999]) == [text, text]


def test_a_parquet_file_that_unpacks_to_much_is_read_by_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data.parquet"
    texts = [f"{i}" * 10_000 for i in range(300)]
    pq.write_table(pa.table({"text": texts}), path, compression="zstd", use_dictionary=False)
    from synthspec.sources import parquet

    assert read_table(path).in_memory
    monkeypatch.setattr(parquet, "WHOLE_BYTES", 1_000_000)
    assert not read_table(path).in_memory and read_table(path).row(299) == {"text": texts[299]}
