"""What Jinja says of a template it cannot read, in the words of the person who wrote it."""

from __future__ import annotations

import re
from typing import Any

from synthspec.diagnostics.remedies import remove
from synthspec.lazy_dataclass import dataclass

_TAG = re.compile(r"\{%-?\s*(\w+)|\{\{|\{#")
_BLOCKS = ("for", "if", "with", "set", "raw", "filter", "block", "macro", "call", "autoescape")


@dataclass(frozen=True, slots=True)
class TextFault:
    """A fault in a text: characters `start` to `end` (exclusive)."""

    code: str
    message: str
    start: int
    end: int
    help: str = ""


def syntax_fault(text: str, error: Any) -> TextFault:
    """The fault of a template that cannot be read; Jinja knows its line only."""
    said = str(error.message)
    start, end = _line(text, error.lineno or 1)
    unknown = re.match(r"Encountered unknown tag '([^']+)'", said)
    if unknown and unknown[1].startswith(("end", "el")):
        at = _find(text, start, unknown[1])
        return TextFault("E401", f"'{unknown[1]}' ends or parts no block that is open here", *at, _orphan(unknown[1]))
    if unknown:
        at = _find(text, start, unknown[1])
        return TextFault("E401", f"there is no tag '{unknown[1]}'", *at, "templates know for, if, set and with")
    if said.startswith("Unexpected end of template"):
        return _never_ended(text) or TextFault("E401", "a block is never ended", start, end, "end it: {% endfor %}")
    if "end of comment" in said or "Missing end of" in said:
        opened = max(text.rfind("{#"), 0)
        return TextFault("E401", "this comment is never ended", opened, opened + 2, "end it with #}")
    begin, stop = _tag_at_fault(text, start, end)
    if text[begin:stop] in ("{{", "{%"):
        closing = "}}" if text[begin:stop] == "{{" else "%}"
        return TextFault("E401", "these braces are never closed", begin, stop, f"close them with {closing}")
    help = "inside braces, write a name, perhaps with filters: {{ name | upper }}"
    return TextFault("E401", _plainly(said), begin, stop, help)


def _plainly(said: str) -> str:
    got = re.search(r"got '([^']*)'", said)
    stray = re.match(r"unexpected '([^']*)'", said)
    character = re.match(r"unexpected char '([^']*)'", said)
    if character:
        return f"'{character[1]}' means nothing inside braces"
    ending = (got or stray) and (got or stray)[1].startswith("end of")  # type: ignore[index]
    if ending:
        return "something is missing before the braces close"
    if got:
        return f"'{got[1]}' does not belong here"
    if stray:
        return f"'{stray[1]}' does not belong here"
    if "Expected an expression" in said:
        return "a value is missing here"
    return said[:1].lower() + said[1:].rstrip(".")


def _orphan(word: str) -> str:
    opener = word.removeprefix("end") if word.startswith("end") else "if"
    return remove() + f", or begin the block above with {{% {opener} … %}}"


def _never_ended(text: str) -> TextFault | None:
    """The innermost block that is open at the end, or the braces that are never closed."""
    open_blocks: list[tuple[str, int, int]] = []
    for tag in _TAG.finditer(text):
        word = tag[1] or ""
        if word in _BLOCKS and not (word == "set" and "=" in text[tag.end() :].partition("%}")[0]):
            open_blocks.append((word, tag.start(1), tag.end(1)))
        elif word.startswith("end") and open_blocks:
            open_blocks.pop()
    if not open_blocks:
        return None
    word, start, end = open_blocks[-1]
    return TextFault("E401", f"this '{word}' is never ended", start, end, f"add {{% end{word} %}}")


def _tag_at_fault(text: str, start: int, end: int) -> tuple[int, int]:
    """The braces on a line that Jinja refused: those never closed, else those it cannot read, else the line."""
    import jinja2

    environment = jinja2.Environment(autoescape=False)
    for opened in re.finditer(r"\{\{|\{%", text[start:end]):
        begin = start + opened.start()
        close = text.find("}}" if opened.group() == "{{" else "%}", begin)
        again = text.find("{{", begin + 2)
        if close < 0 or 0 <= again < close:
            return begin, begin + 2
        piece = text[begin : close + 2]
        try:
            environment.parse(piece)
        except jinja2.TemplateSyntaxError as e:
            if "end of template" not in str(e.message) and "unknown tag 'end" not in str(e.message):
                return begin, close + 2
    return start, end


def _line(text: str, number: int) -> tuple[int, int]:
    lines = text.split("\n")
    number = min(max(number, 1), len(lines))
    begin = sum(len(line) + 1 for line in lines[: number - 1])
    return begin, begin + max(1, len(lines[number - 1]))


def _find(text: str, begin: int, word: str) -> tuple[int, int]:
    at = re.search(rf"\b{re.escape(word)}\b", text[begin:])
    return (begin + at.start(), begin + at.end()) if at else (begin, begin + 1)
