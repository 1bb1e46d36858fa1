"""Remedies as edits: those that help, tried out; and a text with all certain ones applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from synthspec.compiler import compile_buffer
from synthspec.diagnostics import Diagnostic
from synthspec.language_service.analysis import Analysis, analyse
from synthspec.language_service.remedies import Way, ways
from synthspec.language_service.values import Action, Edit, Position
from synthspec.lazy_dataclass import dataclass

MOST_STEPS = 200  # remedies applied to one text


def actions(analysis: Analysis, start: Position, end: Position | None = None) -> tuple[Action, ...]:
    """The remedies of what is wrong between two positions (at one), as edits of this file. Each was tried: it helps."""
    stop = end or start
    found: dict[tuple[Edit, ...], Action] = {}
    for diagnostic in analysis.diagnostics:
        if diagnostic.span.file != analysis.file or not _overlaps(diagnostic, start, stop):
            continue
        for way in ways(analysis.lines, diagnostic):
            if way.edits not in found and _helps(analysis, diagnostic, way):
                found[way.edits] = Action(way.title, way.edits, diagnostic, way.certain)
    return tuple(sorted(found.values(), key=lambda a: not a.certain))


def _overlaps(diagnostic: Diagnostic, start: Position, end: Position) -> bool:
    span = diagnostic.span
    return (span.line, span.column) <= (end.line, end.column) and (start.line, start.column) <= (
        span.end_line,
        span.end_column,
    )


def _helps(analysis: Analysis, diagnostic: Diagnostic, way: Way) -> bool:
    """Whether what is wrong goes, and nothing else comes that was not hidden behind it."""
    text = applied(analysis.text, way.edits)
    left = compile_buffer(analysis.path, text, access=analysis.access, texts=analysis.texts).diagnostics
    return text != analysis.text and is_better(analysis.diagnostics, left, diagnostic)


def is_better(before: Iterable[Diagnostic], after: Iterable[Diagnostic], cured: Diagnostic) -> bool:
    """Whether one diagnostic is gone and no error of a kind that there was is there more often than before.

    A fault of YAML or of a key hides those of what is in it, which then come to light: that is no worsening.
    """
    had, has = Counter(_mark(d) for d in before), Counter(_mark(d) for d in after)
    if has[_mark(cured)] >= had[_mark(cured)]:
        return False
    news = has - had
    if cured.code[:2] in ("E1", "E2"):
        return not any(code == cured.code or code < "E120" for code, _ in news)
    return not any(code.startswith("E") for code, _ in news)


def _mark(diagnostic: Diagnostic) -> tuple[str, str]:
    return diagnostic.code, diagnostic.message


def applied(text: str, edits: Iterable[Edit]) -> str:
    """A text with edits of it, none of which meet."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    whole = "\n".join(lines)

    def at(line: int, column: int) -> int:
        return min(len(whole), starts[min(line, len(lines)) - 1] + column - 1)

    spans = [(at(e.span.line, e.span.column), at(e.span.end_line, e.span.end_column), e.text) for e in edits]
    for start, end, new in sorted(spans, reverse=True):
        whole = whole[:start] + new + whole[end:]
    return whole


@dataclass(frozen=True, slots=True)
class Fixed:
    """A text after its certain remedies, and what each was a remedy of; what is still wrong."""

    text: str
    steps: tuple[tuple[Diagnostic, str], ...]  # with what was done
    left: tuple[Diagnostic, ...]


def fix(analysis: Analysis) -> Fixed:
    """Apply every certain remedy of this file, one after another; one that does not help is taken back."""
    steps: list[tuple[Diagnostic, str]] = []
    tried: set[tuple[str, str, int]] = set()
    for _ in range(MOST_STEPS):
        done = next(_certain(analysis, tried), None)
        if done is None:
            break
        analysis, diagnostic, title = done
        steps.append((diagnostic, title))
    return Fixed(analysis.text, tuple(steps), analysis.diagnostics)


def _certain(analysis: Analysis, tried: set[tuple[str, str, int]]) -> Iterator[tuple[Analysis, Diagnostic, str]]:
    for diagnostic in analysis.diagnostics:
        mark = (*_mark(diagnostic), diagnostic.span.line)
        if diagnostic.span.file != analysis.file or mark in tried:
            continue
        tried.add(mark)
        for way in ways(analysis.lines, diagnostic):
            if not way.certain:
                continue
            after = analyse(
                analysis.path, applied(analysis.text, way.edits), access=analysis.access, texts=analysis.texts
            )
            if after.text != analysis.text and is_better(analysis.diagnostics, after.diagnostics, diagnostic):
                yield after, diagnostic, way.title
