"""Warnings about what a spec leaves to chance: values without a combination, texts without a rule; and many at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthspec import diagnostics
from synthspec.compiler import compile_spec
from synthspec.diagnostics import Diagnostic, Span, nearest
from synthspec.diagnostics import render as rendering
from synthspec.planning.plan import Plan

VALUES = "abcdefghijkl"


def compiled(folder: Path, rows: int, each: int, count: int, strategy: str = "balanced") -> tuple[list[str], Plan]:
    path = folder / "spec.yaml"
    path.write_text(
        f"synthspec: 1\nrows: {rows}\nplan: {{strategy: {strategy}}}\nparameters: {{kind: [{', '.join(VALUES[:count])}]}}\n"
        f"prompts: {{note: {{rows: {each}, user: 'A note of kind {{{{ kind }}}}'}}}}\nfields: {{note: {{type: string}}}}\n",
        encoding="utf-8",
    )
    found = compile_spec(path)
    return [d.code for d in found.diagnostics], Plan(found.spec, found.tables)


@pytest.mark.parametrize(("rows", "each", "count"), [
    (20, 5, 7), (20, 3, 7), (20, 4, 5), (19, 4, 5), (16, 4, 5), (17, 4, 5), (12, 1, 12), (3, 1, 12), (40, 8, 12),
])  # fmt: skip
def test_what_is_said_is_what_the_plan_holds(rows: int, each: int, count: int, tmp_path: Path) -> None:
    codes, plan = compiled(tmp_path, rows, each, count)
    held = {c["kind"] for c in plan.combinations(0, len(plan))}
    assert codes == (["W740"] if each > 1 and len(held) < count else [])


@pytest.mark.parametrize(("rows", "each", "count"), [(20, 5, 7), (9, 4, 5), (100, 50, 12), (11, 10, 3), (2, 2, 12)])
def test_either_remedy_is_enough(rows: int, each: int, count: int, tmp_path: Path) -> None:
    import re

    compiled(tmp_path, rows, each, count)
    path = tmp_path / "spec.yaml"
    (found,) = compile_spec(path).diagnostics
    asked = [int(n) for n in re.findall(r"rows: (\d+)", found.help)]
    assert compiled(tmp_path, asked[0], each, count)[0] == []
    for fewer in asked[1:]:
        assert compiled(tmp_path, rows, fewer, count)[0] == []


RULES = {
    "field: words": ("{type: string, words: {min: 3}}", ""),
    "field: pattern": ("{type: string, pattern: '^[A-Z]'}", ""),
    "field: rejects": ("{type: string, rejects: ['sorry']}", ""),
    "a check": ("{type: string}", "checks: ['words(note) > 2']"),
    "between rows": ("{type: string}", "novelty: {unique: [note]}"),
    "near duplicates": ("{type: string}", "novelty: {near_duplicates: {fields: [note]}}"),
    "no text": ("{type: integer}", ""),
    "an enum": ("{enum: [good, bad]}", ""),
}


def ruled(folder: Path, field: str, extra: str, backend: str) -> list[str]:
    path = folder / "spec.yaml"
    text = f"synthspec: 1\nbackend: {backend}\nprompts: {{note: {{user: Write a note}}}}\nfields: {{note: {field}}}\n{extra}\n"
    path.write_text(text, encoding="utf-8")
    return [d.code for d in compile_spec(path).diagnostics]


@pytest.mark.parametrize("name", RULES)
def test_one_rule_is_enough(name: str, tmp_path: Path) -> None:
    assert ruled(tmp_path, *RULES[name], "openai:gpt-5-mini") == []


def test_only_what_costs_money_is_warned_of(tmp_path: Path) -> None:
    assert ruled(tmp_path, "{type: string}", "", "openai:gpt-5-mini") == ["W741"]
    assert ruled(tmp_path, "{type: string}", "", "ngram") == []


def test_many_diagnostics_on_one_line_cost_no_more_than_on_many(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    read: list[int] = []

    class Counting:
        def sub(self, put: object, line: str) -> str:
            read.append(len(line))
            return line

    path = tmp_path / "spec.yaml"
    path.write_text("x" * 50_000, encoding="utf-8")
    many = [Diagnostic("E301", "unknown name", Span(str(path), 1, at, 1, at + 5), "none") for at in range(1, 5_001)]
    monkeypatch.setattr(rendering, "_SECRET", Counting())
    assert rendering.render_text(many).count("E301") == 5_000
    assert sum(read) == 50_000


def test_names_are_indexed_once_however_often_a_scope_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    grow = diagnostics._Index.grow
    monkeypatch.setattr(
        diagnostics._Index, "grow", lambda self, known: taken.append(len(known) - len(self.known)) or grow(self, known)
    )
    names = tuple(f"parameter_{i}" for i in range(2_000))
    for end in range(300, 2_001):
        assert nearest("Parameter-7", names[:end]) == "parameter_7"
    assert sum(taken) <= 2_000


def test_a_shorter_scope_knows_no_name_of_a_longer_one() -> None:
    names = tuple(f"name_{i}" for i in range(600))
    assert nearest("NAME_599", names) == "name_599"
    assert nearest("NAME_599", names[:500]) != "name_599"
    assert nearest("NAME_599", (*names[:500], "Name-599")) == "Name-599"
    assert nearest("wards", ["words", "text"]) == "words"
