"""Dates, moments and times of day as people write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from typing import Any

from synthspec.lazy_dataclass import dataclass

ISO_DATE = "%Y-%m-%d"
DATES = (
    ISO_DATE, "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%y",
    "%m/%d/%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%d-%b-%Y", "%d-%b-%y",
)  # fmt: skip
TIMES = ("%H:%M", "%H:%M:%S", "%I:%M %p")
SHOWN = {"%d": "DD", "%m": "MM", "%Y": "YYYY", "%y": "YY", "%b": "Mon", "%B": "Month", "%H": "hh", "%M": "mm",
         "%S": "ss", "%I": "hh", "%p": "am/pm"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dates:
    """What texts say: dates, datetimes or times, and how they are written."""

    values: tuple[Any, ...]
    note: str


def read_dates(texts: Sequence[str]) -> Dates | None:
    """The dates, moments or times that every one of some texts writes in the same way; None where they do not."""
    if not any(c.isdigit() for c in texts[0]) or len(texts[0]) > 40:
        return None
    moments = _each(texts, _iso_moment)
    if moments is not None and any(len(t.strip()) > 10 for t in texts):
        return Dates(tuple(moments), "")
    readable = [form for form in DATES if (_each(texts[:50], _reader(form)) is not None)]
    found = [(form, days) for form in readable if (days := _each(texts, _reader(form, date))) is not None]
    if found:
        form, days = found[0]
        return Dates(tuple(days), _note(form, [f for f, _ in found[1:]]))
    for form in TIMES:
        times = _each(texts, _reader(form, time))
        if times is not None:
            return Dates(tuple(times), "" if form != TIMES[2] else _note(form, []))
    for join in (" ", ", "):
        for form in DATES[1:] if join == " " else ():
            for clock in TIMES:
                found_moments = _each(texts, _reader(f"{form}{join}{clock}"))
                if found_moments is not None:
                    return Dates(tuple(found_moments), _note(f"{form}{join}{clock}", []))
    return None


def _each(texts: Sequence[str], read: Callable[[str], Any]) -> list[Any] | None:
    found = []
    for text in texts:
        try:
            found.append(read(text.strip()))
        except ValueError:
            return None
    return found


def _reader(form: str, kind: type = datetime) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        moment = datetime.strptime(text, form)
        return moment.date() if kind is date else moment.time() if kind is time else moment

    return read


def _iso_moment(text: str) -> datetime:
    if len(text) < 10 or text[4] != "-":
        raise ValueError(text)
    return datetime.fromisoformat(text).replace(tzinfo=None)


def _note(form: str, others: Sequence[str]) -> str:
    if form == ISO_DATE:
        return ""
    text = f"written {_shown(form)} in the sample, here YYYY-MM-DD"
    other = next((o for o in others if sorted(o) == sorted(form)), None)
    return text + (f" (the sample could be {_shown(other)} as well: no day is above 12)" if other else "")


def _shown(form: str) -> str:
    for directive, shown in SHOWN.items():
        form = form.replace(directive, shown)
    return form
