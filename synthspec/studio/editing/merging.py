"""Three texts to one: two edits of the same text, line by line, where they do not touch the same place."""

from __future__ import annotations

from difflib import SequenceMatcher
from itertools import pairwise
from typing import Literal

from synthspec.lazy_dataclass import dataclass

MOST_LINES = 20_000


@dataclass(frozen=True, slots=True)
class TextStretch:
    """Lines of three texts that belong together: what both began from, and what each made of it."""

    kind: Literal["same", "mine", "theirs", "alike", "conflict"]
    common: tuple[str, ...]
    mine: tuple[str, ...]
    theirs: tuple[str, ...]


def stretches(common: str, mine: str, theirs: str) -> list[TextStretch]:
    """Three texts in stretches, in their order: lines that nobody changed, and what one of them changed, or both.

    >>> [s.kind for s in stretches("a\\nb\\n", "a!\\nb\\n", "a\\nb\\nc\\n")]
    ['mine', 'same', 'theirs', 'same']
    """
    base, one, other = (text.split("\n") for text in (common, mine, theirs))
    if max(map(len, (base, one, other))) > MOST_LINES:
        return [_stretch(base, one, other)]
    found: list[TextStretch] = []
    for (b0, a0, c0, size), (b1, a1, c1, _) in pairwise([(0, 0, 0, 0), *_kept_by_both(base, one, other)]):
        kept = tuple(base[b0 : b0 + size])
        if kept and found and found[-1].kind == "same":
            kept = (*found.pop().common, *kept)
        if kept:
            found.append(TextStretch("same", kept, kept, kept))
        changed = base[b0 + size : b1], one[a0 + size : a1], other[c0 + size : c1]
        if any(changed):
            found.append(_stretch(*changed))
    return found


def _stretch(base: list[str], one: list[str], other: list[str]) -> TextStretch:
    kind: Literal["mine", "theirs", "alike", "conflict"] = "conflict"
    if one == other:
        kind = "alike"
    elif other == base:
        kind = "mine"
    elif one == base:
        kind = "theirs"
    return TextStretch(kind, tuple(base), tuple(one), tuple(other))


def merge_texts(common: str, mine: str, theirs: str) -> str | None:
    """The common text with both edits; None where they change the same lines, each in its way.

    >>> merge_texts("a\\nb\\nc\\n", "a!\\nb\\nc\\n", "a\\nb\\nc\\nd\\n")
    'a!\\nb\\nc\\nd\\n'
    """
    if mine == theirs or theirs == common:
        return mine
    if mine == common:
        return theirs
    found = stretches(common, mine, theirs)
    if any(s.kind == "conflict" for s in found):
        return None
    return "\n".join(line for s in found for line in (s.theirs if s.kind == "theirs" else s.mine))


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
