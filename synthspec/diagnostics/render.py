"""Diagnostics as text, JSON, SARIF or GitHub annotations. Meaning comes from elsewhere; this is only form."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from synthspec.diagnostics import Diagnostic, Span

Paint = Callable[[str, str], str]  # a style and a text to the text in that style


def plain(style: str, text: str) -> str:
    """No colour."""
    return text


_ANSI = {"error": "1;31", "warning": "1;33", "bold": "1", "frame": "1;34", "help": "1;36"}


def coloured(style: str, text: str) -> str:
    """Terminal colours."""
    return f"\x1b[{_ANSI[style]}m{text}\x1b[0m"


def render_text(diagnostics: Sequence[Diagnostic], paint: Paint = plain, texts: Mapping[str, str] | None = None) -> str:
    """Each diagnostic with its source line, a caret and its remedy. `texts` are those of specs that are no files."""
    files = {name: _hidden(text.split("\n")) for name, text in (texts or {}).items()}
    return "\n".join(_block(d, files, paint) for d in diagnostics)


def _block(diagnostic: Diagnostic, files: dict[str, list[str]], paint: Paint) -> str:
    head = f"{diagnostic.severity}[{diagnostic.code}]"
    lines = [f"{paint(diagnostic.severity, head)}{paint('bold', ': ' + _clean(diagnostic.message))}"]
    width = len(str(max(diagnostic.span.line, *(r.span.line for r in diagnostic.related), 1)))
    lines += _excerpt(diagnostic.span, files, paint, width, diagnostic.severity, "^")
    for related in diagnostic.related:
        lines += _excerpt(related.span, files, paint, width, "frame", "-", _clean(related.message))
    if diagnostic.help:
        lines.append(f"{' ' * width} {paint('frame', '=')} {paint('help', 'help')}: {_clean(diagnostic.help)}")
    return "\n".join(lines) + "\n"


def _excerpt(
    span: Span, files: dict[str, list[str]], paint: Paint, width: int, style: str, mark: str, label: str = ""
) -> list[str]:
    gutter = " " * width
    arrow = "-->" if mark == "^" else ":::"
    out = [f"{gutter}{paint('frame', arrow)} {_clean(span.file)}:{span.line}:{span.column}"]
    source = _lines(span.file, files)
    if not 1 <= span.line <= len(source):
        if label:
            out.append(f"{gutter} {paint('frame', '=')} {label}")
        return out
    raw = source[span.line - 1]
    end = span.end_column if span.end_line == span.line else len(raw) + 1
    shift = max(0, span.column - 90)
    shown = _clean(raw[shift : shift + 140])
    start = span.column - shift
    length = max(1, min(end - span.column, len(shown) - start + 1))
    pad = "".join("  " if _wide(c) else " " for c in shown[: start - 1])
    marks = "".join(mark * (2 if _wide(c) else 1) for c in shown[start - 1 : start - 1 + length]) or mark
    bar = paint("frame", "|")
    number = paint("frame", str(span.line).rjust(width))
    tail = f" {paint(style, label)}" if label else ""
    out += [f"{gutter} {bar}", f"{number} {bar} {shown}", f"{gutter} {bar} {pad}{paint(style, marks)}{tail}"]
    return out


# The value of a key that names a secret, and what looks like one wherever it stands.
_SECRET = re.compile(
    r"""((?:api[_-]?key|secret|password|[_-]token|(?<![\w-])(?:key|token))["']?\s*[:=]\s*|\b(?=sk-[\w-]{12}))"""
    r"""("[^"]*"?|'[^']*'?|[^\s"',}#{\[][^,}#]*)""",
    re.I,
)


def _wide(char: str) -> bool:
    import unicodedata

    return unicodedata.east_asian_width(char) in "WF"


def _lines(file: str, files: dict[str, list[str]]) -> list[str]:
    """The lines of a file, read once, what looks like a secret in them hidden."""
    if file not in files:
        files[file] = _hidden(_read(file))
    return files[file]


def _hidden(lines: list[str]) -> list[str]:
    """The lines without what looks like a secret."""
    return [_SECRET.sub(lambda m: m[1] + "•" * len(m[2]), line) for line in lines]


def _read(file: str) -> list[str]:
    if file.startswith("--set "):
        return [file.partition("=")[2]]
    try:
        text = Path(file).read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return []
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _clean(text: str) -> str:
    """Control characters made harmless to a terminal; a tab is one column, as positions count it."""
    return "".join(c if c.isprintable() else " " if c in "\t\n" else "\ufffd" for c in text)


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """A list of flat objects."""
    return json.dumps([d.as_dict() for d in diagnostics], ensure_ascii=False, indent=2)


def render_github(diagnostics: Iterable[Diagnostic]) -> str:
    """Workflow commands that put each diagnostic on its line of a pull request."""
    return "\n".join(
        f"::{d.severity} file={_property(d.span.file)},line={d.span.line},col={d.span.column},"
        f"endLine={d.span.end_line},endColumn={d.span.end_column},title={d.code}::"
        + _escape(_clean(d.message) + (f"\nhelp: {_clean(d.help)}" if d.help else ""))
        for d in diagnostics
    )


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")


def render_sarif(diagnostics: Sequence[Diagnostic], titles: Mapping[str, str], version: str) -> str:
    """SARIF 2.1.0."""
    codes = sorted({d.code for d in diagnostics})
    results = [
        {
            "ruleId": d.code,
            "ruleIndex": codes.index(d.code),
            "level": d.severity,
            "message": {"text": d.message + (f" ({d.help})" if d.help else "")},
            "locations": [_location(d.span)],
            "relatedLocations": [{**_location(r.span), "message": {"text": r.message}} for r in d.related],
        }
        for d in diagnostics
    ]
    rules = [{"id": c, "shortDescription": {"text": titles.get(c, c)}} for c in codes]
    driver = {"name": "synthspec", "version": version, "rules": rules}
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }
    return json.dumps(log, ensure_ascii=False, indent=2)


def _location(span: Span) -> dict[str, object]:
    region = {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": max(span.end_column, span.column) if span.end_line == span.line else span.end_column,
    }
    return {"physicalLocation": {"artifactLocation": {"uri": Path(span.file).as_posix()}, "region": region}}
