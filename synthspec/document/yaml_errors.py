"""What the YAML reader says of a text it cannot read, in the words of the person who wrote it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from synthspec.diagnostics import Diagnostic, Related, Span
from synthspec.diagnostics.remedies import indent_with_spaces, remove
from synthspec.document.source import Source
from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class _Saying:
    """A message of the reader: what it means, how to fix it, and whether the fault is where the construct began."""

    said: str  # regular expression over the reader's context and problem
    message: str
    help: str
    at_start: bool = False
    of_brackets: bool = False  # of a list or a map between brackets


_SAYINGS = (
    _Saying("quoted scalar.*unexpected end of stream", "this quotation mark is never closed", "close it", True),
    _Saying(
        "unknown escape character",
        "a backslash in double quotes begins an escape, and this is not a valid one",
        "use single quotes: they leave every backslash as it is",
    ),
    _Saying("hexa?decimal", "an escape that lacks digits", "use single quotes: they leave every backslash as it is"),
    _Saying(
        r"flow (sequence|mapping).*expected ','", "this bracket is never closed", "close it, or quote it", True, True
    ),
    _Saying("could not find expected ':'", "a key without its colon", "a key is followed by a colon and a space", True),
    _Saying(
        "mapping values are not allowed",
        "a second ': ' in one line, or a key that is indented by mistake",
        "quote a text that contains ': ', or correct the indentation",
    ),
    _Saying(
        "(block )?sequence entries are not allowed",
        "a list cannot begin here",
        "put each `- item` on a line of its own, below its key",
    ),
    _Saying(
        "cannot start any token",
        "a text cannot begin with this character",
        "quote a text that begins with @, `, % or a tab",
    ),
    _Saying(
        "expected alphabetic or numeric|scanning an? (alias|anchor)",
        "* and & begin the name of an anchor",
        "quote a text that begins with * or &",
    ),
    _Saying(
        "comment or (a )?line break",
        "a block text begins on the line below its | or >",
        "move the text to the next line and indent it",
    ),
    _Saying("undefined tag handle|scanning a tag", "! begins a tag", "quote a text that begins with !"),
    _Saying(
        r"block (mapping|collection|sequence)|<block end>|expected key|'-' indicator",
        "this line fits neither the keys nor the list items above it",
        "begin all keys of one map, and all items of one list, in the same column",
    ),
    _Saying("expected <?'?document start", "unexpected text after the end of the document", remove() + ", or quote it"),
    _Saying("node content|flow node", "a value is missing here, or stray punctuation", remove() + ", or quote it"),
    _Saying("directive", "% begins a directive", "quote a text that begins with %"),
)


_NO_SPECS = frozenset([".md", ".csv", ".tsv", ".txt", ".jsonl", ".py", ".html", ".xlsx", ".pdf", ".parquet"])


def syntax_fault(source: Source, error: Any) -> Diagnostic:
    """The diagnostic of a text that is not YAML."""
    fault = _explain(source, error)
    ending = source.path.suffix.lower()
    if ending in _NO_SPECS:
        return replace(fault, help=f"a spec is a YAML file; '{ending}' is not")
    return fault


def _explain(source: Source, error: Any) -> Diagnostic:
    begun: Any = getattr(error, "context_mark", None)
    at: Any = getattr(error, "problem_mark", None) or begun
    if at is None:
        return _bad_character(source, error)
    tab = _tab_before(source, at.line)
    if tab is not None:
        return Diagnostic("E118", "a tab in the indentation", tab, indent_with_spaces())
    said = f"{getattr(error, 'context', None) or ''} {getattr(error, 'problem', None) or error}"
    stopped = _place(source, at)
    if at.line < len(source.lines) and source.lines[at.line][at.column : at.column + 1] in ("]", "}"):
        return Diagnostic("E111", "a bracket that was never opened", stopped, remove() + ", or quote the text it ends")
    saying = next((s for s in _SAYINGS if re.search(s.said, said)), None)
    if saying is None:
        return Diagnostic("E111", f"this is not valid YAML: {said.strip()}", stopped, "quote this text")
    start, stop = _place(source, begun or at), stopped
    if saying.of_brackets and start.line == stop.line:
        message = "this does not belong in a list or map in brackets"
        return Diagnostic("E111", message, stop, "separate items by commas, and quote texts that contain brackets")
    if "quoted scalar" in said and source.lines[start.line - 1][: start.column - 1].endswith(("]", "}")):
        message = "a bracket in a text that is itself in brackets"
        return Diagnostic("E111", message, source.span(start.line, start.column - 1), "quote the whole text")
    if saying.at_start and start != stop:
        related = () if start.line == stop.line else (Related(stop, "noticed here"),)
        return Diagnostic("E111", saying.message, start, _block_hint(source, start.line) or saying.help, related)
    related = (Related(start, "this began here"),) if start.line != stop.line else ()
    return Diagnostic("E111", saying.message, stop, _hint(source, stop.line) or saying.help, related)


def _place(source: Source, mark: Any) -> Span:
    """One character of the file; where the reader stopped at the very end, the last one written."""
    lines = source.lines
    line, column = min(mark.line + 1, len(lines)), mark.column + 1
    if mark.line >= len(lines) or not "".join(lines[mark.line :]).strip():
        line = max((n for n, text in enumerate(lines[: mark.line], start=1) if text.strip()), default=line)
        column = len(lines[line - 1].rstrip())
    return source.span(line, max(1, min(column, len(lines[line - 1]) or 1)))


def _tab_before(source: Source, line: int) -> Span | None:
    """The first tab in the indentation of a line, or of the last one above it that is not empty."""
    lines = source.lines
    for number in (line, line - 1):
        if 0 <= number < len(lines):
            text = lines[number]
            indent = text[: len(text) - len(text.lstrip())]
            if "\t" in indent and text.strip():
                return source.span(number + 1, indent.index("\t") + 1)
    return None


def _template_hint(source: Source, line: int) -> str:
    begins = re.search(r"(?::|-)\s+\{\{", source.lines[line - 1])
    return "put the whole text in quotes: in YAML {{ begins a map" if begins else ""


def _hint(source: Source, line: int) -> str:
    return _template_hint(source, line) or _block_hint(source, line)


def _block_hint(source: Source, line: int) -> str:
    """What to write where a line goes on with a prompt's text, which was begun beside its key without a `|`."""
    own = source.lines[line - 1]
    for text in reversed(source.lines[: line - 1]):
        begun = re.match(r"(\s*)(?:- )?(user|system|assistant|opening|description|message):\s+[^\s|>'\"\[{&*#]", text)
        if begun is not None:
            indented = len(own) - len(own.lstrip()) > len(begun[1])
            if indented or re.match(r"\s*[\w-]+:(\s|$)", own) is None:
                return f"a text of several lines begins below `{begun[2]}: |`, every line of it indented"
            return ""
        if re.match(r"\s*(- |[\w-]+:(\s|$))", text):
            return ""
    return ""


def _bad_character(source: Source, error: Any) -> Diagnostic:
    """A character that YAML does not allow; the reader knows it by its offset."""
    position = getattr(error, "position", None)
    character = getattr(error, "character", None)
    text = source.text
    if isinstance(character, int) and chr(character) in text:
        position = text.index(chr(character))
    if not isinstance(position, int) or position >= len(text):
        position = next((i for i, c in enumerate(text) if not c.isprintable() and c not in "\n\t"), 0)
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    shown = f"U+{ord(text[position]):04X}" if text else "a character"
    help = remove() + ", or write it as an escape in double quotes"
    return Diagnostic("E111", f"the character {shown} is not allowed in YAML", source.span(line, column), help)
