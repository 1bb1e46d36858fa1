"""The quick check of a document against the schema never takes what jsonschema would not."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from depth import one_in, quarter
from hypothesis import given, settings
from hypothesis import strategies as st

from synthspec.document.resources import language_schema
from synthspec.document.schema import _only_lists
from synthspec.document.schema_fit import sparing_validator, surely_fits

SCHEMA = _only_lists(language_schema())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
SPARING = sparing_validator(SCHEMA)
SPECS = sorted((Path(__file__).parent.parent / "specs").glob("*.yaml"))
JUNK: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    1.0,
    1.5,
    1e400,
    "",
    "x",
    "a b",
    "1",
    [],
    [1],
    ["x"],
    {},
    {"x": 1},
    "ngram:x",
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(p for key, v in inside for p in places(v, (*at, key)))]


def changed(value: Any, rng: random.Random) -> Any:
    """A document with something put in, taken out or renamed."""
    value = copy.deepcopy(value)
    *above, last = rng.choice([p for p in places(value) if p])
    owner = value
    for key in above:
        owner = owner[key]
    action = rng.randrange(3)
    if action == 0:
        del owner[last]
    elif action == 1 and isinstance(owner, dict):
        owner[rng.choice(["x", "rows", "min", "a b", "", "of", "values"])] = rng.choice([owner[last], *JUNK])
    else:
        owner[last] = rng.choice(JUNK)
    return value


@pytest.mark.parametrize("path", one_in(2, SPECS), ids=lambda p: p.stem)
def test_what_is_taken_fits(path: Path) -> None:
    document = json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str))
    rng = random.Random(path.stem)
    for _ in range(25):
        mutant = changed(document, rng)
        if surely_fits(SCHEMA, mutant, SCHEMA["$defs"]):
            assert VALIDATOR.is_valid(mutant)


def told(errors: Iterable[Any]) -> list[Any]:
    """All that errors say, those of the branches of `anyOf` below them too."""
    return [
        (list(e.absolute_path), list(e.absolute_schema_path), e.validator, e.message, told(e.context)) for e in errors
    ]


@pytest.mark.parametrize("path", SPECS[::3], ids=lambda p: p.stem)
def test_what_does_not_fit_is_told_as_jsonschema_tells_it(path: Path) -> None:
    document = json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str))
    rng = random.Random(f"{path.stem} told")
    for _ in range(6):
        mutant = changed(changed(document, rng), rng)
        assert told(SPARING.iter_errors(mutant)) == told(VALIDATOR.iter_errors(mutant))


def test_most_specs_that_are_right_are_taken() -> None:
    """Or nothing would be gained."""
    plain = {"synthspec": 1, "name": "a", "rows": 3, "parameters": {"mood": ["calm", "cross"]},
             "prompts": {"call": {"user": "Write {{ mood }}.", "writes": ["call"]}},
             "fields": {"call": {"type": "string", "words": {"min": 2}}}, "backend": "openai:x"}  # fmt: skip
    assert surely_fits(SCHEMA, plain, SCHEMA["$defs"])


_KEYWORDS = st.sampled_from(
    [{"type": t} for t in ("null", "boolean", "string", "array", "object", "number", "integer")]
    + [{"type": ["string", "integer"]}, {"enum": [1, "x", True, None]}, {"const": False}, {"const": 1}]
    + [{"minimum": 1}, {"maximum": 1}, {"exclusiveMinimum": 0}, {"exclusiveMaximum": 1}, {"minLength": 1}]
    + [{"maxLength": 1}, {"minItems": 1}, {"maxItems": 0}, {"minProperties": 1}, {"maxProperties": 0}]
    + [
        {"pattern": "^a"},
        {"required": ["x"]},
        {"properties": {"x": {"type": "integer"}}, "additionalProperties": False},
    ]
    + [
        {"propertyNames": {"minLength": 1}},
        {"items": {"type": "integer"}},
        {"anyOf": [{"type": "null"}, {"minimum": 1}]},
    ]
    + [{"additionalProperties": {"type": "string"}}, {"$ref": "#/$defs/text"}, {"not": {}}, {"uniqueItems": True}, True]
)


@given(_KEYWORDS, _KEYWORDS, st.sampled_from(JUNK))
@settings(max_examples=quarter(300), deadline=None)
def test_keywords_in_pairs(one: Any, two: Any, value: Any) -> None:
    defs = {"text": {"type": "string", "minLength": 1}}
    parts = [p for p in (one, two) if isinstance(p, dict)]
    schema = {"$defs": defs, **{k: v for part in parts for k, v in part.items()}}
    plain = jsonschema.Draft202012Validator(schema)
    if surely_fits(schema, value, defs):
        assert plain.is_valid(value)
    assert told(sparing_validator(schema).iter_errors(value)) == told(plain.iter_errors(value))
