"""The catalogue of diagnostics: complete, true and printed. `UPDATE_GOLDEN=1` rewrites docs/diagnostics.md."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from depth import rest_slow

from synthspec.cli import cli
from synthspec.compiler import compile_spec
from synthspec.diagnostics.catalogue import codes, describe, explanation, titles
from synthspec.diagnostics.render import render_text

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEEDS_FILES = "<!-- needs files -->"
TESTABLE = [c for c in codes() if NEEDS_FILES not in explanation(c)]
QUERIES = {c for c in TESTABLE if re.search(r"query:|agents:", explanation(c))}  # each starts a process


def reported_codes() -> set[str]:
    """Every code in a string of the package's own modules."""
    found: set[str] = set()
    for path in (ROOT / "synthspec").rglob("*.py"):
        found.update(re.findall(r"\"([EW]\d{3})\"", path.read_text(encoding="utf-8")))
    return found


def test_every_code_has_an_entry_and_every_entry_a_code() -> None:
    assert set(codes()) == reported_codes()


def test_every_code_has_a_fault_spec_or_needs_files() -> None:
    shown = {p.name[:4] for p in (ROOT / "tests" / "faults").glob("*.yaml")}
    elsewhere = "E101 E102 E103 E315 E350 E352 E608 E825 E826 E827 E828 E834 E835 E836 E880 W790 W791 W792"
    assert set(codes()) - shown <= set(elsewhere.split()), "tested elsewhere"


@pytest.mark.parametrize("code", codes())
def test_form_of_an_entry(code: str) -> None:
    text = explanation(code)
    head, example, fixed = re.split(r"\n## (?:Example|Fixed)\n", text)
    title, _, cause = head.partition("\n")
    assert re.fullmatch(rf"# {code}: [a-z'A-Z].{{3,60}}", title) and not title.endswith(".")
    sentences = re.findall(r"[.?!](?=\s|$)", cause)
    assert 2 <= len(sentences) <= 6, cause
    assert len(BLOCK.findall(example)) == len(BLOCK.findall(fixed)) == 1
    assert max(map(len, text.split("\n"))) <= 120


@pytest.mark.parametrize(
    "code", rest_slow(TESTABLE, [at for at, c in enumerate(TESTABLE) if at % 2 == 0 and c not in QUERIES])
)
def test_example_has_the_fault_and_the_fixed_one_none(code: str, tmp_path: Path) -> None:
    (_, example), (_, fixed) = BLOCK.findall(explanation(code))
    for name, text, expected in (("example", example, [code]), ("fixed", fixed, [])):
        path = tmp_path / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        diagnostics = compile_spec(path).diagnostics
        assert [d.code for d in diagnostics] == expected, "\n" + render_text(diagnostics)


def test_few_examples_are_left_out() -> None:
    assert len(codes()) - len(TESTABLE) <= 44


@pytest.mark.parametrize("code", codes())
def test_explain_prints_each(code: str) -> None:
    result = CliRunner().invoke(cli, ["explain", code.lower()], catch_exceptions=False)
    assert result.exit_code == 0
    assert result.output.strip() == explanation(code).strip()


def test_explain_lists_all() -> None:
    result = CliRunner().invoke(cli, ["explain"], catch_exceptions=False)
    assert [line.split("  ", 1) for line in result.output.splitlines()] == [[c, t] for c, t in titles().items()]


def test_unknown_code() -> None:
    result = CliRunner().invoke(cli, ["explain", "E31"], catch_exceptions=False)
    assert result.exit_code == 2
    assert "there is no code 'E31'" in result.output
    assert "did you mean 'E" in result.output


def test_the_page_is_in_step() -> None:
    page = ROOT / "docs" / "diagnostics.md"
    if os.environ.get("UPDATE_GOLDEN"):
        page.write_text(describe(), encoding="utf-8")
    assert page.read_text(encoding="utf-8") == describe()
