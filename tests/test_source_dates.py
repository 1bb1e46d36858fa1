"""`dates`: days as a file writes them."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from synthspec.compiler import compile_spec


def read(folder: Path, text: str, form: str, name: str = "a.csv") -> tuple[list[str], list[Any]]:
    """What check says, and the column `day`."""
    if name.endswith(".csv"):
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "s.yaml").write_text(
        f"synthspec: 1\nsources: {{a: {{file: {name}, dates: '{form}'}}}}\n", encoding="utf-8"
    )
    compiled = compile_spec(folder / "s.yaml")
    table = compiled.tables.get("a")
    return [f"{d.code} {d.message}" for d in compiled.diagnostics], [] if table is None else list(table.columns["day"])


DAY = datetime.date(2025, 2, 1)


@pytest.mark.parametrize(
    ("form", "texts", "values"),
    [
        ("DD.MM.YYYY", ["01.02.2025", "1.2.2025", ""], [DAY, DAY, None]),
        ("DD/MM/YY", ["01/02/25"], [DAY]),
        ("MM-DD-YYYY", ["02-01-2025"], [DAY]),
        ("YYYY/MM/DD", ["2025/02/01"], [DAY]),
        ("YYYYMMDD", ["20250201"], [DAY]),  # and no number
        ("DD.MM.YYYY hh:mm", ["01.02.2025 9:30"], [datetime.datetime(2025, 2, 1, 9, 30)]),
        ("DD.MM.YYYY", ["2025-02-01"], [DAY]),  # ISO dates are dates whatever is said
    ],
)
def test_days_are_read_as_they_are_written(form: str, texts: list[str], values: list[Any], tmp_path: Path) -> None:
    said, found = read(tmp_path, "\n".join(["town;day", *(f"Ulm;{t}" for t in texts)]), form)
    assert (said, found) == ([], values)


@pytest.mark.parametrize(
    ("form", "texts", "says"),
    [
        ("DD.MM.YYYY", ["1.2.2025", "3.4.2025", "31.2.2025"], "has days in the column 'day', but '31.2.2025' is none"),
        ("DD.MM.YYYY", ["1/2/2025"], "has no column whose values are all written DD.MM.YYYY"),
    ],
)
def test_what_is_no_day_is_told(form: str, texts: list[str], says: str, tmp_path: Path) -> None:
    (said,), found = read(tmp_path, "\n".join(["town;day", *(f"Ulm;{t}" for t in texts)]), form)
    assert said.startswith("W773 'a.csv' ") and says in said
    assert found == texts


@pytest.mark.parametrize(("form", "why"), [("DD.MM", "needs DD, MM and YYYY"), ("DD.MM.YYYY DD", "one part twice")])
def test_a_form_that_says_no_day(form: str, why: str, tmp_path: Path) -> None:
    (said,), _ = read(tmp_path, "day\n1", form)
    assert said.startswith("E130") and why in said


def test_texts_of_a_workbook(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for line in (["town", "day"], ["Ulm", "01.02.2025"], ["Kiel", None]):
        book.active.append(line)
    book.save(tmp_path / "a.xlsx")
    assert read(tmp_path, "", "DD.MM.YYYY", "a.xlsx") == ([], [DAY, None])


def test_it_is_of_a_text_file(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"day": "1.2.2025"}]', encoding="utf-8")
    (said,), _ = read(tmp_path, "", "DD.MM.YYYY", "a.json")
    assert said.startswith("E130 `dates` is for csv, tsv or xlsx files")
