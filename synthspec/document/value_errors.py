"""What is wrong with one value that the language's schema does not take, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from synthspec.diagnostics import did_you_mean
from synthspec.document.paths import Path, place_name
from synthspec.document.schema_branches import wanted_kinds

_BAD_FORM = "use letters, digits, hyphens and underscores"
_ROWS_BY_EXPRESSION = (
    "a prompt asks for the same number of rows each time; where it differs from row to row, draw a list with "
    "`rows: EXPRESSION`, or let a prompt write one, and go through it with `each: item in LIST`"
)
_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "greater than {}",
    "exclusiveMaximum": "less than {}",
    "minItems": "of at least {} items",
    "maxItems": "of at most {} items",
    "minProperties": "a map of at least {} keys",
    "minLength": "a text of at least {} characters",
    "maxLength": "a text of at most {} characters",
}
_KINDS = {
    "object": "a map",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


def value_error(error: Any, path: Path) -> tuple[str, str, str]:
    """The code, the message and the help of an error about one value."""
    what = place_name(path)
    about = str(error.schema.get("description", "")) if isinstance(error.schema, dict) else ""
    value = error.validator_value
    about = _instead(error, path) or about
    if error.validator == "type":
        wanted = _kinds(value)
        help = about or f"write {wanted}"
        if value == "string" and isinstance(error.instance, int | float):
            help = f"put it in quotes: '{str(error.instance).lower()}'"
        return "E204", f"{what} is {_kind(error.instance)}; {wanted} is needed", help
    if error.validator in ("anyOf", "oneOf"):
        kinds = wanted_kinds(error)
        if kinds:
            message = f"{what} is {_kind(error.instance)}; {_kinds(kinds)} is needed"
            return "E204", message, about or f"write {_kinds(kinds)}"
        return "E204", f"{what} cannot be {_kind(error.instance)}", about or "see the language's documentation"
    if error.validator in ("enum", "const"):
        options = [str(v) for v in value] if error.validator == "enum" else [str(value)]
        return "E205", f"{what} cannot be {_shown(error.instance)}", did_you_mean(str(error.instance), options)
    if error.validator in _LIMITS:
        limit = _LIMITS[str(error.validator)].format(value)
        if value == 1 and error.validator not in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
            limit = limit.removesuffix("s")
        return "E206", f"{what} must be {limit}", about or f"write one that is {limit}"
    if error.validator == "pattern" and path == ("name",):
        return "E207", f"{_shown(error.instance)} cannot be a name of a dataset", _dataset_name(str(error.instance))
    if error.validator == "pattern":
        return "E207", f"{_shown(error.instance)} does not have the form of {what}", about or _BAD_FORM
    return "E206", f"{what}: {error.message}", about or "see the language's documentation"


def _instead(error: Any, path: Path) -> str | None:
    """What to write instead of a text that stands for something else."""
    given = error.instance
    if not isinstance(given, str) or error.validator not in ("type", "anyOf", "oneOf"):
        return None
    if len(path) == 2 and path[0] == "sources":
        return f"write `{{file: {given}}}`" if len(given) <= 80 else "write `{file: PATH}`"
    if path[:1] == ("prompts",) and path[2:] == ("rows",) and not re.fullmatch(r"\s*[+-]?\d+\s*", given):
        return _ROWS_BY_EXPRESSION
    kinds = error.validator_value if error.validator == "type" else wanted_kinds(error)
    percent = re.fullmatch(r"\s*(\d{1,3}(?:\.\d+)?)\s*%\s*", given)
    share = float(percent[1]) / 100 if percent else 0.0
    if percent and path[-2:] == ("output", "split") and 0 < share < 1:
        return f"write {share:.6g}: `{{train: {share:.6g}, test: {1 - share:.6g}}}`"
    if not {"integer", "number"} & set([kinds] if isinstance(kinds, str) else kinds):
        return None
    if percent:
        return f"write {share:.6g}"
    if re.fullmatch(r"[+-]?\d+" if kinds == "integer" else r"[+-]?\d+(\.\d+)?", given.strip()):
        return f"write the number without quotes: {given.strip()}"
    return None


def _dataset_name(name: str) -> str:
    better = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:100]
    allowed = "letters a to z, digits, '.', '_' and '-' are allowed, up to 100, the first a letter or digit"
    return f"{allowed}: `{better}`" if better else allowed


def _shown(value: Any) -> str:
    text = str(value)
    return f"'{text[:60]}…'" if len(text) > 60 else f"'{text}'"


def _kind(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int):
        return "a whole number"
    if isinstance(value, float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list) else "a map"


def _kinds(wanted: str | Iterable[str]) -> str:
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    return " or ".join(_KINDS.get(n, n) for n in names)
