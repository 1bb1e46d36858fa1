"""Whether a value fits a JSON Schema that is written in the expression itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, time
from functools import lru_cache
from typing import Any

from synthspec.diagnostics import nearest
from synthspec.diagnostics.remedies import remove, write
from synthspec.languages.expressions.evaluation.values import FAULTS
from synthspec.languages.expressions.functions.code import MAX_CHARACTERS, read_json

_VALUES = frozenset(("const", "enum", "default", "examples"))  # what is in them is no schema
_SCHEMAS = frozenset(("properties", "patternProperties", "dependentSchemas"))  # schemas by name
_LISTS = frozenset(("allOf", "anyOf", "oneOf", "prefixItems"))
_INNER = frozenset(
    "items contains additionalProperties propertyNames not if then else unevaluatedItems unevaluatedProperties".split()
)
_PLAIN = frozenset(
    "type title description minLength maxLength pattern minimum maximum exclusiveMinimum exclusiveMaximum multipleOf "
    "minItems maxItems uniqueItems minContains maxContains required dependentRequired minProperties maxProperties "
    "$comment".split()
)
KEYWORDS = _VALUES | _SCHEMAS | _LISTS | _INNER | _PLAIN
_FOREIGN = {
    "format": "fits() tests no `format`: write a `pattern`",
    "$ref": "fits() follows no references: write the schema out",
}


def fits_schema(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a value fits; a text is read as JSON first, unless the schema's `type` is or has `string`."""
    wanted = schema["type"]
    text_wanted = wanted == "string" or (isinstance(wanted, list) and "string" in wanted)
    try:
        if isinstance(value, str) and not text_wanted:
            if len(value) > MAX_CHARACTERS:
                return False
            value = read_json(value)
        return bool(_validator(json.dumps(schema, sort_keys=True)).is_valid(plain(value)))
    except FAULTS:
        return False


@lru_cache(maxsize=64)
def _validator(schema: str) -> Any:
    import jsonschema

    return jsonschema.Draft202012Validator(json.loads(schema))


def plain(value: Any) -> Any:
    """The value as JSON has it: dates as text, tuples as lists."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value


def schema_faults(schema: Any) -> Iterator[tuple[str, str, str]]:
    """What is wrong with a schema, as (code, message, help)."""
    if not isinstance(schema, dict):
        yield (
            "E314",
            "the schema of fits() is not a map",
            "write it as a map: fits(x, {type: 'object', required: ['id']})",
        )
        return
    for message, help in (*_misnamed(schema), *_invalid(schema)):
        yield "E314", message, help
        return
    if "type" not in schema:
        help = "add it: {type: 'object', …}; it says whether a text is read as JSON"
        yield "E314", "the schema of fits() has no `type`", help


def _misnamed(schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Keywords that are none: a validator passes over them in silence."""
    for keyword in schema:
        if keyword not in KEYWORDS:
            near = nearest(keyword, sorted(KEYWORDS))
            help = _FOREIGN.get(keyword) or (write(near, "write '{}'") if near else remove())
            yield f"the schema of fits() has '{keyword}', which is not tested", help
    for inner in _inside(schema):
        yield from _misnamed(inner)


def _inside(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schemas directly within one."""
    for keyword, value in schema.items():
        if keyword in _SCHEMAS and isinstance(value, dict):
            found = list(value.values())
        elif keyword in _LISTS and isinstance(value, list):
            found = value
        else:
            found = [value] if keyword in _INNER else []
        yield from (s for s in found if isinstance(s, dict))


def _invalid(schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    import jsonschema

    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as fault:
        if fault.validator == "format":
            yield f"'{fault.instance}' is not a regular expression"[:200], "correct the pattern"
            return
        where = ".".join(map(str, fault.absolute_path))
        about = f"'{where}' of " if where else ""
        yield f"{about}the schema of fits(): {fault.message}"[:200], "write it as JSON Schema has it"
        return
    for pattern in _patterns(schema):
        yield from _bad_pattern(pattern)


def _patterns(schema: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(schema.get("pattern"), str):
        yield schema["pattern"]
    yield from schema.get("patternProperties", {})
    for inner in _inside(schema):
        yield from _patterns(inner)


def _bad_pattern(pattern: str) -> Iterator[tuple[str, str]]:
    import re

    from synthspec.languages.patterns import runaway

    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as fault:
        yield f"'{pattern}' is not a regular expression: {getattr(fault, 'msg', fault)}"[:200], "correct the pattern"
        return
    why = runaway(pattern)
    if why:
        yield f"'{pattern}' can run away: {why}"[:200], "write the repeated part so that it can match in one way only"
