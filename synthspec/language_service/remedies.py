"""What a person does who takes a remedy at its word, as edits of the text. Whether it helps is not known here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from synthspec.diagnostics import Diagnostic, Span
from synthspec.diagnostics.remedies import (
    Change,
    FieldType,
    FirstLine,
    KnownName,
    MeantName,
    QuotedTemplate,
    Removal,
    Replacement,
    SpacesForTabs,
)
from synthspec.diagnostics.spelling import slips
from synthspec.language_service.removal import removals
from synthspec.language_service.values import Edit
from synthspec.lazy_dataclass import dataclass

MOST = 12  # ways to follow one remedy


@dataclass(frozen=True, slots=True)
class Way:
    """One way to follow a remedy. A `certain` one is what the spec was surely meant to say."""

    title: str
    edits: tuple[Edit, ...]
    certain: bool = False


def ways(lines: Sequence[str], found: Diagnostic) -> Iterator[Way]:
    """The ways to follow the remedy of a diagnostic of these lines, the likeliest first."""
    if 1 <= found.span.line <= len(lines) and found.span.end_line <= len(lines):
        likeliest = sorted(found.changes, key=lambda change: isinstance(change, Removal))
        yield from islice((way for change in likeliest for way in _followed(lines, found.span, change)), MOST)


def _followed(lines: Sequence[str], span: Span, change: Change) -> Iterator[Way]:
    match change:
        case MeantName(name=name):
            yield from _instead(lines, span, name)
        case KnownName(names=names):
            yield from (Way(way.title, way.edits) for name in names for way in _instead(lines, span, name))
        case Replacement(text=text, certain=certain):
            yield from _replaced(lines, span, text, certain)
        case Removal(key=key):
            what = key or written_at(lines, span)
            yield from (Way(f"remove {what}", (edit,)) for edit in removals(lines, span, key))
        case FieldType(type=kind):
            yield from _typed(lines, span, kind)
        case FirstLine(line=line):
            yield Way(f"add {line}", (Edit(Span(span.file, 1, 1, 1, 1), f"{line}\n"),), True)
        case QuotedTemplate():
            yield from _quoted(lines, span)
        case SpacesForTabs():
            yield _spaced(lines, span)


def written_at(lines: Sequence[str], span: Span) -> str:
    """What stands in a span of one line; "" for one of several."""
    return lines[span.line - 1][span.column - 1 : span.end_column - 1] if span.line == span.end_line else ""


def _instead(lines: Sequence[str], span: Span, word: str) -> Iterator[Way]:
    """A word in the place of what stands there, in the quotation marks that it stands in."""
    there = written_at(lines, span)
    if there:
        quote = there[0] if there[0] in "'\"" and there[-1] == there[0] and len(there) > 1 else ""
        bare = there[1:-1] if quote else there
        yield Way(f"write '{word}'", (Edit(span, f"{quote}{word}{quote}"),), surely(bare, word))


def _replaced(lines: Sequence[str], span: Span, text: str, certain: bool) -> Iterator[Way]:
    """A text takes the place of the value, or of the key with its value."""
    if written_at(lines, span):
        yield Way(f"write {text}", (Edit(span, text),), certain)
    key, colon, value = text.partition(": ")
    own = re.compile(rf"\b{re.escape(key)}: (?P<value>[^,}}#]+?)(?=\s*(?:[,}}#]|$))") if colon else None
    for begun in own.finditer(lines[span.line - 1]) if own is not None else ():
        place = Span(span.file, span.line, begun.start("value") + 1, span.line, begun.end("value") + 1)
        yield Way(f"write {text}", (Edit(place, value),))


def _typed(lines: Sequence[str], span: Span, kind: str) -> Iterator[Way]:
    """Another type for the field at which the diagnostic stands, or above it."""
    for number in range(span.line, 0, -1):
        begun = re.search(r"\btype: (\w+)", lines[number - 1])
        if begun is not None:
            place = Span(span.file, number, begun.start(1) + 1, number, begun.end(1) + 1)
            yield Way(f"set type: {kind}", (Edit(place, kind),))
            return


def _quoted(lines: Sequence[str], span: Span) -> Iterator[Way]:
    """A template that begins a value, in quotes: the value goes on to the end of the line."""
    line = lines[span.line - 1]
    start = line.rfind("{{", 0, span.column + 1)
    value = line[start:].rstrip()
    quote = "'" if "'" not in value else '"'
    if start >= 0 and quote not in value:
        place = Span(span.file, span.line, start + 1, span.line, start + len(value) + 1)
        yield Way("put the text in quotes", (Edit(place, f"{quote}{value}{quote}"),), True)


def _spaced(lines: Sequence[str], span: Span) -> Way:
    """Spaces for the tabs in the indentation of every line."""
    edits: list[Edit] = []
    for number, line in enumerate(lines, start=1):
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent:
            place = Span(span.file, number, 1, number, len(indent) + 1)
            edits.append(Edit(place, indent.replace("\t", "  ")))
    return Way("indent with spaces", tuple(edits), True)


def surely(there: str, meant: str) -> bool:
    """Whether a word can only be a misspelling of another: alike but for case and signs, or a letter apart.

    >>> surely("sumary", "summary"), surely("max_words", "maxWords"), surely("tome", "tone"), surely("size", "rows")
    (True, True, True, False)
    """
    folded = [re.sub(r"[-_ ]", "", text).casefold() for text in (there, meant)]
    if folded[0] == folded[1]:
        return True
    if min(map(len, folded)) < 4:
        return False
    return slips(folded[0], folded[1]) <= (1 if min(map(len, folded)) < 6 else 2)
