"""JSON Schema's keywords, each once: what it asks of a value, in words and as a test.

The instructions of a prompt, the readers of text and the rules of fields all take them from here.
"""

from __future__ import annotations

import datetime
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword with one argument. `words`: what must hold, `{}` in the argument's place."""

    words: str
    holds: Callable[[Any, Any], bool]

    def said(self, limit: Any) -> str:
        """What must hold, in words: `at least 5`."""
        return self.words.format(limit)


def is_multiple(value: float, step: float) -> bool:
    """Whether the value is a multiple of the step, but for the last bits of a float."""
    ratio = value / step
    return math.isfinite(ratio) and abs(ratio - round(ratio)) < 1e-9


NUMBERS: Mapping[str, Keyword] = {
    "minimum": Keyword("at least {}", operator.ge),
    "maximum": Keyword("at most {}", operator.le),
    "exclusiveMinimum": Keyword("over {}", operator.gt),
    "exclusiveMaximum": Keyword("under {}", operator.lt),
    "multipleOf": Keyword("a multiple of {}", is_multiple),
}
COUNTS: Mapping[str, tuple[str, str]] = {
    "characters": ("minLength", "maxLength"),
    "items": ("minItems", "maxItems"),
    "members": ("minProperties", "maxProperties"),
}


def _date(text: str) -> bool:
    return len(text) == 10 and bool(datetime.date.fromisoformat(text))


def _datetime(text: str) -> bool:
    return "T" in text.upper() and bool(datetime.datetime.fromisoformat(text))


def _time(text: str) -> bool:
    return ":" in text and datetime.time.fromisoformat(text) is not None


def _ip(version: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        import ipaddress

        return ipaddress.ip_address(text).version == version

    return check


def _matching(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Format:
    """A `format` of texts. `words`: what such a text is; `test` may raise ValueError for one that is not."""

    words: str
    test: Callable[[str], bool]

    def holds(self, text: str) -> bool:
        """Whether the text is of this format."""
        try:
            return self.test(text)
        except ValueError:
            return False


FORMATS: Mapping[str, Format] = {
    "date": Format("a date, YYYY-MM-DD", _date),
    "date-time": Format("a date and time, YYYY-MM-DDTHH:MM:SS", _datetime),
    "time": Format("a time, HH:MM:SS", _time),
    "email": Format("an email address", _matching(r"[^@\s,]{1,64}@[^@\s.,]+(\.[^@\s.,]+)+")),
    "uri": Format("a URI, as https://example.org/page", _matching(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+")),
    "uuid": Format("a UUID", _matching(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")),
    "hostname": Format("a host name", _matching(r"(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")),
    "ipv4": Format("an IPv4 address", _ip(4)),
    "ipv6": Format("an IPv6 address", _ip(6)),
}
FORMAT_OF_KIND: Mapping[str, str] = {"date": "date", "datetime": "date-time", "time": "time"}
TYPES: Mapping[str, str] = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
