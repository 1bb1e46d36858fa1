"""Every spec below `tests/faults/` has one fault, marked on its own line; those below `multi/` have several.

A mark is `# error: E301`, after which may come `on 'text'`, the very characters pointed at. Where no comment can
stand on the line, a comment at the top says where: `# error: E402 at 12:9 on 'text'`.
`UPDATE_GOLDEN=1` rewrites the `.expected` files of `multi/`.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from depth import rest_slow

from synthspec.compiler import compile_spec
from synthspec.diagnostics import Diagnostic
from synthspec.diagnostics.render import render_text
from synthspec.sources.kinds import Access

FOLDER = Path(__file__).parent / "faults"
SINGLE = sorted(FOLDER.glob("*.yaml"))
FIRST = [at for at, p in enumerate(SINGLE) if not at or SINGLE[at - 1].stem[:4] != p.stem[:4]]  # of each code
MULTI = sorted((FOLDER / "multi").glob("*.yaml"))
TRUSTED = {"E821", "E822", "E823", "E824"}  # specs whose code runs
MARK = re.compile(r"# (?P<severity>error|warning): (?P<code>[EW]\d+)(?: at (?P<line>\d+):(?P<column>\d+))?"
                  r"(?: on '(?P<text>.*)')?\s*$")  # fmt: skip
SCHEMA = json.loads((Path(__file__).parent.parent / "schemas" / "synthspec.schema.json").read_text(encoding="utf-8"))
BEGINS = re.compile(r"[\w`'\"<{\\(*%&]")
OF_LIBRARIES = re.compile(r"NonTerminal|unexpected keyword|unterminated|subpattern|object at 0x|Traceback|\w+Error:")


def descriptions(schema: Any) -> set[str]:
    """What the language's schema says of its keys: no remedy, for none says what is to be written."""
    if isinstance(schema, list):
        return set().union(*map(descriptions, schema))
    if not isinstance(schema, dict):
        return set()
    own = {schema["description"]} if isinstance(schema.get("description"), str) else set()
    return own.union(*map(descriptions, schema.values()))


ABOUT = descriptions(SCHEMA)


@dataclass(frozen=True)
class Mark:
    """What a spec says of its own fault."""

    severity: str
    code: str
    line: int
    column: int | None
    text: str | None


def read_mark(lines: list[str]) -> Mark:
    found = [(number, m) for number, line in enumerate(lines, start=1) if (m := MARK.search(line))]
    assert len(found) == 1, "one mark, on the bad line or at the top"
    number, m = found[0]
    line, column = int(m["line"] or number), m["column"]
    return Mark(m["severity"], m["code"], line, int(column) if column else None, m["text"])


def check_sound(diagnostic: Diagnostic, lines: list[str]) -> None:
    """What holds of every diagnostic: a place inside the file, one terse line, a remedy."""
    span = diagnostic.span
    assert 1 <= span.line <= span.end_line <= len(lines)
    assert 1 <= span.column <= len(lines[span.line - 1]) + 1
    assert (span.line, span.column) < (span.end_line, span.end_column)
    assert span.end_column <= len(lines[span.end_line - 1]) + 2
    assert diagnostic.message and "\n" not in diagnostic.message and len(diagnostic.message) < 200
    assert not diagnostic.message.endswith(".")
    assert diagnostic.help and "\n" not in diagnostic.help
    assert diagnostic.help not in ABOUT and BEGINS.match(diagnostic.help), "a remedy says what to do"
    own = diagnostic.code in TRUSTED  # what a person's own code raised is said in its words
    assert own or not OF_LIBRARIES.search(diagnostic.message + diagnostic.help)


def test_there_are_enough() -> None:
    assert len(SINGLE) >= 250 and len(MULTI) >= 10


@pytest.mark.parametrize("path", rest_slow(SINGLE, FIRST), ids=lambda p: p.stem)
def test_one_fault(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").split("\n")
    mark = read_mark(lines)
    assert path.name.startswith(f"{mark.code}-")
    diagnostics = compile_spec(path, access=Access(trust=path.name[:4] in TRUSTED)).diagnostics
    assert [(d.code, d.severity, d.span.line) for d in diagnostics] == [(mark.code, mark.severity, mark.line)], (
        "\n" + render_text(diagnostics)
    )
    (diagnostic,) = diagnostics
    check_sound(diagnostic, lines)
    span = diagnostic.span
    if mark.column is not None:
        assert span.column == mark.column, "\n" + render_text(diagnostics)
    if mark.text is not None:
        assert span.line == span.end_line
        assert lines[span.line - 1][span.column - 1 : span.end_column - 1] == mark.text


@pytest.mark.parametrize("path", MULTI, ids=lambda p: p.stem)
def test_several_faults_in_one_pass(path: Path) -> None:
    diagnostics = compile_spec(path).diagnostics
    lines = path.read_text(encoding="utf-8").split("\n")
    assert 3 <= len(diagnostics) <= 8
    for diagnostic in diagnostics:
        if diagnostic.span.file.endswith(path.name):
            check_sound(diagnostic, lines)
    shown = render_text(diagnostics).replace(str(path.parent) + os.sep, "")
    shown = re.sub(r"(-->|:::) \S*/", r"\1 ", shown)
    expected = path.with_suffix(".expected")
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(shown, encoding="utf-8")
    assert shown == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "line", ["api_key: sk-abcdef", "token: 'abc def'", 'key: "x abcdef"', "base: sk-abcdefabcdefabc"]
)
def test_no_secret_is_shown(line: str, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    text = "synthspec: 1\nprompts: {a: {user: Hi}}\nfields: {a: {type: string}}\nbackend: {provider: openai, model: gpt-5-mini, "
    path.write_text(f"{text}{line}, more: 1}}\n", encoding="utf-8")
    shown = render_text(compile_spec(path).diagnostics)
    assert shown.count("E603") == 2 and "•" in shown and "more: 1" in shown
    assert "abc" not in shown.replace(str(path), "")
