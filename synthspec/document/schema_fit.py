"""Whether a value fits a JSON Schema: yes, or perhaps not.

jsonschema tells what is wrong; most specs are right, and loading it takes longer than checking them. What this does not
know, it takes for a misfit, so that jsonschema decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sized
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

Defs = Mapping[str, Any]


def surely_fits(schema: Any, value: Any, defs: Defs) -> bool:
    """Whether a value fits a schema of draft 2020-12, beyond doubt. `defs` is what `#/$defs/` means."""
    if isinstance(schema, bool):
        return schema
    for keyword, wanted in schema.items():
        holds = _HOLDS.get(keyword)
        if holds is None or not holds(wanted, value, schema, defs):
            return False
    return True


def sparing_validator(schema: Mapping[str, Any]) -> Validator:
    """jsonschema's validator of draft 2020-12 for a schema, with its own errors, which looks only into what does not
    surely fit: one mistake in a long document takes little longer than none."""
    import jsonschema

    plain = jsonschema.Draft202012Validator
    known = {
        k: _spared(holds, plain.VALIDATORS[k], schema["$defs"]) for k, holds in _HOLDS.items() if k in plain.VALIDATORS
    }
    extend: Callable[..., Any] = jsonschema.validators.extend
    made: Validator = extend(plain, known)(schema)
    return made


def _spared(
    holds: Callable[[Any, Any, Any, Defs], bool], check: Callable[..., Iterable[Any] | None], defs: Defs
) -> Callable[..., Iterable[Any]]:
    def errors(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterable[Any]:
        return () if holds(wanted, value, schema, defs) else check(validator, wanted, value, schema) or ()

    return errors


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "null": lambda v: v is None,
    "boolean": lambda v: isinstance(v, bool),
    "string": lambda v: isinstance(v, str),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
    "number": _is_number,
    "integer": lambda v: _is_number(v) and (isinstance(v, int) or v.is_integer()),
}


def _type(wanted: Any, value: Any, schema: Any, defs: Defs) -> bool:
    return any(_TYPES[name](value) for name in ([wanted] if isinstance(wanted, str) else wanted))


def _ref(wanted: Any, value: Any, schema: Any, defs: Defs) -> bool:
    folder, _, name = wanted.rpartition("/")
    return folder == "#/$defs" and name in defs and surely_fits(defs[name], value, defs)


def _properties(wanted: Any, value: Any, schema: Any, defs: Defs) -> bool:
    return not isinstance(value, dict) or all(surely_fits(s, value[k], defs) for k, s in wanted.items() if k in value)


def _additional(wanted: Any, value: Any, schema: Any, defs: Defs) -> bool:
    known = schema.get("properties", {})
    return not isinstance(value, dict) or all(surely_fits(wanted, v, defs) for k, v in value.items() if k not in known)


def _items(wanted: Any, value: Any, schema: Any, defs: Defs) -> bool:
    return not isinstance(value, list) or all(surely_fits(wanted, item, defs) for item in value)


def _names(wanted: Any, value: Any, schema: Any, defs: Defs) -> bool:
    return not isinstance(value, dict) or all(surely_fits(wanted, name, defs) for name in value)


def _one_of(wanted: Any, value: Any, schema: Any, defs: Defs) -> bool:
    """Lists, maps and 1.0 for 1 are left to jsonschema."""
    return isinstance(value, str | int | float | None) and any(type(w) is type(value) and w == value for w in wanted)


def _of_size(kind: type[Sized], fits: Callable[[Any, Any], bool]) -> Callable[[Any, Any, Any, Defs], bool]:
    return lambda wanted, value, schema, defs: not isinstance(value, kind) or fits(len(value), wanted)


def _of_number(fits: Callable[[Any, Any], bool]) -> Callable[[Any, Any, Any, Defs], bool]:
    return lambda wanted, value, schema, defs: not _is_number(value) or fits(value, wanted)


def _least(value: Any, wanted: Any) -> bool:
    return bool(value >= wanted)


def _most(value: Any, wanted: Any) -> bool:
    return bool(value <= wanted)


_HOLDS: Mapping[str, Callable[[Any, Any, Any, Defs], bool]] = {
    **dict.fromkeys(
        ("description", "$schema", "$id", "title", "$defs", "x-list", "x-text", "x-names", "x-keys", "format"),
        lambda *_: True,
    ),
    "type": _type,
    "$ref": _ref,
    "properties": _properties,
    "additionalProperties": _additional,
    "required": lambda w, v, s, d: not isinstance(v, dict) or all(name in v for name in w),
    "anyOf": lambda w, v, s, d: any(surely_fits(branch, v, d) for branch in w),
    "items": _items,
    "propertyNames": _names,
    "enum": _one_of,
    "const": lambda w, v, s, d: _one_of([w], v, s, d),
    "pattern": lambda w, v, s, d: not isinstance(v, str) or re.search(w, v) is not None,
    "minLength": _of_size(str, _least),
    "maxLength": _of_size(str, _most),
    "minItems": _of_size(list, _least),
    "maxItems": _of_size(list, _most),
    "minProperties": _of_size(dict, _least),
    "maxProperties": _of_size(dict, _most),
    "minimum": _of_number(_least),
    "maximum": _of_number(_most),
    "exclusiveMinimum": _of_number(lambda value, wanted: bool(value > wanted)),
    "exclusiveMaximum": _of_number(lambda value, wanted: bool(value < wanted)),
}
