"""Texts saved as they were, merged, kept as drafts and added to: nothing is lost and nothing else moves."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

import synthspec
from synthspec.compiler import compile_text
from synthspec.document.reader import read_document, to_data
from synthspec.document.source import text_source
from synthspec.studio.context import RequestRefused, Studio
from synthspec.studio.editing.drafts import Drafts
from synthspec.studio.editing.insertions import NoRoom, insert_part
from synthspec.studio.editing.merging import merge_texts, stretches
from synthspec.studio.editing.parts import part_of
from synthspec.studio.editing.plan_panel import PlanPanel
from synthspec.studio.editing.saved_text import ChangedOnDisk, UneditableFile, read_saved, save_text, saved_bytes

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))


# --- files


@pytest.mark.parametrize("number", range(40))
def test_line_ends_and_the_mark_stay(number: int, tmp_path: Path) -> None:
    """Lines of any ends, edited at random: those that stay keep their bytes, new ones have the usual end."""
    rng = random.Random(number)
    kinds = [["\n"], ["\r\n"], ["\r"], ["\n", "\r\n"], ["\r\n", "\r\n", "\r\n", "\n"]][number % 5]
    mark = b"\xef\xbb\xbf" if rng.random() < 0.4 else b""
    lines = [rng.choice(["a: ä", "b: 1", "", "  c: 💡"]) + rng.choice(kinds) for _ in range(rng.randint(0, 12))]
    lines += [rng.choice(["last", ""])]
    path = tmp_path / "a.yaml"
    path.write_bytes(raw := mark + "".join(lines).encode())
    read = read_saved(path)
    assert read is not None and "\r" not in read.text and "\ufeff" not in read.text
    assert read.bom == bool(mark) and saved_bytes(raw, read.text) == raw
    edited = read.text.split("\n")
    edited.insert(rng.randint(0, len(edited)), "new: line")
    saved = save_text(path, "\n".join(edited), read.digest)
    after = path.read_bytes()
    assert after.startswith(mark) and saved.text == "\n".join(edited)
    if len(set(kinds)) == 1 and len(lines) > 1:
        assert after.count(kinds[0].encode()) == len(lines)
    kept = [line for line in lines[:-1] if line.strip()]
    assert all(line.encode() in after for line in kept)


def test_a_file_that_changed_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n")
    read = read_saved(path)
    assert read is not None
    path.write_text("a: 2\n")
    with pytest.raises(ChangedOnDisk) as told:
        save_text(path, "a: 3\n", read.digest)
    assert told.value.now is not None and told.value.now.text == "a: 2\n" and path.read_text() == "a: 2\n"
    assert save_text(path, "a: 2\n", read.digest).text == "a: 2\n"  # both wrote the same
    path.unlink()
    with pytest.raises(ChangedOnDisk) as told:
        save_text(path, "a: 3\n", read.digest)
    assert told.value.now is None and not path.exists()
    assert save_text(path, "a: 3\n", None).text == path.read_text()
    with pytest.raises(ChangedOnDisk):
        save_text(path, "a: 4\n", None)
    assert [p.name for p in tmp_path.iterdir()] == ["a.yaml"]


def test_a_file_keeps_its_mode_and_one_that_may_only_be_read_its_text(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n")
    path.chmod(0o640)
    read = read_saved(path)
    assert read is not None
    saved = save_text(path, "a: 2\n", read.digest)
    assert path.stat().st_mode & 0o777 == 0o640
    path.chmod(0o444)
    found = read_saved(path)
    assert found is not None and found.read_only
    with pytest.raises(UneditableFile, match="may only be read"):
        save_text(path, "a: 3\n", saved.digest)
    assert path.read_text() == "a: 2\n"


@pytest.mark.parametrize("raw", [b"a: \xff\n", b"a\0b", b"\xff\xfea\0", b"x" * 2_000_001])
def test_what_is_no_text_is_said_to_be_none(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(raw)
    with pytest.raises(UneditableFile) as told:
        read_saved(path)
    assert told.value.message and told.value.help


# --- three texts


@pytest.mark.parametrize("number", range(80))
def test_edits_of_different_places_come_together(number: int) -> None:
    rng = random.Random(number)
    base = [f"{n}: {rng.choice('xyz')}" for n in range(rng.randint(6, 24))]
    cut = rng.randint(2, len(base) - 3)
    mine = [*_edited(rng, base[:cut], "m"), *base[cut:]]
    theirs = [*base[: cut + 1], *_edited(rng, base[cut + 1 :], "t")]
    wanted = [*mine[: len(mine) - len(base) + cut], base[cut], *theirs[cut + 1 :]]
    assert merge_texts(*map("\n".join, (base, mine, theirs))) == "\n".join(wanted)
    assert merge_texts(*map("\n".join, (base, theirs, mine))) == "\n".join(wanted)
    parts = stretches(*map("\n".join, (base, mine, theirs)))
    assert [line for p in parts for line in p.common] == base and [line for p in parts for line in p.mine] == mine
    assert [line for p in parts for line in p.theirs] == theirs and all(a.kind != b.kind for a, b in pairwise(parts))


def _edited(rng: random.Random, lines: list[str], mark: str) -> list[str]:
    made = list(lines)
    for _ in range(rng.randint(0, 3)):
        at = rng.randrange(max(1, len(made) - 1))
        if made and rng.random() < 0.5:
            made[at] = f"{mark}{rng.random()}"
        elif made and rng.random() < 0.5:
            del made[at]
        else:
            made.insert(at, f"{mark}{rng.random()}")
    return made


def test_edits_of_the_same_place_do_not() -> None:
    assert merge_texts("a\nb\nc", "a\nB\nc", "a\nbb\nc") is None
    assert merge_texts("a\nb\nc", "a\nc", "a\nb!\nc") is None
    assert merge_texts("a", "b", "b") == "b"


# --- drafts


def test_drafts_are_of_a_tab_and_come_back(studio: Studio) -> None:
    drafts = Drafts(studio)
    drafts.put("calls.yaml", "tab000001", "mine 💡\n", "base\n", "d")
    drafts.put("calls.yaml", "tab000002", "other\n", "base\n", "d")
    drafts.put("calls.yaml", "tab000001", "mine, later\n", "base\n", "d")
    assert {d.tab: d.text for d in Drafts(studio).of("calls.yaml")} == {
        "tab000001": "mine, later\n",
        "tab000002": "other\n",
    }
    assert drafts.of("other.yaml") == []
    folder = studio.folder / ".synthspec"
    one = next(p for p in folder.rglob("tab000002.json"))
    one.write_text("{cut")
    assert [d.tab for d in drafts.of("calls.yaml")] == ["tab000001"] and one.exists()
    drafts.drop("calls.yaml", "tab000001")
    assert drafts.of("calls.yaml") == []
    for tab in ("../../x", "", None, "A" * 10, "a" * 99):
        with pytest.raises(RequestRefused):
            drafts.put("calls.yaml", tab, "", "", "")


# --- parts put in

PARTS: list[tuple[str, dict[str, Any]]] = [
    ("parameter", {"name": "added", "draw": "list", "values": ["calm", "3", "yes: no", "# x", "ä 'b'", "true"]}),
    ("parameter", {"name": "added", "draw": "list", "values": [f"a long value, number {n}" for n in range(9)]}),
    ("parameter", {"name": "added", "draw": "integer", "low": "-2", "high": "12"}),
    ("parameter", {"name": "added", "draw": "uniform", "low": "0.5", "high": "2"}),
    ("parameter", {"name": "added", "draw": "expression", "expression": "'a' + 'b: c'"}),
    ("field", {"name": "added", "type": "text", "low": "3", "high": "20"}),
    ("field", {"name": "added", "type": "number"}),
    ("field", {"name": "added", "type": "choice", "values": ["no", "on", "1"]}),
    ("field", {"name": "added", "type": "value", "expression": "1 + 2"}),
    ("check", {"expression": "1 < 2", "message": "never: so # it is"}),
    ("check", {"expression": "not ('{a}' == \"b\")"}),
    ("prompt", {"name": "added", "user": "Sum up:\n\n  {{ rows }}: # 1\n", "writes": ["added_text"]}),
    ("prompt", {"name": "added", "user": "One 'line': \"{{ rows }}\"", "writes": ["a", "b"]}),
]
LAYOUTS = [
    "synthspec: 1\nname: x\n",
    "synthspec: 1\nname: x",
    "synthspec: 1\nparameters: {a: [1, 2]}  # here\nfields: {}\nchecks: []\nprompts: {p: {user: hi,\n  writes: [t]}}\n",
    "synthspec: 1\n\nparameters:\n    a: [1]   # one\n    # and more\n\n# fields next\nfields:\n    t: {type: string}\n\nchecks:\n- 1 < 2\n# end\n",
    "synthspec: 1\nparameters:\nfields: ~\nchecks: null\nprompts:\nname: z\n",
    "synthspec: 1\nchecks:\n  - that: 1 < 2\n    message: |\n      text\n\n      # no comment\n\nfields:\n  t:\n    type: string\n    rejects:\n      - x\n...\n",
    "# top\n---\nsynthspec: 1\nprompts:\n  p:\n    user: |\n      a\n\n       b\n\n\nfields:\n  t: {type: string}   \n",
    "synthspec: 1\nprompts: &a\n  p: {user: hi}\nfields: {t: {type: string},}\nparameters:\n  - wrong\n",
]


def applied(text: str, kind: str, given: dict[str, Any]) -> str:
    change = insert_part(text, part_of(kind, given))
    return text[: change.start] + change.text + text[change.end :]


@pytest.mark.parametrize("layout", range(len(LAYOUTS)))
def test_a_part_is_put_in_and_nothing_else_moves(layout: int) -> None:
    text, section = (
        LAYOUTS[layout],
        {"parameter": "parameters", "field": "fields", "check": "checks", "prompt": "prompts"},
    )
    for kind, given in PARTS:
        try:
            after = applied(text, kind, given)
        except NoRoom as told:
            assert layout == len(LAYOUTS) - 1 and kind == "parameter" and told.message
            continue
        assert _without_added(text, after), (text, after)
        old, new = data(text), data(after)
        part = new.pop(section[kind])
        assert new == {k: v for k, v in old.items() if k != section[kind]}
        held = part["added"] if kind != "check" else part[-1]
        if kind == "parameter" and given["draw"] == "list":
            assert [str(v).lower() if isinstance(v, bool) else str(v) for v in held] == given["values"]
        if kind == "prompt":
            assert held["user"].strip("\n") == given["user"].strip("\n")
        if kind == "check":
            assert (held["that"] if isinstance(held, dict) else held) == given["expression"]


def _without_added(before: str, after: str) -> bool:
    """Whether what was there stands there still, in its order."""
    rest = iter(after)
    return len(after) > len(before) and all(c in rest for c in before.replace("~", "").replace("null", ""))


def data(text: str) -> dict[str, Any]:
    source, _ = text_source(text)
    assert source is not None
    root, faults = read_document(source)
    assert root is not None, faults
    found: dict[str, Any] = to_data(root)
    return found


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_parts_are_put_into_every_shipped_spec(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for kind, given in PARTS[:1] + PARTS[5:6] + PARTS[9:10]:
        after = applied(text, kind, given)
        added = [line for line in after.split("\n") if line not in text.split("\n")]
        assert 1 <= len(added) <= 3 and _without_added(text, after)


def test_a_spec_is_made_of_forms_alone() -> None:
    text = "synthspec: 1\nname: forms\nrows: 4\n"
    for kind, given in [
        ("parameter", {"name": "mood", "draw": "list", "values": ["calm", "cross"]}),
        ("parameter", {"name": "age", "draw": "integer", "low": "18", "high": "90"}),
        ("prompt", {"name": "call", "user": "A {{ mood }} caller of {{ age }}.\nTwo sentences.", "writes": ["text"]}),
        ("field", {"name": "text", "type": "text", "low": "3", "high": "60"}),
        ("field", {"name": "mood", "type": "value", "expression": "mood"}),
        ("check", {"expression": "words(text) > 2", "message": "too short"}),
    ]:
        text = applied(text, kind, given)
    assert compile_text(text).ok, compile_text(text).diagnostics
    assert list(yaml.safe_load(text)) == [
        "synthspec",
        "name",
        "rows",
        "parameters",
        "prompts",
        "fields",
        "checks",
    ]


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("parameter", {"name": "two words", "draw": "list", "values": ["a"]}, "not a name"),
        ("parameter", {"name": "mood", "draw": "list", "values": ["a"]}, "already"),
        ("parameter", {"name": "x", "draw": "list", "values": []}, "at least one"),
        ("parameter", {"name": "x", "draw": "list", "values": ["a", "a"]}, "twice"),
        ("parameter", {"name": "x", "draw": "integer", "low": "5", "high": "1"}, "below"),
        ("parameter", {"name": "x", "draw": "integer", "low": "one", "high": "5"}, "whole number"),
        ("parameter", {"name": "x", "draw": 3}, "text"),
        ("field", {"name": "x", "type": "dream"}, "contains"),
        ("check", {}, "expression"),
        ("dream", {}, "no form"),
    ],
)
def test_forms_that_are_not_right_say_why(kind: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(NoRoom) as told:
        applied("synthspec: 1\nparameters:\n  mood: [a]\n", kind, given)
    assert said in f"{told.value.message} {told.value.help}"


# --- the plan


def panel(spec: dict[str, Any]) -> PlanPanel:
    compiled = compile_text(json.dumps(spec))
    assert compiled.spec is not None and compiled.ok, compiled.diagnostics
    return PlanPanel(compiled.spec, compiled.tables)


PLANNED: dict[str, Any] = {
    "synthspec": 1,
    "name": "planned",
    "rows": 8,
    "parameters": {"mood": ["calm", "cross"], "size": [1, 2.5], "age": "integer(18, 90)"},
    "prompts": {"call": {"user": "{{ mood }} {{ size }} {{ age }}", "writes": ["text"]}},
    "fields": {"text": {"type": "string", "words": {"max": 20}}},
    "backend": {"provider": "openai", "model": "no-such-model", "base_url": "http://127.0.0.1:1/v1"},
}


def test_figures_say_what_the_report_says_and_unknown_is_unknown() -> None:
    figures = panel(PLANNED).figures()
    report = synthspec.plan(PLANNED)
    assert figures["rows"] == 8 and figures["combinations"] == [8, 8] and len(report) == 8
    assert figures["expected"]["calls"] == [8, 8] and figures["expected"]["cost"] == [None, None]
    assert figures["prompts"][0]["cost"] == [None, None]
    mood = figures["parameters"][0]
    assert [(v["value"], v["asked"], v["count"]) for v in mood["values"]] == [("calm", 0.5, 4), ("cross", 0.5, 4)]
    assert figures["sides"][:2] == ["mood", "size"]
    json.dumps(figures)


def test_a_combination_is_found_by_its_values() -> None:
    found = panel(PLANNED)
    for wanted in ({"mood": "cross", "size": "2.5"}, {"mood": "calm"}):
        shown = found.prompts(0, wanted)
        assert shown["values"] | wanted == shown["values"]
        said = "".join(t for t, _ in shown["prompts"][0]["messages"][0]["pieces"])
        assert said == " ".join(shown["values"][n] for n in ("mood", "size", "age"))
    assert found.prompts(0, {"mood": "blue"})["index"] is None
    assert found.prompts(999, {})["index"] == 7
    assert found.choices() == {"mood": ["calm", "cross"], "size": ["1", "2.5"]}
    assert found.combinations(5)["start"] == 5 and len(found.combinations(0)["combinations"]) == 8
    grid = found.grid("mood", "size")
    assert grid is not None and sum(map(sum, grid["counts"])) == 8 and found.grid("mood", "age") is not None
