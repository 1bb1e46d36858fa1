"""Texts that a pattern holds: put into its free parts, else guided by it, else drawn from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from synthspec.inference.ngram.dice import Dice
from synthspec.inference.ngram.guided import Guide
from synthspec.inference.ngram.text import TextRules, cut
from synthspec.inference.ngram.tokens import ends_sentence, split
from synthspec.languages.patterns import PatternFault, parse_pattern

DRAWS = 24
GUIDED = 8  # guided walks at most
_ATOM = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[^\\\[()*+?{|]")
_MANY = re.compile(r"(?:[*+]|\{\d*,(?:\d\d+)?\}|\{\d\d+\})[?+]?")
_FEW = re.compile(r"\?|\{\d+(?:,\d+)?\}")
_FREE = re.compile(r"\.|\\[SDWw]|\[\^.*|\[.*(?:a-z|\\w).*\]", re.DOTALL)
_WRAPPED = re.compile(r"(?:\^|\\A)\(\?:(.*)\)(?:\$|\\Z)", re.DOTALL)


def held(pattern: str, texts: Sequence[str], rules: TextRules, guide: Guide | None, target: int, dice: Dice) -> str:
    """A text that matches, as like one of `texts` as the pattern lets it; the first of them if none is found."""
    for text in texts:
        for made in filled(pattern, text, rules, dice):
            if not rules.broken(made):
                return made
    for _ in range(GUIDED if guide else 0):
        written = guide.write(dice.pick(guide.corpus.rows), target, dice) if guide else ""
        if written and not rules.broken(written):
            return written
    return shaped(pattern, rules, dice) or texts[0]


def shaped(pattern: str, rules: TextRules, dice: Dice) -> str:
    """Text drawn from the pattern alone, if it can be the first that keeps the other rules too."""
    made = ""
    try:
        source = parse_pattern(pattern)
        for _ in range(DRAWS):
            made = source.generate(dice.roll())
            if not rules.broken(made):
                break
    except PatternFault:  # nothing can be drawn from it: it looks around, say
        return made
    return made


def filled(pattern: str, text: str, rules: TextRules, dice: Dice) -> list[str]:
    """The pattern with the text in its free parts, and the same with the text cut to the field's limits."""
    parts = free_parts(pattern)
    if parts is None or None not in parts:
        return []
    try:
        fixed = [None if p is None else parse_pattern(p).generate(dice.roll()) for p in parts]
    except PatternFault:
        return []
    taken = " ".join(p for p in fixed if p is not None)
    words = None if rules.words[1] is None else max(1, rules.words[1] - len(taken.split()))
    length = None if rules.length[1] is None else max(1, rules.length[1] - len(taken))
    return [_joined(fixed, text), _joined(fixed, cut(text, words, length))]


def _joined(parts: Sequence[str | None], text: str) -> str:
    holes = sum(p is None for p in parts)
    pieces = _pieces(text, holes)
    made = ""
    for i, part in enumerate(parts):
        if part is not None:
            made += part
            continue
        piece = pieces.pop(0)
        if made and (made[-1].isalnum() or made[-1] in ":;,"):
            piece = " " + piece
        if i + 1 < len(parts) and not str(parts[i + 1])[:1].isspace():
            piece = piece.rstrip(".!?… ") + (" " if str(parts[i + 1])[:1].isalnum() else "")
        made += piece
    return made.strip() if holes and (parts[0] is None or parts[-1] is None) else made


def _pieces(text: str, count: int) -> list[str]:
    """The text in so many pieces, at the ends of sentences where it has enough of them, else between words."""
    tokens = split(text)
    stops = [i + 1 for i in range(len(tokens) - 1) if ends_sentence(tokens, i)]
    if len(stops) < count - 1:
        stops = [i for i in range(1, len(tokens)) if tokens[i].startswith(" ")]
    cuts = [stops[len(stops) * k // count] for k in range(1, count)] if len(stops) >= count - 1 else []
    edges = [0, *cuts, len(tokens)]
    pieces = ["".join(tokens[a:b]).strip() for a, b in pairwise(edges)]
    return pieces + [""] * (count - len(pieces))


@lru_cache(1024)
def free_parts(pattern: str) -> tuple[str | None, ...] | None:
    """The pattern as fixed parts and free ones (None), in order; None for what is not that simple.

    Example:
        >>> free_parts("^Agent: .* Client: ")
        ('Agent: ', None, ' Client: ', None)
        >>> free_parts(r"\\?$")
        (None, '\\\\?')
    """
    wrapped = _WRAPPED.fullmatch(pattern)
    body = wrapped[1] if wrapped else pattern
    parts: list[str | None] = []
    if not wrapped:
        begun = re.match(r"\^|\\A", body)
        ended = re.search(r"(?<!\\)(?:\$|\\Z)\Z", body)
        parts += [] if begun else [None]
        body = body[begun.end() if begun else 0 : ended.start() if ended else len(body)]
    while body.startswith("(?:") and _group(body, 0) == body:
        body = body[3:-1]
    found = _read(body)
    if found is None:
        return None
    parts += found
    if not wrapped and not ended:
        parts.append(None)
    return tuple(p for i, p in enumerate(parts) if p is not None or i == 0 or parts[i - 1] is not None)


def _read(body: str) -> list[str | None] | None:
    parts: list[str | None] = []
    at = 0
    while at < len(body):
        atom = _group(body, at) if body[at] == "(" else getattr(_ATOM.match(body, at), "group", str)()
        if not atom:
            return None
        at += len(atom)
        often = _MANY.match(body, at)
        few = None if often else _FEW.match(body, at)
        repeat = (often or few).group() if often or few else ""  # type: ignore[union-attr]
        at += len(repeat)
        if atom.startswith(("(?=", "(?!", "(?<")):
            continue
        if often and _FREE.fullmatch(atom):
            if parts and parts[-1] is not None and (alone := re.search(r"\[A-Z\]$", parts[-1])):
                parts[-1:] = [parts[-1][: alone.start()]] if alone.start() else []
            parts.append(None)
        elif parts and parts[-1] is not None:
            parts[-1] += atom + repeat
        else:
            parts.append(atom + repeat)
    return parts


def _group(body: str, start: int) -> str:
    """A bracketed group from its opening to its closing; "" where it has none."""
    depth = at = 0
    while start + at < len(body):
        atom = getattr(_ATOM.match(body, start + at), "group", str)() or body[start + at]
        depth += (atom == "(") - (atom == ")")
        at += len(atom)
        if not depth:
            return body[start : start + at]
    return ""
