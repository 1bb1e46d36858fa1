"""Files as people have them, once more: spaces after commas, a column without a name, a quotation mark left open, bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthspec.planning.shown import row_in_short
from synthspec.sources import TableFault, read_table


def rows(folder: Path, name: str, data: str | bytes) -> list[dict[str, Any]]:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return list(read_table(path).iterate())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a, b\n1, 2\n3,  \n", [{"a": 1, "b": 2}, {"a": 3, "b": None}]),  # numbers with spaces are numbers
        ("a,b\n1, x\n2,y \n", [{"a": 1, "b": " x"}, {"a": 2, "b": "y "}]),  # texts stay as they are
        ("a,b,\n1,2,\n3,4,\n", [{"a": 1, "b": 2}, {"a": 3, "b": 4}]),  # a comma at the end of each line
        (",a\n0,x\n1,y\n", [{"column_1": 0, "a": "x"}, {"column_1": 1, "a": "y"}]),  # as pandas writes an index
        ("a,,\n1,2,3\n", [{"a": 1, "column_2": 2, "column_3": 3}]),
    ],
)
def test_csv_as_people_have_it(text: str, found: list[dict[str, Any]], tmp_path: Path) -> None:
    assert rows(tmp_path, "a.csv", text) == found


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", 'a,b\n1,x\n2,"open\n3,y\n', "the quotation mark that opens in row 3 is never closed"),
        ("a.csv", 'a,b\n1,"x"y\n', "in row 2 a quotation mark inside a value"),
        ("a.csv", "column_2,\n1,2\n", "two columns are named 'column_2'"),
        ("a.csv", "a,b\n" + "x" * (17 << 20) + ",1\n", "row 2 has a value of more than 16,777,216 characters"),
        ("a.jsonl", '{"a": 1}\n{"a":\n', r"line 2 is not JSON: expecting value \(character 6\)"),
    ],
)
def test_what_is_broken_is_said_in_words(name: str, text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(TableFault, match=says) as found:
        rows(tmp_path, name, text)
    assert "line 1 column" not in str(found.value)


def test_bytes_and_infinite_numbers_of_parquet(tmp_path: Path) -> None:
    table = pa.table({"b": [b"caf\xc3\xa9", b"\x00\xff", None], "x": [float("inf"), float("-inf"), 1.5]})
    pq.write_table(table, tmp_path / "a.parquet")
    assert list(read_table(tmp_path / "a.parquet").iterate()) == [
        {"b": "café", "x": None},
        {"b": "data:application/octet-stream;base64,AP8=", "x": None},
        {"b": None, "x": 1.5},
    ]


def test_a_whole_row_in_a_plan_is_short() -> None:
    chunk = {"text": "# Care\n\nWipe it.", "path": "a.md", "title": "Kettle > Care", "page": None, "part": 2}
    assert row_in_short(chunk) == "Kettle > Care: # Care Wipe it.; path a.md; part 2"
    assert row_in_short({"town": "Ulm", "n": 3}) == "town Ulm; n 3"
