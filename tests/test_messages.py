"""What remedies say, word by word; `test_fault_specs` holds what is so of all of them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from synthspec.compiler import compile_text

BASE = """\
synthspec: 1
name: menus
backend: ngram
parameters: {course: [soup, salad]}
prompts: {menu: {user: "A menu with {{ course }}."}}
fields: {menu: {type: string, words: {min: 2}}}
"""


CASES = [
    ({"limits": {"budget": "$5"}}, "write 5 "),
    ({"rows": "1,000"}, "write 1000 "),
    ({"rows": 0}, "write one that is at least 1 "),
    ({"tags": "food, lunch"}, "write [food, lunch]"),
    ({"fields": ["menu", "price"]}, "write `fields: {menu: …, price: …}`"),
    ({"parameters": ["course"]}, "write `parameters: {course: …}`"),
    ({"prompts": "Write a menu."}, "write `prompts: {NAME: …}`"),
    ({"parameters": {"course": []}}, "write a list of at least 1 item "),
    ({"parameters": {"wait": "uniform(90, 10)"}}, "write one that is above low, which is 90"),
    ({"parameters": {"wait": "gamma(0, 3)"}}, "write one that is above 0; it is gamma(shape, scale)"),
    ({"parameters": {"day": "date('2025-01-01', '2025-02-30')"}}, "write a date such as 2024-12-31"),
    (
        {"fields": {"menu": {"type": "string", "pattern": "^(soup"}}},
        "close it with ), or write \\( for the sign itself",
    ),
    ({"fields": {"menu": {"type": "string", "rejects": ["*nice*"]}}}, "write \\* for the sign itself"),
    ({"fields": {"menu": {"type": "string", "pattern": "[a-z"}}}, "close it with ], or write \\[ for the sign itself"),
    ({"fields": {"menu": {"type": "string", "pattern": "a)"}}}, "write \\) for the sign itself"),
    ({"checks": ["menu matches '(a'"]}, "close it with ), or write \\( for the sign itself"),
    ({"checks": ["parses(menu, course)"]}, "write it in place: parses(menu, 'json')"),
]


@pytest.mark.parametrize("change, help", CASES, ids=[h for _, h in CASES])
def test_a_remedy_is_what_to_write(change: dict[str, Any], help: str) -> None:
    spec = yaml.safe_load(BASE) | change
    found = [d for d in compile_text(yaml.safe_dump(spec, sort_keys=False)).diagnostics if d.severity == "error"]
    assert any(d.help.startswith(help) or help in d.help for d in found), [f"{d.message} || {d.help}" for d in found]


FORMATS = [
    ({"regex": "(?P<manu>.+)"}, "did you mean 'menu'?"),
    ({"regex": "(?P<menu>.*)"}, "let it match one character at least"),
    ({"grammar": "menu: /.+/"}, "add a rule `start: …`"),
    ({"grammar": "start: menu\nmenu: dish\n"}, "add a rule `dish: …`"),
    ({"grammar": "start: row\nrow: /.+/"}, "add a rule `menu: …`"),
    ("pairs", "use json or csv"),
]


@pytest.mark.parametrize("form, help", FORMATS, ids=[h for _, h in FORMATS])
def test_a_format_that_cannot_be_says_what_can(form: Any, help: str) -> None:
    spec = yaml.safe_load(BASE)
    spec["prompts"]["menu"]["format"] = form
    found = [d for d in compile_text(yaml.safe_dump(spec)).diagnostics if d.code in ("E416", "E503")]
    assert [d.help for d in found] == [help]
    assert help not in found[0].message
