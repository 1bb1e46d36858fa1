"""Three texts to one: two edits of the same text, line by line, where they do not touch the same place."""

from __future__ import annotations

from difflib import SequenceMatcher
from itertools import pairwise

MOST_LINES = 20_000


def merge_texts(common: str, mine: str, theirs: str) -> str | None:
    """The common text with both edits; None where they change the same lines, each in its way.

    >>> merge_texts("a\\nb\\nc\\n", "a!\\nb\\nc\\n", "a\\nb\\nc\\nd\\n")
    'a!\\nb\\nc\\nd\\n'
    """
    if mine == theirs or theirs == common:
        return mine
    if mine == common:
        return theirs
    base, one, other = (text.split("\n") for text in (common, mine, theirs))
    if max(map(len, (base, one, other))) > MOST_LINES:
        return None
    merged: list[str] = []
    for (b0, a0, c0, size), (b1, a1, c1, _) in pairwise([(0, 0, 0, 0), *_kept_by_both(base, one, other)]):
        merged += base[b0 : b0 + size]
        old, left, right = base[b0 + size : b1], one[a0 + size : a1], other[c0 + size : c1]
        if left == right or right == old:
            merged += left
        elif left == old:
            merged += right
        else:
            return None
    return "\n".join(merged)


def _kept_by_both(base: list[str], one: list[str], other: list[str]) -> list[tuple[int, int, int, int]]:
    """Runs of lines that all three have: their places in each, and how many; at last the end of all."""
    left = SequenceMatcher(None, base, one, autojunk=False).get_matching_blocks()
    right = SequenceMatcher(None, base, other, autojunk=False).get_matching_blocks()
    found, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        start = max(left[i].a, right[j].a)
        end = min(left[i].a + left[i].size, right[j].a + right[j].size)
        if start < end:
            found.append((start, left[i].b + start - left[i].a, right[j].b + start - right[j].a, end - start))
        if left[i].a + left[i].size < right[j].a + right[j].size:
            i += 1
        else:
            j += 1
    return [*found, (len(base), len(one), len(other), 0)]
