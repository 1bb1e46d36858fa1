"""Texts that a pattern holds: mended where a little is missing, else drawn from the pattern itself."""

from __future__ import annotations

import re
from functools import lru_cache

from synthspec.ngram.dice import Dice
from synthspec.ngram.text import TextRules, cut
from synthspec.patterns import PatternFault, parse_pattern

DRAWS = 24
_LITERAL = re.compile(r"(?:[^\\.^$*+?{}\[\]|()]|\\[^\w\s])(?![*+?{])")


def shaped(pattern: str, rules: TextRules, dice: Dice) -> str:
    """Text drawn from the pattern alone; the first that keeps the other rules too."""
    made = ""
    try:
        source = parse_pattern(pattern)
        for _ in range(DRAWS):
            made = source.generate(dice.roll())
            if not rules.broken(made):
                break
    except PatternFault:  # nothing can be drawn from it: a look-around, say
        return made
    return made


def held(pattern: str, text: str, rules: TextRules, dice: Dice) -> str:
    """The text made to match: begun and ended as the pattern says, else one drawn from the pattern."""
    begin, end = literal_ends(pattern)
    for mended in _mended(text, begin, end, rules):
        if not rules.broken(mended):
            return mended
    return shaped(pattern, rules, dice) or text


def _mended(text: str, begin: str, end: str, rules: TextRules) -> list[str]:
    bare = text.rstrip(".!?…") if end and not end[0].isalnum() else text
    joint = " " if begin and begin[-1] not in " ([\"'“" else ""
    inner = (
        bare[:1].lower() + bare[1:] if joint and begin[-1].isalnum() and not bare.startswith("I ") else bare
    )
    most, long = rules.words[1], rules.length[1]
    shorter = cut(
        bare, None if most is None else most - 2, None if long is None else long - len(begin) - len(end) - 1
    )
    options = [begin + joint + inner + end if begin else bare + end]
    options += [(begin + joint if begin else "") + shorter.rstrip(".!?…") + end]
    return options


@lru_cache(1024)
def literal_ends(pattern: str) -> tuple[str, str]:
    """The plain text that a pattern asks for at the very beginning and the very end; "" for none.

    Example:
        >>> literal_ends("^Agent:")
        ('Agent:', '')
        >>> literal_ends(r"\\?$")
        ('', '?')
    """
    begin = end = ""
    if "|" not in pattern:
        if pattern.startswith("^"):
            rest = pattern[1:]
            while (found := _LITERAL.match(rest)) is not None:
                begin += found.group()[-1]
                rest = rest[found.end() :]
        if pattern.endswith("$") and not pattern.endswith("\\$"):
            pieces = list(_LITERAL.finditer(pattern[:-1]))
            position = len(pattern) - 1
            for piece in reversed(pieces):
                if piece.end() != position or (piece.start() and pattern[piece.start() - 1] == "\\"):
                    break
                end = piece.group()[-1] + end
                position = piece.start()
    return begin, end
