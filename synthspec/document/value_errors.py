"""What is wrong with one value that the language's schema does not take."""

from __future__ import annotations

import re
from typing import Any

from synthspec.diagnostics import did_you_mean
from synthspec.diagnostics.remedies import write
from synthspec.document.key_hints import type_for
from synthspec.document.paths import NodePath, place_name
from synthspec.document.schema_branches import wanted_kinds
from synthspec.document.value_remedies import kind_names, remedy_of_kind, with_note
from synthspec.lazy_dataclass import dataclass

_BAD_FORM = "use letters, digits, hyphens and underscores"


@dataclass(frozen=True, slots=True)
class _Limit:
    """What a value must be by a limit of the schema, and what to write instead."""

    must: str
    remedy: str = "write {}"
    unit: str = ""  # what it counts, where it counts
    allowed: bool = False  # the limit itself can be written

    def of(self, value: Any) -> str:
        """What a value must be by a limit of so much.

        >>> _Limit("a list of {}", unit="item").of(1)
        'a list of 1 item'
        """
        return self.must.format(f"{value} {self.unit}{'' if value == 1 else 's'}" if self.unit else value)


_ONE = "write one that is {}"
_LIMITS = {
    "minimum": _Limit("at least {}", _ONE, allowed=True),
    "maximum": _Limit("at most {}", _ONE, allowed=True),
    "exclusiveMinimum": _Limit("greater than {}", _ONE),
    "exclusiveMaximum": _Limit("less than {}", _ONE),
    "minItems": _Limit("of at least {}", "write a list {}", "item"),
    "maxItems": _Limit("of at most {}", "write a list {}", "item"),
    "minProperties": _Limit("a map of at least {}", unit="key"),
    "minLength": _Limit("a text of at least {}", unit="character"),
    "maxLength": _Limit("a text of at most {}", unit="character"),
}


def value_error(error: Any, path: NodePath) -> tuple[str, str, str]:
    """The code, the message and the help of an error about one value."""
    what = place_name(path)
    about = str(error.schema.get("description", "")) if isinstance(error.schema, dict) else ""
    value = error.validator_value
    if error.validator == "type":
        message = f"{what} is {_kind(error.instance)}; {kind_names(value)} is needed"
        return "E204", message, remedy_of_kind(error, path, about)
    if error.validator in ("anyOf", "oneOf"):
        kinds = wanted_kinds(error)
        if kinds:
            message = f"{what} is {_kind(error.instance)}; {kind_names(kinds)} is needed"
        else:
            message = f"{what} cannot be {_kind(error.instance)}"
        return "E204", message, remedy_of_kind(error, path, about)
    if error.validator in ("enum", "const"):
        options = [str(v) for v in value] if error.validator == "enum" else [str(value)]
        known = type_for(str(error.instance)) if path[-1:] == ("type",) else None
        help = write(known) if known is not None and known in options else did_you_mean(str(error.instance), options)
        return "E205", f"{what} cannot be {_shown(error.instance)}", help
    if error.validator in _LIMITS:
        limit = _LIMITS[str(error.validator)]
        must = limit.of(value)
        remedy = write(str(value), _ONE.format(limit.must)) if limit.allowed else limit.remedy.format(must)
        return "E206", f"{what} must be {must}", with_note(remedy, about)
    if error.validator == "pattern" and path == ("name",):
        return "E207", f"{_shown(error.instance)} cannot be a name of a dataset", _dataset_name(str(error.instance))
    if error.validator == "pattern":
        return "E207", f"{_shown(error.instance)} does not have the form of {what}", with_note(_BAD_FORM, about)
    return "E206", f"{what}: {error.message}", with_note("see the language's documentation", about)


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
