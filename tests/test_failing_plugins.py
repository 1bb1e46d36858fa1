"""Plug-ins whose code raises: one sentence that names the plug-in and the line, an exit status, and nothing lost."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest
from depth import one_in, rest_slow
from test_extending import run, write

from synthspec.plugins import HOMES

OUCH = "raise RuntimeError('ouch')"
BARS = '''"""A format: values between bars, one row a line."""

from synthspec.formats import Parsed
from synthspec.spec.messages import Constraint

SUMMARY = "values between bars"
OPTIONS = {}


def faults(shape):
    """None: it carries everything."""
    return iter(())


def instructions(shape):
    """For the model."""
    return "Write the values between bars."


def constraint(shape):
    """Nothing can hold it."""
    return Constraint()


def write(rows, shape):
    """As a model would."""
    return "\\n".join("|".join(str(row[n]) for n in shape.names) for row in rows)


def parse(text, shape):
    """The rows."""
    return Parsed(tuple({shape.names[0]: line} for line in text.split("\\n")))
'''


@dataclass(frozen=True)
class Failing:
    kind: str
    name: str
    module: str
    before: str  # the plug-in fails where this stands
    status: dict[str, int]  # what each command ends with
    where: str = ""  # what else is to be said, by build


FAILS_AT_DRAWING = {"check": 0, "plan": 3, "build": 3}
FAILS_IN_A_BUILD = {"check": 0, "plan": 0, "build": 3}
CASES = [
    Failing("strategies", "latin", "latin", "self._seed, self._keys =", FAILS_AT_DRAWING),
    Failing("strategies", "latin", "latin", "found = {key", FAILS_AT_DRAWING),
    Failing("distributions", "gumbel", "gumbel", "from synthspec.languages.expressions.random.quantiles.elementary import log",
            FAILS_AT_DRAWING),
    Failing("distributions", "gumbel", "gumbel", "return mode - 4", {"check": 1, "plan": 1, "build": 1}, "E880"),
    Failing("functions", "initials", "functions", "", FAILS_AT_DRAWING),
    Failing("formats", "bars", "bars", "return iter", {"check": 1, "plan": 1, "build": 1}, "E880"),
    Failing("formats", "bars", "bars", 'return "Write', {"check": 0, "plan": 3, "build": 3}),
    Failing("formats", "bars", "bars", "return Constraint", FAILS_IN_A_BUILD),
    Failing("formats", "bars", "bars", "return Parsed", FAILS_IN_A_BUILD),
    Failing("writers", "xml", "xml", "self._names =", FAILS_IN_A_BUILD),
    Failing("writers", "xml", "xml", "for row in rows:", FAILS_IN_A_BUILD),
    Failing("writers", "xml", "xml", "if not self._file.closed:", FAILS_IN_A_BUILD),
    Failing("backends", "canned", "canned", "return Canned(", FAILS_IN_A_BUILD),
    Failing("backends", "canned", "canned", 'return f"canned-1', FAILS_IN_A_BUILD),
    Failing("backends", "canned", "canned", "return Reply(", FAILS_IN_A_BUILD),
    Failing("engines", "gentle", "gentle", "return Gentle(", FAILS_IN_A_BUILD),
    Failing("metrics", "question_share", "questions", "rows = context", {"check": 0, "plan": 0, "build": 4, "report": 0}),
    Failing("sources", "toml", "toml_source", "try:", {"check": 1, "plan": 1, "build": 1}, "E511"),
    Failing("source_kinds", "calendar", "calendar", "first, last =", {"check": 1, "plan": 1, "build": 1}, "E880"),
    Failing("document_kinds", "eml", "eml", "import email", {"check": 1, "plan": 1, "build": 1}, "E383"),
    Failing("commands", "columns", "columns", "try:", {"columns": 3}),
]  # fmt: skip
ARGUMENTS = {
    "build": ["build", "floods.yaml"],
    "report": ["report", "build/floods"],
    "columns": ["columns", "places.toml"],
}


def package_with(folder: Path, case: Failing, failing: bool) -> None:
    """The package of the page and a format, with the plug-in as it is, or failing."""
    write(folder)
    (folder / "my_package" / "bars.py").write_text(BARS, encoding="utf-8")
    points = folder / "my_package-1.0.dist-info" / "entry_points.txt"
    points.write_text(
        f"{points.read_text(encoding='utf-8')}\n[synthspec.formats]\nbars = my_package.bars\n", encoding="utf-8"
    )
    spec = folder / "floods.yaml"
    if case.kind == "formats":
        spec.write_text(
            spec.read_text(encoding="utf-8").replace("  note: {user", "  note: {format: bars, user"), encoding="utf-8"
        )
    path = folder / "my_package" / f"{case.module}.py"
    text = path.read_text(encoding="utf-8")
    if failing and case.kind == "functions":
        text = text.replace('"".join(w[0] for w in text.split())', "fail()") + f"\n\ndef fail():\n    {OUCH}\n"
    elif failing:
        assert text.count(case.before) >= 1
        text = re.sub(rf"^( +)(?={re.escape(case.before)})", rf"\1{OUCH}\n\1", text, count=1, flags=re.MULTILINE)
    assert (OUCH in text) == failing
    path.write_text(text, encoding="utf-8")


def paid(folder: Path) -> int:
    """The completions that are stored."""
    path = folder / "build" / "floods" / "run.sqlite"
    if not path.exists():
        return 0
    with sqlite3.connect(path) as database:
        return int(database.execute("SELECT count(*) FROM completions").fetchone()[0])


@pytest.mark.parametrize(
    "case",
    rest_slow(CASES, (0, 3, 10, 14, 20)),
    ids=lambda c: f"{c.name}-{re.sub(r'[^a-z]+', '-', c.before.lower())[:24]}",
)
def test_what_a_failing_plugin_says(case: Failing, tmp_path: Path) -> None:
    package_with(tmp_path, case, failing=True)
    for command, status in case.status.items():
        done = run(tmp_path, "synthspec", *ARGUMENTS.get(command, [command, "floods.yaml"]))
        said = done.stdout + done.stderr
        assert done.returncode == status, said
        assert "Traceback" not in said
        assert "internal error" not in said
        if status or command == "report":
            assert said.count("RuntimeError: ouch") == 1, said
            assert f"the plug-in '{case.name}'" in said
            assert f"{case.module}.py, line " in said or case.kind in ("sources", "document_kinds"), said
            assert case.where in said
    made = paid(tmp_path)
    package_with(tmp_path, case, failing=False)
    if case.kind == "commands":
        return
    done = run(tmp_path, "synthspec", "build", "floods.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"calls: {6 - made} made, {made} cached" in done.stderr, "a call that was paid for was made again"
    assert paid(tmp_path) == 6


def test_every_kind_is_tried() -> None:
    assert {c.kind for c in CASES} == set(HOMES)


LAZY = """
from synthspec.sources import Table


class Days(Table):
    names = ("day", "weekday")

    def __len__(self):
        return 30

    def rows(self, numbers, names=None):
        days = [{"day": date(2026, 1, n + 1), "weekday": 1} for n in numbers]
        WRONG
        return days if names is None else [{n: d[n] for n in names} for d in days]
"""
LATE = [
    ("if len(days) < 30: raise RuntimeError('ouch')", "raised RuntimeError: ouch (calendar.py, line "),
    ("days = days[:1]", "gave 1 values where "),
    ("days = [{'weekday': 1} for _ in days]", "raised KeyError: 'day' (calendar.py, line "),
    ("days = 5", "raised TypeError: 'int' object is not iterable"),
]


@pytest.mark.parametrize(("wrong", "said"), one_in(4, LATE))
def test_a_table_that_fails_while_rows_are_drawn(wrong: str, said: str, tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "my_package" / "calendar.py"
    text = path.read_text(encoding="utf-8").replace("import datetime\n", "import datetime\nfrom datetime import date\n")
    opened = "return Opened(table_of({"
    assert opened in text
    text = text.replace(opened, "return Opened(Days())\n    return Opened(table_of({")
    path.write_text(text + LAZY.replace("WRONG", wrong), encoding="utf-8")
    for command in ("plan", "build"):
        done = run(tmp_path, "synthspec", command, "floods.yaml")
        told = done.stdout + done.stderr
        assert done.returncode in (1, 3) and "Traceback" not in told and "internal error" not in told, told
        assert f"the plug-in 'calendar' of the package 'my-package' {said}" in told


def test_a_document_that_a_plugin_cannot_read_does_not_cost_the_others(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "letters" / "none.eml").write_text("nothing\n", encoding="utf-8")
    done = run(tmp_path, "synthspec", "check", "floods.yaml")
    assert done.returncode == 0 and "W780" in done.stdout and "'letters/none.eml' (no e-mail" in done.stdout, (
        done.stdout
    )


def test_a_rejected_row_or_a_lack_of_money_is_no_failure(tmp_path: Path) -> None:
    """What a kind may raise is still what it means: a null of a function, a rejected call of a backend."""
    write(tmp_path)
    path = tmp_path / "my_package" / "functions.py"
    path.write_text(path.read_text(encoding="utf-8").replace('"".join', 'None.x or "".join'), encoding="utf-8")
    done = run(tmp_path, "synthspec", "build", "floods.yaml", "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("before", ["return Canned(", 'return ("canned",)'])
def test_a_failing_backend_is_listed(before: str, tmp_path: Path) -> None:
    package_with(tmp_path, Failing("backends", "canned", "canned", before, {}), failing=True)
    path = tmp_path / "my_package" / "canned.py"
    path.write_text(path.read_text(encoding="utf-8").replace("in_process=True", "in_process=False"), encoding="utf-8")
    done = run(tmp_path, "synthspec", "backends", "canned")
    assert done.returncode == 0, done.stderr
    assert "the plug-in 'canned' of the package 'my-package' raised RuntimeError: ouch" in done.stdout
