"""`synthspec diff`: it says which keys changed, from what to what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from synthspec.cli import cli
from synthspec.generation.diffs.changes import LINE, KeyChange, spec_changes

SPEC = """\
synthspec: 1
name: small
rows: 4
parameters:
  tone: [calm, angry]
  length: {values: [short, long]}
prompts:
  ask: {user: "A %s question about {{ tone }} {{ length }}.", writes: [question]}
fields:
  question: {type: string, words: {min: 1, max: 9}}
checks:
  - {that: len(question) > 3, message: too short}
backend: {provider: openai, model: gpt-5-mini}
"""


def diff(folder: Path, new: str, *options: str) -> str:
    (folder / "old.yaml").write_text(SPEC, encoding="utf-8")
    (folder / "new.yaml").write_text(new, encoding="utf-8")
    files = [str(folder / "old.yaml"), str(folder / "new.yaml")]
    ran = CliRunner().invoke(cli, ["diff", *files, *options], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return ran.output


EDITS = {
    "prompt": ("A %s question", "An %s answer", 'prompts.ask.user: "A %s question about', '→ "An %s answer about'),
    "field": ("max: 9", "max: 12", "fields.question.words.max: 9", "→ 12"),
    "field key": ("{min: 1, max: 9}", "{max: 9}", "fields.question.words.min: 1", "→ removed"),
    "check": ("> 3", "> 4", 'checks.0.that: "len(question) > 3"', '→ "len(question) > 4"'),
    "check more": (
        "backend:",
        "  - {that: len(question) < 99, message: too long}\nbackend:",
        "checks.1: added",
        '{"that": "len(question) < 99", "message": "too long"}',
    ),
    "parameter": ("[calm, angry]", "[calm, tired]", 'parameters.tone.1: "angry"', '→ "tired"'),
    "backend": ("gpt-5-mini", "gpt-5", 'backend.model: "gpt-5-mini"', '→ "gpt-5"'),
    "new section": ("checks:", "limits: {attempts: 3}\nchecks:", "limits: added", '{"attempts": 3}'),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_changed_is_named_from_what_to_what(tmp_path: Path, name: str) -> None:
    written, edited, before, after = EDITS[name]
    assert SPEC.count(written) == 1
    text = diff(tmp_path, SPEC.replace(written, edited))
    found = next(line for line in text.splitlines() if before in line)
    assert after in found
    assert sum(line.startswith("  ") and before.split(":")[0] in line for line in text.splitlines()) == 1


def test_two_specs_alike_name_nothing(tmp_path: Path) -> None:
    assert "the spec's keys: the same" in diff(tmp_path, SPEC.replace("name: small", "name: small  # a remark"))
    assert json.loads(diff(tmp_path, SPEC, "--format", "json"))["changes"] == []


def test_json_names_each_key(tmp_path: Path) -> None:
    new = SPEC.replace("max: 9", "max: 12").replace("rows: 4", "rows: 5")
    found = json.loads(diff(tmp_path, new, "--format", "json"))
    assert found["changes"] == [
        {"path": "rows", "before": "4", "after": "5"},
        {"path": "fields.question.words.max", "before": "9", "after": "12"},
    ]


def test_many_changes_are_cut_in_text_and_whole_in_json(tmp_path: Path) -> None:
    new = SPEC.replace("[calm, angry]", json.dumps([f"tone {n}" for n in range(60)]))
    text, found = diff(tmp_path, new), json.loads(diff(tmp_path, new, "--format", "json"))
    assert len(found["changes"]) == 60 and "… and 20 more keys (--format json names all)" in text


def test_a_long_text_shows_the_place_that_differs() -> None:
    text = "Write a question about rain.\n" * 30
    edited = text[:600] + "SNOW" + text[600:]
    (change,) = spec_changes({"user": text}, {"user": edited})
    assert change.after is not None and "SNOW" in change.after and change.after.startswith("…")
    assert "\n" not in change.after and len(change.after) <= LINE + 1


def test_an_item_that_is_put_in_changes_no_other() -> None:
    assert spec_changes({"checks": ["b", "c"]}, {"checks": ["a", "b", "c"]}) == (KeyChange("checks.0", None, '"a"'),)
    assert spec_changes({"checks": ["a", "b", "c"]}, {"checks": ["a", "c"]}) == (KeyChange("checks.1", '"b"', None),)


def test_a_value_of_another_type_is_a_change() -> None:
    assert spec_changes({"a": 1}, {"a": True}) == (KeyChange("a", "1", "true"),)
    assert spec_changes({"a": 1}, {"a": "1"}) == (KeyChange("a", "1", '"1"'),)
    assert spec_changes({"a": None}, {}) == (KeyChange("a", "null", None),)


values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["a", "b" * 200, "é\n", '"\\']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(values, values)
def test_there_is_a_change_where_and_only_where_something_differs(old: Any, new: Any) -> None:
    found = spec_changes({"k": old}, {"k": new})
    assert bool(found) == (json.dumps(old, sort_keys=True) != json.dumps(new, sort_keys=True))
    for change in found:
        assert change.before != change.after or "…" in (change.before or "")
        assert all("\n" not in side and len(side) <= LINE + 1 for side in (change.before, change.after) if side)
