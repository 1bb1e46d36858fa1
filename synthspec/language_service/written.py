"""What is offered at the cursor, before it is known what stands there; and values as YAML is written."""

from __future__ import annotations

import datetime
import json
import re
from dataclasses import replace
from typing import Any

from synthspec.document.scalars import resolve_scalar
from synthspec.language_service.values import CompletionKind
from synthspec.lazy_dataclass import dataclass

_PLAIN = re.compile(r"[^\W\d][\w .+-]*(?<! )|\d[\w.-]*")
WORD = r"[\w-]*$"
NAME = r"(?<![\w.])[^\W\d]\w*$|$"


@dataclass(frozen=True, slots=True)
class Offered:
    """A text that may be put at the cursor, in the place of what `word` finds before it."""

    label: str
    kind: CompletionKind
    text: str
    detail: str = ""
    documentation: str = ""
    word: str = WORD
    takes_rest: bool = False  # the rest of the word after the cursor too

    def followed(self, end: str) -> Offered:
        """As a key, with what comes after it."""
        return replace(self, text=f"{self.text}{end}", takes_rest=True)


def as_yaml(value: Any) -> str:
    """A single value as it stands in a list or map, in quotes where it needs them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if _PLAIN.fullmatch(value) and isinstance(resolve_scalar(value), str):
        return value
    return "'" + value.replace("'", "''") + "'"


def as_literal(value: Any) -> str:
    """A value as an expression writes it."""
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return json.dumps(value, ensure_ascii=False, default=str)
