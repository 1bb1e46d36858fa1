"""Days and moments that a text file does not write as ISO 8601 does: `dates: DD.MM.YYYY`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

from synthspec.diagnostics.remedies import remove, write
from synthspec.sources.table import Note

FORM = r"^(?:YYYY|YY|MM|DD|hh|mm|ss|[-/. ,:T])+$"
_PARTS = {
    "YYYY": (r"(?P<year>\d{4})", "%Y"),
    "YY": (r"(?P<year>\d{2})", "%y"),
    "MM": (r"(?P<month>\d{1,2})", "%m"),
    "DD": (r"(?P<day>\d{1,2})", "%d"),
    "hh": (r"(?P<hour>\d{1,2})", "%H"),
    "mm": (r"(?P<minute>\d{2})", "%M"),
    "ss": (r"(?P<second>\d{2})", "%S"),
}
_TOKEN = re.compile("|".join(_PARTS))


def form_fault(form: str) -> str:
    """Why a form says no day; "" where it does."""
    found = _TOKEN.findall(form)
    if len(set(found)) < len(found) or {"YYYY", "YY"} <= set(found):
        return "it says one part twice"
    if not {"DD", "MM"} <= set(found) or not {"YYYY", "YY"} & set(found):
        return "it needs DD, MM and YYYY (or YY)"
    return ""


def read_days(texts: Sequence[str], form: str) -> list[Any] | None:
    """Texts, of which empty ones are null, as days (or moments, where the form has hours); None where one is no day."""
    pattern, directive = _reader(form)
    found: list[Any] = []
    for text in texts:
        if text == "":
            found.append(None)
        elif pattern.fullmatch(text.strip()) is None:
            return None
        else:
            try:
                moment = datetime.strptime(text.strip(), directive)
            except ValueError:
                return None
            found.append(moment if "hh" in form else moment.date())
    return found


def form_note(columns: Mapping[str, Sequence[Any]], form: str) -> Note | None:
    """What is said where no column is read by a form that a spec gives, or one is but for a few of its values."""
    if any(isinstance(v, date) for values in columns.values() for v in values[:1000]):
        nearly = next((found for n, values in columns.items() if (found := _odd_one(n, values, form))), "")
        return Note("W773", nearly, "correct it, or leave it empty", "dates") if nearly else None
    nearly = next((found for n, values in columns.items() if (found := _odd_one(n, values, form))), "")
    said = nearly or f"has no column whose values are all written {form}"
    return Note("W773", said, write("dates") + " as the file does, such as DD.MM.YYYY, or " + remove(), "dates")


def _odd_one(name: str, values: Sequence[Any], form: str) -> str:
    """A column most of whose values are days of this form, and the first that is none."""
    texts = [v for v in values if isinstance(v, str) and v != ""]
    if not texts or len(texts) < sum(v is not None and v != "" for v in values):
        return ""
    wrong = [t for t in texts if read_days([t], form) is None]
    if 2 * len(wrong) > len(texts):
        return ""
    return f"has days in the column '{name[:40]}', but '{wrong[0][:40]}' is none written {form}: it stays text"


@cache
def _reader(form: str) -> tuple[re.Pattern[str], str]:
    pattern = "".join(_PARTS[p][0] if p in _PARTS else re.escape(p) for p in re.split(f"({_TOKEN.pattern})", form))
    return re.compile(pattern), _TOKEN.sub(lambda m: _PARTS[m[0]][1], form)
