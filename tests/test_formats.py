"""Formats: golden replies, the contract of every format found, bounds in time, what is refused at compile time.

`UPDATE_GOLDEN=1 pytest tests/test_formats.py` writes what is found into the golden files; read the diff.
"""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from depth import one_in
from format_fields import CODE, DAY, LABEL, RATING, REVIEW, TITLE, VERIFIED, make_field, make_shape

from synthspec.formats import Parsed, Shape
from synthspec.plugins import find_plugin, plugin_names
from synthspec.spec.messages import Constraint
from synthspec.spec.rows import Stage

GOLDEN = Path(__file__).parent / "formats"
CASES = sorted(p.relative_to(GOLDEN).with_suffix("").as_posix() for p in GOLDEN.glob("*/*.txt"))
KINDS = {"string": "text"}
REWRITE = os.environ.get("UPDATE_GOLDEN") == "1"

RULE = r"^- (?P<title>[^\n]+?) \| (?P<rating>\d)$"
GRAMMAR = 'start: row+\nrow: "<" title "|" rating ">" "\\n"*\ntitle: /[^|<>\\n]+/\nrating: /[1-5]/\n'
OPTIONS: dict[str, dict[str, Any]] = {"regex": {"regex": RULE}, "grammar": {"grammar": GRAMMAR}}


TALK = [{"role": "user", "content": "Is it fine?"}, {"role": "assistant", "content": "A fine day."}]


def shape_of(case: dict[str, Any]) -> Shape:
    shapes = json.loads((GOLDEN / "shapes.json").read_text())
    fields = [
        make_field(name, KINDS.get(schema["type"], schema["type"]), **{k: v for k, v in schema.items() if k != "type"})
        for name, schema in shapes[case["shape"]].items()
    ]
    return Shape(tuple(fields), case["rows"], case.get("options", {}))


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str) -> None:
    form = name.split("/")[0]
    file = GOLDEN / f"{name}.json"
    case = json.loads(file.read_text())
    reply = (GOLDEN / f"{name}.txt").read_bytes().decode()
    parsed = find_plugin("formats", form).parse(reply, shape_of(case))
    found = {
        "found": [dict(r) for r in parsed.rows],
        "rejected": [f"{r.rule} | {r.reason}" for r in parsed.rejections],
    }
    if REWRITE:
        kept = {k: case[k] for k in ("shape", "rows", "options") if k in case}
        file.write_text(json.dumps({**kept, **found}, indent=2, ensure_ascii=False) + "\n")
        return
    assert found == {k: case[k] for k in found}


def shape_for(form: str, rows: int = 2) -> Shape:
    if form == "text":
        return make_shape(TITLE)
    if form == "turns":
        return make_shape(make_field("conversation", "messages"), turns={"Customer": "user", "Agent": "assistant"})
    fields = (TITLE, REVIEW) if form == "pairs" else (TITLE, RATING)
    return Shape(fields, rows, OPTIONS.get(form, {}))


@pytest.mark.parametrize("form", plugin_names("formats"))
def test_contract(form: str) -> None:
    module = find_plugin("formats", form)
    shape = shape_for(form)
    assert module.SUMMARY and "\n" not in module.SUMMARY
    assert all(isinstance(k, str) and v for k, v in module.OPTIONS.items())
    assert list(module.faults(shape)) == []
    said = module.instructions(shape)
    assert all(n in said for n in shape.names)
    assert isinstance(module.constraint(shape), Constraint)
    values = {"title": "A fine day", "rating": 4, "review_text": "Sun and wind.", "conversation": TALK}
    rows = [{n: values[n] for n in shape.names}] * shape.rows
    assert module.parse(module.write(rows, shape), shape) == Parsed(tuple(rows))


REPLIES = [
    "",
    " ",
    "\n\n",
    '"',
    "{",
    "[[",
    "|",
    "```",
    "```json\n[",
    "\ufeff",
    "a,b",
    "Q:",
    "[title]",
    "\x00",
    "😀" * 50,
]


@pytest.mark.parametrize("form", plugin_names("formats"))
def test_never_raises(form: str) -> None:
    module, shape, dice = find_plugin("formats", form), shape_for(form), random.Random(3)
    noise = ["".join(dice.choices('ab ,"\n{}[]:|1;\t\\#*-Q', k=80)) for _ in range(300)]
    for reply in REPLIES + noise:
        parsed = module.parse(reply, shape)
        assert parsed.rows or parsed.rejections
        for rejection in parsed.rejections:
            assert rejection.stage is Stage.PARSE
            assert rejection.rule.startswith(f"{form}: ") and len(rejection.reason) < 400


JUNK: dict[str, Callable[[int], str]] = {
    "one word": lambda n: "a" * n,
    "commas": lambda n: "," * n,
    "quotes": lambda n: '"' * n,
    "open cells": lambda n: '"\n' * (n // 2),
    "braces": lambda n: "{" * n,
    "brackets": lambda n: "[" * n,
    "nested": lambda n: '{"title":' * (n // 9),
    "spaces": lambda n: " " * n,
    "labels": lambda n: "Q: a\n" * (n // 5),
    "prose": lambda n: 'lorem, ipsum "dolor" sit, amet ' * (n // 31),
    "backslashes": lambda n: '["' + "\\" * n,
    "newlines": lambda n: "\n" * n,
    "tags": lambda n: "<think>" * (n // 7),
    "closing tags": lambda n: "a</think>" * (n // 9),
    "quoted tags": lambda n: '"<think>' * (n // 8),
    "other tags": lambda n: "x</b>" * (n // 5),
    "turns": lambda n: "</s><s>" * (n // 7),
    "rules": lambda n: "---\n" * (n // 4),
    "stars": lambda n: "* " * (n // 2),
    "fences": lambda n: "```\n" * (n // 4),
    "headings": lambda n: "# a\n" * (n // 4),
    "remarks": lambda n: "Let me know.\n\n" * (n // 14),
    "corrections": lambda n: "Wait:\n" * (n // 6),
    "parts": lambda n: "[title]\n```\n[rating]\n1\n" * (n // 23),
    "curly cells": lambda n: "“a”,“b”\n" * (n // 8),
    "speakers": lambda n: "\nUser: a\n" * (n // 9),
    "bold": lambda n: "**a** " * (n // 6),
    "talk": lambda n: "Customer: a\nAgent: b\n" * (n // 21),
    "talk on a line": lambda n: "Customer: a. " * (n // 13),
    "names": lambda n: "Customer " * (n // 9),
    "options": lambda n: "Option 1\n" * (n // 9),
    "half objects": lambda n: '{"title":"x' * (n // 11),
    "anything": lambda n: "".join(random.Random(1).choices("abc ,\"\n{}[]:|1;\t'\\#*-Q", k=n)),
}


def seconds(form: str, reply: str) -> float:
    start = time.process_time()
    find_plugin("formats", form).parse(reply, shape_for(form))
    return time.process_time() - start


@pytest.mark.parametrize(("junk", "form"), one_in(10, [(j, f) for j in JUNK for f in plugin_names("formats")]))
def test_junk_does_not_hang(form: str, junk: str) -> None:
    assert seconds(form, JUNK[junk](20_000)) < 10


@pytest.mark.slow
@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("form", plugin_names("formats"))
def test_megabytes_of_junk_do_not_hang(form: str, junk: str) -> None:
    assert seconds(form, JUNK[junk](2_000_000)) < 60


@pytest.mark.parametrize(
    ("form", "shape", "said"),
    [
        ("text", make_shape(TITLE, REVIEW), "text carries one field, and the prompt writes 2"),
        ("text", make_shape(TITLE, rows=3), "text carries one row, and the prompt asks for 3"),
        ("pairs", make_shape(TITLE), "pairs carries two fields"),
        ("pairs", make_shape(TITLE, RATING), "rating is an integer"),
        ("pairs", make_shape(TITLE, REVIEW, labels=["Q"]), "labels must be two texts"),
        ("pairs", make_shape(TITLE, REVIEW, labels=["Q", "q"]), "the labels are the same"),
        ("csv", make_shape(TITLE, make_field("more", "map")), "csv carries no map"),
        ("regex", make_shape(TITLE), "regex needs a regular expression"),
        ("regex", make_shape(TITLE, regex="(?P<title>"), "the regular expression is wrong"),
        ("regex", make_shape(TITLE, regex="(?P<name>.+)"), "no field is named 'name'"),
        ("regex", make_shape(TITLE, regex="x(?P<name>.+)"), "no group is named 'title'"),
        ("regex", make_shape(TITLE, regex="(?P<title>.*)"), "matches an empty text"),
        ("grammar", make_shape(TITLE), "grammar needs a Lark grammar"),
        ("grammar", make_shape(TITLE, grammar="start: nothing"), "the grammar is wrong"),
        ("grammar", make_shape(TITLE, grammar='start: "a"'), "no rule named 'title'"),
        ("grammar", make_shape(TITLE, grammar="%import .secrets.title\nstart: title"), "would read another file"),
        ("grammar", make_shape(TITLE, grammar='start: title\n?title: word\nword: "a"'), "left out of the tree"),
    ],
)
def test_faults(form: str, shape: Shape, said: str) -> None:
    assert said in " ".join(message for message, _ in find_plugin("formats", form).faults(shape))


def test_instructions_name_what_the_columns_hold() -> None:
    said = find_plugin("formats", "csv").instructions(make_shape(TITLE, RATING, LABEL, DAY, VERIFIED, CODE, rows=8))
    for part in (
        "exactly 8 rows", "title,rating,label,day,verified,code",
        '"…",…,"…","…",…,"…"', "rating: a whole number from 1 to 5",
        'label: one of "N", "D", "I"', "day: a date, YYYY-MM-DD", "verified: true or false", "^B[0-9A-Z]{9}$",
    ):  # fmt: skip
        assert part in said


def test_json_constraint_is_strict() -> None:
    made = find_plugin("formats", "json").constraint(make_shape(TITLE, RATING, rows=3)).json_schema
    assert made is not None
    rows = made["properties"]["rows"]
    assert (rows["minItems"], rows["maxItems"]) == (3, 3)
    assert rows["items"]["required"] == ["title", "rating"]
    assert made["additionalProperties"] is rows["items"]["additionalProperties"] is False
    single = find_plugin("formats", "json").constraint(make_shape(TITLE, RATING)).json_schema
    assert single is not None and single["properties"]["rating"] == {"type": "integer", "minimum": 1, "maximum": 5}


@pytest.mark.parametrize("form", plugin_names("formats"))
def test_constraints_are_understood(form: str) -> None:
    llguidance = pytest.importorskip("llguidance")
    made = find_plugin("formats", form).constraint(shape_for(form))
    given = {
        "json_schema": made.json_schema and json.dumps(made.json_schema),
        "regex": made.regex,
        "lark": made.grammar,
    }
    for kind, text in given.items():
        if text:
            assert not llguidance.LLMatcher.validate_grammar(llguidance.grammar_from(kind, text))


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "4", 4), ("integer", " 4.0 ", 4), ("integer", "1,200", 1200), ("integer", "$12", "$12"),
        ("integer", "4 stars", "4 stars"), ("integer", "4.5", "4.5"), ("number", "4.50", 4.5),
        ("number", "1,200", "1,200"),
        ("number", "1,200.5", 1200.5), ("number", "1e400", "1e400"), ("number", "NaN", "NaN"), ("boolean", "Yes", True),
        ("boolean", "FALSE", False), ("boolean", "1", "1"), ("text", "4", "4"), ("text", " 4", " 4"),
        ("list", '["a", "b"]', ["a", "b"]), ("list", "a; b", "a; b"), ("integer", "9" * 5000, "9" * 5000),
    ],
)  # fmt: skip
def test_values_are_coerced_only_when_certain(kind: str, text: str, value: Any) -> None:
    from synthspec.formats.recovery.coercion import FieldReader

    got = FieldReader(make_field("x", kind)).value(text)
    assert got == value and type(got) is type(value)


def test_a_slow_pattern_does_not_hang() -> None:
    slow = make_field("title", pattern="^(a+)+$")
    reply = "\n".join(f"{'a' * 40}b,{i},x" for i in range(50))
    start = time.process_time()
    find_plugin("formats", "csv").parse(reply, make_shape(slow, make_field("n", "integer")))
    shape = make_shape(TITLE, regex=r"(?P<title>(?:a+)+b)c")
    parsed = find_plugin("formats", "regex").parse("a" * 4000 + "b", shape)
    assert parsed.rows == () and time.process_time() - start < 60


def test_documentation_shows_golden_cases() -> None:
    page = (Path(__file__).parents[1] / "docs" / "formats.md").read_text()
    shown = re.findall(r"<!-- (\w+/[\w-]+) -->\n````text\n(.*?)\n````\n\n````text\n(.*?)\n````", page, re.DOTALL)
    assert len(shown) > 10 and len(shown) == page.count("<!-- ")
    for name, reply, found in shown:
        case = json.loads((GOLDEN / f"{name}.json").read_text())
        rows = [json.dumps(r, ensure_ascii=False) for r in case["found"]]
        assert reply == (GOLDEN / f"{name}.txt").read_text().strip("\n"), name
        assert found == "\n".join(rows + [f"rejected: {r}" for r in case["rejected"]]), name
