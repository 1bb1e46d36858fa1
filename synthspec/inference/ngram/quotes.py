"""Fields that a check wants taken from a text, `quoted(quote, doc.text)`: the model copies a sentence of that text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from synthspec.inference.ngram.dice import Dice
from synthspec.inference.ngram.reading import normal
from synthspec.languages.expressions import compile_row
from synthspec.languages.expressions.functions.texts import quoted
from synthspec.languages.expressions.traversal import walk
from synthspec.languages.expressions.tree import FunctionCall, Name
from synthspec.sources.documents.sentences import sentences

if TYPE_CHECKING:
    from synthspec.inference.ngram.text import TextRules
    from synthspec.spec import Spec

_MARKED = re.compile(r"#+ |\||```| {4}")  # begins a line of a heading, a table or code
_ITEM = re.compile(r"\s*(?:[-*•]|\d{1,3}[.)])\s+")


def quoted_texts(spec: Spec) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
    """The text that each field is to be quoted from, of the row's values; by the field's name."""
    found: dict[str, Callable[[Mapping[str, Any]], Any]] = {}
    for check in spec.checks:
        for node in walk(check.expression):
            if isinstance(node, FunctionCall) and node.function == "quoted" and len(node.arguments) >= 2:
                field, text = node.arguments[:2]
                if isinstance(field, Name):
                    found.setdefault(field.name, compile_row(text))
    return found


def prose_of(text: str) -> list[str]:
    r"""The paragraphs and lists of a text as documents have it, without headings, tables and marks; any other as it is.

    >>> prose_of("## Care\n\nWipe it. Dry it.\n\n- Oil the hinge.")
    ['Wipe it. Dry it.', 'Oil the hinge.']
    >>> prose_of("Two lines\n\nof a letter")
    ['Two lines\n\nof a letter']
    """
    if not any(_MARKED.match(line) for line in text.split("\n")):
        return [text]
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        lines = [_ITEM.sub("", line, count=1).strip() for line in paragraph.split("\n") if not _MARKED.match(line)]
        if any(lines):
            found.append(" ".join(lines))
    return found


def quote_of(text: str, rules: TextRules, dice: Dice, seen: set[str]) -> str | None:
    """A sentence, or several that follow one another, that keep the field's rules; None where there is none."""
    parts = [sentences(p) for p in prose_of(text)]
    count = sum(map(len, parts))
    start = dice.between(0, max(0, count - 1))
    runs = [" ".join(p[i : i + n]) for n in (1, 2, 3) for p in parts for i in range(len(p) - n + 1)]
    kept = [run for run in runs if not rules.broken(run) and quoted(run, text) == 1]
    unseen = [run for run in kept if normal(run) not in seen] or kept
    return unseen[start % len(unseen)] if unseen else None
