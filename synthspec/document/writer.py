"""Plain values to YAML text that this reader reads as the same values: a spec given as a dict.

Every text is quoted, unless it is a word that cannot be anything else, so no value is taken for another kind.
"""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from synthspec.document.reader import MAX_DEPTH
from synthspec.document.scalars import resolve_scalar

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNPRINTED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


def spec_text(data: Mapping[Any, Any]) -> str:
    """A spec as YAML text.

    Raises:
        TypeError: a value is no plain data: neither a map, a list, text, a number, a boolean, a date nor None.
        ValueError: it is nested deeper than a spec may be.

    >>> print(spec_text({"synthspec": 1, "parameters": {"tone": ["kind", "12"]}}), end="")
    synthspec: 1
    parameters:
      tone:
        - kind
        - "12"
    """
    return "\n".join(_block(data, 0, "")) + "\n"


def _block(value: Any, depth: int, place: str) -> Iterator[str]:
    """The lines of a value that is not a scalar."""
    if depth > MAX_DEPTH + 1:
        raise ValueError(f"the spec is nested deeper than {MAX_DEPTH} levels, or contains itself (at {place[:80]})")
    pad = "  " * depth
    if isinstance(value, Mapping):
        for key, item in value.items():
            where = f"{place}.{key}" if place else str(key)
            yield from _entry(f"{pad}{_scalar(key, where)}:", item, depth, where)
        if not value:
            yield f"{pad}{{}}"
        return
    for index, item in enumerate(value):
        yield from _entry(f"{pad}-", item, depth, f"{place}.{index}")


def _entry(head: str, item: Any, depth: int, where: str) -> Iterator[str]:
    if _is_nested(item):
        if len(item):
            yield head
            yield from _block(item, depth + 1, where)
        else:
            yield f"{head} {'{}' if isinstance(item, Mapping) else '[]'}"
        return
    yield f"{head} {_scalar(item, where)}"


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, Sequence) and not isinstance(value, str | bytes))


def _scalar(value: Any, where: str) -> str:
    """One value on one line."""
    if hasattr(value, "item") and not hasattr(value, "__len__"):
        value = value.item()  # a number of NumPy
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | PurePath):
        return _text(str(value))
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        if math.isfinite(value):
            return repr(float(value))
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    raise TypeError(f"a spec is plain data: {type(value).__name__} cannot be in it (at {where[:80]})")


def _text(text: str) -> str:
    if _WORD.fullmatch(text) and isinstance(resolve_scalar(text), str):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return _UNPRINTED.sub(lambda m: f"\\u{ord(m[0]):04x}", quoted)
