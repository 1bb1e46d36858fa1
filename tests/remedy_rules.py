"""What a person does who takes a remedy at its word: texts of a spec, of which one must be right.

Each rule reads the help of a diagnostic, and changes the spec where it points.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from synthspec.diagnostics import Diagnostic
from synthspec.language_service.removal import item_end

Rule = Callable[[str, Diagnostic, re.Match[str]], Iterator[str]]


def put(text: str, found: Diagnostic, word: str) -> str:
    """The text with a word in the place a diagnostic points at."""
    lines = text.split("\n")
    span = found.span
    line = lines[span.line - 1]
    assert span.line == span.end_line
    lines[span.line - 1] = line[: span.column - 1] + word + line[span.end_column - 1 :]
    return "\n".join(lines)


def one_of(text: str, found: Diagnostic, match: re.Match[str]) -> Iterator[str]:
    """One of the words that are known takes the place of what stands there."""
    for word in match[1].split(", "):
        yield put(text, found, word)
        yield put(text, found, f'"{word}"')  # a text in an expression


def written(text: str, found: Diagnostic, match: re.Match[str]) -> Iterator[str]:
    """What is to be written takes the place: of the value, of the key with its value, of the name wherever it is."""
    word = match[1]
    lines = text.split("\n")
    line = lines[found.span.line - 1]
    there = line[found.span.column - 1 : found.span.end_column - 1]
    yield put(text, found, word)
    yield re.sub(rf"(?<![\w-]){re.escape(there)}(?![\w-])", lambda _: word, text)
    key, colon, _ = word.partition(": ")
    if colon:
        yield put(text, found, word).replace(f"{key}: {word}", word)
        lines[found.span.line - 1] = re.sub(rf"\b{re.escape(key)}: [^,}}]+", lambda _: word, line)
        yield "\n".join(lines)
    for short in _cut(line, found.span.column - 1):
        lines[found.span.line - 1] = short[0] + word + short[1]
        yield "\n".join(lines)


def bound(text: str, found: Diagnostic, match: re.Match[str]) -> Iterator[str]:
    """The nearest value that a bound allows."""
    yield put(text, found, match[1])


def removed(text: str, found: Diagnostic, match: re.Match[str]) -> Iterator[str]:
    """Without the key that is pointed at and its value, or the item of a list."""
    lines = text.split("\n")
    at = found.span.line - 1
    named = re.search(r"remove `(\w+)`", match[0])
    column = lines[at].index(named[1]) if named else found.span.column - 1
    for before, after in _cut(lines[at], column):
        rest = re.sub(r",\s*(?=[}\]])", "", re.sub(r"(?<=[{\[])\s*,\s*", "", before + after))
        yield "\n".join([*lines[:at], rest, *lines[at + 1 :]])
    depth = len(lines[at]) - len(lines[at].lstrip())
    end = at + 1
    while end < len(lines) and lines[end].strip() and len(lines[end]) - len(lines[end].lstrip()) > depth:
        end += 1
    yield "\n".join([*lines[:at], *lines[end:]])
    if at and lines[at - 1].endswith(":"):  # the last key of a map
        yield "\n".join([*lines[: at - 1], *lines[end:]])


def typed(text: str, found: Diagnostic, match: re.Match[str]) -> Iterator[str]:
    """Another type for the field."""
    lines = text.split("\n")
    for at in range(found.span.line - 1, -1, -1):
        if "type: " in lines[at]:
            lines[at] = re.sub(r"type: \w+", f"type: {match[1]}", lines[at], count=1)
            break
    yield "\n".join(lines)


def _cut(line: str, column: int) -> Iterator[tuple[str, str]]:
    """What stands before and after a key with its value, or an item, with the comma before it or after it."""
    end = item_end(line, column)
    before, after = line[:column], line[end:]
    yield before, after
    yield before, after.removeprefix(",").lstrip()
    yield before.rstrip().removesuffix(","), after


RULES: tuple[tuple[str, Rule], ...] = (
    (r"^known here: (.+)$", one_of),
    (r"write `([^`…{}]+)`", written),
    (r"write one that is at (?:least|most) ([\d.]+)$", bound),
    (r"(?:^|, or )(?:remove (?:it|one|`\w+`)|keep one of the two)", removed),
    (r"set `type: (\w+)`", typed),
)


def followed(text: str, found: Diagnostic) -> dict[str, list[str]]:
    """The specs that come of each way to do what the help says, by the name of the way."""
    ways: dict[str, list[str]] = {}
    for pattern, rule in RULES:
        if match := re.search(pattern, found.help):
            try:
                ways[rule.__name__] = [t for t in rule(text, found, match) if t != text]
            except (AssertionError, ValueError):
                ways[rule.__name__] = []
    return ways
