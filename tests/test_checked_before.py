"""What was tried of a plan is kept between two letters, and never where it could be another plan."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

from synthspec import compiler
from synthspec.compiler import compile_text
from synthspec.language_service import analyse, lasting_access
from synthspec.planning.constraints.checked_before import CheckedPlans

SPEC = """\
synthspec: 1
name: calls
rows: 24
sources:
  towns:
    file: towns.csv
    columns: {place: town}
parameters:
  mood: [calm, cross, hurried]
  grade: [1, 2, 3]
  age: [20, 30, 40, 50]
  home: {from: towns, where: row.size > 2}
plan:
  exclude:
    - mood == 'calm' and age > 30
    - mood == 'cross' and grade == 2
  correlate: [{between: [age, grade], rank: 0.3}]
prompts:
  call: {user: "A {{ mood }} caller of {{ age }} in {{ home.town }}, grade {{ grade }}.", writes: [call]}
fields:
  call: {type: string, words: {min: 3}}
  doubled: {value: "words(call) * 2"}
"""
TOWNS = "place,size\nUrk,2\nEde,3\nOss,4\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "towns.csv").write_text(TOWNS, encoding="utf-8")
    return tmp_path


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the specs whose plans are tried, one by one; nothing is kept of earlier tests."""
    seen: list[str] = []
    real = compiler._try_plan

    def counted(spec: Any, tables: Any) -> Any:
        seen.append(spec.name)
        return real(spec, tables)

    monkeypatch.setattr(compiler, "_try_plan", counted)
    monkeypatch.setattr(compiler, "_CHECKED", CheckedPlans())
    return seen


def test_a_letter_in_a_prompt_tries_no_plan_again(folder: Path, tried: list[str]) -> None:
    access = lasting_access()
    for text in (SPEC, SPEC.replace("A {{", "An {{"), SPEC.replace("min: 3", "min: 4"), SPEC + "# the end\n"):
        assert analyse(folder / "a.yaml", text, access=access).diagnostics == ()
    assert len(tried) == 1


EDITS = [
    ("[1, 2, 3]", "[1, 2, 3.0]"),
    ("[1, 2, 3]", "[true, 2, 3]"),
    ("rows: 24", "rows: 25"),
    ("rank: 0.3", "rank: 0.4"),
    ("age > 30", "age > 31"),
    ("row.size > 2", "row.size > 1"),
    ("{place: town}", "{place: city}"),
    ("name: calls", "name: calls\nseed: 3"),
    ("A {{ mood }} caller", "A caller"),  # nothing but the plan reads it then
    ("synthspec: 1", "# a line above, so that places are others\nsynthspec: 1"),
]


@pytest.mark.parametrize("edit", EDITS, ids=lambda e: e[1][:24])
def test_what_a_plan_hangs_on_tries_it_again(folder: Path, tried: list[str], edit: tuple[str, str]) -> None:
    access = lasting_access()
    analyse(folder / "a.yaml", SPEC, access=access)
    text = SPEC.replace(*edit).replace("home.town", "home.city" if "city" in edit[1] else "home.town")
    assert text != SPEC
    analyse(folder / "a.yaml", text, access=access)
    assert len(tried) == 2


def test_rows_of_a_source_that_changed_are_tried_again(folder: Path, tried: list[str]) -> None:
    access = lasting_access()
    assert analyse(folder / "a.yaml", SPEC, access=access).diagnostics == ()
    (folder / "towns.csv").write_text(TOWNS.replace("3", "1").replace("4", "1"), encoding="utf-8")
    os.utime(folder / "towns.csv", (1, 1))
    codes = [d.code for d in analyse(folder / "a.yaml", SPEC, access=access).diagnostics]
    assert codes == ["E516"] and len(tried) == 2


def test_random_edits_are_told_as_if_nothing_were_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "_CHECKED", CheckedPlans(4))
    monkeypatch.chdir(folder)
    rng = random.Random("kept plans")
    access, text = lasting_access(), SPEC
    pieces = [*EDITS, ("rank: 0.3", "rank: 0.99"), ("age > 30", "age > 10"), ("grade == 2", "grade > 0"),
              ("row.size > 2", "row.size > grade + 2"), ("cross'", "calm'"), ("min: 3", "min: 9")]  # fmt: skip
    told = set()
    for _ in range(15):
        old, new = rng.choice(pieces)
        text = text.replace(old, new) if old in text and rng.random() < 0.7 else text.replace(new, old)
        found = analyse(folder / "a.yaml", text, access=access).diagnostics
        fresh = compile_text(text).diagnostics
        assert [(d.code, d.message, d.span.line, d.span.column) for d in found] == [
            (d.code, d.message, d.span.line, d.span.column) for d in fresh
        ]
        told |= {d.code for d in found}
    assert len(told) > 1
