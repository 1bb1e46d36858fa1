"""Lines of a table that are something else: JSON, YAML, headings, talk about the rows."""

from __future__ import annotations

import re
from collections.abc import Sequence

from synthspec.formats.recovery.remarks import is_preamble, is_refusal, is_speaker, judge_preamble, judge_remark
from synthspec.formats.recovery.tables.header import fold

_LABELLED = re.compile(r"(?:[-*•][ \t]+)?[\"\'“]?(?P<name>[\w \-]{1,60})[\"\'”]?[ \t]*:")

_COUNTED = re.compile(
    r"""["']?(?:(?:grand|sub)[ -]?)?(?:totals?|sum|count|rows?|entries|lines|number of \w+|total \w+|averages?)["']?"""
    r"""[ \t]*[,;|\t:=]+[ \t]*["']?[\d.,]+["']?[ \t]*(?:rows?|entries|lines|items)?[,;|]*\Z""",
    re.IGNORECASE,
)


_SUM = re.compile(r"""["']?(?:(?:grand|sub)[ -]?)?(?:totals?|sum|averages?|mean)["']?[ \t]*[,;|\t]""", re.IGNORECASE)


def is_sum(line: str) -> bool:
    """Whether a last line sums up the rows before it: `Total,2`."""
    return _SUM.match(line) is not None and is_count(line)


def is_count(line: str) -> bool:
    """Whether a line only counts the rows: `Total,2`, `"Number of rows","2"`."""
    return _COUNTED.match(line) is not None


def is_foreign(line: str, names: Sequence[str]) -> bool:
    """Whether a line is JSON, YAML, a heading, a count of the rows, or talk about them."""
    if line[:1] in ("{", "[", "(") and ('"' in line or "'" in line or line.rstrip(",")[-1:] in ("}", "]", ")")):
        return True
    if line[:1] in ("}", "]") or line.startswith(("#", "**", "__", "<", "```")):
        return True
    if is_count(line):
        return True
    label = _LABELLED.match(line)
    if label is not None and fold(label["name"]) in map(fold, names):
        return True
    if is_refusal(line) or is_speaker(line) or judge_remark(line, names):
        return True
    return judge_preamble(line, names) == "surely" or (judge_preamble(line, names) == "maybe" and not is_preamble(line))
