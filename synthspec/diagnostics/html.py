"""Small pieces of HTML for notebooks: no script, no style sheet, every text escaped, the notebook's own colours."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

LONGEST = 160  # characters of a cell
_CELL = "text-align:left;vertical-align:top;padding:2px 10px 2px 0;border:0"
_FAINT = "opacity:.7"


def escaped(value: Any, most: int = LONGEST) -> str:
    """A value as text that means nothing to a browser, cut where it is long.

    >>> escaped("<b>")
    '&lt;b&gt;'
    """
    text = "" if value is None else str(value)
    shown = text if len(text) <= most else text[: most - 1] + "…"
    return html.escape("".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in shown))


def table(header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> str:
    """A table of values; with an empty header, of rows alone."""
    head = "".join(f'<th style="{_CELL}">{escaped(h)}</th>' for h in header)
    body = "".join("<tr>" + "".join(f'<td style="{_CELL}">{escaped(c)}</td>' for c in row) + "</tr>" for row in rows)
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"


def heading(title: str, rest: str = "") -> str:
    """A line that says what is shown, and in fewer words how it is."""
    faint = f' <span style="{_FAINT}">{escaped(rest, 400)}</span>' if rest else ""
    return f"<div><strong>{escaped(title)}</strong>{faint}</div>"


def note(text: str) -> str:
    """A line below."""
    return f'<div style="{_FAINT}">{escaped(text, 400)}</div>'


def code(text: str) -> str:
    """Text as it is written, in a box that scrolls."""
    return f'<pre style="overflow-x:auto;background:none;color:inherit;margin:0">{escaped(text, 20_000)}</pre>'


def page(*parts: str) -> str:
    """The parts as one piece."""
    return f'<div style="line-height:1.4">{"".join(parts)}</div>'
