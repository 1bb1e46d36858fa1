"""Workbooks as people have them: several sheets, hidden ones, merged cells, formulas that were never worked out."""

from __future__ import annotations

import datetime
import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from synthspec.compiler import compile_spec


def workbook(path: Path, sheets: dict[str, list[list[Any]]], merge: str = "", hide: str = "") -> None:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, lines in sheets.items():
        sheet = book.create_sheet(name)
        for line in lines:
            sheet.append(line)
        if merge and sheet is book.worksheets[0]:
            for cells in merge.split():
                sheet.merge_cells(cells)
        if name == hide:
            sheet.sheet_state = "hidden"
    book.save(path)


def found(folder: Path, source: str = "{file: a.xlsx}") -> tuple[list[str], list[dict[str, Any]]]:
    """What check says of a source, and its rows."""
    (folder / "s.yaml").write_text(f"synthspec: 1\nname: s\nsources: {{a: {source}}}\n", encoding="utf-8")
    compiled = compile_spec(folder / "s.yaml")
    told = [f"{d.code} {d.message} | {d.help}" for d in compiled.diagnostics]
    return told, list(compiled.tables["a"].iterate()) if "a" in compiled.tables else []


TWO = {"Notes": [["n"], [1]], "Data": [["x"], [7]], "Empty": []}


def test_of_several_sheets_the_one_that_is_read_is_named(tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx", TWO)
    (told,), rows = found(tmp_path)
    assert told.startswith(
        "W771 'a.xlsx' is read from the sheet 'Notes' alone; other sheets: 'Data' | write `sheet: Notes`"
    )
    assert rows == [{"n": 1}]
    for sheet, row in (("Data", {"x": 7}), (1, {"n": 1}), ("Notes", {"n": 1})):
        assert found(tmp_path, f"{{file: a.xlsx, sheet: {sheet}}}") == ([], [row])


def test_a_hidden_or_empty_sheet_is_not_the_one_that_is_meant(tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx", {"Lists": [["code"], ["x"]], **TWO}, hide="Lists")
    assert found(tmp_path)[1] == [{"n": 1}]
    workbook(tmp_path / "a.xlsx", {"Blatt1": [], "Data": [["x"], [7]]})
    assert found(tmp_path) == ([], [{"x": 7}])
    workbook(tmp_path / "a.xlsx", {"Lists": [["code"], ["x"]], "Blatt1": []}, hide="Lists")
    (told,), _ = found(tmp_path)
    assert told.startswith("E511") and "its sheet 'Blatt1' is empty | name another one: `sheet: Lists`" in told


def test_merged_cells_all_have_the_value_that_a_person_sees(tmp_path: Path) -> None:
    lines = [["Region", "Town", "Q1", "Q2"], ["North", "Ulm", 1, None], [None, "Kiel", 2, 3], ["South", "Graz", 4, 5]]
    workbook(tmp_path / "a.xlsx", {"S": lines}, merge="A2:A3 C2:D2")
    told, rows = found(tmp_path)
    assert not told
    assert [tuple(r.values()) for r in rows] == [
        ("North", "Ulm", 1, 1),
        ("North", "Kiel", 2, 3),
        ("South", "Graz", 4, 5),
    ]


def test_a_merged_title_above_the_header_is_passed_over(tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx", {"S": [["Sales 2026", None], ["town", "n"], ["Ulm", 1]]}, merge="A1:B1")
    assert found(tmp_path, "{file: a.xlsx, header: 2}") == ([], [{"town": "Ulm", "n": 1}])


def test_formulas_that_were_never_worked_out_are_told_of(tmp_path: Path) -> None:
    lines: list[list[Any]] = [["a", "b", "c"], [1, "=A2*2", "x"], [2, "=A3*2", "=B2&B3"], [3, 4, "y"]]
    workbook(tmp_path / "a.xlsx", {"S": lines})
    (told,), rows = found(tmp_path)
    assert told.startswith("W772 'a.xlsx' has 3 formulas without a stored value, read as null: B2, B3, C3 |")
    assert [r["b"] for r in rows] == [None, None, 4]


def test_formulas_that_were_worked_out_are_values(tmp_path: Path) -> None:
    """As a spreadsheet program writes them: a number, a text, an empty text, an error."""
    lines: list[list[Any]] = [["a", "b", "c", "d"], ["=1+1", '="x"', '=""', "=1/0"]]
    workbook(tmp_path / "made.xlsx", {"S": lines})
    values = {"A2": "2", "B2": "x", "C2": "", "D2": "#DIV/0!"}
    kinds = {"A2": "", "B2": ' t="str"', "C2": ' t="str"', "D2": ' t="e"'}
    with zipfile.ZipFile(tmp_path / "made.xlsx") as old, zipfile.ZipFile(tmp_path / "a.xlsx", "w") as new:
        for name in old.namelist():
            text = old.read(name).decode()
            for cell, value in values.items():
                text = re.sub(
                    rf'<c r="{cell}"[^>]*>(<f>.*?</f>)<v ?/?>(</v>)?',
                    rf'<c r="{cell}"{kinds[cell]}>\1<v>{value}</v>',
                    text,
                )
            new.writestr(name, text)
    assert found(tmp_path) == ([], [{"a": 2, "b": "x", "c": None, "d": None}])


def test_many_workbooks_say_it_once(tmp_path: Path) -> None:
    for name in "ab":
        workbook(tmp_path / f"{name}.xlsx", TWO)
    (told,), rows = found(tmp_path, "{file: '*.xlsx'}")
    assert told.startswith("W771 'a.xlsx' is read from the sheet 'Notes' alone; other sheets: 'Data'; 1 more alike |")
    assert rows == [{"n": 1}, {"n": 1}]


@pytest.mark.parametrize(
    "value", [datetime.timedelta(hours=30), datetime.time(9, 30), datetime.datetime(2026, 1, 2, 3, 4)]
)
def test_times_and_durations_are_values_of_the_language(value: Any, tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx", {"S": [["when"], [value]]})
    told, rows = found(tmp_path)
    assert not told and len(rows) == 1
    assert rows[0]["when"] == ("P1DT21600S" if isinstance(value, datetime.timedelta) else value)
