"""Marks of what a reply is wrapped in that may have stayed in a value: its row is given up, since nobody can say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from synthspec.formats.recovery.envelopes import BOX

_FENCES = ("```", "~~~")


def residue(form: str, row: Mapping[str, Any], reply: str) -> str:
    """The value of a row that may hold the end of a box, a fence or a JSON string, or the mark of a block quote; ""
    where there is none.

    >>> residue("csv", {"a": "> Frost"}, "assistant: > a\\n> Frost"), residue("csv", {"a": "> Frost"}, "a\\n> Frost")
    ('> Frost', '')
    """
    if form == "json" or not any(mark in reply for mark in (BOX, ">", "\\n", *_FENCES)):
        return ""
    for value in row.values():
        if isinstance(value, str) and (_ends_with_a_mark(value, reply) or _quoted(form, value, row, reply)):
            return value
    return ""


def _ends_with_a_mark(value: str, reply: str) -> bool:
    lines = value.rstrip().split("\n")
    last = lines[-1].strip()
    if last.endswith("}") and BOX in reply and value.count("}") > value.count("{"):
        return True
    if last.endswith('"') and "\\n" in reply and value.count('"') % 2 == 1 and _is_odd_beside(value, reply):
        return True
    fences = [line.strip("> \t") for line in lines if line.lstrip("> \t").startswith(_FENCES)]
    opening = _opening(reply)
    ends_the_reply = opening in fences and not lines[0].lstrip("> \t").startswith(opening)
    return len(lines) > 1 and (last == ">" or len(fences) % 2 == 1 or ends_the_reply)


def _is_odd_beside(value: str, reply: str) -> bool:
    """Whether the reply has an odd number of quotation marks beside those of a value: one that opens a JSON string."""
    return (reply.count('"') - value.count('"')) % 2 == 1


def _opening(reply: str) -> str:
    """The mark of the fence with which a reply begins; "-" where it begins with none."""
    begun = re.match(r"[>\s]*(```+|~~~+)", reply)
    return begun[1] if begun else "-"


def _quoted(form: str, value: str, row: Mapping[str, Any], reply: str) -> bool:
    """Whether the value holds the mark of a block quote in which the names of the fields stand too."""
    within = "\n>\n" in value.replace("> \n", ">\n") and not value.startswith(">")
    if not within and not (form == "csv" and value.startswith("> ")):
        return False
    return any(re.search(rf">[^\n]*\b{re.escape(name)}\b", reply) for name in row)
