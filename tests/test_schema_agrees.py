"""The JSON Schema that editors read and `check` agree: what `check` accepts fits the schema, and what breaks the schema
is an error of `check`; where the schema is kept, no error is about the form of the document."""

from __future__ import annotations

import copy
import json
import random
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from depth import rest_slow

from synthspec.compiler import compile_buffer
from synthspec.diagnostics import has_errors

ROOT = Path(__file__).parent.parent
VALIDATOR = jsonschema.Draft202012Validator(
    json.loads((ROOT / "schemas" / "synthspec.schema.json").read_text(encoding="utf-8"))
)
FORM = ("E201", "E202", "E203", "E204", "E205", "E206", "E207")
FIXED = re.compile(r"## Fixed\n\n```yaml\n(.*?)```", re.DOTALL)
PLACE = Path("spec.yaml")
JUNK: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 1.0, 1.5, "", "x", "a b", "1", [], [1], ["x"], {}, {"x": 1}, "ngram", "ngram:x",
    "{{ x }}", [None], [[]], {"min": 1}, {"max": 0}, "messages", "date-time", 10**30, "2024-01-01",
)  # fmt: skip


def read(text: str) -> Any:
    """The document as an editor's schema sees it."""
    return json.loads(json.dumps(yaml.load(text, Loader=yaml.CSafeLoader), default=str))


def seeds() -> list[dict[str, Any]]:
    """Small sound specs: what the catalogue says of each fault once it is fixed."""
    found = []
    for page in sorted((ROOT / "synthspec" / "diagnostics" / "catalogue").glob("*.md")):
        for text in FIXED.findall(page.read_text(encoding="utf-8")):
            document = yaml.load(text, Loader=yaml.CSafeLoader)
            if isinstance(document, dict) and not re.search(r"&\w|file|query|agents|hub", text):
                found.append(document)
    return found


SEEDS = seeds()


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(p for key, v in inside for p in places(v, (*at, key)))]


def value_at(value: Any, at: tuple[Any, ...]) -> Any:
    for key in at:
        value = value[key]
    return value


def changed(document: Any, dice: random.Random) -> Any:
    """A document with one thing taken out, misspelt, of another type, or taken from another document."""
    made = copy.deepcopy(document)
    at = dice.choice([p for p in places(made) if p])
    owner, last = value_at(made, at[:-1]), at[-1]
    value, strange = owner[last], dice.choice(SEEDS)
    action = dice.randrange(9)
    if action == 0:
        owner[last] = [value]
    elif action == 1 and isinstance(value, list) and value:
        owner[last] = value[0]
    elif action == 2 and isinstance(value, int | float):
        owner[last] = dice.choice([str(value), float(value), value + 0.5, -value, 10**9])
    elif action == 3 and isinstance(value, str):
        owner[last] = dice.choice([value.upper(), f"{value} ", value.replace("_", "-"), value.title()])
    elif action == 4 and isinstance(owner, dict):
        key = str(last)
        owner[dice.choice([key.upper(), key.replace("_", "-"), f"{key}s", key.rstrip("s")])] = owner.pop(last)
    elif action == 5:
        owner[last] = copy.deepcopy(value_at(strange, dice.choice(places(strange))))
    elif action == 6 and isinstance(owner, dict):
        taken = dice.choice([p for p in places(strange) if p and isinstance(p[-1], str)])
        owner[taken[-1]] = copy.deepcopy(value_at(strange, taken))
    elif action == 7:
        del owner[last]
    else:
        owner[last] = copy.deepcopy(dice.choice(JUNK))
    return made


def disagreement(text: str) -> str:
    """What one of the two says and the other does not; "" where they agree."""
    errors = [e.message for e in VALIDATOR.iter_errors(read(text))]
    told = compile_buffer(PLACE, text, tried=False).diagnostics
    form = [d.message for d in told if d.code in FORM]
    if errors and not has_errors(told):
        return f"check accepts it, the schema says: {errors[0]}"
    return f"the schema accepts it, check says: {form[0]}" if form and not errors else ""


@pytest.mark.parametrize("seed", rest_slow(range(12), (0, 1)))
def test_they_agree_on_specs_changed_at_random(seed: int) -> None:
    dice = random.Random(seed)
    count = 60 if seed < 2 else 300
    for _ in range(count):
        document = changed(dice.choice(SEEDS), dice)
        if dice.random() < 0.3 and len(places(document)) > 1:
            document = changed(document, dice)
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
        assert disagreement(text) == "", text


BASE = """synthspec: 1
parameters: {topic: [a, b], n: [1, 2]}
prompts: {p: {user: "Of {{ topic }} {{ n }}", writes: said}}
fields: {said: {type: string, words: {max: 9}}, t: {value: topic}}
"""


@pytest.mark.parametrize(
    "more",
    [
        "tags: en", "tags: [en]", "tags: 'a, b'", "tags: 3", "tags: ''", "tags: []", "checks: words(said) > 1", "checks: ''",
        "checks: {that: words(said) > 1}", "checks: []", "checks: true", "gates: rows > 3", "gates: ''", "gates: [true]",
        "output: {tables: {a: {columns: said}}}", "output: {tables: {a: {columns: ''}}}", "output: {columns: said}",
        "output: {columns: ''}", "output: {formats: jsonl}", "output: {formats: []}", "output: {partition_by: t}",
        "output: {split: {a: 1, b: 1}, stratify: t}", "plan: {over: topic, strategy: factorial}", "plan: {over: ''}",
        "plan: {exclude: n == 1}", "plan: {exclude: ''}", "plan: {correlate: {between: [topic, n], rank: 0.5}}",
        "novelty: {unique: said}", "novelty: {unique: ''}", "rows: 40.0", "rows: true", "seed: -1", "description: 5",
        "limits: {attempts: '3'}", "backend: [ngram]", "output:", "sources: {}", "on_missing: Report", "extends: []",
    ],
)  # fmt: skip
def test_they_agree_on_single_values_and_empty_ones(more: str) -> None:
    assert disagreement(f"{BASE}{more}\n") == ""


@pytest.mark.parametrize("of", ["''", "1.0", "[ngram]", "[]", "{}", "ngram", "{a: []}", "{a: {}}", "true"])
def test_backends_to_choose_from_that_are_none_are_an_error(of: str) -> None:
    text = BASE.replace("writes: said", f"writes: said, backend: {{choose: topic, of: {of}}}")
    assert disagreement(text) == "" and has_errors(compile_buffer(PLACE, text, tried=False).diagnostics)


def test_a_spec_that_extends_another_may_leave_the_version_to_it() -> None:
    text = "extends: people\nprompts: {p: {user: 'Of {{ age }}'}}\nfields: {said: {type: string, words: {max: 9}}}\n"
    assert disagreement(text) == ""
    assert not VALIDATOR.is_valid(read(text.removeprefix("extends: people\n")))
