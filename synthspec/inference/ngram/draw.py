"""Values that are not running text: drawn from the source's own distribution or straight from the schema."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from typing import Any

from synthspec.inference.ngram.dice import Dice

_MAIL = ("email", "idn-email")
_HOSTS = ("hostname", "idn-hostname")
_LINKS = ("uri", "iri", "uri-reference", "iri-reference")
FORMATS = frozenset(("date", "time", "date-time", "duration", "uuid", "ipv4", "ipv6", *_MAIL, *_HOSTS, *_LINKS))
_WORDS = (
    "north",
    "amber",
    "delta",
    "maple",
    "river",
    "stone",
    "cedar",
    "harbor",
    "meadow",
    "copper",
    "linden",
    "orbit",
)


def draw_number(schema: Mapping[str, Any], seen: Sequence[Any], whole: bool, dice: Dice) -> int | float:
    """A number in the schema's range: near the first of `seen` in it, values that fit the combination."""
    low, high = _range(schema, whole)
    step = schema.get("multipleOf")
    fitting = [v for v in seen if _is_number(v) and low <= v <= high]
    if fitting:
        value = float(fitting[0])
        different = sorted(set(fitting))
        if len(different) > 8:
            value += (dice.roll() - 0.5) * (different[-1] - different[0]) / len(different)
        places = 0 if whole else max(_places(v) for v in fitting[:200])
        value = round(value, places)
    else:
        low, high = _finite(low, high)
        value = low + dice.roll() * (high - low)
        if not whole and not step:
            value = round(value, 2 if high - low >= 1 else 4)
    if step:
        value = round(math.floor(value / step + 0.5) * step, 10)
        value = value if value <= high else value - step
        value = value if value >= low else value + step
    low_in, high_in = (math.ceil(low), math.floor(high)) if whole and math.isfinite(low + high) else (low, high)
    value = min(max(value, low_in), high_in)
    return math.floor(value + 0.5) if whole else value


def _range(schema: Mapping[str, Any], whole: bool) -> tuple[float, float]:
    edge = 1.0 if whole else 1e-6
    low, high = float(schema.get("minimum", -math.inf)), float(schema.get("maximum", math.inf))
    if _is_number(schema.get("exclusiveMinimum")):
        low = max(low, schema["exclusiveMinimum"] + edge)
    if _is_number(schema.get("exclusiveMaximum")):
        high = min(high, schema["exclusiveMaximum"] - edge)
    return low, high


def _finite(low: float, high: float) -> tuple[float, float]:
    if math.isinf(low) and math.isinf(high):
        return 0.0, 100.0
    if math.isinf(low):
        return high - 100.0, high
    return (low, low + 100.0) if math.isinf(high) else (low, high)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _places(value: float) -> int:
    text = repr(value)
    return min(len(text.partition(".")[2]), 6) if "." in text and "e" not in text and not text.endswith(".0") else 0


def draw_formatted(name: str, seen: Sequence[Any], dice: Dice) -> str | None:
    """Text in a JSON Schema `format`; None where the format is not known."""
    if name == "date":
        return _date(seen, dice).isoformat()
    if name == "time":
        return f"{dice.below(24):02}:{dice.below(60):02}:{dice.below(60):02}Z"
    if name == "date-time":
        return f"{_date(seen, dice).isoformat()}T{draw_formatted('time', (), dice)}"
    if name == "duration":
        return f"PT{1 + dice.below(23)}H{dice.below(60)}M"
    word, other = dice.pick(_WORDS), dice.pick(_WORDS)
    if name in _MAIL:
        return f"{word}.{other}{dice.below(90) + 10}@example.{dice.pick(('com', 'org', 'net'))}"
    if name in _HOSTS:
        return f"{word}-{dice.below(900) + 100}.example.{dice.pick(('com', 'org', 'net'))}"
    if name in _LINKS:
        return f"https://www.example.{dice.pick(('com', 'org', 'net'))}/{word}/{other}-{dice.below(9000) + 1000}"
    if name == "uuid":
        digits = "".join(f"{dice.below(1 << 32):08x}" for _ in range(4))
        variant = "89ab"[int(digits[16], 16) % 4]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
    if name == "ipv4":
        return f"{dice.pick(('192.0.2', '198.51.100', '203.0.113'))}.{1 + dice.below(254)}"
    if name == "ipv6":
        return f"2001:db8::{dice.below(65536):x}:{dice.below(65536):x}"
    return None


def _date(seen: Sequence[Any], dice: Dice) -> datetime.date:
    dates = [d for d in map(_as_date, seen) if d is not None]
    first, last = (min(dates), max(dates)) if dates else (datetime.date(2023, 1, 1), datetime.date(2025, 12, 31))
    return first + datetime.timedelta(days=dice.below((last - first).days + 1))


def _as_date(value: Any) -> datetime.date | None:
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    try:
        return datetime.date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
