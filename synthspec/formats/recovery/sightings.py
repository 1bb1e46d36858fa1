"""Cheap tests that a text must pass before a regular expression is worth its search: most replies hold nothing odd."""

from __future__ import annotations

from collections.abc import Iterable

_TAKEN_FOR = {ord("ı"): "i", ord("ſ"): "s", 0x307: None}  # `re.IGNORECASE` takes these letters for ASCII ones


def lowered(text: str) -> str:
    """The text for `in`: whatever a search without case finds of an ASCII word stands in it in small letters.

    >>> lowered("WA\u0130T"), lowered("u\u017fer")
    ('wait', 'user')
    """
    return text.lower() if text.isascii() else text.lower().translate(_TAKEN_FOR)


def holds_any(low: str, words: Iterable[str]) -> bool:
    """Whether one of the words stands in a text made by `lowered`."""
    return any(word in low for word in words)
