"""Values as text: what writers, file names and the rules between rows agree on.

Dates, date-times and times are ISO 8601. Text keeps every character but a lone surrogate, which no UTF-8 file
can hold: it becomes U+FFFD. A number that is not finite has no JSON form: it becomes null.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Mapping
from typing import Any

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_WIDE_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def safe_text(text: str) -> str:
    """The text with each lone surrogate as U+FFFD.

    >>> safe_text("caf\\u00e9"), safe_text("a\\ud800b")
    ('café', 'a\ufffdb')
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    return text


def plain(value: Any) -> Any:
    """The value in JSON's own terms: None, bool, int, float, str, list and dict alone."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return safe_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime.date | datetime.time):  # a date-time is a date
        return value.isoformat()
    if isinstance(value, Mapping):
        return {safe_text(str(k)): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in (sorted(value, key=repr) if isinstance(value, set | frozenset) else value)]
    if hasattr(value, "item") and not getattr(value, "shape", ()):
        return plain(value.item())  # a NumPy scalar
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return safe_text(str(value))


def json_text(value: Any, compact: bool = True) -> str:
    """The value as one line of JSON. Keys keep their order; letters stay as they are.

    >>> json_text({"b": (1, 2.5), "a": None}), json_text({"b": 1}, compact=False)
    ('{"b":[1,2.5],"a":null}', '{"b": 1}')
    """
    return (_ENCODER if compact else _WIDE_ENCODER).encode(plain(value))


def cell_text(value: Any) -> str:
    """The value as a person would write it in a table: null is empty, lists and maps are compact JSON.

    >>> [cell_text(v) for v in (None, True, 0.1, "a", [1, "b"], datetime.date(2026, 1, 2))]
    ['', 'true', '0.1', 'a', '[1,"b"]', '2026-01-02']
    """
    if isinstance(value, str):
        return safe_text(value)
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    return value if isinstance(value, str) else _ENCODER.encode(value)
