"""What the model is told about its fields: the whole schema, in every format; and what a wrong value is told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from format_fields import TITLE, make_field, make_shape
from loopback import Loopback

import synthspec
from synthspec.formats.instructions.constraints import row_schema
from synthspec.formats.instructions.descriptions import describe
from synthspec.formats.recovery.coercion import FieldReader
from synthspec.generation.validation.field_rules import field_rules
from synthspec.plugins import find_plugin
from synthspec.spec.field_keywords import FORMATS, NUMBERS

BASKET = make_field(
    "basket",
    "list",
    description="What is bought",
    minItems=1,
    maxItems=4,
    uniqueItems=True,
    items={
        "type": "object",
        "required": ["name", "count"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "minLength": 2, "maxLength": 30, "description": "As on the shelf."},
            "count": {"type": "integer", "minimum": 1, "maximum": 99, "multipleOf": 3},
            "size": {"enum": ["small", "large"]},
            "price": {"type": "number", "exclusiveMinimum": 0},
            "marks": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}, "minItems": 2},
            "by": {"type": ["string", "null"], "format": "date"},
            "codes": {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1},
            "other": {"anyOf": [{"const": 1}, {"type": "boolean"}]},
        },
    },
)  # fmt: skip


def test_a_nested_field_is_told_as_a_whole() -> None:
    assert describe(BASKET).split("\n") == [
        "- basket: a list; 1 to 4 items; no two items alike; What is bought",
        "  - each item: an object; with these members and no others",
        "    - name: text; 2 to 30 characters; As on the shelf",
        "    - count: a whole number from 1 to 99; a multiple of 3",
        '    - size: one of "small", "large"; may be left out',
        "    - price: a number; over 0; may be left out",
        "    - marks: a list; at least 2 items; may be left out",
        "      - each item: text; must match the regular expression ^[a-z]+$",
        "    - by: a date, YYYY-MM-DD or null; may be left out",
        "    - codes: an object; at least 1 members; may be left out",
        "      - any other member: a whole number",
        "    - other: any value; may be left out",
        "      - any of these:",
        "        - always 1",
        "        - true or false",
    ]


OPTIONS: dict[str, dict[str, Any]] = {
    "regex": {"regex": "(?P<title>[^|]+)[|](?P<basket>.+)"},
    "grammar": {"grammar": "start: title basket\ntitle: /[^|]+/\nbasket: /[^|]+/"},
}


@pytest.mark.parametrize("form", ["csv", "json", "sections", "regex", "grammar"])
def test_every_format_tells_it(form: str) -> None:
    said = find_plugin("formats", form).instructions(make_shape(TITLE, BASKET, **OPTIONS.get(form, {})))
    assert describe(BASKET) in said


def numbers_of(schema: Any) -> set[str]:
    """Every number, pattern and name that a schema states."""
    if isinstance(schema, dict):
        return set().union(*(numbers_of(v) | ({k} if k in ("name", "count", "size", "price", "marks", "by", "codes")
                                              else set()) for k, v in schema.items()))  # fmt: skip
    if isinstance(schema, list):
        return set().union(*map(numbers_of, schema))
    return {str(schema)} if isinstance(schema, int | float) and not isinstance(schema, bool) else set()


def test_nothing_of_a_schema_is_left_out() -> None:
    words = set(re.findall(r"\w+", describe(BASKET)))
    assert numbers_of(dict(BASKET.schema)) <= words


def test_optional_is_said_in_words_and_in_the_schema() -> None:
    extra = make_field("extra", optional=True)
    module = find_plugin("formats", "json")
    both, none, all_ = (make_shape(*f) for f in ((TITLE, extra), (TITLE,), (extra,)))
    assert "Every key is required but extra, which may be left out" in module.instructions(both)
    assert "Every key is required:" in module.instructions(none)
    assert "Every key may be left out" in module.instructions(all_)
    assert "- extra: text; may be left out" in module.instructions(both)
    assert row_schema((TITLE, extra))["required"] == ["title"]
    assert module.parse('{"title": "a"}', both).rows == ({"title": "a"},)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        (make_field("n", "integer"), "1,000", "must be a whole number, not '1,000': write 1000"),
        (make_field("n", "integer"), "about 4 stars", "must be a whole number, not 'about 4 stars': write 4"),
        (make_field("n", "integer"), 4.7, "must be a whole number, not 4.7: write 5"),
        (make_field("n", "integer"), "3 or 4", "must be a whole number, not '3 or 4': write digits alone"),
        (make_field("n", "number"), "$1,200.50", "must be a number, not '$1,200.50': write 1200.50"),
        (make_field("n", "number"), "+5", "must be a number, not '+5': write 5"),
        (make_field("n", "boolean"), "maybe", "must be true or false, not 'maybe': write true or false"),
        (make_field("n", "integer", minimum=1, maximum=5), 9, "must be at most 5, not 9"),
        (make_field("n", "integer", multipleOf=5), 9, "must be a multiple of 5, not 9"),
        (make_field("n", enum=["glad", "sad"]), "Gladd", "must be one of 'glad', 'sad', not 'Gladd': write 'glad'"),
        (make_field("n", format="date"), "1 May 2024", "must be a date, YYYY-MM-DD, not '1 May 2024'"),
        (make_field("n", minLength=3), "ab", "at least 3 characters wanted, 2 written"),
    ],
)
def test_a_wrong_value_is_told_what_would_be_right(field: Any, value: Any, said: str) -> None:
    assert next(fault for _, rule in field_rules(field) if (fault := rule(value)) is not None) == said


def test_one_table_of_formats_and_bounds() -> None:
    """A text fits a column by the same test as the field's rule, and is told by the same words."""
    for name, form in FORMATS.items():
        field = make_field("x", format=name)
        rule = dict(field_rules(field))[f"format({field.name})"]
        for text in (
            "2024-02-30",
            "2024-02-28",
            "2024-02-28T10:00:00",
            "10:30",
            "a@b.org",
            "x:y",
            "1.2.3.4",
            "::1",
            "a.b",
            "",
        ):
            assert FieldReader(field).fits(text) == (rule(text) is None) == form.holds(text), (name, text)
        assert form.words in describe(field)
    for keyword, number in NUMBERS.items():
        bound: dict[str, Any] = {keyword: 2}
        rule = dict(field_rules(make_field("x", "number", **bound)))[f"{keyword}(x)"]
        for value in (1, 2, 3, 4, 2.5):
            assert (rule(value) is None) == number.holds(value, 2)


SPEC = """
synthspec: 1
name: keys
rows: 4
parameters: {{mood: [calm, cross]}}
prompts:
  call: {{user: "Write a call by a {{{{ mood }}}} client.", writes: [call, topic], format: json}}
fields:
  call: {{type: string, description: {about}}}
  topic: {{type: string, optional: {optional}}}
backend: {{provider: openai, model: loop, base_url: {url}}}
"""


def test_other_instructions_ask_for_nothing_again(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    with Loopback(reply=lambda body, nth: '{"call": "I call about it", "topic": "t"}') as server:
        for about, optional in (("A call", "false"), ("A long call in other words", "true")):
            path.write_text(SPEC.format(url=server.url, about=about, optional=optional), encoding="utf-8")
            assert synthspec.build(path, out=tmp_path / "out").complete
        assert server.total == 4


VERBAL = """
synthspec: 1
name: verbal
rows: 2
prompts:
  call: {{user: Write a call., writes: [call], verbalize: 2}}
fields: {{call: {{type: string}}}}
backend: {{provider: openai, model: loop, base_url: {url}}}
"""


def test_answers_are_chosen_after_the_thinking(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    reply = "<think>\n=== answer 1 (probability 0.01) ===\nno\n</think>\n=== answer 1 (probability 0.5) ===\nyes"
    with Loopback(reply=lambda body, nth: reply) as server:
        path.write_text(VERBAL.format(url=server.url), encoding="utf-8")
        assert set(synthspec.build(path, out=tmp_path / "out").frame["call"]) == {"yes"}
