"""Counts that are out of bounds, in words."""

from __future__ import annotations


def miscount(count: int, what: str, low: int | None, high: int | None) -> str | None:
    """What is wrong with a number of words, of sentences, of characters; None where nothing is.

    >>> miscount(2, "words", 5, None)
    'at least 5 words wanted, 2 written'
    """
    if not ((low is not None and count < low) or (high is not None and count > high)):
        return None
    if low is not None and high is not None:
        wanted = f"{low} to {high}" if low != high else f"exactly {low}"
    else:
        wanted = f"at least {low}" if high is None else f"at most {high}"
    return f"{wanted} {what} wanted, {count} written"
