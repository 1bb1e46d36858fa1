"""Lines of a table before they are cut into cells: list marks, Markdown pipes, rules."""

from __future__ import annotations

import re
from collections.abc import Sequence

_MARK = re.compile(
    r"[ \t]*(?:[-*•+][ \t]+|\(?\d{1,4}[.)][ \t]+|(?:row|line|entry|record|item|example)[ #]+\d{1,4}:[ \t]+)(?=\S)",
    re.IGNORECASE,
)


def trim_markdown(line: str, pipe: str, piped: bool) -> str:
    """A Markdown table row without its outer pipes, `pipe` in place of each escaped one.

    In a table whose rows begin with a pipe (`piped`), pipes in other lines part nothing.
    """
    body = line.strip()
    if piped and not body.startswith("|"):
        return body.replace("|", pipe)
    if body.startswith("|"):
        body = body[1:]
        body = body[:-1] if body.endswith("|") and not body.endswith("\\|") else body
    return body.replace("\\|", pipe)


def is_rule(line: str) -> bool:
    """Whether the line only draws the rule below a Markdown header, or between rows."""
    return ("--" in line and set(line) <= set("|-:+= \t")) or set(line.strip()) == {"="}


def unmarked(text: str) -> str:
    """The text without list numbers or bullets, where every line that could be a row begins with one."""
    lines = text.split("\n")
    marked = [i for i, line in enumerate(lines) if _MARK.match(line)]
    if not marked:
        return text
    if not _between(lines, marked) or not _runs([_MARK.match(lines[i]) for i in marked]):
        return text
    for i in marked:
        lines[i] = _MARK.sub("", lines[i], count=1)
    return "\n".join(lines)


def _between(lines: Sequence[str], marked: Sequence[int]) -> bool:
    """Whether lines between the marked ones are empty, or stand inside a quoted cell."""
    marks = 0
    wanted = set(marked)
    for i in range(marked[0], marked[-1] + 1):
        if i in wanted and marks % 2:
            return False
        if i not in wanted and lines[i].strip() and not marks % 2:
            return False
        marks += lines[i].count('"')
    return True


def _runs(marks: Sequence[re.Match[str] | None]) -> bool:
    """Whether the marks are all one bullet, or count upward by one."""
    found = [re.sub(r"\A[a-z]+[ #]+", "", m[0].strip().strip("().:").casefold()) for m in marks if m is not None]
    if all(f.isdigit() for f in found):
        numbers = [int(f) for f in found]
        return numbers == list(range(numbers[0], numbers[0] + len(numbers))) and numbers[0] in (0, 1)
    return len(set(found)) == 1


_CURLY_OPEN = re.compile(r"(?P<before>^|[,;，،|\t][ \t]*)“", re.MULTILINE)
_CURLY_CLOSE = re.compile(r"”(?=[ \t]*(?:[,;，،|\t]|$))", re.MULTILINE)


def straight(text: str, width: int) -> str:
    """The text with straight quotation marks around the cells of lines that have typographic ones, and no others."""
    if "“" not in text or width < 2:
        return text
    lines = text.split("\n")
    for i, line in enumerate(lines):
        if '"' not in line and line.count("“") == line.count("”") > 0:
            made = _CURLY_CLOSE.sub('"', _CURLY_OPEN.sub(r'\g<before>"', line))
            if "“" not in made and "”" not in made:
                lines[i] = made
    return "\n".join(lines)
