"""What stands around an answer: reasoning blocks, code fences, preambles. Taken off only when certain."""

from __future__ import annotations

import re

_FENCE = re.compile(r"[ \t]*(```+|~~~+)[^\n`]*\Z")
_PREAMBLE = re.compile(
    r"(?:sure|certainly|of course|okay|ok|absolutely|great|here(?:'s|’s| is| are| you go)|below (?:is|are)|"
    r"the following|i(?:'ve| have) (?:written|generated|created|made))\b[^\n]{0,300}:[ \t]*[*_]*[ \t]*\Z",
    re.IGNORECASE,
)


def tidy(text: str) -> str:
    """Line breaks made one kind; a byte order mark and a leading block of reasoning taken off."""
    text = text.removeprefix("\ufeff")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    start = text.lstrip()
    for name in ("think", "thinking", "reasoning"):
        if start.startswith(f"<{name}>"):
            _, closed, rest = start.partition(f"</{name}>")
            return rest.lstrip("\n") if closed else text
    return text


def is_fence(line: str) -> bool:
    """Whether a line opens or closes a code block and holds nothing else."""
    return _FENCE.match(line) is not None


def is_preamble(line: str) -> bool:
    """Whether a line only announces what follows, as in `Here is the review:`."""
    return _PREAMBLE.match(line.strip().lstrip("*_#> ")) is not None


def unfence(text: str) -> str | None:
    """The inside of the one code fence around the whole text; None where there is no such fence."""
    lines = text.strip("\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    while lines and not lines[0].strip():
        lines.pop(0)
    if len(lines) < 2 or not is_fence(lines[0]):
        return None
    mark = lines[0].strip()
    mark = mark[: len(mark) - len(mark.lstrip(mark[0]))]
    if lines[-1].strip() != mark or any(line.strip() == mark for line in lines[1:-1]):
        return None
    return "\n".join(lines[1:-1])


def without_preamble(text: str) -> str:
    """The text without a first line that announces it, where an empty line or a fence sets it apart."""
    first, found, rest = text.lstrip().partition("\n")
    if not found or not is_preamble(first):
        return text
    following, _, _ = rest.partition("\n")
    if not following.strip() or is_fence(following) or following.lstrip().startswith(('"', "“")):
        return rest.lstrip("\n")
    return text
