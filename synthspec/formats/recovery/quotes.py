"""Quotation marks inside a text that is itself in quotation marks."""

from __future__ import annotations

_BEFORE_OPENING = frozenset(" \t\n([{-—–/*")
_AFTER_CLOSING = frozenset(" \t\n)]}.,;:!?-—–/*'")


def paired(text: str, mark: str = '"') -> bool:
    """Whether every mark in the text opens or closes a quotation the way prose does, in pairs.

    >>> paired('He said "yes", twice'), paired('a", b, "c'), paired('5" wide')
    (True, False, False)
    """
    at = text.find(mark)
    opening = True
    while at >= 0:
        before = text[at - 1] if at else " "
        after = text[at + 1] if at + 1 < len(text) else " "
        if opening and not (before in _BEFORE_OPENING and not after.isspace()):
            return False
        if not opening and (before.isspace() or after not in _AFTER_CLOSING):
            return False
        opening = not opening
        at = text.find(mark, at + 1)
    return opening
