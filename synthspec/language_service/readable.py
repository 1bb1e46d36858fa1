"""A text that is being typed, made readable: what YAML cannot read is closed or left out, all else stays in place.

Nothing is said of the result to anyone; it answers what there is to complete and to hover over. Every line keeps its
number, and every line that can be read its columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from synthspec.diagnostics import Diagnostic
from synthspec.document.reader import MapNode, read_document
from synthspec.document.source import Source

MOST = 16  # repairs of one text; what stands below is left out then

_Place = tuple[int, int]
_BARE = re.compile(r"\s*(?:- )*[\w.-]+\s*")


def readable(source: Source) -> Source:
    """The source itself where it is a map, else as much of it as can be read."""
    fault = _fault(source)
    for _ in range(MOST):
        if fault is None:
            return source
        better = _repaired(source, fault)
        if better is None:
            break
        source, fault = better
    while fault is not None:
        line = min(fault.span.line, len(source.lines)) - 1
        kept = source.lines[: max(0, line)]
        if not any(text.strip() for text in kept):
            return replace(source, text="{}\n")
        source = replace(source, text="\n".join(kept) + "\n")
        fault = _fault(source)
    return source


def _fault(source: Source) -> Diagnostic | None:
    """Why a source is no map; None where it is one."""
    document, faults = read_document(source)
    if isinstance(document, MapNode):
        return None
    if document is None:
        return faults[-1]
    return Diagnostic("E201", "", source.span(document.span.line, document.span.column))


def _repaired(source: Source, fault: Diagnostic) -> tuple[Source, Diagnostic | None] | None:
    """The source with one line changed so that it can be read, at least further than before."""
    lines = source.lines
    rows = dict.fromkeys((fault.span.line, *(r.span.line for r in fault.related)))
    best: tuple[_Place, Source, Diagnostic | None] | None = None
    for row in (*rows, *(row - 1 for row in rows)):
        if not 1 <= row <= len(lines) or not lines[row - 1].strip():
            continue
        for line in _candidates(lines[row - 1]):
            changed = replace(source, text="\n".join((*lines[: row - 1], line, *lines[row:])))
            left = _fault(changed)
            reach = (len(lines) + 1, 0) if left is None else _furthest(left)
            if left is None:
                return changed, None
            if reach > _furthest(fault) and (best is None or reach > best[0]):
                best = (reach, changed, left)
    return None if best is None else best[1:]


def _furthest(fault: Diagnostic) -> _Place:
    return max((s.line, s.column) for s in (fault.span, *(r.span for r in fault.related)))


def _candidates(line: str) -> Iterator[str]:
    """What a line that cannot be read may be made into, the one that loses least first."""
    closers = closing(line)
    if closers:
        yield line + closers
    if _BARE.fullmatch(line):
        yield f"{line.rstrip()}:"
    body = line.lstrip()
    indent = line[: len(line) - len(body)].replace("\t", "  ")
    head = re.match(r"((?:- )*[\w-]+:)\s", body)
    if head is not None:
        yield f"{indent}{head[1]} ''"
    yield ""


def closing(line: str) -> str:
    """The quotation mark and the brackets that a line leaves open, in the order in which they close.

    >>> closing("a: [b, {c: 'd")
    "'}]"
    """
    quote, opened = "", list[str]()
    for at, char in enumerate(line):
        if quote:
            if char == quote and not (quote == '"' and line[at - 1] == "\\"):
                quote = ""
        elif char in "'\"" and (at == 0 or line[at - 1] in " [{,:("):
            quote = char
        elif char in "[{":
            opened.append("]" if char == "[" else "}")
        elif opened and char == opened[-1]:
            opened.pop()
        elif char == "#" and line[at - 1 : at] == " ":
            break
    return quote + "".join(reversed(opened))
