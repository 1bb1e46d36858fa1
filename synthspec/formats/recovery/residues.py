"""Marks of what a reply is wrapped in that may have stayed in a value: its row is given up, since nobody can say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from synthspec.formats.recovery.envelopes import BOX

_FENCES = ("```", "~~~")


def residues(form: str, rows: Sequence[Mapping[str, Any]], reply: str) -> list[str]:
    """For each row the value that may hold the end of a box, a fence or a JSON string, or the mark of a block quote; ""
    where there is none.

    >>> residues("csv", [{"a": "> Frost"}], "assistant: > a\\n> Frost")
    ['> Frost']
    >>> residues("csv", [{"a": "> Frost"}], "a\\n> Frost")
    ['']
    """
    if form == "json" or not any(mark in reply for mark in (BOX, ">", "\\n", *_FENCES)):
        return [""] * len(rows)
    wrapped = _Reply(form, reply)
    return [next((v for v in row.values() if isinstance(v, str) and wrapped.left_in(v, row)), "") for row in rows]


class _Reply:
    """What a reply is wrapped in, told once for all of its rows."""

    def __init__(self, form: str, reply: str) -> None:
        begun = re.match(r"[>\s]*(```+|~~~+)", reply)
        self._opening = begun[1] if begun else "-"  # the mark of the fence with which it begins
        self._csv = form == "csv"
        self._boxed, self._escaped, self._quotation_marks = BOX in reply, "\\n" in reply, reply.count('"')
        quoted = [line.partition(">")[2] for line in reply.split("\n") if ">" in line]
        self._is_quoted = cache(lambda name: any(re.search(rf"\b{re.escape(name)}\b", text) for text in quoted))

    def left_in(self, value: str, row: Mapping[str, Any]) -> bool:
        """Whether a value of a row may hold a mark of it."""
        return self._ends_with_a_mark(value) or self._quoted(value, row)

    def _ends_with_a_mark(self, value: str) -> bool:
        lines = value.rstrip().split("\n")
        last = lines[-1].strip()
        if last.endswith("}") and self._boxed and value.count("}") > value.count("{"):
            return True
        if last.endswith('"') and self._escaped and value.count('"') % 2 == 1 and self._is_odd_beside(value):
            return True
        fences = [line.strip("> \t") for line in lines if line.lstrip("> \t").startswith(_FENCES)]
        ends_the_reply = self._opening in fences and not lines[0].lstrip("> \t").startswith(self._opening)
        return len(lines) > 1 and (last == ">" or len(fences) % 2 == 1 or ends_the_reply)

    def _is_odd_beside(self, value: str) -> bool:
        """Whether there is an odd number of quotation marks beside those of a value: one that opens a JSON string."""
        return (self._quotation_marks - value.count('"')) % 2 == 1

    def _quoted(self, value: str, row: Mapping[str, Any]) -> bool:
        """Whether the value holds the mark of a block quote in which the names of the fields stand too."""
        within = "\n>\n" in value.replace("> \n", ">\n") and not value.startswith(">")
        if not within and not (self._csv and value.startswith("> ")):
            return False
        return any(map(self._is_quoted, row))
