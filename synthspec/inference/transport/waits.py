"""How long a provider asks to wait: `Retry-After`, reset headers, or its own words, in seconds."""

from __future__ import annotations

import datetime
import email.utils
import re
import time
from collections.abc import Mapping


def seconds_to_wait(headers: Mapping[str, str], body: str = "", now: float | None = None) -> float | None:
    """Seconds the provider asks to wait, from its headers or its words; None where it does not say."""
    now = time.time() if now is None else now
    low = {k.lower(): v for k, v in headers.items()}
    if (ms := _number(low.get("retry-after-ms", ""))) is not None:
        return max(0.0, ms / 1000)
    if (asked := _moment(low.get("retry-after", ""), now)) is not None:
        return asked
    said = re.search(r'(?:try again in|retry in|"retryDelay":\s*")\s*((?:[\d.]+\s?(?:ms|h|m|s)[a-z]*\s?)+)', body, re.I)
    if said and (span := _span(said[1])) is not None:
        return span
    resets = [_moment(v, now) for k, v in low.items() if "ratelimit" in k and "reset" in k and _used_up(low, k)]
    return max((r for r in resets if r is not None), default=None)


def _used_up(headers: Mapping[str, str], reset: str) -> bool:
    remaining = _number(headers.get(reset.replace("reset", "remaining"), ""))
    return remaining is None or remaining <= 0


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value == value and abs(value) != float("inf") else None


_SPAN = re.compile(r"([\d.]+)\s?(ms|h|m|s)", re.I)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def _span(text: str) -> float | None:
    """`6m0s`, `20ms`, `1h2m` in seconds."""
    parts = [(_number(n), _UNITS[u.lower()]) for n, u in _SPAN.findall(text)]
    if not parts or any(n is None for n, _ in parts):
        return None
    return sum((n or 0.0) * u for n, u in parts)


def _moment(text: str, now: float) -> float | None:
    """Seconds from now: a number of seconds, an epoch, a span, an HTTP date or an ISO 8601 one."""
    text = text.strip()
    if not text:
        return None
    if (value := _number(text)) is not None:
        if value > 1e11:
            value /= 1000  # an epoch in milliseconds
        return max(0.0, value - now if value > 1e9 else value)
    if re.fullmatch(r"(?:[\d.]+(?:ms|h|m|s))+", text, re.I):
        return _span(text)
    try:
        when = datetime.datetime.fromisoformat(text)
    except ValueError:
        try:
            when = email.utils.parsedate_to_datetime(text)
        except ValueError:
            return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=datetime.UTC)
    return max(0.0, when.timestamp() - now)
